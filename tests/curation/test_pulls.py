"""Pulls: decided at the first request, held against the facts at each, and closed when idle."""

from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from curation import pulls, standing, sweeps, takedowns
from curation.models import Pull, Tombstone, Version
from curation.pulls import Closed, Credential, Denied, Unknown
from governance import agreements, consents, decisions, holds, parties, policies, withdrawals
from governance.kernel.errors import Conflict, Missing
from governance.models import Agreement, Decision, Event, Hold, Party, Person, Token
from tests.curation.made import POLICY, make_version, open_dataset, published
from tests.factories import make_person

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def files(settings, tmp_path: Path) -> None:
    settings.FILES_ROOT = tmp_path / "files"


def grant(version: Version, purpose: str = "teaching", kind: str = "non-profit") -> tuple[Token, str]:
    """A token as the keepers give it; the agreement is written directly, so that it may also be one that is refused."""
    keeper = version.dataset.created_by
    party = parties.add(version.community, name=f"School {Party.objects.count()}", kind=kind, by=keeper)
    agreement = Agreement.objects.create(
        party=party,
        dataset=version.dataset,
        purpose=purpose,
        policy=policies.current(version.dataset),
        signed_by=keeper,
        in_force_at=timezone.now(),
        expires_at=timezone.now() + timedelta(days=30),
    )
    _, secret = agreements.issue_token(agreement, by=keeper, label="nightly")
    return agreements.token_of(secret), secret


def asked(token: Token, version: Version, **fields: object) -> pulls.Access:
    return pulls.open_version(token, pulls.version_of(version.dataset, version.tag), **fields)  # type: ignore[arg-type]


@pytest.fixture
def version() -> Version:
    return published(open_dataset())


@pytest.fixture
def keeper(version: Version) -> Person:
    return version.dataset.created_by


def test_the_first_request_stores_one_decision_and_one_event(version: Version) -> None:
    token, _ = grant(version)

    first, second = asked(token, version, client="datasets/5.2.0"), asked(token, version)

    assert first.pull == second.pull
    assert Decision.objects.count() == 1
    assert Pull.objects.get().client == "datasets/5.2.0"
    event = Event.objects.get(verb="pull.open")
    assert event.object_id == first.pull.public_id
    assert first.decision in event.body
    assert decisions.replay(Decision.objects.get()) is None


def test_a_wrong_purpose_is_denied_with_its_decision_kept_once(version: Version) -> None:
    token, _ = grant(version, purpose="speech-synthesis")

    with pytest.raises(Denied) as first:
        asked(token, version)
    with pytest.raises(Denied) as second:
        asked(token, version)

    assert first.value.decision == second.value.decision == Decision.objects.get().public_id
    assert not Pull.objects.exists()
    assert "keepers" in first.value.message


def test_what_was_taken_back_closes_the_version_at_the_next_request(version: Version, keeper: Person) -> None:
    token, _ = grant(version)
    asked(token, version)
    teller = version.contributors.get().contributor

    withdrawals.open(teller, by=_steward(version), channel="steward")

    with pytest.raises(Closed) as gone:
        asked(token, version)
    assert gone.value.code == "version-withdrawn"
    assert standing.of(version).is_gone


def test_it_stays_closed_when_they_say_yes_again(version: Version, keeper: Person) -> None:
    token, _ = grant(version)
    teller = version.contributors.get().contributor
    withdrawals.open(teller, by=_steward(version), channel="steward")
    consents.record(teller, answers={"use": "ConsentGiven", "teaching": "ConsentGiven"}, by=keeper, method="paper")
    for hold in Hold.objects.filter(lifted_at=None):
        holds.lift(hold, by=keeper)

    with pytest.raises(Closed):
        asked(token, version)


def test_a_withdrawal_for_one_purpose_closes_it_for_that_purpose_only(version: Version) -> None:
    token, _ = grant(version)
    teller = version.contributors.get().contributor

    withdrawals.open(teller, by=_steward(version), channel="steward", purposes=["teaching"])

    with pytest.raises(Closed):
        asked(token, version)
    assert standing.of(version).is_open


def test_the_sweep_writes_the_tombstone_and_names_the_successor(version: Version) -> None:
    teller = version.contributors.get().contributor
    later = published(version.dataset)
    withdrawals.open(teller, by=_steward(version), channel="steward")

    sweeps.close_pulls()

    stone = Tombstone.objects.get()
    assert stone.version == version
    assert stone.successor == later
    version.refresh_from_db()
    assert version.status == Version.Status.WITHDRAWN
    assert Event.objects.filter(verb="version.withdraw", object_id=version.public_id).count() == 1


def test_a_held_sample_closes_the_version_until_it_is_lifted(version: Version, keeper: Person) -> None:
    token, _ = grant(version)
    asked(token, version)
    hold = holds.rest(version.members.first().sample, by=keeper)

    with pytest.raises(Denied) as rests:
        asked(token, version)
    holds.lift(hold, by=keeper)

    assert rests.value.code == "on-hold"
    assert asked(token, version).decision


def test_a_case_closes_the_version_and_unfounded_brings_it_back(version: Version, keeper: Person) -> None:
    token, _ = grant(version)
    before = asked(token, version)

    case = takedowns.open(version, by=keeper, reason="It quotes a letter.")
    with pytest.raises(Closed) as closed:
        asked(token, version)
    takedowns.close(case, by=keeper, upheld=False)

    assert closed.value.code == "takedown-open"
    assert asked(token, version).pull == before.pull


def test_nobody_lets_a_version_out_past_its_open_case(version: Version, keeper: Person) -> None:
    token, _ = grant(version)
    takedowns.open(version, by=keeper, reason="It quotes a letter.")
    (hold,) = holds.open_on("version", version.public_id)

    with pytest.raises(Conflict) as refused:
        holds.lift(hold, by=keeper)
    with pytest.raises(Closed) as closed:
        asked(token, version)

    assert (refused.value.code, closed.value.code) == ("hold-has-case", "takedown-open")


def test_an_upheld_case_withdraws_the_version_for_good(version: Version, keeper: Person) -> None:
    token, _ = grant(version)

    takedowns.close(takedowns.open(version, by=keeper, reason="It quotes a letter."), by=keeper, upheld=True)

    with pytest.raises(Closed) as gone:
        asked(token, version)
    assert gone.value.code == "version-withdrawn"
    assert Tombstone.objects.get().public_reason == takedowns.UPHELD


def test_only_one_case_at_a_time_is_open_against_a_version(version: Version, keeper: Person) -> None:
    takedowns.open(version, by=keeper, reason="It quotes a letter.")

    with pytest.raises(Conflict) as second:
        takedowns.open(version, by=keeper, reason="It quotes a letter.")

    assert second.value.code == "takedown-open"


def test_tightened_rules_bite_at_the_next_request(version: Version, keeper: Person) -> None:
    token, _ = grant(version)
    asked(token, version)

    policies.revise(version.dataset, body={**POLICY, "purposes": ["archiving"]}, by=keeper)

    with pytest.raises(Denied) as denied:
        asked(token, version)
    assert denied.value.code == "purpose-not-permitted"


def test_an_ended_agreement_bites_at_the_next_request(version: Version, keeper: Person) -> None:
    token, secret = grant(version)
    asked(token, version)

    agreements.end(token.agreement, by=keeper)

    with pytest.raises(Denied) as denied:
        asked(pulls.token_of(Credential(secret=secret)), version)
    assert denied.value.code == "agreement-ended"


def test_a_change_that_still_permits_is_decided_anew_within_the_same_pull(version: Version, keeper: Person) -> None:
    token, _ = grant(version)
    before = asked(token, version)

    policies.revise(version.dataset, body={**POLICY, "purposes": ["teaching", "archiving"]}, by=keeper)
    after = asked(token, version)

    assert after.pull == before.pull
    assert after.decision != before.decision
    assert Event.objects.filter(verb="pull.open").count() == 1


def test_a_decision_that_ran_out_is_made_anew(version: Version) -> None:
    token, _ = grant(version)
    start = timezone.now()
    first = asked(token, version, at=start)
    Pull.objects.update(last_at=start + timedelta(minutes=14))

    later = asked(token, version, at=start + timedelta(minutes=16))

    assert later.pull == first.pull
    assert later.decision != first.decision


def test_fifteen_idle_minutes_end_a_pull_and_the_log_says_what_it_took(version: Version) -> None:
    token, _ = grant(version)
    access = asked(token, version)
    pulls.took(access, "README.md", 10)
    pulls.took(access, "README.md", 5)
    pulls.took(access, "croissant.json", 7)

    too_early = pulls.close_idle(timezone.now() + timedelta(minutes=14))
    closed = pulls.close_idle(timezone.now() + timedelta(minutes=16))

    assert (too_early, closed) == (0, 1)
    body = Event.objects.get(verb="pull.close").body
    assert '"bytes":22' in body
    assert '"files":2' in body
    assert '"requests":3' in body
    assert asked(token, version).pull != access.pull


def test_an_unapproved_version_is_denied_and_the_newest_approved_one_named(version: Version) -> None:
    token, _ = grant(version)
    proposed = make_version(version.dataset, status="proposed")

    with pytest.raises(Denied) as denied:
        asked(token, proposed)

    assert denied.value.code == "version-not-approved"
    assert "v1" in denied.value.message


def test_main_is_the_newest_version_that_can_be_pulled(version: Version, keeper: Person) -> None:
    later = published(version.dataset)
    assert pulls.version_of(version.dataset, "main") == later

    takedowns.open(later, by=keeper, reason="It quotes a letter.")

    assert pulls.version_of(version.dataset, "main") == version


@pytest.mark.parametrize("revision", ["v2", "v01", "v", "V1", "0" * 40, "refs/convert/parquet", "../x"])
def test_what_was_never_published_is_unknown(version: Version, revision: str) -> None:
    with pytest.raises(Missing) as missing:
        pulls.version_of(version.dataset, revision)

    assert missing.value.code == "version-unknown"


def test_a_token_of_another_community_knows_nothing_of_this_one(version: Version) -> None:
    token, _ = grant(published(open_dataset()))

    with pytest.raises(Missing) as missing:
        pulls.dataset_of(token, version.community.slug, version.dataset.slug)

    assert missing.value.code == "dataset-unknown"


def test_without_a_good_token_nobody_is_known(version: Version, keeper: Person) -> None:
    token, secret = grant(version)
    signature = pulls.signed_query(token, version).removeprefix("sig=")
    agreements.revoke_token(token, by=keeper)
    wrong = [
        Credential(),
        Credential(secret="wh_x"),
        Credential(secret),
        Credential(signature=signature),
        Credential(signature="x:y:z"),
    ]

    codes = []
    for credential in wrong:
        with pytest.raises(Unknown) as unknown:
            pulls.token_of(credential)
        codes.append(unknown.value.code)

    assert codes == ["token-missing", "token-unknown", "token-revoked", "token-revoked", "token-unknown"]


def test_a_signed_query_stands_for_its_token(version: Version) -> None:
    token, _ = grant(version)

    credential = Credential(signature=pulls.signed_query(token, version).removeprefix("sig="))

    assert pulls.token_of(credential) == token
    pulls.require_for(credential, version)
    with pytest.raises(Denied):
        pulls.require_for(credential, published(version.dataset))


def _steward(version: Version) -> Person:
    return make_person(version.community, "steward")
