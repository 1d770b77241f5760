"""Feature 15, governance-aware curation: jobs run only on what is permitted, and say what a withdrawal did to the balance."""

from pathlib import Path

import pytest

from curation import build_runs, checking, frames, versions
from curation.models import Finding, Member, Version
from governance import media, withdrawals
from governance.models import Contributor, Event, Media, Sample
from tests.curation.lines import Line, make_line, proposed, work
from tests.factories import give_consent, make_contributor

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def files(settings, tmp_path: Path) -> None:
    settings.FILES_ROOT = tmp_path / "files"


@pytest.fixture
def line() -> Line:
    """A published version in which one person gave everything that is sad."""
    line = make_line(n=400)
    sad = make_contributor(line.community, name="the one who gave what is sad")
    give_consent(sad, "teaching", "language-research")
    Sample.objects.filter(pk__in=[s.pk for i, s in enumerate(line.samples) if i % 4 == 3]).update(contributor=sad)
    first = proposed(line)
    versions.approve(first, by=line.keeper)
    work()
    first.refresh_from_db()
    assert first.status == Version.Status.PUBLISHED, versions.conditions(first)
    return line


def sad_one(line: Line) -> Contributor:
    return line.community.contributors.get(name="the one who gave what is sad")


def test_a_class_that_is_taken_back_turns_the_gate_red_by_name_and_only_a_new_vote_lets_it_pass(line: Line) -> None:
    withdrawals.open(sad_one(line), by=line.keeper, channel="steward")
    work()
    second = line.dataset.versions.get(number=2)
    run = checking.of_version(second)
    red = Finding.objects.get(run=run, check_id="class_balance")
    no_vote = codes_unmet(second)

    versions.approve(second, by=line.keeper)
    work()
    second.refresh_from_db()
    voted_but_red = (second.status, codes_unmet(second))
    for finding in Finding.objects.filter(run=run, status__in=Finding.STOPS):
        versions.override(finding, by=line.keeper, reason="Nobody else tells sad stories here. We say so on the card.")
    work()

    second.refresh_from_db()
    assert red.status == "block"
    assert red.metric["counts"] == {"glad": 300, "sad": 0}
    assert "sad" in versions.told(red)
    assert run.members_root == second.members_root
    assert {"vote", "check-class_balance"} <= no_vote
    assert voted_but_red[0] == Version.Status.PROPOSED
    assert "check-class_balance" in voted_but_red[1] and "vote" not in voted_but_red[1]
    assert second.status == Version.Status.PUBLISHED, versions.conditions(second)


def test_no_job_reads_a_sample_that_it_may_not(line: Line, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    stays = line.samples[0]
    goes = Sample.objects.filter(contributor=sad_one(line)).first()
    shas = {sample.uid: picture(sample, tmp_path) for sample in (stays, goes)}
    withdrawals.open(sad_one(line), by=line.keeper, channel="steward")
    taken = set(Sample.objects.filter(contributor=sad_one(line)).values_list("uid", flat=True))
    read: set[str] = set()
    opened: set[str] = set()
    watch(monkeypatch, read, opened)

    work()
    second = line.dataset.versions.get(number=2)
    versions.approve(second, by=line.keeper)
    for finding in Finding.objects.filter(run__version=second, status__in=Finding.STOPS):
        versions.override(finding, by=line.keeper, reason="We say so on the card.")
    work()

    second.refresh_from_db()
    decided = set(Member.objects.filter(version=second).values_list("uid", flat=True))
    event = Event.objects.get(verb="version.freeze", object_id=second.public_id)
    assert second.status == Version.Status.PUBLISHED
    assert read == decided, "what the jobs read is not what was decided"
    assert f'"members":{len(decided)},' in event.body and second.members_root in event.body
    assert not read & taken
    assert opened == {shas[stays.uid]}


def codes_unmet(version: Version) -> set[str]:
    return {one.code for one in versions.conditions(version) if one.met is not True}


def picture(sample: Sample, folder: Path) -> str:
    """Give a sample a picture, so that reading it can be seen in storage."""
    file = folder / f"{sample.uid}.png"
    file.write_bytes(b"\x89PNG\r\n\x1a\n" + sample.uid.encode())
    sha, size = media.keep(file)
    Media.objects.create(sha256=sha, size=size, mime="image/png", suffix="png")
    Sample.objects.filter(pk=sample.pk).update(media=sha)
    return sha


def watch(monkeypatch: pytest.MonkeyPatch, read: set[str], opened: set[str]) -> None:
    """Write down every sample whose content a job takes from the database, and every file that it takes from storage."""
    of_frames, of_builds, of_storage = frames.members, build_runs._rows, media.path_of

    def members(version: Version):
        found = of_frames(version)
        read.update(found["sample_uid"])
        return found

    def rows(found):
        for row in of_builds(found):
            read.add(row.uid)
            yield row

    def path_of(sha: str, folder: str = "media") -> Path:
        if folder == "media":
            opened.add(sha)
        return of_storage(sha, folder)

    def candidates(*_arguments: object):
        raise AssertionError("what takes a place reads nobody's content anew")

    monkeypatch.setattr(frames, "members", members)
    monkeypatch.setattr(frames, "candidates", candidates)
    monkeypatch.setattr(build_runs, "_rows", rows)
    monkeypatch.setattr(media, "path_of", path_of)
