"""``odrl_conflicts``: do these policies clash, and which rules?"""

import json
import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from governance.kernel.errors import Invalid, Reason
from governance.kernel.words import _
from governance.odrl.conflicts import CONFLICT, conflicts
from governance.odrl.form import Policy
from governance.odrl.reading import inherit, read_document


class Command(BaseCommand):
    """Compare ODRL policies."""

    help = "Say whether ODRL policies (Turtle or JSON-LD; no database) clash: Conflict, NonConflict or Ambiguous. Exit 1: Conflict."
    requires_system_checks: list[str] = []
    requires_migrations_checks = False

    def add_arguments(self, parser: CommandParser) -> None:
        """Say what is compared."""
        parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="a document with one or more policies")
        parser.add_argument("--format", default="text", choices=["text", "json"])

    def handle(self, *args: Any, **options: Any) -> None:
        """Compare, print, and end with 0, 1 or 2."""
        try:
            policies = [policy for path in options["files"] for policy in _policies(path)]
        except Invalid as refusal:
            reason = refusal.reasons[0]
            error = {"code": refusal.code, "message": str(reason), "path": str(reason.path or "")}
            if options["format"] == "json":
                self.stdout.write(json.dumps({"error": error}))
            else:
                self.stderr.write(f"{error['path']}: {error['message']}")
            sys.exit(2)
        found = conflicts([inherit(policy, policies) for policy in policies])
        if options["format"] == "json":
            self.stdout.write(json.dumps(found.to_json()))
        else:
            self.stdout.write(found.verdict)
            for clash in found.clashes:
                self.stdout.write(f"  {clash.permission} | {clash.prohibition}: {clash.sentence}")
        if found.verdict == CONFLICT:
            sys.exit(1)


def _policies(path: Path) -> tuple[Policy, ...]:
    """Read a file; each is a graph of its own. Raises ``Invalid`` that names it."""
    syntax = {".ttl": "turtle", ".n3": "turtle", ".nt": "turtle", ".jsonld": "json-ld", ".json": "json-ld"}
    try:
        found = read_document(path.read_text(encoding="utf-8"), syntax=syntax.get(path.suffix.lower())).policies
    except (OSError, UnicodeDecodeError) as error:
        reason = Reason("file-unreadable", _("This file cannot be read."), str(path))
        raise Invalid("file-unreadable", reasons=[reason]) from error
    except Invalid as refusal:
        first = refusal.reasons[0]
        raise Invalid(refusal.code, reasons=[Reason(first.code, str(first), str(path))]) from refusal
    if not found:
        reason = Reason("policy-none", _("There is no ODRL policy in this document."), str(path))
        raise Invalid("policy-none", reasons=[reason])
    return found
