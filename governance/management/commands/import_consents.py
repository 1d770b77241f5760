"""``manage.py import_consents COMMUNITY FILE``: write down many answers from a sheet.

Prints one JSON document: ``total, new, known, refused, report``. Exit 0: good; 1: lines were refused; 2: the input cannot be used,
``{"error": {"code", "message", "path"}}``. Progress goes to standard error.
"""

import json
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any, NoReturn

from django.core.management.base import BaseCommand

from governance import consent_sheets
from governance.kernel.errors import Missing, Refusal
from governance.kernel.words import _
from governance.models import Community, Membership, Person
from governance.roles import DESK


class Command(BaseCommand):
    """Write down many answers from a sheet."""

    help = "Write down who agreed to what from a CSV: contributor, purpose, status, at, and if wanted more."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare what the docstring promises."""
        parser.add_argument("community")
        parser.add_argument("file", metavar="FILE")
        parser.add_argument("--dry-run", action="store_true", help="only say what would become of each line")
        parser.add_argument("--report", default="", metavar="FILE", help="where to write the refused lines as CSV")
        parser.add_argument("--by", default="", metavar="USER", help="the keeper or steward who brings it in")
        parser.add_argument("--format", choices=["json"], default="json")

    def handle(self, *args: object, **options: Any) -> None:
        """Answer; every refusal of the whole is exit 2."""
        try:
            text = Path(options["file"]).read_text(encoding="utf-8")
            community = self._community(options["community"])
            outcome = consent_sheets.bring(
                community,
                text,
                by=self._by(community, options["by"]),
                dry_run=options["dry_run"],
                progress=lambda done: self.stderr.write(f"{done} lines"),
            )
        except (OSError, UnicodeDecodeError):
            self._fail("file-unreadable", f"{options['file']} cannot be read as UTF-8", options["file"])
        except Refusal as refusal:
            self._fail(refusal.code, " ".join(str(reason) for reason in refusal.reasons), options["file"])
        report = ""
        if outcome.refused and options["report"]:
            report = options["report"]
            Path(report).write_text(consent_sheets.report(outcome.refused), encoding="utf-8", newline="")
        for row in outcome.refused[:20]:
            self.stderr.write(f"line {row.line}: {row}")
        said = {"total": outcome.total, "new": outcome.new, "known": outcome.known, "refused": len(outcome.refused)}
        self.stdout.write(json.dumps({**said, "dry_run": options["dry_run"], "report": report or None}))
        sys.exit(1 if outcome.refused else 0)

    def _community(self, slug: str) -> Community:
        found = Community.objects.filter(slug=slug).first()
        if found is None:
            raise Missing("not-found", _("There is no community {name}."), name=slug)
        return found

    def _by(self, community: Community, username: str) -> Person:
        current = Membership.objects.current().filter(community=community, role__in=DESK).order_by("pk")
        named = current.filter(person__username=username.lower()) if username else current
        first = named.select_related("person").first()
        if first is None:
            raise Missing("not-found", _("There is nobody here who may do this. Name a keeper or steward with --by."))
        return first.person

    def _fail(self, code: str, message: str, path: str) -> NoReturn:
        self.stdout.write(json.dumps({"error": {"code": code, "message": message, "path": path}}, ensure_ascii=False))
        sys.exit(2)
