"""Every link and every form of the pages leads somewhere: a walk from Today through all that a person can reach."""

import pytest

from governance.models import Community
from tests.factories import make_person
from tests.journeys.walking import a_small_community, walk

# Committed, since the log seals only what is: a proof of what is still being written does not exist yet.
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def community() -> Community:
    return a_small_community()


@pytest.mark.parametrize("role", ["keeper", "steward", "reviewer", "contributor", "representative", "authority"])
def test_no_link_and_no_form_of_a_persons_pages_leads_nowhere(community: Community, role: str) -> None:
    person = make_person(community, role)

    _, wrong = walk(person)

    assert not wrong, "\n".join(f"{address}: {what}" for address, what in sorted(wrong.items()))
