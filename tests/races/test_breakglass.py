"""Two keepers at once: one of them opens it, and it opens once."""

from datetime import timedelta

import pytest

from governance import breakglass
from governance.kernel.errors import Conflict
from governance.models import BreakGlass, Event
from tests.factories import make_community, make_dataset, make_keeper, make_person

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]


def test_of_many_keepers_who_agree_at_once_one_opens_it(in_threads):
    community = make_community()
    dataset = make_dataset(community, make_keeper(community))
    others = [make_keeper(community) for _ in range(6)]
    person = make_person(community)
    opening = breakglass.ask(dataset, person=person, reason="why", hours=2, by=dataset.created_by)

    answers = in_threads(lambda i: breakglass.second(BreakGlass.objects.get(pk=opening.pk), by=others[i]), 6)

    assert sum(isinstance(answer, BreakGlass) for answer in answers) == 1
    assert all(isinstance(answer, BreakGlass | Conflict) for answer in answers)
    opening.refresh_from_db()
    assert opening.ends_at - opening.opened_at == timedelta(hours=2)
    assert Event.objects.filter(verb="breakglass.second").count() == 1


def test_who_ends_it_and_who_agrees_at_once_leave_it_open_or_closed_and_never_both(in_threads):
    community = make_community()
    dataset = make_dataset(community, make_keeper(community))
    other = make_keeper(community)
    opening = breakglass.ask(dataset, person=make_person(community), reason="why", hours=2, by=dataset.created_by)

    def act(i: int) -> BreakGlass:
        row = BreakGlass.objects.get(pk=opening.pk)
        return breakglass.end(row, by=dataset.created_by) if i else breakglass.second(row, by=other)

    in_threads(act, 2)

    opening.refresh_from_db()
    is_open = BreakGlass.objects.open_at().filter(pk=opening.pk).exists()
    assert is_open == (opening.ended_at is None)
