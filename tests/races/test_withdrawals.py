"""Withdrawals that come at the same moment: the list has no gap, and one version takes the place of what was closed."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from curation import revocations, standing, successions
from curation.models import Member, RevocationEntry, Version
from governance import withdrawals
from governance.kernel.digests import digest
from governance.models import Contributor, Sample
from tests.curation.lines import work
from tests.curation.made import open_dataset, published
from tests.factories import add_samples, give_consent, make_contributor, make_person

pytestmark = pytest.mark.postgres

MANY = 6


@pytest.fixture(autouse=True)
def files(settings, tmp_path: Path) -> None:
    settings.FILES_ROOT = tmp_path / "files"


def of_many_people() -> tuple[Version, list[Contributor]]:
    dataset = open_dataset()
    tellers = [make_contributor(dataset.community) for _ in range(MANY + 1)]
    samples: list[Sample] = []
    for i, teller in enumerate(tellers):
        give_consent(teller, "teaching")
        samples += add_samples(dataset, [f"{i} tells {n}" for n in range(20)], teller, source=f"{i}.csv")
    return published(dataset, samples=samples), tellers


def test_the_list_has_no_gap_although_many_take_back_at_once(in_threads: Callable[..., list[Any]]) -> None:
    version, tellers = of_many_people()
    steward = make_person(version.community, "steward")

    answers = in_threads(lambda i: withdrawals.open(tellers[i], by=steward, channel="steward").pk, MANY)

    entries = [json.loads(body) for body in RevocationEntry.objects.order_by("seq").values_list("body", flat=True)]
    assert not [answer for answer in answers if isinstance(answer, Exception)]
    assert [entry["seq"] for entry in entries] == list(range(1, MANY + 1))
    assert [entry["prev"] for entry in entries[1:]] == [f"sha256:{digest(entry)}" for entry in entries[:-1]]
    assert revocations.payload(version.dataset)["seq"] == MANY


def test_one_version_takes_the_place_and_holds_nobody_who_left(in_threads: Callable[..., list[Any]]) -> None:
    version, tellers = of_many_people()
    steward = make_person(version.community, "steward")
    in_threads(lambda i: withdrawals.open(tellers[i], by=steward, channel="steward").pk, MANY)

    in_threads(lambda _i: successions.propose_next(version.dataset), 4)
    work()
    successions.catch_up()
    work()

    standing_ones = version.dataset.versions.exclude(status__in=("rejected", "failed")).exclude(pk=version.pk)
    heir = standing_ones.get()
    givers = set(Member.objects.filter(version=heir).values_list("sample__contributor", flat=True))
    assert heir.status == Version.Status.PROPOSED
    assert givers == {tellers[MANY].pk}
    assert not standing.stops_in(heir).taken_back
    numbers = list(version.dataset.versions.values_list("number", flat=True))
    assert len(numbers) == len(set(numbers))
