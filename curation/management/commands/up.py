"""Run broker, web, worker and beat in the foreground, until Ctrl-C."""

import os
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from curation.supervisor import ROOT


class Command(BaseCommand):
    """Become the supervisor, which is a process without Django."""

    help = "Run broker, web, worker and beat in the foreground, until Ctrl-C."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        """Say where to listen."""
        parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
        parser.add_argument("--port", default=os.environ.get("PORT", "8000"), help="port to listen on (PORT)")

    def handle(self, *args: Any, host: str, port: str, **options: Any) -> None:
        """Replace this process."""
        os.chdir(ROOT)
        arguments = ["-m", "curation.supervisor", "--host", host, "--port", str(port)]
        os.execv(sys.executable, [sys.executable, *arguments])  # noqa: S606 no shell is meant
