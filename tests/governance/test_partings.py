"""Erasing somebody: their lines stay, and nobody can say any more whose they are."""

import json

import pytest

from governance import contributors, log, partings, people, withdrawals
from governance.kernel.errors import Conflict, NotAllowed
from governance.models import Event, Person, Withdrawal
from tests.factories import make_community, make_contributor, make_keeper, make_person

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_pseudonym_is_not_the_id_by_which_pages_name_somebody():
    person = make_person()
    contributor = make_contributor(make_community())

    assert person.public_id not in person.ref and contributor.public_id not in contributor.ref
    assert person.ref == Person.objects.get(pk=person.pk).ref


def test_erasing_a_person_leaves_the_tree_whole_and_their_lines_nobodys():
    community = make_community()
    person = make_person(community, username="nara", password="a quiet harbour")
    teller = make_contributor(community, person=person)
    people.change(person, by=person, display_name="Nara of the Quay")
    ref = person.ref
    log.seal()
    line = Event.objects.filter(actor=ref).first()
    before = log.proof(line)

    partings.erase(person, by=person)
    log.seal()

    gone = Person.objects.get(pk=person.pk)
    teller.refresh_from_db()
    assert log.verify().ok and log.check_proof(before).ok and log.check_proof(log.proof(line)).ok
    assert Event.objects.filter(actor=ref).exists()
    assert not Person.objects.filter(pseudonym=ref.removeprefix("person:")).exists()
    assert (gone.display_name, gone.email, gone.is_active, gone.pseudonym, teller.person) == ("", "", False, None, None)
    assert "nara" not in gone.username and not gone.has_usable_password()
    assert not gone.memberships.current().exists()


def test_nobody_erases_somebody_else_and_the_last_keeper_stays():
    community = make_community()
    keeper, other = make_keeper(community), make_person(community)

    with pytest.raises(NotAllowed):
        partings.erase(other, by=keeper)
    with pytest.raises(Conflict, match="only keeper"):
        partings.erase(keeper, by=keeper)

    assert Person.objects.get(pk=keeper.pk).is_active


def test_the_log_names_a_contributor_by_the_pseudonym_alone():
    community = make_community()
    keeper = make_keeper(community)
    teller = contributors.add(community, name="Old Teller of the Quay", by=keeper)
    contributors.link(teller, person=make_person(community), by=keeper)
    withdrawals.open(teller, by=keeper, channel=Withdrawal.Channel.STEWARD)

    told = [json.loads(body) for body in Event.objects.values_list("body", flat=True)]
    text = json.dumps(told)

    assert {"hold.place", "withdrawal.open", "contributor.link"} <= {line["verb"] for line in told}
    assert teller.public_id not in text and "Old Teller" not in text
    assert teller.pseudonym in text
