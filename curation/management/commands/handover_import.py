"""``handover_import ARCHIVE.zip``: bring in a community that another Wellhouse handed over; prints a code for each person."""

import json
import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from curation import arrivals
from governance import signing
from governance.kernel.errors import Refusal


class Command(BaseCommand):
    """Bring in a community."""

    help = "Bring in a community from an archive of another Wellhouse. Codes for new passwords are printed once."

    def add_arguments(self, parser: CommandParser) -> None:
        """Say which archive, and whose signature is expected."""
        parser.add_argument("archive", type=Path)
        parser.add_argument(
            "--public-key", type=Path, help="the PEM of the house that made it, got by another way than the archive"
        )
        parser.add_argument("--format", default="text", choices=["text", "json"])

    def handle(self, *args: Any, **options: Any) -> None:
        """Bring it in, or say why not (exit 2) with nothing changed."""
        try:
            pem = options["public_key"].read_text() if options["public_key"] else None
            trusted = {signing.keyid_of(signing.load_public(pem)): pem} if pem else None
            came = arrivals.bring(options["archive"], trusted=trusted)
        except OSError as error:
            self.refuse("archive-unreadable", str(error), options["format"])
        except Refusal as refusal:
            self.refuse(refusal.code, str(refusal), options["format"])
        community = came.arrival.community
        if options["format"] == "json":
            said = {
                "community": community.slug,
                "rows": came.rows,
                "renamed": came.renamed,
                "codes": [{"username": u, "name": n, "code": c} for u, n, c in came.codes],
            }
            self.stdout.write(json.dumps(said, ensure_ascii=False))
            return
        self.stdout.write(f"{community} is here now: {came.rows:,} rows, checked against the manifest.")
        for old, new in came.renamed.items():
            self.stdout.write(f"  {old} is called {new} here")
        self.stdout.write("Codes for a password, shown only now; hand each to its person (they open /recovery/):")
        for username, name, code in came.codes:
            self.stdout.write(f"  {username}\t{name}\t{code}")

    def refuse(self, code: str, message: str, form: str) -> None:
        """Say why nothing came in, and end with 2."""
        error = {"error": {"code": code, "message": message, "path": ""}}
        self.stdout.write(json.dumps(error) if form == "json" else f"{code}: {message}")
        sys.exit(2)
