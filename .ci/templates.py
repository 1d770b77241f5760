"""Compile every template, and refuse what the Content-Security-Policy would block: inline style, inline script, other hosts."""

import os
import re
import sys
from pathlib import Path

import django
from django.template import engines
from django.template.exceptions import TemplateSyntaxError

ROOT = Path(__file__).resolve().parents[1]
COMMENT = re.compile(r"{%\s*comment.*?endcomment\s*%}|{#.*?#}", re.S)
BLOCKED = {
    "inline style": re.compile(r"<[^>]*\sstyle\s*=", re.I),
    "a style element": re.compile(r"<style\b", re.I),
    "inline script": re.compile(r"<script(?![^>]*\bsrc=)[^>]*>", re.I),
    "an event attribute": re.compile(r"<[^>]*\son[a-z]+\s*=", re.I),
    "a javascript address": re.compile(r"javascript:", re.I),
    "another host": re.compile(r"(?:src|<link[^>]*href)\s*=\s*[\"']?(?:https?:)?//", re.I),
}


def main() -> int:
    """Print what is wrong; return 1 when anything is."""
    sys.path.insert(0, str(ROOT))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "curation.config.settings")
    django.setup()
    folder = ROOT / "templates"
    faults, count = [], 0
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        name, text = path.relative_to(folder).as_posix(), path.read_text()
        count += 1
        try:
            engines["django"].get_template(name)
        except TemplateSyntaxError as error:
            faults.append(f"{name}: {error}")
        text = COMMENT.sub(lambda match: "\n" * match[0].count("\n"), text)
        if path.suffix not in {".html", ".svg"} or "emails" in path.parts:
            continue
        for what, pattern in BLOCKED.items():
            faults += [f"{name}:{text.count(chr(10), 0, m.start()) + 1}: {what}" for m in pattern.finditer(text)]
    for fault in faults:
        print(fault)
    print(f"{count} templates, {len(faults)} faults")
    return 1 if faults or not count else 0


if __name__ == "__main__":
    sys.exit(main())
