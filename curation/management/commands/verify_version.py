"""``verify_version NS/NAME@vN`` or ``verify_version DIR``: are these the bytes that the community approved?

A folder is checked from its own files, without a database. A version of this house is also held against the members that were
voted on and against the log.
"""

import json
import re
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser
from django.db import Error as DatabaseError

from curation import storage, verification
from curation.exporters import manifest
from curation.membership import members_root
from curation.models import Version
from curation.verification import Bad, Check, Verdict
from governance import signing
from governance.kernel.errors import Invalid
from governance.kernel.words import _
from governance.models import Event

NAMED = re.compile(r"([a-z0-9-]+)/([a-z0-9-]+)@v([0-9]{1,9})")


class Command(BaseCommand):
    """Check a version."""

    help = "Check every file of a version (NS/NAME@vN) or of a downloaded folder against its manifest and signature."
    requires_system_checks: list[str] = []
    requires_migrations_checks = False

    def add_arguments(self, parser: CommandParser) -> None:
        """Say what to check, and by which key."""
        parser.add_argument("what", metavar="NS/NAME@vN or DIR")
        parser.add_argument(
            "--public-key", type=Path, metavar="FILE", help="PEM; got from the community, not from here"
        )
        parser.add_argument("--format", default="text", choices=["text", "json"])

    def handle(self, *args: Any, **options: Any) -> None:
        """Check and print; exit 1 when something is wrong, 2 when there is nothing that can be checked."""
        try:
            keys = _keys(options["public_key"])
            answer = (
                _folder(Path(options["what"]), keys)
                if Path(options["what"]).is_dir()
                else _named(options["what"], keys)
            )
        except Invalid as refusal:
            self.refuse(refusal, options["format"])
        if options["format"] == "json":
            self.stdout.write(json.dumps(answer, ensure_ascii=False, indent=1))
        else:
            self.tell(answer)
        if not answer["ok"]:
            raise SystemExit(1)

    def tell(self, answer: dict[str, Any]) -> None:
        """Say it in lines."""
        for bad in answer["bad"]:
            self.stdout.write(f"BAD  {bad['path']}: {bad['why']}")
        for path in answer["erased"]:
            self.stdout.write(f"erased  {path}: destroyed after words in it were taken back")
        self.stdout.write(f"commit {answer['commit']}, {answer['files']} files, signature {answer['signature']}")
        if answer["signature"] == "unverified":
            self.stdout.write("No key was given: --public-key FILE also says who signed it.")
        self.stdout.write("good" if answer["ok"] else "NOT GOOD")

    def refuse(self, refusal: Invalid, form: str) -> None:
        """Say why nothing could be checked, and exit 2."""
        reason = refusal.reasons[0]
        if form == "json":
            error = {"code": refusal.code, "message": str(reason), "path": reason.path or ""}
            self.stdout.write(json.dumps({"error": error}, ensure_ascii=False))
        else:
            self.stderr.write(str(reason))
        raise SystemExit(2)


def _folder(path: Path, keys: dict[str, str] | None) -> dict[str, object]:
    """Check a downloaded version."""
    try:
        check = _check(path / manifest.SIGNATURE, keys)
        return _answer(verification.folder(path, check), None)
    except (FileNotFoundError, ValueError) as error:
        raise Invalid("version-unreadable", _("There is no manifest of a version in this folder.")) from error


def _named(what: str, keys: dict[str, str] | None) -> dict[str, object]:
    """Check a version of this house: its bytes, its members, its place in the log."""
    named = NAMED.fullmatch(what)
    try:
        version = (
            named
            and Version.objects.filter(
                dataset__community__slug=named[1], dataset__slug=named[2], number=int(named[3])
            ).first()
        )
    except DatabaseError as error:
        raise Invalid(
            "version-unreadable", _("The database cannot be read. A folder can be checked without it.")
        ) from error
    if version is None or not version.commit:
        raise Invalid("version-unreadable", _("There is no built version and no folder of this name."))
    held = {file.path: storage.locate(file.path, file.sha256) for file in version.files.all()}
    if not held.get(manifest.PATH, Path("-")).is_file():
        raise Invalid("version-unreadable", _("The manifest of this version is not held any more."))
    erased = set(version.files.exclude(erased_at=None).values_list("path", flat=True))
    verdict = verification.files(held, _check(held.get(manifest.SIGNATURE), keys), erased)
    bad = list(verdict.bad)
    if verdict.commit != version.commit:
        bad.append(Bad(manifest.PATH, _("its commit is not the one that was published")))
    rows = version.members.order_by("uid").values_list("uid", "content_hash", "label", "split")
    if members_root(rows.iterator()) != verdict.members_root or verdict.members_root != version.members_root:
        bad.append(Bad(manifest.PATH, _("its members are not the ones that were voted on")))
    return _answer(verdict, version, bad)


def _answer(verdict: Verdict, version: Version | None, bad: list[Bad] | None = None) -> dict[str, object]:
    """As commands.md names it."""
    found = list(verdict.bad) if bad is None else bad
    return {
        "ok": verdict.ok and not found,
        "commit": verdict.commit,
        "files": verdict.files,
        "bad": [{"path": b.path, "why": b.why} for b in found],
        "erased": list(verdict.erased),
        "signature": verdict.signature,
        "members_root": verdict.members_root,
        "log": _log(version) if version else None,
    }


def _log(version: Version) -> dict[str, object] | None:
    """Where the publication stands in the log."""
    events = Event.objects.filter(verb="version.publish", object_id=version.public_id).select_related("leaf")
    event = events.order_by("pk").first()
    if event is None:
        return None
    leaf = getattr(event, "leaf", None)
    return {"event": event.hash, "leaf_index": leaf.index if leaf else None, "at": event.at.isoformat()}


def _keys(path: Path | None) -> dict[str, str] | None:
    """The given public key by its id; None when none was given."""
    if path is None:
        return None
    try:
        pem = path.read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise Invalid("key-unreadable", _("This is not a public key in PEM form.")) from error
    return {signing.keyid_of(signing.load_public(pem)): pem}


def _check(envelope: Path | None, keys: dict[str, str] | None) -> Check | None:
    """How to check a signature: by the given key, or by one of this house's published ones if it says it is by one."""
    if keys is None:
        published = {p.stem: p.read_text() for p in sorted((Path(settings.KEYS_ROOT) / "public").glob("*.pem"))}
        try:
            said = verification.keyids(json.loads(envelope.read_bytes())) if envelope else []
        except (OSError, ValueError):
            return None
        if not set(said) & set(published):
            return None
        keys = published
    return lambda signed: signing.verify(signed, keys)
