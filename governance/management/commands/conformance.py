"""``conformance``: run the suites that others wrote against our evaluator, and say which cases we agree on."""

import json
import sys
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from governance.kernel.errors import Invalid
from governance.odrl import conformance


class Command(BaseCommand):
    """Run conformance suites."""

    help = "Run the ODRL, Recommendation and DUO suites (needs no database). Exit 1: at least one case failed."
    requires_system_checks: list[str] = []
    requires_migrations_checks = False

    def add_arguments(self, parser: CommandParser) -> None:
        """Say where the suites lie."""
        parser.add_argument("--suites", type=Path, metavar="DIR", help="the folder that holds odrl, duo and shapes")
        parser.add_argument("--format", default="text", choices=["text", "json"])

    def handle(self, *args: Any, **options: Any) -> None:
        """Run, print, and end with 0, 1 or 2."""
        folder = options["suites"] or settings.SUITES
        try:
            suites = conformance.run(folder)
        except Invalid as refusal:
            reason = refusal.reasons[0]
            error = {"code": refusal.code, "message": str(reason), "path": str(reason.path or folder)}
            if options["format"] == "json":
                self.stdout.write(json.dumps({"error": error}))
            else:
                self.stderr.write(f"{error['path']}: {error['message']}")
            sys.exit(2)
        if options["format"] == "json":
            self.stdout.write(json.dumps({"suites": [suite.to_json() for suite in suites]}))
        else:
            self._say(suites)
        for suite in suites:
            if suite.absent:
                self.stderr.write(f"{suite.name}: SKIPPED, {suite.absent}")
        if any(suite.count(conformance.FAILED) for suite in suites):
            sys.exit(1)

    def _say(self, suites: tuple[conformance.Suite, ...]) -> None:
        for suite in suites:
            passed, failed = suite.count(conformance.PASSED), suite.count(conformance.FAILED)
            self.stdout.write(f"{suite.name}: {passed} passed, {failed} failed")
            for case in suite.cases:
                if case.status != conformance.PASSED:
                    self.stdout.write(f"  {case.status} {case.id}: expected {case.expected}, was {case.actual}")
