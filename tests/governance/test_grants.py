"""Grants: parts of an agreement that can rest and end alone, looked at when somebody pulls."""

from datetime import timedelta

import pytest
from django.utils import timezone

from governance import agreements, grants, policies
from governance.kernel.errors import Conflict, Invalid, NotAllowed
from governance.models import Agreement, Dataset, Event, Grant, Person
from governance.odrl.policy import Body
from governance.roles import Machine
from tests.factories import make_agreement, make_dataset, make_party, make_person

pytestmark = pytest.mark.django_db
RULE = Machine("withdrawals")


@pytest.fixture
def dataset() -> Dataset:
    return make_dataset()


@pytest.fixture
def steward(dataset: Dataset) -> Person:
    person = make_person(dataset.community, "steward")
    policies.revise(dataset, body=Body(purposes=("teaching",), organisations=("non-profit",)), by=person)
    return person


@pytest.fixture
def agreement(dataset: Dataset, steward: Person) -> Agreement:
    return make_agreement(dataset, steward)


def test_the_second_signature_opens_one_grant_over_all_of_it(agreement: Agreement) -> None:
    grant = agreement.grants.get()

    assert (grant.from_version, grant.to_version, grant.expires_at) == (1, None, agreement.expires_at)
    assert Event.objects.filter(verb="grant.open").count() == 1


def test_a_grant_rests_with_a_reason_and_goes_on(agreement: Agreement, steward: Person) -> None:
    grant = agreement.grants.get()
    grants.suspend(grant, by=steward, note="They moved their machines.")

    resting = agreements.fact_of(agreement).suspended_because
    with pytest.raises(Conflict):
        grants.suspend(grant, by=steward, note="Again.")
    grants.resume(grant, by=steward)

    assert resting == grants.BY_STEWARD
    assert agreements.fact_of(agreement).suspended_because == ""
    with pytest.raises(Conflict):
        grants.resume(grant, by=steward)


def test_a_person_says_why_and_a_member_may_not(agreement: Agreement, steward: Person) -> None:
    with pytest.raises(Invalid) as refusal:
        grants.suspend(agreement.grants.get(), by=steward)
    with pytest.raises(NotAllowed):
        grants.suspend(agreement.grants.get(), by=make_person(agreement.community), note="I want to.")

    assert refusal.value.code == "reason-missing"


def test_a_rule_lets_every_grant_of_a_party_rest_and_each_cause_is_lifted_alone(
    dataset: Dataset, agreement: Agreement, steward: Person
) -> None:
    second = make_agreement(dataset, steward, party=agreement.party)
    other = make_agreement(dataset, steward)
    grants.suspend(agreement.grants.get(), by=steward, note="We speak first.")

    rested = grants.suspend_all(agreement.party, by=RULE, code="duty-violated")
    again = grants.suspend_all(agreement.party, by=RULE, code="duty-violated")
    second_rests = agreements.fact_of(second).suspended_because
    lifted = grants.resume_all(agreement.party, by=RULE, code="duty-violated")

    assert (rested, again, lifted) == (2, 0, 2)
    assert second_rests == "duty-violated"
    assert agreements.fact_of(second).suspended_because == ""
    assert agreements.fact_of(agreement).suspended_because == grants.BY_STEWARD
    assert agreements.fact_of(other).suspended_because == ""


def test_a_narrower_grant_opens_only_its_versions(agreement: Agreement, steward: Person) -> None:
    grants.end(agreement.grants.get(), by=steward)
    grants.issue(agreement, by=steward, from_version=2, to_version=3)

    facts = {n: agreements.fact_of(agreement, number=n) for n in (1, 2, 3, 4)}

    opened = [n for n, f in facts.items() if f.ended_at is None and f.from_version <= n <= (f.to_version or 99)]
    assert opened == [2, 3]


def test_an_ended_grant_ends_what_it_opened_and_not_the_agreement(agreement: Agreement, steward: Person) -> None:
    grants.end(agreement.grants.get(), by=steward)

    assert agreements.fact_of(agreement).ended_at is not None
    assert Agreement.objects.get(pk=agreement.pk).ended_at is None
    with pytest.raises(Conflict):
        grants.end(agreement.grants.get(), by=steward)


def test_a_grant_is_no_wider_than_its_agreement_and_every_reason_is_named(dataset: Dataset, steward: Person) -> None:
    agreement = make_agreement(dataset, steward, from_version=2)
    Agreement.objects.filter(pk=agreement.pk).update(to_version=4)
    agreement.refresh_from_db()

    with pytest.raises(Invalid) as refusal:
        grants.issue(
            agreement,
            by=steward,
            from_version=1,
            to_version=9,
            expires_at=agreement.expires_at + timedelta(days=1),
        )

    assert [reason.path for reason in refusal.value.reasons] == ["from_version", "to_version", "expires_at"]


def test_nothing_is_granted_before_both_have_signed_or_after_the_end(dataset: Dataset, steward: Person) -> None:
    end = timezone.now() + timedelta(days=30)
    half = agreements.sign(
        make_party(dataset.community, steward),
        dataset=dataset,
        purpose="teaching",
        is_commercial=False,
        expires_at=end,
        by=steward,
    )

    with pytest.raises(Conflict) as unsigned:
        grants.issue(half, by=steward)
    over = agreements.end(make_agreement(dataset, steward), by=steward)
    with pytest.raises(Conflict) as ended:
        grants.issue(over, by=steward)

    assert (unsigned.value.code, ended.value.code) == ("agreement-unsigned", "agreement-ended")
    assert not Grant.objects.filter(agreement=half).exists()


def test_a_grant_that_begins_later_opens_nothing_before(agreement: Agreement, steward: Person) -> None:
    grants.end(agreement.grants.get(), by=steward)
    tomorrow = timezone.now() + timedelta(days=1)
    grants.issue(agreement, by=steward, not_before=tomorrow)

    assert agreements.fact_of(agreement).not_before == tomorrow
