"""``rotate_key``: put a new signing key into use, and write down in the log that it was done."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from governance import keys


class Command(BaseCommand):
    """Change the key of the house."""

    help = (
        "Make a new signing key. The old one signs the new one and is destroyed; its public half stays published. "
        "With --lost the old one is not asked: it is gone, or somebody else may have it."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Say whether the old key is there."""
        parser.add_argument("--lost", action="store_true", help="the old private key is lost or was given away")

    def handle(self, *args: Any, **options: Any) -> None:
        """Change it and print what the keepers must tell others."""
        change = keys.change(is_lost=options["lost"])
        self.stdout.write(f"The key {change.new} signs from now on. Witnesses and partners need it:\n{change.vkey}")
        if options["lost"]:
            self.stdout.write("What the lost key signed can still be checked; nothing more can be signed by it.")
