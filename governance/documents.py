"""Papers that a duty before use asks for: an ethics approval, a letter about working together.

The party uploads one; a steward looks at it and says whether it fulfils its duty, and until when. Nobody verifies what
they uploaded themselves. A paper is kept under its own hash, and only the desk and the party see it.
"""

from datetime import date, datetime
from typing import BinaryIO

from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone

from governance import media
from governance.acts import act
from governance.kernel.errors import Conflict, Invalid, Missing, NotAllowed, Reason
from governance.kernel.words import _
from governance.models import AccessRequest, Agreement, Document, Person, Verification
from governance.roles import Actor, Outsider

FOLDER = "papers"
LARGEST = 10 * 1024 * 1024
MOST = 20
"""How many papers one request or agreement may hold."""
MARKS: tuple[tuple[bytes, str, str], ...] = (
    (b"%PDF-", "application/pdf", "pdf"),
    (b"\x89PNG\r\n\x1a\n", "image/png", "png"),
    (b"\xff\xd8\xff", "image/jpeg", "jpg"),
)
"""What a paper may be, by its first bytes; a name says nothing."""


def add(to: AccessRequest | Agreement, *, file: BinaryIO, size: int, duty: str, title: str, by: Actor) -> Document:
    """Keep a paper. Raises ``Invalid``: ``paper-too-big``, ``paper-kind``, ``paper-nameless``, ``paper-twice``."""
    on = to.party if isinstance(to, Agreement) else to
    if isinstance(by, Outsider) and by.ref != on.ref:
        raise Missing("not-found", _("There is nothing here that you can see."))
    head = file.read(16)
    file.seek(0)
    kind = next((mime for mark, mime, _suffix in MARKS if head.startswith(mark)), None)
    reasons = []
    if size > LARGEST:
        reasons.append(Reason("paper-too-big", _("A paper may have 10 MB at most. Make a smaller copy."), "file"))
    if kind is None:
        reasons.append(Reason("paper-kind", _("Send a PDF, or a clear photograph as JPEG or PNG."), "file"))
    if not title.strip():
        reasons.append(Reason("paper-nameless", _("Say what this paper is."), "title"))
    mine = Document.objects.filter(**_of(to))
    if mine.count() >= MOST:
        reasons.append(Reason("paper-too-many", _("There are 20 papers already. Take it up with the keepers."), "file"))
    if reasons:
        raise Invalid(reasons[0].code, reasons=reasons)
    sha256, stored = media.keep(file, FOLDER)
    if mine.filter(sha256=sha256, duty=duty).exists():
        raise Invalid("paper-twice", reasons=[Reason("paper-twice", _("This very paper is here already."), "file")])
    with act(by, "document.add", on=to) as details:
        document = Document.objects.create(
            **_of(to),
            duty=duty[:120],
            title=title.strip()[:200],
            sha256=sha256,
            size=stored,
            media_type=str(kind),
            uploaded_by=by.ref,
        )
        details |= {"object": document, "duty": duty, "sha256": sha256}
    return document


def verify(
    document: Document, *, is_good: bool, by: Person, valid_until: date | None = None, note: str = ""
) -> Verification:
    """Say that a paper fulfils its duty until a day, or that it does not; once.

    Raises ``NotAllowed`` (``own-paper``), ``Invalid`` (``reason-missing``, ``end-in-past``) and ``Conflict``
    (``paper-verified``).
    """
    if document.uploaded_by == by.ref:
        raise NotAllowed("own-paper", _("Somebody else looks at a paper than the one who brought it."))
    if not is_good and not note.strip():
        message = _("Say what is wrong with the paper; they read it.")
        raise Invalid("reason-missing", reasons=[Reason("reason-missing", message, "note")])
    if is_good and valid_until is not None and valid_until < timezone.now().date():
        message = _("The paper has run out. Ask for a newer one.")
        raise Invalid("end-in-past", reasons=[Reason("end-in-past", message, "valid_until")])
    with act(by, "document.verify", on=document) as details:
        try:
            with transaction.atomic():
                found = Verification.objects.create(
                    document=document, is_good=is_good, valid_until=valid_until, note=note.strip()[:500], by=by
                )
        except IntegrityError as error:
            raise Conflict("paper-verified", _("Somebody looked at this paper already.")) from error
        details |= {"good": is_good, "valid_until": valid_until.isoformat() if valid_until else None}
    return found


def fulfilled(agreement: Agreement, at: datetime) -> tuple[str, ...]:
    """The duties before use for which a verified paper stands at ``at``, from the agreement or what it came from."""
    if not agreement.pk:
        return ()
    good = of(agreement).filter(verification__is_good=True).exclude(verification__valid_until__lt=at.date())
    return tuple(sorted(set(good.values_list("duty", flat=True))))


def of(agreement: Agreement) -> QuerySet[Document]:
    """The papers of an agreement and of the request that it came from."""
    return Document.objects.filter(agreement=agreement) | Document.objects.filter(request__agreement=agreement)


def _of(to: AccessRequest | Agreement) -> dict[str, object]:
    return {"agreement" if isinstance(to, Agreement) else "request": to}
