"""Frames: the promised columns, ties as no consensus, rejected answers left out."""

import time

import pandas as pd
import pytest
from django.db import connection

from annotations import frames, reviews, submissions
from annotations.models import Campaign, Task
from governance.models import Sample
from tests.annotations.makers import CONFIG, answer, claimed, make_campaign, member
from tests.factories import add_samples

pytestmark = pytest.mark.django_db


def test_votes_have_the_promised_columns_and_no_names() -> None:
    campaign = make_campaign(2, overlap=1)
    person = member(campaign)
    answer(campaign, person)
    answer(campaign, person, "Sad")

    frame = frames.votes(campaign)

    assert list(frame.columns) == ["sample_uid", "annotator", "label", "at"]
    assert set(frame["annotator"]) == {person.ref}
    assert sorted(frame["label"]) == ["Glad", "Sad"]
    assert list(frame["sample_uid"]) == sorted(Sample.objects.values_list("uid", flat=True))
    assert str(frame["at"].dtype).startswith("datetime64") and str(frame["at"].dt.tz) == "UTC"


def test_outcomes_name_the_majority_and_leave_a_tie_open() -> None:
    campaign = make_campaign(2, overlap=3)
    one, two, three = (member(campaign) for _ in range(3))
    for person, labels in ((one, ("Glad", "Sad")), (two, ("Glad", "Plain"))):
        for label in labels:
            answer(campaign, person, label)
    answer(campaign, three, "Sad")

    frame = frames.outcomes(campaign).set_index("sample_id")
    first, second = Sample.objects.order_by("pk")

    assert frames.outcomes(campaign).columns.tolist() == ["sample_uid", "sample_id", "label", "n_votes", "agreement"]
    assert frame.loc[first.pk, ["label", "n_votes"]].tolist() == ["Glad", 3]
    assert frame.loc[first.pk, "agreement"] == pytest.approx(2 / 3)
    assert frame.loc[second.pk, "label"] is None
    assert frame.loc[second.pk, "n_votes"] == 2


def test_what_was_undone_or_rejected_does_not_count() -> None:
    campaign = make_campaign(2, overlap=1)
    person = member(campaign)
    reviews.decide(answer(campaign, person), by=member(campaign, "reviewer"), verdict="reject", reason="spelling")
    submissions.undo(answer(campaign, person), by=person)

    assert frames.votes(campaign).empty
    assert frames.outcomes(campaign).empty
    assert frames.outcomes(campaign)["agreement"].dtype == "float64"


def test_where_review_is_asked_for_only_accepted_answers_count() -> None:
    campaign = make_campaign(2, overlap=1, needs_review=True)
    first, _second = answer(campaign, member(campaign)), answer(campaign, member(campaign))
    reviews.decide(first, by=member(campaign, "reviewer"), verdict="accept")

    assert frames.outcomes(campaign)["sample_id"].tolist() == [first.sample_id]


def test_several_labels_come_as_lists() -> None:
    campaign = make_campaign(1, overlap=1, config=CONFIG.replace('required="true"', 'choice="multiple"'))
    person = member(campaign)
    value = {"choices": ["Sad", "Glad"]}
    result = [{"from_name": "feeling", "to_name": "text", "type": "choices", "value": value}]
    submissions.submit(claimed(campaign, person), by=person, result=result, client_id="client-one")

    assert frames.votes(campaign)["label"].tolist() == [["Glad", "Sad"]]
    assert frames.outcomes(campaign)["label"].tolist() == [["Glad", "Sad"]]


@pytest.mark.slow
def test_a_hundred_thousand_votes_take_a_few_seconds_at_most() -> None:
    campaign = make_campaign(0)
    many(campaign, 20_000, 5)

    start = time.perf_counter()
    found, given = frames.outcomes(campaign), frames.votes(campaign)
    took = time.perf_counter() - start

    assert (len(found), len(given)) == (20_000, 100_000)
    assert took < 10
    assert isinstance(found, pd.DataFrame)


def many(campaign: Campaign, n_samples: int, n_people: int) -> None:
    samples = add_samples(campaign.dataset, [f"tale {number}" for number in range(n_samples)])
    Task.objects.bulk_create([Task(campaign=campaign, sample=sample) for sample in samples])
    people = [member(campaign).pk for _ in range(n_people)]
    marks = ", ".join(["%s"] * n_people)
    with connection.cursor() as cursor:
        cursor.execute(
            f"""INSERT INTO annotations_annotation (public_id, campaign_id, task_id, sample_id, annotator_id, client_id, result,
                  label, standing, config_digest, sample_revision, created_at)
                SELECT CAST(t.id AS text) || '-' || CAST(p.id AS text), t.campaign_id, t.id, t.sample_id, p.id,
                  CAST(t.id AS text), '[]', CASE (t.id * 7 + p.id * 3) %% 3 WHEN 0 THEN 'Glad' WHEN 1 THEN 'Sad' ELSE 'Plain' END,
                  'counts', '', 1, p.joined_at
                  FROM annotations_task t CROSS JOIN governance_person p WHERE t.campaign_id = %s AND p.id IN ({marks})""",
            [campaign.pk, *people],
        )
