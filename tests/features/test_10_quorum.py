"""Feature 10: quorum with veto, bound to the manifest root."""

from datetime import timedelta

import pytest
from django.db.models import Value
from django.db.models.functions import Concat, Substr
from django.utils import timezone

from curation import versions
from curation.models import Build, Member, Version
from governance import communities, votes
from governance.kernel.errors import NotAllowed
from governance.models import Event, Proposal
from tests.curation.lines import Line, make_line, proposed, work
from tests.factories import make_person

pytestmark = pytest.mark.django_db(transaction=True)


def with_rule(line: Line, **rule: object) -> Line:
    line.community.charter = {"rules": {"version": rule}}
    line.community.save()
    return line


def other_character(text: str) -> str:
    return "0" if text != "0" else "1"


@pytest.mark.parametrize("column", ["content_hash", "label", "split"])
def test_one_byte_that_changes_after_the_vote_refuses_publication(column: str) -> None:
    line = make_line(600)
    version = proposed(line)
    versions.approve(version, by=line.keeper)
    assert (version.status, version.proposal.status) == (Version.Status.APPROVED, Proposal.Status.PASSED)
    member = version.members.order_by("uid").first()
    last = getattr(member, column)[-2 if column == "label" else -1]

    changed = {"content_hash": Concat(Substr("content_hash", 1, 63), Value(other_character(last)))}
    changed |= {"label": Value(member.label.replace(last, last.upper())), "split": Value("tesT")}
    Member.objects.filter(pk=member.pk).update(**{column: changed[column]})
    work()

    version.refresh_from_db()
    assert version.status == Version.Status.APPROVED
    assert version.published_at is None
    assert Build.objects.get(version=version).error_code == "members-changed"
    assert not Event.objects.filter(verb="version.publish").exists()


def test_a_veto_when_the_yes_are_already_enough_ends_it_as_vetoed() -> None:
    line = with_rule(make_line(600), who=["keeper", "steward"], threshold=2, veto=["authority"], veto_hours=24)
    second = make_person(line.community, "keeper")
    version = proposed(line)
    versions.approve(version, by=line.keeper)
    versions.approve(version, by=second)
    at_m = votes.state(version.proposal)

    versions.approve(version, by=line.elder, choice="veto", reason="These words are not for everybody.")

    version.proposal.refresh_from_db()
    version.refresh_from_db()
    assert (at_m.yes, at_m.needed, at_m.outcome) == (2, 2, "open")
    assert (version.proposal.status, version.status) == (Proposal.Status.VETOED, Version.Status.REJECTED)
    assert not Build.objects.exists()


def test_whoever_is_removed_before_it_closes_is_not_counted() -> None:
    line = with_rule(make_line(600), who=["keeper", "steward"], threshold=2, min_open_hours=24)
    leaver = make_person(line.community, "steward")
    version = proposed(line)
    versions.approve(version, by=leaver)
    versions.approve(version, by=line.keeper)
    reached = votes.state(version.proposal).yes

    communities.leave(line.community, by=leaver)
    votes.close_if_decided(version.proposal, at=timezone.now() + timedelta(hours=25))

    assert reached == 2
    assert votes.state(version.proposal).yes == 1
    assert version.proposal.status != Proposal.Status.PASSED
    assert not Build.objects.exists()


def test_the_proposer_alone_never_passes() -> None:
    line = with_rule(make_line(600), who=["keeper", "steward"], threshold=1)
    communities.grant(line.community, person=line.steward, role="keeper", by=line.keeper)
    version = proposed(line)

    with pytest.raises(NotAllowed):
        versions.approve(version, by=line.steward)
    communities.leave(line.community, by=line.keeper)
    votes.close_if_decided(version.proposal, at=timezone.now() + timedelta(days=400))
    versions.settle(version)

    assert line.steward.public_id not in version.proposal.eligible
    assert version.proposal.status == Proposal.Status.OPEN
    assert version.status == Version.Status.PROPOSED
