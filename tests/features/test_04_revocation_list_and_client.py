"""Feature 4, a signed, gap-free revocation list and a client that obeys: wrong lists stop it, listed rows never come out."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from clients.wellhouse_client import BadList, Guard, Replayed, Stale, Withdrawn, mark
from curation import revocations, storage
from curation.models import Version
from governance import signing, withdrawals
from governance.kernel.digests import digest
from governance.models import Sample
from tests.curation.made import make_version, open_dataset, published
from tests.factories import add_samples, give_consent, make_contributor, make_person

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def files(settings, tmp_path: Path) -> None:
    settings.FILES_ROOT = tmp_path / "files"


@pytest.fixture
def version() -> Version:
    """A version of three people, so that it can be touched three times."""
    dataset = open_dataset()
    samples: list[Sample] = []
    for i in range(3):
        teller = make_contributor(dataset.community, name=f"teller {i}")
        give_consent(teller, "teaching")
        samples += add_samples(dataset, [f"{i} tells {n}" for n in range(10)], teller, source=f"{i}.csv")
    return published(dataset, samples=samples)


@pytest.fixture
def guard(version: Version, client: Client, tmp_path: Path) -> Callable[..., Guard]:
    """The client over a copy of the version, as somebody has it who pulled it; ``text`` replaces what the house sends."""
    copy = tmp_path / "copy"
    for file in version.files.all():
        place = copy / file.path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(storage.locate(file.path, file.sha256).read_bytes())
    pem = tmp_path / "house.pem"
    pem.write_text(signing.public_keys()[signing.current_keyid()])

    def ask(address: str) -> str:
        return client.get(address.removeprefix("http://127.0.0.1:8000")).content.decode()

    def make(text: str | None = None, **fields: Any) -> Guard:
        guard = Guard.of(copy, public_keys=[pem], state=tmp_path / "state", purpose="teaching")
        guard.fetch = ask if text is None else lambda _address: text
        for name, value in fields.items():
            setattr(guard, name, value)
        return guard

    return make


def take_back(version: Version, i: int) -> set[str]:
    """Let one of the three take everything back; returns their sample ids."""
    teller = version.community.contributors.get(name=f"teller {i}")
    withdrawals.open(teller, by=make_person(version.community, "steward"), channel="steward")
    return set(Sample.objects.filter(contributor=teller).values_list("uid", flat=True))


def resigned(version: Version, change: Callable[[dict[str, Any]], None]) -> str:
    """A list that the house itself signed, changed before signing: what a house that cheats could send."""
    told: dict[str, Any] = json.loads(json.dumps(revocations.payload(version.dataset)))
    change(told)
    return signing.jws(told, revocations.TYP)


def test_an_untouched_version_is_handed_out_whole(version: Version, guard: Callable[..., Guard]) -> None:
    rows = [row["sample_id"] for split in ("train", "validation", "test") for row in guard().rows(split)]

    assert sorted(rows) == sorted(version.members.values_list("uid", flat=True))


def test_it_refuses_to_train_when_its_rows_are_listed(version: Version, guard: Callable[..., Guard]) -> None:
    take_back(version, 0)

    with pytest.raises(Withdrawn):
        next(guard().rows("train"))


def test_listed_rows_never_reach_the_iterator(version: Version, guard: Callable[..., Guard]) -> None:
    taken = take_back(version, 0)
    free = guard(go_on_without=True)

    rows = {row["sample_id"] for split in ("train", "validation", "test") for row in free.rows(split)}

    assert rows == set(version.members.values_list("uid", flat=True)) - taken
    assert len(taken) == 10


def test_what_is_taken_back_in_the_middle_of_a_run_stops_it_at_the_next_check(
    version: Version, guard: Callable[..., Guard]
) -> None:
    run = guard(recheck_seconds=0).rows("train")
    next(run)

    take_back(version, 1)

    with pytest.raises(Withdrawn):
        next(run)


def test_it_refuses_to_train_when_next_update_has_passed(version: Version, guard: Callable[..., Guard]) -> None:
    old = revocations.signed(version.dataset)
    later = timezone.now() + revocations.FRESH + timedelta(minutes=10)

    with pytest.raises(Stale):
        next(guard(old, now=lambda: later).rows("train"))


def test_without_the_house_the_last_good_list_counts_until_its_end(
    version: Version, guard: Callable[..., Guard]
) -> None:
    def nobody(_address: str) -> str:
        raise OSError("no route")

    guard().check()
    later: datetime = timezone.now() + revocations.FRESH + timedelta(minutes=10)

    assert next(guard(fetch=nobody).rows("train"))
    with pytest.raises(Stale):
        next(guard(fetch=nobody, now=lambda: later).rows("train"))


@pytest.mark.parametrize("gone", [0, 1, 2])
def test_a_dropped_entry_is_an_error(version: Version, guard: Callable[..., Guard], gone: int) -> None:
    for i in range(3):
        take_back(version, i)

    with pytest.raises(BadList):
        guard(resigned(version, lambda told: told["entries"].pop(gone))).check()


def test_a_dropped_entry_is_an_error_though_the_rest_is_numbered_anew(
    version: Version, guard: Callable[..., Guard]
) -> None:
    for i in range(3):
        take_back(version, i)

    def drop(told: dict[str, Any]) -> None:
        told["entries"].pop(0)
        for number, entry in enumerate(told["entries"], start=1):
            entry["seq"] = number
        told["seq"] = 2

    with pytest.raises(BadList):
        guard(resigned(version, drop)).check()


def test_an_old_list_is_an_error_once_a_newer_one_was_seen(version: Version, guard: Callable[..., Guard]) -> None:
    old = revocations.signed(version.dataset)
    take_back(version, 0)
    with pytest.raises(Withdrawn):
        guard().check()

    with pytest.raises(Replayed):
        guard(old).check()


def test_a_past_that_was_made_anew_is_an_error(version: Version, guard: Callable[..., Guard]) -> None:
    take_back(version, 0)
    guard(go_on_without=True).check()

    def other(told: dict[str, Any]) -> None:
        told["entries"][0]["samples"] = []
        told["head"] = "sha256:" + digest(told["entries"][0])

    with pytest.raises(Replayed):
        guard(resigned(version, other), go_on_without=True).check()


def test_a_flipped_bit_anywhere_is_an_error(version: Version, guard: Callable[..., Guard]) -> None:
    take_back(version, 0)
    good = revocations.signed(version.dataset)

    for place in [*range(0, len(good), 7), *range(len(good) - 4, len(good))]:
        flipped = good[:place] + chr(ord(good[place]) ^ 1) + good[place + 1 :]
        with pytest.raises(BadList):
            guard(flipped, go_on_without=True).check()


def test_a_list_by_another_key_is_an_error(version: Version, guard: Callable[..., Guard], tmp_path: Path) -> None:
    from_nobody = guard(revocations.signed(version.dataset), keys={})

    with pytest.raises(BadList):
        from_nobody.check()


def test_numbers_have_no_gap_and_each_entry_holds_the_digest_of_the_one_before(version: Version) -> None:
    for i in range(3):
        take_back(version, i)

    entries: Any = revocations.payload(version.dataset)["entries"]

    assert [entry["seq"] for entry in entries] == [1, 2, 3]
    assert [entry["prev"] for entry in entries] == [None, *("sha256:" + digest(entry) for entry in entries[:2])]


def test_only_holders_of_the_version_recognise_rows(version: Version) -> None:
    taken = take_back(version, 0)
    other = make_version(version.dataset)

    entries: Any = revocations.payload(version.dataset)["entries"]

    listed = set(entries[0]["samples"])
    assert {mark(revocations.key_of(version), uid) for uid in taken} == listed
    assert not {mark(revocations.key_of(other), uid) for uid in taken} & listed
    assert not any(uid in json.dumps(entries) for uid in taken)
