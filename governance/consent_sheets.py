"""Many answers at once: a sheet with one line for each person and use, looked at whole before anything is written.

Columns: ``contributor`` (name or number), ``purpose``, ``status`` (a DPV status, or yes, no, time, withdrawn), ``at``; and if
wanted ``sample``, ``expires_at``, ``method``, ``language``, ``witness``, ``notice`` (its version). A line that cannot stand is
refused with its number and reason; the others are written. The same sheet twice writes nothing the second time, and a line with
an older yes never undoes a newer no.
"""

import csv
import io
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time

from django.db import transaction
from django.utils import timezone

from governance import consents
from governance.acts import act
from governance.kernel.errors import Invalid, Reason, Refusal
from governance.kernel.words import _
from governance.models import Community, ConsentEvent, ConsentNotice, Contributor, Person, Sample
from governance.sheets import BadRow

NEEDED = ("contributor", "purpose", "status", "at")
KNOWN = (*NEEDED, "sample", "expires_at", "method", "language", "witness", "notice")
WORDS = {
    "yes": "ConsentGiven",
    "renewed": "RenewedConsentGiven",
    "no": "ConsentRefused",
    "time": "ConsentRequestDeferred",
    "asked": "ConsentRequested",
    "withdrawn": "ConsentWithdrawn",
    "revoked": "ConsentRevoked",
}
MOST_ROWS = 100_000
AT_ONCE = 500
ESCAPED = ("=", "+", "-", "@", "\t", "\r")


@dataclass
class Outcome:
    """What became of the lines of a sheet: written (or, tried only, to be written), known already, refused with reasons."""

    new: int = 0
    known: int = 0
    refused: list[BadRow] = field(default_factory=list)
    total: int = 0


def bring(
    community: Community,
    text: str,
    *,
    by: Person,
    dry_run: bool = False,
    progress: Callable[[int], None] = lambda _done: None,
) -> Outcome:
    """Write the answers of a sheet down, or with ``dry_run`` only say what would become of each line.

    Lines are written in groups of 500, each whole with its event in the log; the same sheet again goes on where it ended. Raises
    ``Invalid`` (``no-such-column``, ``no-rows``, ``too-many-rows``) when nothing of it can be used.
    """
    outcome = Outcome()
    people = dict(community.contributors.values_list("name", "pk"))
    numbers = dict(community.contributors.values_list("public_id", "pk"))
    reader = _Reader(community, people | numbers)
    for lines in _groups(_rows(text)):
        with transaction.atomic():
            _bring_group(community, reader, lines, by, outcome)
            if dry_run:
                transaction.set_rollback(True)
        progress(outcome.total)
    if not outcome.total:
        raise Invalid("no-rows", _("There are no rows in this sheet."))
    return outcome


def report(refused: Iterable[BadRow]) -> str:
    """Return the refused lines as CSV; no cell is a formula for a spreadsheet."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(("line", "column", "code", "message"))
    for row in refused:
        cells = (row.line, row.column, row.code, str(row))
        writer.writerow([f"'{c}" if isinstance(c, str) and c.startswith(ESCAPED) else c for c in cells])
    return text.getvalue()


def _rows(text: str) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield each row with the line on which it ends."""
    csv.field_size_limit(100_000)
    reader = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), delimiter=_delimiter(text))
    names = [name.strip().lower() for name in next(reader, [])]
    missing = [name for name in NEEDED if name not in names]
    if missing:
        message = _("This file has no column called {names}. It has: {known}.")
        raise Invalid("no-such-column", message, names=", ".join(missing), known=", ".join(names)[:500])
    try:
        for count, cells in enumerate(reader):
            if count >= MOST_ROWS:
                raise Invalid("too-many-rows", _("Bring at most {most} lines at once."), most=MOST_ROWS)
            if any(cell.strip() for cell in cells):
                yield reader.line_num, {n: c.strip() for n, c in zip(names, cells, strict=False) if n in KNOWN}
    except csv.Error as error:
        raise Invalid("file-unreadable", _("Line {line} cannot be read."), line=reader.line_num) from error


def _delimiter(text: str) -> str:
    head = text.split("\n", 1)[0]
    return max(",;\t", key=head.count)


def _groups(rows: Iterator[tuple[int, dict[str, str]]]) -> Iterator[list[tuple[int, dict[str, str]]]]:
    group: list[tuple[int, dict[str, str]]] = []
    for row in rows:
        group.append(row)
        if len(group) == AT_ONCE:
            yield group
            group = []
    if group:
        yield group


def _bring_group(
    community: Community, reader: "_Reader", lines: list[tuple[int, dict[str, str]]], by: Person, outcome: Outcome
) -> None:
    before = outcome.new
    with act(by, "consent.import", on=community) as details:
        for line, cells in lines:
            outcome.total += 1
            try:
                outcome.new += reader.take(cells, by)
            except Refusal as refusal:
                first = refusal.reasons[0]
                outcome.refused.append(BadRow(line, first.path or "", first.code, first.message, first.values))
        details |= {"lines": len(lines), "new": outcome.new - before, "refused": len(outcome.refused)}
    outcome.known = outcome.total - outcome.new - len(outcome.refused)


class _Reader:
    """Turns cells into an answer; knows the people, samples and notices of one community."""

    def __init__(self, community: Community, people: dict[str, int]) -> None:
        self.community = community
        self.people = people
        self.notices: dict[str, ConsentNotice] = {str(n.version): n for n in community.notices.order_by("-language")}
        self.known: dict[int, Contributor] = {}

    def take(self, cells: dict[str, str], by: Person) -> int:
        """Write one line; 0 when it stands here already."""
        contributor = self._contributor(cells)
        at, until = self._moment(cells["at"], "at"), self._end(cells.get("expires_at", ""))
        status = WORDS.get(cells["status"].lower(), cells["status"])
        sample = self._sample(cells.get("sample", ""))
        purpose = cells["purpose"].removeprefix("urn:wellhouse:purpose:")
        same = contributor.consent_events.filter(purpose=purpose, status=status, at=at, sample=sample)
        if same.exists():
            return 0
        self._check_newest(contributor, purpose, status, at, sample)
        consents.record(
            contributor,
            answers={purpose: status},
            by=by,
            method=cells.get("method", "").lower() or ConsentEvent.Method.IMPORTED,
            at=at,
            expires_at=until,
            language=cells.get("language", "")[:35],
            witness=cells.get("witness", "")[:120],
            notice=self._notice(cells.get("notice", "")),
            sample=sample,
        )
        return 1

    def _check_newest(
        self, contributor: Contributor, purpose: str, status: str, at: datetime, sample: Sample | None
    ) -> None:
        """A line older than what is known, or a yes of the same moment as a no, would undo something: it is refused."""
        here = contributor.consent_events.filter(purpose=purpose, sample=sample)
        newer = here.filter(at__gt=at)
        if status in ConsentEvent.VALID:
            newer = here.filter(at__gt=at) | here.filter(at=at, status__in=consents.NO)
        if newer.exists():
            message = _("A newer answer about “{purpose}” is recorded already; an older one cannot replace it.")
            raise _unfit("newer-answer", message, path="at", purpose=purpose)

    def _contributor(self, cells: dict[str, str]) -> Contributor:
        pk = self.people.get(cells["contributor"])
        if pk is None:
            message = _("Nobody here is listed under this name. Add them under People and words first.")
            raise _unfit("no-such-contributor", message, path="contributor")
        if pk not in self.known:
            self.known[pk] = Contributor.objects.select_related("community", "person").get(pk=pk)
        return self.known[pk]

    def _sample(self, uid: str) -> Sample | None:
        if not uid:
            return None
        found = Sample.objects.filter(uid=uid, dataset__community=self.community).first()
        if found is None:
            raise Invalid("sample-not-theirs", _("They are not heard in this sample."), path="sample")
        return found

    def _notice(self, version: str) -> ConsentNotice | None:
        if version and version not in self.notices:
            raise Invalid("notice-unknown", _("There is no notice {version} here."), path="notice", version=version)
        return self.notices.get(version)

    def _moment(self, value: str, column: str) -> datetime:
        try:
            found = datetime.fromisoformat(value)
        except ValueError:
            message = _("“{value}” is no day. Write it as 2026-11-27.")
            raise _unfit("bad-day", message, path=column, value=value[:40]) from None
        if len(value) <= 10:
            return min(datetime.combine(found.date(), time(12), tzinfo=UTC), timezone.now())
        return found if found.tzinfo is not None else found.replace(tzinfo=UTC)

    def _end(self, value: str) -> datetime | None:
        if not value:
            return None
        found = self._moment(value, "expires_at")
        if len(value) <= 10:
            return datetime.combine(date.fromisoformat(value), time(23, 59, 59), tzinfo=UTC)
        return found


def _unfit(code: str, message: str, path: str, **values: object) -> Invalid:
    """A line that cannot stand, by its column."""
    return Invalid(code, reasons=[Reason(code, message, path, values=values)])
