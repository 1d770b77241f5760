"""Erasure: after thirty days nothing that holds what was taken back is left, and everything else still verifies."""

import json
from datetime import timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command
from django.utils import timezone

from annotations.models import Annotation
from curation import erasures, storage
from curation.models import Erasure, Version
from governance import consents, holds, media, withdrawals
from governance.models import Contributor, Event, Hold, Import, Sample
from tests.curation.lines import make_line, work
from tests.curation.made import open_dataset, published
from tests.factories import add_samples, give_consent, make_contributor, make_person

pytestmark = pytest.mark.django_db

SECRET = "the heron sang of Brightwater"


@pytest.fixture(autouse=True)
def files(settings, tmp_path: Path) -> None:
    settings.FILES_ROOT = tmp_path / "files"


@pytest.fixture
def taken(tmp_path: Path) -> tuple[Version, Contributor]:
    """A published version of two tellers, one of whom took everything back."""
    dataset = open_dataset()
    stays, goes = make_contributor(dataset.community), make_contributor(dataset.community)
    give_consent(stays, "teaching")
    give_consent(goes, "teaching")
    samples = add_samples(dataset, [f"story {i}" for i in range(30)], stays)
    samples += add_samples(dataset, [SECRET], goes, source="one.csv")
    source = tmp_path / "one.csv"
    source.write_text(f"text\n{SECRET}\n", encoding="utf-8")
    Import.objects.create(
        dataset=dataset, by=dataset.created_by, filename="one.csv", stored_as=media.keep_import(source), format="csv", status="done"
    )  # fmt: skip
    version = published(dataset, samples=samples)
    withdrawals.open(goes, by=make_person(dataset.community, "steward"), channel="steward")
    return version, goes


def thirty_days_later() -> None:
    erasures.start_due(timezone.now() + timedelta(days=30, minutes=1))
    work()


def held_bytes(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and SECRET.encode() in path.read_bytes()]


def test_nothing_is_erased_before_thirty_days(taken: tuple[Version, Contributor]) -> None:
    assert erasures.start_due(timezone.now() + timedelta(days=29)) == 0
    assert Sample.objects.filter(contributor=taken[1]).get().text == SECRET


def test_every_file_that_held_it_is_gone_and_the_rows_are_empty(
    taken: tuple[Version, Contributor], settings, tmp_path: Path
) -> None:
    version, teller = taken
    assert held_bytes(Path(settings.FILES_ROOT)), "the test could not fail"

    thirty_days_later()

    sample = Sample.objects.get(contributor=teller)
    assert (sample.data, sample.text_hash, sample.key) == ({}, "", sample.uid)
    assert held_bytes(Path(settings.FILES_ROOT)) == []
    gone = version.files.exclude(erased_at=None)
    assert [file.path.split("/")[0] for file in gone] == ["data"]
    assert not storage.locate(gone.get().path, gone.get().sha256).exists()
    assert Erasure.objects.get().samples == 1
    assert Event.objects.filter(verb="sample.erase").count() == 1


def test_verify_version_says_erased_and_not_bad(taken: tuple[Version, Contributor]) -> None:
    version, _teller = taken
    thirty_days_later()
    out = StringIO()

    call_command("verify_version", f"{version.dataset.path}@{version.tag}", "--format", "json", stdout=out)

    told = json.loads(out.getvalue())
    assert (told["ok"], told["bad"], len(told["erased"])) == (True, [], 1)
    assert told["commit"] == version.commit


def test_a_shard_that_vanished_by_itself_is_still_bad(taken: tuple[Version, Contributor]) -> None:
    version, _teller = taken
    thirty_days_later()
    other = version.files.filter(path__startswith="data/", erased_at=None).first()
    storage.versions().destroy(other.sha256)
    out = StringIO()

    with pytest.raises(SystemExit):
        call_command("verify_version", f"{version.dataset.path}@{version.tag}", "--format", "json", stdout=out)

    assert [bad["path"] for bad in json.loads(out.getvalue())["bad"]] == [other.path]


def test_what_was_given_again_meanwhile_is_not_erased(taken: tuple[Version, Contributor]) -> None:
    version, teller = taken
    consents.record(teller, answers={"use": "ConsentGiven"}, by=version.dataset.created_by, method="paper")
    for hold in Hold.objects.filter(lifted_at=None):
        holds.lift(hold, by=version.dataset.created_by)

    thirty_days_later()

    assert Sample.objects.get(contributor=teller).text == SECRET
    assert version.files.filter(erased_at=None).count() == version.files.count()


def test_one_use_that_was_stopped_erases_nothing() -> None:
    version = published(open_dataset())
    teller = version.contributors.get().contributor
    withdrawals.open(teller, by=make_person(version.community, "steward"), channel="steward", purposes=["teaching"])

    thirty_days_later()

    assert not Erasure.objects.exists()


def test_erased_samples_are_usable_for_nothing_even_after_a_new_yes(taken: tuple[Version, Contributor]) -> None:
    version, teller = taken
    thirty_days_later()
    consents.record(teller, answers={"use": "ConsentGiven"}, by=version.dataset.created_by, method="paper")
    for hold in Hold.objects.filter(lifted_at=None):
        holds.lift(hold, by=version.dataset.created_by)

    assert not Sample.objects.filter(contributor=teller).not_held().exists()


def test_what_people_wrote_about_it_is_emptied_too() -> None:
    line = make_line(n=4, overlap=1)
    Annotation.objects.update(result=[{"value": {"text": [SECRET]}}])
    withdrawals.open(line.teller, by=line.steward, channel="steward")

    thirty_days_later()

    assert set(Annotation.objects.values_list("label", flat=True)) == {"glad", "sad"}
    assert all(result == [] for result in Annotation.objects.values_list("result", flat=True))


def test_a_second_attempt_changes_nothing_more(taken: tuple[Version, Contributor]) -> None:
    version, _teller = taken
    thirty_days_later()
    before = list(version.files.order_by("pk").values_list("path", "erased_at"))
    Erasure.objects.update(status="queued", attempt=0)

    work()

    assert Erasure.objects.get().status == "done"
    assert [path for path, at in before if at] == [
        path for path, at in version.files.order_by("pk").values_list("path", "erased_at") if at
    ]


def test_a_version_that_shares_nothing_keeps_its_files(taken: tuple[Version, Contributor]) -> None:
    version, _teller = taken
    other = published(version.dataset, samples=list(version.dataset.samples.filter(source="stories.csv")[:20]))

    thirty_days_later()

    assert all(storage.locate(file.path, file.sha256).exists() for file in other.files.all())
