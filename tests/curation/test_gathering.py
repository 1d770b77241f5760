"""What people said is kept while nothing changed, and never a moment longer, whatever changed it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from curation import gathering
from curation.models import Gathered, Version
from curation.pulls import Closed, Denied
from governance import agreements, consents, holds, layers, marks, policies, withdrawals
from governance.acts import record
from governance.kernel.errors import NotAllowed
from governance.models import ConsentEvent, Event
from governance.odrl import profile
from governance.odrl.policy import Body
from governance.roles import Machine
from tests.curation.made import open_dataset, published
from tests.curation.test_pulls import asked, grant
from tests.factories import give_consent, make_person

pytestmark = pytest.mark.django_db
ALL = Body(("use",), tuple(profile.ORGANISATIONS), True, ())
NO_TEACHING = replace(ALL, prohibited=("teaching",))


@pytest.fixture(autouse=True)
def files(settings, tmp_path: Path) -> None:
    settings.FILES_ROOT = tmp_path / "files"


@pytest.fixture
def version() -> Version:
    return published(open_dataset())


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The purposes for which people were asked anew."""
    seen: list[str] = []
    really = gathering.look

    def look(version: Version, purpose: str, at: object) -> gathering.Said:
        seen.append(purpose)
        return really(version, purpose, at)  # type: ignore[arg-type]

    monkeypatch.setattr(gathering, "look", look)
    return seen


def teller_of(version: Version):
    return version.contributors.get().contributor


def test_nobody_is_asked_twice_while_nothing_changed(version: Version, looks: list[str]) -> None:
    token, _ = grant(version)

    for _request in range(3):
        asked(token, version)

    assert looks == ["teaching"]


def test_annotating_and_pulling_do_not_count_as_change(version: Version, looks: list[str]) -> None:
    token, _ = grant(version)
    asked(token, version)
    for verb in ("annotation.submit", "pull.close", "check.run", "campaign.open"):
        record(Machine("test"), verb, version)

    asked(token, version)

    assert looks == ["teaching"]


def test_what_happens_elsewhere_does_not_count_and_any_other_word_does(version: Version, looks: list[str]) -> None:
    token, _ = grant(version)
    asked(token, version)
    record(Machine("test"), "consent.record", published(open_dataset()))

    asked(token, version)
    assert looks == ["teaching"]
    record(Machine("test"), "never-heard.of", version)
    asked(token, version)

    assert looks == ["teaching", "teaching"]


def _withdraw_consent(version: Version) -> None:
    give_consent(teller_of(version), "teaching", status="ConsentWithdrawn")


def _refuse_broader(version: Version) -> None:
    by = make_person(version.community, "steward")
    consents.record(teller_of(version), answers={"use": "ConsentRefused"}, by=by, method="paper")


def _hold(version: Version) -> None:
    holds.rest(version.members.first().sample, by=version.dataset.created_by)


def _take_back(version: Version) -> None:
    withdrawals.open(teller_of(version), by=make_person(version.community, "steward"), channel="steward")


def _revise(version: Version) -> None:
    policies.revise(version.dataset, body=Body(), by=version.dataset.created_by)


def _revise_community(version: Version) -> None:
    policies.revise_community(version.community, body=NO_TEACHING, by=version.dataset.created_by)


def _revise_contributor(version: Version) -> None:
    layers.revise_for(contributor=teller_of(version), body=NO_TEACHING, by=version.dataset.created_by)


def _revise_sample(version: Version) -> None:
    layers.revise_for(sample=version.members.last().sample, body=NO_TEACHING, by=version.dataset.created_by)


@pytest.mark.parametrize(
    "change",
    [
        _withdraw_consent,
        _refuse_broader,
        _hold,
        _take_back,
        _revise,
        _revise_community,
        _revise_contributor,
        _revise_sample,
    ],
)
def test_each_change_bites_at_the_next_request(version: Version, change: Callable[[Version], None]) -> None:
    token, _ = grant(version)
    asked(token, version)
    asked(token, version)

    change(version)

    with pytest.raises((Closed, Denied)):
        asked(token, version)


def test_an_ended_agreement_and_an_ended_token_bite_at_the_next_request(version: Version) -> None:
    token, secret = grant(version)
    asked(token, version)

    agreements.revoke_token(token, by=version.dataset.created_by)
    with pytest.raises(NotAllowed):
        agreements.token_of(secret)

    other, again = grant(version)
    asked(other, version)
    agreements.end(other.agreement, by=version.dataset.created_by)
    with pytest.raises(Denied):
        asked(agreements.token_of(again), version)


def test_a_hold_that_is_lifted_opens_it_again(version: Version) -> None:
    token, _ = grant(version)
    asked(token, version)
    hold = holds.rest(version.members.first().sample, by=version.dataset.created_by)
    with pytest.raises(Denied):
        asked(token, version)

    holds.lift(hold, by=version.dataset.created_by)

    assert asked(token, version).decision


def test_rules_of_a_person_close_the_version_and_name_nobody(version: Version) -> None:
    token, _ = grant(version)
    _revise_contributor(version)

    with pytest.raises(Denied) as refused:
        asked(token, version)

    told = str(refused.value.because)
    assert [reason["layer"] for reason in refused.value.because] == ["contributor"]
    assert teller_of(version).public_id not in told
    assert teller_of(version).policies.get().public_id not in told


def test_the_clock_alone_ends_what_was_kept(version: Version, looks: list[str]) -> None:
    token, _ = grant(version)
    now = timezone.now()
    give_consent(teller_of(version), "teaching", expires_at=now + timedelta(minutes=10))
    asked(token, version, at=now + timedelta(seconds=1))
    asked(token, version, at=now + timedelta(minutes=9))
    assert looks == ["teaching"]

    with pytest.raises(Denied) as ended:
        asked(token, version, at=now + timedelta(minutes=10))

    assert ended.value.code == "consent-expired"


def test_a_no_that_begins_later_is_noticed_when_it_begins(version: Version) -> None:
    token, _ = grant(version)
    now = timezone.now()
    give_consent(teller_of(version), "teaching", status="ConsentWithdrawn", at=now + timedelta(minutes=3))
    asked(token, version, at=now + timedelta(seconds=1))

    with pytest.raises(Closed):
        asked(token, version, at=now + timedelta(minutes=3))


def test_what_another_engine_wrote_is_not_believed(version: Version, looks: list[str]) -> None:
    token, _ = grant(version)
    asked(token, version)
    Gathered.objects.update(made_by="wellhouse 0, purposes 1999-01")

    asked(token, version)

    assert looks == ["teaching", "teaching"]


def test_a_mark_that_fell_far_behind_is_moved_up(version: Version, monkeypatch: pytest.MonkeyPatch) -> None:
    token, _ = grant(version)
    asked(token, version)
    monkeypatch.setattr(marks, "FAR", 0)
    before = Gathered.objects.get().mark
    record(Machine("test"), "annotation.submit", version)

    asked(token, version)

    assert Gathered.objects.get().mark["newest"] > before["newest"]
    _withdraw_consent(version)
    with pytest.raises(Closed):
        asked(token, version)


def test_somebody_who_joins_or_leaves_is_a_change(version: Version) -> None:
    mark = marks.take(version.community)
    assert marks.is_fresh(mark, version.community)

    record(Machine("test"), "membership.end", version)

    assert not marks.is_fresh(mark, version.community)


def test_every_change_of_consent_has_a_line_in_its_own_transaction(version: Version) -> None:
    """What marks stand on: without the line there is no change."""
    lines = Event.objects.exclude(verb__startswith="pull.").count()

    _refuse_broader(version)

    assert ConsentEvent.objects.filter(status="ConsentRefused").exists()
    assert Event.objects.exclude(verb__startswith="pull.").count() > lines
