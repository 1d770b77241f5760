"""Agreements and tokens: no wider than the rules, ended at once, secrets shown once."""

import base64
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.utils import timezone

from governance import agreements, grants, parties, policies, votes
from governance.kernel.errors import Conflict, Invalid, Missing, NotAllowed
from governance.models import Agreement, Dataset, Event, Party, Person, Proposal, Token
from governance.odrl.policy import Body, Term
from tests.factories import PARTY_KEY, make_agreement, make_dataset, make_party, make_person, pem_of

pytestmark = pytest.mark.django_db
RULES = Body(purposes=("teaching", "research"), organisations=("non-profit",), terms=(Term("agreement-months", 12),))


@pytest.fixture
def dataset() -> Dataset:
    return make_dataset()


@pytest.fixture
def steward(dataset: Dataset) -> Person:
    return make_person(dataset.community, "steward")


@pytest.fixture
def school(dataset: Dataset, steward: Person) -> Party:
    policies.revise(dataset, body=RULES, by=steward)
    return parties.add(dataset.community, name="Quayside Language School", kind="non-profit", by=steward)


def sign(party: Party, dataset: Dataset, by: Person, **changes: object) -> Agreement:
    wanted = {
        "purpose": "teaching",
        "is_commercial": False,
        "expires_at": timezone.now() + timedelta(days=90),
    } | changes
    return agreements.sign(party, dataset=dataset, by=by, **wanted)


def test_an_agreement_keeps_the_revision_under_which_it_was_signed(
    dataset: Dataset, school: Party, steward: Person
) -> None:
    agreement = sign(school, dataset, steward)
    policies.revise(dataset, body=Body(), by=steward)

    agreement.refresh_from_db()

    assert agreement.policy.number == 2
    assert agreements.name_of(agreement).startswith("A-")


def test_an_agreement_is_no_wider_than_the_rules_and_every_reason_is_named(
    dataset: Dataset, school: Party, steward: Person
) -> None:
    company = parties.add(dataset.community, name="Northbank", kind="for-profit", by=steward)

    with pytest.raises(Invalid) as refusal:
        sign(
            company,
            dataset,
            steward,
            purpose="text-generation",
            is_commercial=True,
            expires_at=timezone.now() + timedelta(days=800),
        )

    assert {reason.code for reason in refusal.value.reasons} == {
        "purpose-not-permitted",
        "organisation-not-permitted",
        "commercial-not-permitted",
        "agreement-too-long",
    }
    assert not Agreement.objects.exists()


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"purpose": "research"}, "purpose-too-broad"),
        ({"purpose": "sorcery"}, "purpose-unknown"),
        ({"expires_at": timezone.now() - timedelta(days=1)}, "end-in-past"),
    ],
)
def test_an_agreement_names_one_leaf_and_an_end(
    dataset: Dataset, school: Party, steward: Person, changes: dict[str, object], code: str
) -> None:
    with pytest.raises(Invalid) as refusal:
        sign(school, dataset, steward, **changes)

    assert [reason.code for reason in refusal.value.reasons] == [code]


def test_a_party_of_another_community_cannot_sign(school: Party) -> None:
    other = make_dataset()
    steward = make_person(other.community, "steward")

    with pytest.raises(Invalid) as refusal:
        sign(school, other, steward)

    assert refusal.value.reasons[0].code == "party-unknown"


def test_only_the_desk_signs(dataset: Dataset, school: Party) -> None:
    with pytest.raises(NotAllowed):
        sign(school, dataset, make_person(dataset.community, "contributor"))


def test_a_token_is_shown_once_and_kept_as_a_hash(dataset: Dataset, school: Party, steward: Person) -> None:
    agreement = sign(school, dataset, steward)

    token, secret = agreements.issue_token(agreement, by=steward, label="evening class")

    assert secret.startswith("wh_pull_") and len(secret) == 40
    assert secret not in str(Token.objects.filter(pk=token.pk).values())
    assert not any(secret in event.body for event in Event.objects.all())
    assert agreements.token_of(secret).agreement == agreement
    assert token.expires_at == agreement.expires_at


def test_a_token_cannot_outlive_its_agreement(dataset: Dataset, school: Party, steward: Person) -> None:
    agreement = sign(school, dataset, steward)

    with pytest.raises(Invalid) as refusal:
        agreements.issue_token(agreement, by=steward, label="x", expires_at=agreement.expires_at + timedelta(days=1))

    assert refusal.value.code == "token-too-long"


def test_unknown_expired_and_ended_tokens_say_so(dataset: Dataset, school: Party, steward: Person) -> None:
    agreement = sign(school, dataset, steward)
    token, secret = agreements.issue_token(agreement, by=steward, label="x")

    with pytest.raises(Missing):
        agreements.token_of("wh_pull_" + "x" * 32)
    with pytest.raises(NotAllowed) as expired:
        agreements.token_of(secret, at=agreement.expires_at)
    agreements.revoke_token(token, by=steward)
    with pytest.raises(NotAllowed) as ended:
        agreements.token_of(secret)

    assert (expired.value.code, ended.value.code) == ("token-expired", "token-revoked")


def test_an_end_can_be_undone_for_half_a_minute_and_no_longer(dataset: Dataset, school: Party, steward: Person) -> None:
    agreement = sign(school, dataset, steward)
    token, secret = agreements.issue_token(agreement, by=steward, label="x")
    agreements.end(agreement, by=steward)
    agreements.revoke_token(token, by=steward)

    agreements.restore(agreement, by=steward)
    agreements.restore_token(token, by=steward)
    restored = agreements.token_of(secret)
    long_ago = timezone.now() - timedelta(minutes=1)
    Agreement.objects.filter(pk=agreement.pk).update(ended_at=long_ago, ended_by=steward)
    Token.objects.filter(pk=token.pk).update(revoked_at=long_ago)

    assert restored.agreement.ended_at is None
    for undo, thing in ((agreements.restore, agreement), (agreements.restore_token, token)):
        with pytest.raises(Conflict) as refusal:
            undo(thing, by=steward)
        assert refusal.value.code == "end-undo-too-late"


def test_only_whoever_ended_a_token_brings_it_back(dataset: Dataset, school: Party, steward: Person) -> None:
    token, secret = agreements.issue_token(sign(school, dataset, steward), by=steward, label="x")
    other, theirs = agreements.issue_token(sign(school, dataset, steward), by=steward, label="y")
    keeper = make_person(dataset.community, "keeper")
    agreements.revoke_token(token, by=steward)
    agreements.revoke_token(other, by=agreements.outsider_of(other.agreement))

    for one in (token, other):
        with pytest.raises(Conflict) as refusal:
            agreements.restore_token(one, by=keeper)
        assert refusal.value.code == "end-undo-too-late"

    for shown in (secret, theirs):
        with pytest.raises(NotAllowed):
            agreements.token_of(shown)


def test_a_party_touches_its_own_agreements_only(dataset: Dataset, school: Party, steward: Person) -> None:
    mine = sign(school, dataset, steward)
    other = agreements.outsider_of(sign(make_party(dataset.community, steward), dataset, steward))
    token, _secret = agreements.issue_token(mine, by=steward, label="x")

    with pytest.raises(Missing):
        agreements.issue_token(mine, by=other, label="theirs")
    with pytest.raises(Missing):
        agreements.revoke_token(token, by=other)
    with pytest.raises(Missing):
        agreements.countersign(mine, signed="a.b.c", by=other)


def test_the_signed_text_is_verified_whole_and_a_lost_key_verifies_nothing(
    dataset: Dataset, steward: Person, school: Party
) -> None:
    agreement = make_agreement(dataset, steward)
    stood = agreements.is_verified(agreement)

    parties.change_key(
        agreement.party, public_key=pem_of(Ed25519PrivateKey.generate()), by=steward, is_compromised=True
    )

    assert stood and not agreements.is_verified(agreement)
    assert agreements.fact_of(agreement).suspended_because == grants.KEY_LOST


def test_the_bare_signature_of_a_command_line_tool_is_enough(dataset: Dataset, steward: Person, school: Party) -> None:
    agreement = sign(make_party(dataset.community, steward), dataset, steward)
    bare = base64.b64encode(PARTY_KEY.sign(agreements.to_sign(agreement))).decode()

    agreements.countersign(agreement, signed=f" {bare[:40]}\n{bare[40:]}\n", by=agreements.outsider_of(agreement))

    assert agreements.is_verified(Agreement.objects.get(pk=agreement.pk))


def test_where_the_charter_asks_a_vote_puts_the_signature_there(
    dataset: Dataset, steward: Person, school: Party
) -> None:
    community = dataset.community
    community.charter = {"rules": {"agreement": {"who": ["keeper"], "threshold": 1}}}
    community.save()
    keeper = make_person(community, "keeper")

    agreement = sign(school, dataset, steward)
    before = agreement.signatures.count()
    votes.cast(Proposal.objects.get(), by=keeper, choice="yes")

    assert before == 0
    assert agreement.signatures.get().side == "community"
    assert Event.objects.filter(verb="agreement.sign").count() == 1


def test_ending_twice_says_that_it_was_ended(dataset: Dataset, school: Party, steward: Person) -> None:
    agreement = agreements.end(sign(school, dataset, steward), by=steward)

    with pytest.raises(Conflict):
        agreements.end(agreement, by=steward)
    with pytest.raises(Conflict):
        agreements.issue_token(agreement, by=steward, label="x")


def test_a_party_has_one_name_and_a_kind(dataset: Dataset, school: Party, steward: Person) -> None:
    with pytest.raises(Conflict):
        parties.add(dataset.community, name=school.name, kind="public", by=steward)
    with pytest.raises(Invalid) as refusal:
        parties.add(dataset.community, name=" ", kind="club", by=steward)

    assert [reason.code for reason in refusal.value.reasons] == ["name-missing", "organisation-unknown"]
