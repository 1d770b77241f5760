"""What scripts may know of the running demo: sign-ins, tokens, addresses, and the commands that withdraw and restore its version.

Secrets are kept in ``var/demo-secrets.json`` (0600) since a token is shown once; ``var/demo.json`` is written while the demo runs.
"""

import json
import os
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path

from django.conf import settings
from django.db import connections

from curation import pulls
from curation.models import Version
from governance import agreements

SLUG = "saltmarsh"
PLACES = ("WELLHOUSE_VAR", "DATABASE_URL", "REDIS_URL", "STORAGE_URL")


def kept() -> Path:
    """Where the demo's secrets stand."""
    return Path(settings.VAR) / "demo-secrets.json"


def keep(made: dict[str, object]) -> None:
    """Write the secrets of a demo that was just made."""
    with open(os.open(kept(), os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600), "w", encoding="utf-8") as file:
        json.dump(made, file, indent=2)


def throw_away() -> None:
    """Remove the embedded database and the files beside it; refuses on any other database."""
    database = settings.DATABASES["default"]
    if not database["ENGINE"].endswith("sqlite3"):
        raise SystemExit("--reset removes the embedded SQLite database only. Drop the other one yourself.")
    connections.close_all()
    for suffix in ("", "-wal", "-shm"):
        Path(f"{database['NAME']}{suffix}").unlink(missing_ok=True)
    kept().unlink(missing_ok=True)


def describe(base_url: str) -> dict[str, object]:
    """What ``var/demo.json`` holds (commands.md names the keys) for a demo that listens at ``base_url``."""
    if not kept().exists():
        raise SystemExit("The demo's secrets are gone. Make it again: manage.py demo --reset")
    made = json.loads(kept().read_text(encoding="utf-8"))
    # The commands run from any folder, in a shell that knows nothing of where this demo keeps its data.
    places = [f"{name}={os.environ[name]}" for name in PLACES if os.environ.get(name)]
    words = [
        *(["env", *places] if places else []),
        sys.executable,
        str(Path(settings.BASE_DIR) / "manage.py"),
        "demo_case",
    ]
    command = " ".join(map(shlex.quote, words))
    campaign = made.pop("campaign_id")
    return {
        "base_url": base_url,
        **made,
        "signed_query": signed_query(made),
        "withdraw_command": f"{command} withdraw",
        "restore_command": f"{command} restore",
        "campaign": f"{base_url}/tasks/{campaign}/",
    }


def version_of(made: Mapping[str, object]) -> Version:
    """The demo's published version."""
    community, name = str(made["dataset"]).split("/")
    number = int(str(made["revision"]).removeprefix("v"))
    return Version.objects.get(dataset__community__slug=community, dataset__slug=name, number=number)


def signed_query(made: Mapping[str, object]) -> str:
    """A query string that authorises a plain GET of every file of the demo's revision for a short while."""
    return pulls.signed_query(agreements.token_of(str(made["token"])), version_of(made))


def greeting(described: dict[str, object]) -> str:
    """What a newcomer reads in the terminal."""
    people = described["sign_in"]
    assert isinstance(people, dict)
    load = f'datasets.load_dataset("{described["dataset"]}", revision="{described["revision"]}")'
    pull = f"import datasets; print({load})"
    lines = [
        "",
        "  Wellhouse is ready: Saltmarsh Quay, a community that does not exist.",
        "",
        f"    {described['base_url']}",
        "",
        "  Sign in as",
        *(f"    {role:12} {person['username']}" for role, person in people.items()),
        f"  each with the password  {people['keeper']['password']}",
        "",
        "  Pull it as a pipeline",
        f"    HF_ENDPOINT={described['base_url']} HF_TOKEN={described['token']} HF_UPDATE_DOWNLOAD_COUNTS=0 \\",
        f"    python -c '{pull}'",
        "",
        "  For scripts: var/demo.json.  Ctrl-C ends it.",
        "",
    ]
    return "\n".join(lines)
