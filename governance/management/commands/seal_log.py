"""``seal_log``: seal the log now; after a restore, before anything else is written, with ``--after-restore``."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from governance import log


class Command(BaseCommand):
    """Seal the log."""

    help = "Seal the log now. Run it with --after-restore once, before a restored database is used."

    def add_arguments(self, parser: CommandParser) -> None:
        """Say whether the database was restored."""
        parser.add_argument(
            "--after-restore", action="store_true", help="seal everything: nothing is being written any more"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Seal and say how far the log is sealed."""
        checkpoint = log.seal(after_restore=options["after_restore"])
        self.stdout.write(checkpoint.note if checkpoint else "The log is empty.\n", ending="")
