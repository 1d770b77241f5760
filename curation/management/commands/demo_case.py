"""Open a takedown case on the demo's version, or close it as unfounded: what the demo's withdraw and restore commands run."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from curation import takedowns
from curation.demo import state
from governance.models import Person


class Command(BaseCommand):
    """Withdraw or restore the demo's published version; exits 0 after the commit."""

    requires_system_checks: list[str] = []
    help = "Withdraw the demo's version by a takedown case, or restore it by closing the case as unfounded."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Say which."""
        parser.add_argument("what", choices=["withdraw", "restore"])

    def handle(self, *args: object, what: str, **options: Any) -> None:
        """Open or close the case as the steward; doing it twice changes nothing."""
        if not state.kept().exists():
            raise CommandError("There is no demo here. Make it first: make demo")
        made = json.loads(state.kept().read_text(encoding="utf-8"))
        version = state.version_of(made)
        steward = Person.objects.get(username=made["sign_in"]["steward"]["username"])
        case = version.takedowns.filter(status="open").first()
        if what == "withdraw" and case is None:
            takedowns.open(version, by=steward, reason="Somebody asked us to look at this version again.")
        if what == "restore" and case is not None:
            takedowns.close(case, by=steward, upheld=False)
