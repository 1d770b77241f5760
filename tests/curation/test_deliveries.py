"""Notices reach whoever pulled: a real web server that fails and then answers, letters, and a log of each attempt."""

import threading
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from django.utils import timezone

from curation import deliveries, notices, revocations, sweeps
from curation.models import Delivery, Notice, Pull, Version
from governance import consents, signing, withdrawals
from governance.models import Party
from tests.curation.lines import work
from tests.curation.made import open_dataset, published
from tests.curation.test_pulls import asked, grant
from tests.factories import make_person

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def files(settings, tmp_path: Path) -> None:
    settings.FILES_ROOT = tmp_path / "files"
    settings.FETCH_ALLOWED_NETWORKS = ["127.0.0.0/8"]


class Hook:
    """A party's web server: answers with the next of ``statuses``, and keeps what came."""

    def __init__(self) -> None:
        self.statuses: list[int] = []
        self.came: list[tuple[dict[str, str], str]] = []
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                hook.came.append(({k.lower(): v for k, v in self.headers.items()}, body))
                self.send_response(hook.statuses.pop(0) if hook.statuses else 204)
                self.end_headers()

            def log_message(self, *args: object) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}/wellhouse"


@pytest.fixture
def hook() -> Iterator[Hook]:
    made = Hook()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture
def pulled() -> tuple[Version, Party]:
    """A version that one party pulled; another party has an agreement and pulled nothing."""
    version = published(open_dataset())
    token, _ = grant(version)
    grant(version)
    asked(token, version)
    return version, token.agreement.party


def take_back(version: Version, **fields: object) -> None:
    teller = version.contributors.get().contributor
    withdrawals.open(teller, by=make_person(version.community, "steward"), channel="steward", **fields)  # type: ignore[arg-type]


def test_everybody_who_pulled_is_told_and_nobody_else(pulled: tuple[Version, Party]) -> None:
    version, party = pulled

    take_back(version)

    notice = Notice.objects.get()
    assert notice.party == party
    assert notice.deadline - notice.entry.at == timedelta(days=30)


def test_a_webhook_that_fails_is_tried_again_and_each_attempt_is_kept(
    pulled: tuple[Version, Party], hook: Hook
) -> None:
    version, party = pulled
    Party.objects.filter(pk=party.pk).update(webhook_url=hook.url)
    hook.statuses = [503, 200]
    take_back(version)

    work()
    early = deliveries.retry()
    late = deliveries.retry(timezone.now() + timedelta(minutes=3))
    work()

    tried = Delivery.objects.filter(channel="webhook").order_by("number")
    assert [(row.number, row.status, row.answer) for row in tried] == [(1, "failed", 503), (2, "done", 200)]
    assert (early, late) == (0, 1)
    assert deliveries.retry(timezone.now() + timedelta(days=1)) == 0
    first, second = [signing.read_jws(body, "webhook+jwt") for _headers, body in hook.came]
    assert first["id"] == second["id"] == hook.came[0][0]["idempotency-key"] == Notice.objects.get().public_id
    assert first["entry"] == Notice.objects.get().entry.said


def test_a_webhook_that_never_answers_is_given_up_after_some_tries(pulled: tuple[Version, Party], hook: Hook) -> None:
    version, party = pulled
    Party.objects.filter(pk=party.pk).update(webhook_url=hook.url)
    hook.statuses = [500] * 20
    take_back(version)

    later = timezone.now()
    for _ in range(12):
        work()
        later += timedelta(hours=6)
        deliveries.retry(later)

    assert Delivery.objects.filter(channel="webhook").count() == len(hook.came) == deliveries.TRIES


def test_a_webhook_inside_the_house_is_not_asked(pulled: tuple[Version, Party], hook: Hook, settings) -> None:
    settings.FETCH_ALLOWED_NETWORKS = []
    version, party = pulled
    Party.objects.filter(pk=party.pk).update(webhook_url=hook.url)

    take_back(version)
    work()

    assert hook.came == []
    assert Delivery.objects.get(channel="webhook").error_code == "delivery-failed"


def test_the_letter_says_what_to_do_until_when_and_where_to_answer(
    pulled: tuple[Version, Party], mailoutbox: list
) -> None:
    version, party = pulled
    Party.objects.filter(pk=party.pk).update(email="mara@quayside.example")
    take_back(version)

    work()

    (letter,) = mailoutbox
    notice = Notice.objects.get()
    page = letter.alternatives[0][0]
    assert letter.to == ["mara@quayside.example"]
    assert "\n" not in letter.subject
    for said in (letter.body, page):
        assert notices.address(notice) in said
        assert version.commit in said
        assert revocations.address(version.dataset) in said
        assert f"{notice.deadline:%Y}" in said
        assert "30 seconds" in said
    assert "&quot;" not in letter.body


def test_a_pull_that_was_written_down_after_the_withdrawal_is_told_by_the_sweep(pulled: tuple[Version, Party]) -> None:
    version, _party = pulled
    take_back(version)
    late, _ = grant(version)
    first = Pull.objects.get()
    Pull.objects.create(token=late, version=version, decision=first.decision, snapshot_hash=first.snapshot_hash)

    sweeps.follow_withdrawals()
    sweeps.follow_withdrawals()

    assert Notice.objects.filter(party=late.agreement.party).count() == 1


def test_who_has_not_answered_is_written_to_a_week_and_a_day_before(
    pulled: tuple[Version, Party], mailoutbox: list
) -> None:
    version, party = pulled
    Party.objects.filter(pk=party.pk).update(email="mara@quayside.example")
    take_back(version)
    work()
    deadline = Notice.objects.get().deadline

    for before in (8, 6.9, 6, 0.9, 0.5):
        deliveries.remind(deadline - timedelta(days=before))
        work()

    assert len(mailoutbox) == 3


def test_only_uses_that_were_stopped_are_told_to_who_has_them(pulled: tuple[Version, Party]) -> None:
    version, _party = pulled

    take_back(version, purposes=["speech-synthesis"])
    before = Notice.objects.count()
    take_back(version, purposes=["teaching"])

    assert (before, Notice.objects.count()) == (0, 1)


def test_an_answer_that_is_recorded_as_taken_back_on_paper_is_listed_and_told(pulled: tuple[Version, Party]) -> None:
    version, party = pulled
    teller = version.contributors.get().contributor

    consents.record(teller, answers={"teaching": "ConsentWithdrawn"}, by=version.dataset.created_by, method="paper")

    notice = Notice.objects.get()
    assert (notice.party, notice.entry.kind) == (party, "PurposeWithdrawn")
    assert "teaching" in notice.entry.said["stops"]
