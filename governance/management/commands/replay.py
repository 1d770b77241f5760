"""``replay``: ask the question of a stored decision again, from the facts stored with it, and compare the answers."""

import json
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from governance import decisions
from governance.models import Decision


class Command(BaseCommand):
    """Replay decisions."""

    help = "Replay one stored decision, or all of them. Exit 1: one differs, or its row is not what was signed."

    def add_arguments(self, parser: CommandParser) -> None:
        """Say which decisions can be replayed."""
        parser.add_argument("--decision", metavar="ID", help="the id of one decision; all without it")
        parser.add_argument("--format", default="text", choices=["text", "json"])

    def handle(self, *args: Any, **options: Any) -> None:
        """Replay, print, and end with 0, 1 or 2."""
        found = Decision.objects.all()
        if options["decision"]:
            found = found.filter(public_id=options["decision"])
            if not found.exists():
                self._unknown(options["decision"], options["format"])
        replayed, differing = 0, []
        for difference in decisions.replay_all(found):
            replayed += 1
            if difference is not None:
                differing.append(difference.to_json())
        if options["format"] == "json":
            self.stdout.write(json.dumps({"replayed": replayed, "differing": differing}))
        else:
            self.stdout.write(f"{replayed} decisions replayed, {len(differing)} differ.")
            for one in differing:
                self.stdout.write(f"{one['decision']}: was {one['was']}, is {one['is']}")
        if differing:
            sys.exit(1)

    def _unknown(self, public_id: str, form: str) -> None:
        message = "There is no decision of this id."
        if form == "json":
            error = {"code": "decision-unknown", "message": message, "path": public_id}
            self.stdout.write(json.dumps({"error": error}))
        else:
            self.stderr.write(f"{public_id}: {message}")
        sys.exit(2)
