"""Make the demo: a fictional community with stories, sounds and pictures, a year of work, and a vote that waits."""

import json
import logging
import os
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand

from curation.demo import state, story
from governance.models import Community


class Command(BaseCommand):
    """Make the demo unless it stands; print what scripts need as JSON."""

    requires_system_checks: list[str] = []
    help = "Make the fictional demo community (again from nothing with --reset); prints what var/demo.json holds."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Say whether to begin again."""
        parser.add_argument("--reset", action="store_true", help="throw the demo's own database and files away first")
        parser.add_argument("--describe", action="store_true", help="make nothing, only describe what stands")
        parser.add_argument("--write", type=Path, help="also write the JSON here, for the owner's eyes only")
        parser.add_argument("--format", choices=["text", "json"], default="json")

    def handle(
        self, *args: object, reset: bool, describe: bool, write: Path | None, format: str, **options: Any
    ) -> None:
        """Make it, once."""
        # No broker runs yet, on purpose: the jobs are done in this process.
        logging.getLogger("wellhouse.jobs").setLevel(logging.ERROR)
        if not describe:
            self._make(reset)
        described = state.describe(os.environ.get("PUBLIC_URL", settings.PUBLIC_URL))
        text = json.dumps(described, indent=2)
        if write:
            with open(os.open(write, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600), "w", encoding="utf-8") as file:
                file.write(text)
        self.stdout.write(text if format == "json" else state.greeting(described))

    def _make(self, reset: bool) -> None:
        if reset:
            state.throw_away()
        call_command("migrate", verbosity=0, interactive=False)
        if not Community.objects.filter(slug=state.SLUG).exists():
            made = story.tell(lambda line: self.stderr.write(f"  {line}"))
            state.keep(made)
        # Made before the web process starts, which then serves hashed and compressed files.
        call_command("collectstatic", verbosity=0, interactive=False)
