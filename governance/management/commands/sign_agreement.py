"""Sign an agreement offline, with a key that never leaves this machine."""

import base64
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from django.core.management.base import BaseCommand, CommandError, CommandParser


class Command(BaseCommand):
    """Print the JWS of a file of bytes to sign (``A-….tbs``); needs no database and no account."""

    help = "Sign the bytes of an agreement (A-….tbs) with an Ed25519 private key in PEM, and print the JWS."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        """The file and the key."""
        parser.add_argument("file", type=Path, help="the file of bytes to sign, from the agreement's page")
        parser.add_argument("--key", type=Path, required=True, help="your private key, PEM; it is only read")

    def handle(self, *args: object, file: Path, key: Path, **options: Any) -> None:
        """Read both, sign, print."""
        try:
            private = load_pem_private_key(key.read_bytes(), password=None)
            content = file.read_bytes().strip()
        except (OSError, ValueError) as error:
            raise CommandError(f"This cannot be read: {error}", returncode=2) from error
        if not isinstance(private, Ed25519PrivateKey) or content.count(b".") != 1:
            raise CommandError("An Ed25519 key and a .tbs file of an agreement are needed.", returncode=2)
        signature = base64.urlsafe_b64encode(private.sign(content)).rstrip(b"=")
        self.stdout.write((content + b"." + signature).decode())
