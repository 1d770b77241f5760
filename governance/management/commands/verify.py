"""``verify``: read the whole log again, or check one proof, and name the first leaf that is not what was sealed."""

import json
import sys
from pathlib import Path
from typing import Any, NoReturn

from django.core.management.base import BaseCommand, CommandParser

from governance import log, signing
from governance.kernel.errors import Invalid, Reason
from governance.kernel.words import _


class Command(BaseCommand):
    """Check the log."""

    help = (
        "Check the whole log, or with --proof one line of it (needs no database). Exit 1: something is not as sealed."
    )
    requires_system_checks: list[str] = []
    requires_migrations_checks = False

    def add_arguments(self, parser: CommandParser) -> None:
        """Say what can be checked."""
        parser.add_argument("--proof", type=Path, metavar="FILE", help="a proof that was downloaded from the log page")
        parser.add_argument("--public-key", type=Path, metavar="FILE", help="the log's key (PEM), from somewhere else")
        parser.add_argument(
            "--checkpoint",
            type=Path,
            metavar="FILE",
            help="a checkpoint that was kept elsewhere; the log must extend it",
        )
        parser.add_argument("--format", default="text", choices=["text", "json"])

    def handle(self, *args: Any, **options: Any) -> None:
        """Check, print, and end with 0, 1 or 2."""
        try:
            found = self._check(options["proof"], options["public_key"], options["checkpoint"])
        except Invalid as refusal:
            self._refuse(refusal, options)
        if options["format"] == "json":
            self.stdout.write(json.dumps(found.to_json()))
        else:
            self.stdout.write(_said(found))
        if not found.ok:
            sys.exit(1)

    def _check(self, proof: Path | None, key: Path | None, kept: Path | None) -> log.Verified:
        keys = [signing.raw_of(signing.load_public(_text(key)))] if key else None
        if proof is None:
            return log.verify(_text(kept) if kept else None)
        try:
            bundle = json.loads(_text(proof))
        except ValueError as error:
            raise Invalid("proof-unreadable", _("This is no proof that we can read.")) from error
        if not isinstance(bundle, dict):
            raise Invalid("proof-unreadable", _("This is no proof that we can read."))
        return log.check_proof(bundle, keys)

    def _refuse(self, refusal: Invalid, options: dict[str, Any]) -> NoReturn:
        path = str(refusal.reasons[0].path or options["proof"] or "")
        if options["format"] == "json":
            error = {"code": refusal.code, "message": str(refusal.reasons[0]), "path": path}
            self.stdout.write(json.dumps({"error": error}))
        else:
            self.stderr.write(f"{path}: {refusal.reasons[0]}")
        sys.exit(2)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = Reason("file-unreadable", _("This file cannot be read."), str(path))
        raise Invalid("file-unreadable", reasons=[reason]) from error


def _said(found: log.Verified) -> str:
    if found.ok:
        return f"The log is whole: {found.size} lines, root {found.root}."
    where = "a line that is not sealed yet" if found.first_bad_leaf is None else f"leaf {found.first_bad_leaf}"
    return f"The log is not what was sealed: {where} ({found.kind})."
