"""Are the lock files fresh, what licences do we ship, and does anybody know of a vulnerability in them?"""

import importlib.metadata
import json
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
COMPILE = [
    "pip",
    "compile",
    "pyproject.toml",
    "--python-version",
    "3.11",
    "--generate-hashes",
    "--no-header",
    "--quiet",
]
LOCKS = {"requirements.lock": [], "requirements-dev.lock": ["--group", "dev"]}
# Strong copyleft may help while developing, never in what we ship.
NOT_SHIPPED = re.compile(r"\b(A?GPL|GNU (Affero )?General Public)", re.I)
LESSER = re.compile(r"LGPL|Lesser", re.I)


def main() -> int:
    """Print everything that was found; return 1 when it must be mended."""
    return 1 if any([not fresh(), not within(), not licences(), not vulnerabilities()]) else 0


def fresh() -> bool:
    """Compile each lock again over a copy of itself and compare."""
    good = True
    for name, options in LOCKS.items():
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder) / name
            shutil.copy(ROOT / name, copy)
            uv = shutil.which("uv") or str(ROOT / ".venv/bin/uv")
            run = subprocess.run([uv, *COMPILE, *options, "-o", str(copy)], cwd=ROOT, capture_output=True, text=True)
            if run.returncode:
                say(f"SKIPPED: freshness of {name}; uv could not resolve here: {run.stderr.strip().splitlines()[-1:]}")
            elif pins(copy) != pins(ROOT / name):
                good = False
                say(f"{name} is stale: uv {' '.join(COMPILE + options)} -o {name}")
            else:
                say(f"{name}: fresh, {len(pins(copy))} packages")
    return good


def within() -> bool:
    """Hold that what runs is also what is tested: the runtime's pins are among the development's."""
    stray = set(pins(ROOT / "requirements.lock").items()) - set(pins(ROOT / "requirements-dev.lock").items())
    for name, version in sorted(stray):
        say(f"requirements-dev.lock has another {name} than {version}")
    return not stray


def licences() -> bool:
    """List the licence of every package that ships; refuse strong copyleft."""
    counts: dict[str, list[str]] = {}
    for name in pins(ROOT / "requirements.lock"):
        try:
            meta = importlib.metadata.metadata(name)
        except importlib.metadata.PackageNotFoundError:
            continue  # another platform's
        classified = [
            line.split(" :: ")[-1] for line in meta.get_all("Classifier") or [] if line.startswith("License ::")
        ]
        stated = (
            meta.get("License-Expression")
            or ", ".join(classified)
            or (meta.get("License") or "unknown").splitlines()[0]
        )
        counts.setdefault(stated.strip()[:60], []).append(name)
    for licence, names in sorted(counts.items(), key=lambda item: -len(item[1])):
        say(f"{len(names):4d}  {licence}: {', '.join(names[:6])}{' ...' if len(names) > 6 else ''}")
    bad = [
        (licence, names)
        for licence, names in counts.items()
        if NOT_SHIPPED.search(licence) and not LESSER.search(licence)
    ]
    for licence, names in bad:
        say(f"Not to be shipped: {licence}: {', '.join(names)}")
    return not bad


def vulnerabilities() -> bool:
    """Ask pip-audit; it counts only when it looked at one package or more."""
    command = [
        sys.executable,
        "-m",
        "pip_audit",
        "-r",
        "requirements.lock",
        "--no-deps",
        "--disable-pip",
        "--format",
        "json",
    ]
    try:
        run = subprocess.run([*command, "--timeout", "10"], cwd=ROOT, capture_output=True, text=True, timeout=90)
        looked = [entry for entry in json.loads(run.stdout)["dependencies"] if "vulns" in entry]
    except (subprocess.TimeoutExpired, ValueError, KeyError):
        looked = []
    if not looked:
        say("SKIPPED: vulnerabilities; pip-audit could look at no package from here")
        return True
    found = [(entry, hole) for entry in looked for hole in entry["vulns"]]
    for entry, hole in found:
        mended = ", ".join(hole.get("fix_versions", [])) or "nothing yet"
        say(f"{entry['name']} {entry['version']}: {hole['id']}, mended in {mended}")
    say(f"vulnerabilities: looked at {len(looked)} packages, found {len(found)}")
    return not found


def pins(path: Path) -> dict[str, str]:
    """Return name -> the pinned requirement with its hashes, without the comments about who asks for it."""
    blocks = re.split(r"^(?=[A-Za-z0-9])", path.read_text(), flags=re.M)
    kept = [
        "".join(line for line in block.splitlines(keepends=True) if "# " not in line)
        for block in blocks
        if "==" in block
    ]
    return {block.split("==")[0]: " ".join(block.split()) for block in kept}


def say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
