"""Reviews: accept, or reject with a reason; nobody their own; what was rejected goes to somebody else."""

import pytest

from annotations import leases, reviews
from annotations.models import Annotation, QueueSlot, Review, Task
from governance.kernel.errors import Conflict, Invalid, Missing, NotAllowed
from tests.annotations.makers import answer, make_campaign, member
from tests.factories import make_person

pytestmark = pytest.mark.django_db


def test_nobody_reviews_their_own_annotation() -> None:
    campaign = make_campaign(1)
    reviewer = member(campaign, "reviewer")
    made = answer(campaign, reviewer)

    with pytest.raises(NotAllowed) as caught:
        reviews.decide(made, by=reviewer, verdict="accept")

    assert caught.value.code == "own-annotation"
    assert not reviews.waiting_for(reviewer, campaign).exists()


def test_a_rejection_reaches_its_author_and_opens_the_task_for_somebody_else() -> None:
    campaign = make_campaign(1, overlap=1)
    author, other = member(campaign), member(campaign)
    made = answer(campaign, author)

    review = reviews.decide(
        made, by=member(campaign, "reviewer"), verdict="reject", reason="misheard", text="She laughs."
    )
    made = Annotation.objects.get()

    assert (made.standing, review.reason, review.text) == ("rejected", "misheard", "She laughs.")
    assert (Task.objects.get().answers, Task.objects.get().status) == (0, "open")
    assert leases.claim(campaign, by=author) is None
    assert leases.claim(campaign, by=other) is not None


def test_an_accepted_answer_stays_as_it_is_and_waits_no_more() -> None:
    campaign = make_campaign(1, overlap=1)
    made = answer(campaign, member(campaign))
    reviewer = member(campaign, "reviewer")
    assert list(reviews.waiting_for(reviewer, campaign)) == [made]

    reviews.decide(made, by=reviewer, verdict="accept", reason="misheard")

    assert Review.objects.get().reason == ""
    assert Annotation.objects.get().standing == "counts"
    assert not QueueSlot.objects.exists()
    assert not reviews.waiting_for(member(campaign, "reviewer"), campaign).exists()


@pytest.mark.parametrize(
    ("verdict", "reason", "text", "code"),
    [
        ("perhaps", "", "", "verdict-unknown"),
        ("reject", "", "", "reason-missing"),
        ("reject", "because", "", "reason-missing"),
        ("reject", "other", "  ", "reason-words-missing"),
    ],
)
def test_a_rejection_without_a_reason_is_refused(verdict: str, reason: str, text: str, code: str) -> None:
    campaign = make_campaign(1)
    made = answer(campaign, member(campaign))

    with pytest.raises(Invalid) as caught:
        reviews.decide(made, by=member(campaign, "reviewer"), verdict=verdict, reason=reason, text=text)

    assert caught.value.code == code
    assert not Review.objects.exists()


def test_an_answer_is_rejected_once() -> None:
    campaign = make_campaign(1)
    made = answer(campaign, member(campaign))
    one, two = member(campaign, "reviewer"), member(campaign, "steward")
    reviews.decide(Annotation.objects.get(), by=one, verdict="reject", reason="spelling")

    for person in (one, two):
        with pytest.raises(Conflict):
            reviews.decide(Annotation.objects.get(), by=person, verdict="reject", reason="spelling")
    with pytest.raises(Conflict):
        reviews.decide(made, by=two, verdict="accept")

    assert QueueSlot.objects.get().slots == 2


def test_contributors_do_not_review_and_strangers_find_nothing() -> None:
    campaign = make_campaign(1)
    made = answer(campaign, member(campaign))

    with pytest.raises(NotAllowed):
        reviews.decide(made, by=member(campaign), verdict="accept")
    with pytest.raises(Missing):
        reviews.decide(made, by=make_person(), verdict="accept")
