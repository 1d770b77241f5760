"""Feature 14, the parts that need no browser: withdrawal by a representative, and an export that re-imports elsewhere."""

import io
import json
import zipfile
from pathlib import Path

import pytest
from django.test import Client

from governance import consents, portable, samples, voices, withdrawals
from governance.kernel import jobs
from governance.kernel.errors import Invalid, NotAllowed
from governance.models import Contributor, PersonExport, Sample
from tests.factories import PASSWORD, add_samples, give_consent, make_contributor, make_dataset, make_person

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def files(settings, tmp_path: Path) -> None:
    settings.FILES_ROOT = tmp_path / "files"


def exported(contributor: Contributor) -> Path:
    row = portable.ask(contributor.community, by=make_person(contributor.community, "steward"), contributor=contributor)
    jobs.work(jobs.label_of(row), row.pk)
    row.refresh_from_db()
    assert row.status == PersonExport.Status.DONE, row.message
    return portable.file_of(row)


def test_a_representative_takes_words_back_with_no_login_of_the_contributor() -> None:
    dataset = make_dataset()
    teller = make_contributor(dataset.community)
    give_consent(teller, "teaching")
    add_samples(dataset, ["one", "two"], contributor=teller)
    assert teller.person is None and samples.usable(dataset, ["teaching"]).count() == 2

    withdrawals.open(teller, by=make_person(dataset.community, "representative"), channel="representative")

    assert samples.usable(dataset, ["teaching"]).count() == 0


def test_everything_of_a_person_re_imports_elsewhere_with_the_same_words_and_the_same_answers() -> None:
    here, there = make_dataset(), make_dataset()
    teller, other = make_contributor(here.community, name="Ada Quill"), make_contributor(here.community, name="Bo Reed")
    give_consent(teller, "teaching")
    give_consent(teller, "speech-synthesis", status="ConsentRefused")
    one, _two = add_samples(here, ["a tale", "a song"], contributor=teller)
    (theirs,) = add_samples(here, ["somebody else's secret"], contributor=other)
    voices.add(one, contributor=other, role="narrator", by=here.created_by)
    consents.record(teller, answers={"archiving": "ConsentGiven"}, by=here.created_by, method="paper", sample=one)
    path = exported(teller)
    inside = b"".join(zipfile.ZipFile(path).read(name) for name in zipfile.ZipFile(path).namelist())
    assert b"Bo Reed" not in inside and b"secret" not in inside and theirs.uid.encode() not in inside

    brought = portable.bring(path, into=there, by=there.created_by)
    again = portable.bring(path, into=there, by=there.created_by)

    assert (brought.new, brought.refused, brought.answers) == (2, 0, 3)
    assert (again.new, again.unchanged, again.answers) == (0, 2, 0)
    same = Sample.objects.filter(dataset=there).order_by("key")
    assert [(s.key, s.data, s.content_hash) for s in same] == [
        (s.key, s.data, s.content_hash) for s in Sample.objects.filter(contributor=teller, dataset=here).order_by("key")
    ]
    assert {s.text for s in samples.usable(there, ["teaching"])} == {"a tale", "a song"}
    assert {s.text for s in samples.usable(there, ["archiving"])} == {"a tale"}
    assert not samples.usable(there, ["speech-synthesis"]).exists()


def test_a_file_with_anything_else_inside_is_refused_whole(tmp_path: Path) -> None:
    dataset = make_dataset()
    for name in ("../../etc/cron.d/x", "media/../x", "evil.py"):
        path = tmp_path / "bad.zip"
        with zipfile.ZipFile(path, "w") as file:
            file.writestr("portable.json", json.dumps({"format": portable.FORMAT, "people": [], "files": []}))
            file.writestr(name, "x")
        with pytest.raises(Invalid) as refused:
            portable.bring(path, into=dataset, by=dataset.created_by)
        assert refused.value.code == "export-unfit"


def test_nobody_takes_away_what_is_somebody_elses() -> None:
    dataset = make_dataset()
    with pytest.raises(NotAllowed):
        portable.ask(
            dataset.community, by=make_person(dataset.community), contributor=make_contributor(dataset.community)
        )


def test_on_their_own_page_a_person_changes_an_answer_and_takes_everything_away(client: Client) -> None:
    dataset = make_dataset()
    me = make_person(dataset.community, password=PASSWORD)
    teller = make_contributor(dataset.community, person=me)
    give_consent(teller, "teaching")
    add_samples(dataset, ["a tale"], contributor=teller)
    client.force_login(me)
    page = f"/communities/{dataset.community.slug}/words/consent/"

    shown = client.get(page)
    client.post(page, {"use": "teaching", "answer": "no"})
    client.post(f"/communities/{dataset.community.slug}/words/exports/")

    row = PersonExport.objects.get(by=me)
    assert shown.status_code == 200 and not samples.usable(dataset, ["teaching"]).exists()
    jobs.work(jobs.label_of(row), row.pk)
    saved = client.get(f"/communities/{dataset.community.slug}/words/exports/{row.public_id}/")
    assert "portable.json" in zipfile.ZipFile(io.BytesIO(b"".join(saved.streaming_content))).namelist()
    client.force_login(make_person(dataset.community))
    assert client.get(f"/communities/{dataset.community.slug}/words/exports/{row.public_id}/").status_code == 404
