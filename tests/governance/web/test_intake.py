"""The pages and the JSON of imports, samples and consent, as a browser without JavaScript and a script use them."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from governance import holds, media
from governance.kernel import jobs
from governance.models import ConsentEvent, Contributor, Dataset, Import, Media, Person, Sample
from tests.factories import add_samples, give_consent, make_contributor, make_dataset, make_person

pytestmark = pytest.mark.django_db

SHEET = """ref,transcript,who,mobile
OS-1,Sela tun,T-1,+44 123 456 7890
OS-2,marrowe e’ dra,T-2,+44 123 456 7891
OS-3,,T-2,+44 123 456 7892
"""


@pytest.fixture
def dataset() -> Dataset:
    return make_dataset(slug="tide-tales")


@pytest.fixture
def steward(dataset: Dataset) -> Person:
    return make_person(dataset.community, "steward")


@pytest.fixture
def desk(client: Client, steward: Person) -> Client:
    client.force_login(steward)
    return client


@pytest.fixture
def place(dataset: Dataset) -> str:
    return f"/datasets/{dataset.path}"


def signed_in(person: Person) -> Client:
    client = Client()
    client.force_login(person)
    return client


def upload(content: str = SHEET, name: str = "tales.csv") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content.encode())


def text(response: Any) -> str:
    return str(response.content.decode())


def hold(sample: Sample, by: Person) -> None:
    holds.place(
        community=sample.community,
        subject_kind="sample",
        subject_id=sample.uid,
        kind="keeper",
        reason="keeper",
        by=by,
        sample=sample,
    )


# importing


def test_a_file_goes_from_choosing_to_samples_without_javascript(desk: Client, dataset: Dataset, place: str) -> None:
    chosen = desk.post(f"{place}/imports/", {"file": upload()})
    columns = desk.get(chosen["Location"])
    assert "Sela tun" in text(columns) and "+44 123" not in text(columns)
    assert not Import.objects.exists()

    tried = desk.post(chosen["Location"], {"format": "csv", "do": "try", "bad_rows": "keep"})
    assert 'http-equiv="refresh"' in text(desk.get(tried["Location"]))
    jobs.work_waiting()
    assert "would be new" in text(desk.get(tried["Location"])) and not Sample.objects.exists()

    brought = desk.post(f"{tried['Location']}again/")
    jobs.work_waiting()
    result = text(desk.get(brought["Location"]))
    report = desk.get(f"{brought['Location']}report/")

    assert Sample.objects.filter(dataset=dataset).count() == 2
    assert "empty-sample" in result and 'http-equiv="refresh"' not in result
    assert "attachment" in report["Content-Disposition"] and b"empty-sample" in b"".join(report.streaming_content)  # type: ignore[attr-defined]  # a FileResponse
    assert "mobile" not in Sample.objects.first().data  # type: ignore[union-attr]  # there are two


def test_what_a_column_holds_can_be_changed_before_anything_is_kept(desk: Client, place: str) -> None:
    address = desk.post(f"{place}/imports/", {"file": upload("a,b\nx y z,short\n")})["Location"]

    again = desk.post(address, {"format": "csv", "do": "look", "c0": "data", "c1": "text"})
    desk.post(
        address, {"format": "csv", "do": "bring", "bad_rows": "keep", "c0": "data", "c1": "text", "contributor": "Ilse"}
    )
    jobs.work_waiting()

    assert '<option value="text" selected' in text(again)
    sample = Sample.objects.select_related("contributor").get()
    assert sample.text == "short" and sample.contributor is not None and sample.contributor.name == "Ilse"


@pytest.mark.parametrize(
    ("content", "name", "said"),
    [
        ("", "a.csv", "submitted file is empty"),
        ("a,a\n1,2\n", "a.csv", "same name"),
        ("PAR1", "a.parquet", "Parquet"),
        ("PK\x03\x04", "a.csv", "inside"),
    ],
)
def test_a_file_that_cannot_be_read_is_answered_on_the_page(
    desk: Client, place: str, content: str, name: str, said: str
) -> None:
    response = desk.post(f"{place}/imports/", {"file": upload(content, name)})
    if response.status_code == 302:
        response = desk.get(response["Location"])

    assert said in text(response)
    assert not Import.objects.exists()


def test_a_chosen_file_is_for_the_one_who_chose_it(desk: Client, dataset: Dataset, place: str) -> None:
    address = desk.post(f"{place}/imports/", {"file": upload()})["Location"]
    other = signed_in(make_person(dataset.community, "steward"))

    assert other.get(address).status_code == 404
    assert desk.get(address.replace("imports/new/", "imports/new/x")).status_code == 404


def test_imports_are_for_the_desk_and_for_nobody_outside(dataset: Dataset, place: str) -> None:
    assert signed_in(make_person(dataset.community, "reviewer")).get(f"{place}/imports/").status_code == 403
    assert signed_in(make_person()).get(f"{place}/imports/").status_code == 404
    assert Client().get(f"{place}/imports/").status_code == 302


# samples


def test_the_list_asks_the_database_a_fixed_number_of_times(
    desk: Client, dataset: Dataset, place: str, django_assert_num_queries: Callable[[int], Any]
) -> None:
    add_samples(dataset, [f"text {n}" for n in range(40)], make_contributor(dataset.community))
    desk.get(f"{place}/samples/")

    # session, person, community, dataset, roles, count, rows, consents; seasons, further voices; and the frame's list of datasets
    # and rules, and whether a sealed place stands open
    with django_assert_num_queries(LIST_QUERIES):
        desk.get(f"{place}/samples/")
    add_samples(dataset, [f"more {n}" for n in range(40)], make_contributor(dataset.community), source="b.csv")
    with django_assert_num_queries(LIST_QUERIES):
        desk.get(f"{place}/samples/?page=2")


LIST_QUERIES = 14


def test_samples_are_found_by_words_by_teller_and_by_consent(desk: Client, dataset: Dataset, place: str) -> None:
    ilse, jory = make_contributor(dataset.community, "Ilse"), make_contributor(dataset.community, "Jory")
    give_consent(ilse, "teaching")
    add_samples(dataset, ["Sela tun marrowe"], ilse)
    add_samples(dataset, ["hallin wa ostre"], jory)

    def found(query: str) -> tuple[bool, bool]:
        said = text(desk.get(f"{place}/samples/?{query}"))
        return "Sela tun" in said, "hallin wa" in said

    assert found("q=MARROWE") == (True, False)
    assert found("q=jory") == (False, True)
    assert found("consent=teaching") == (True, False)
    assert found("consent=none") == (False, True)
    assert found("q=nothing") == (False, False)


def test_what_rests_is_shown_to_keepers_alone_and_no_search_of_others_finds_it(
    dataset: Dataset, desk: Client, place: str
) -> None:
    sample = add_samples(dataset, ["a quiet thing"])[0]
    hold(sample, dataset.created_by)
    keeper = signed_in(dataset.created_by)

    for address in (
        f"{place}/samples/",
        f"{place}/samples/?q=quiet",
        f"{place}/samples/{sample.uid}/",
        f"/api/v1{place}/samples/",
    ):
        assert "a quiet thing" not in text(desk.get(address))
    assert desk.get(f"/api/v1{place}/samples/{sample.uid}/").status_code == 404
    assert "a quiet thing" in text(keeper.get(f"{place}/samples/?q=quiet"))
    assert "a quiet thing" in text(keeper.get(f"{place}/samples/{sample.uid}/"))


def test_a_sample_outside_what_one_may_see_does_not_exist(dataset: Dataset, desk: Client, place: str) -> None:
    sample = add_samples(dataset, ["for the keepers"])[0]
    Sample.objects.update(protocol=None)

    assert desk.get(f"{place}/samples/{sample.uid}/").status_code == 404
    assert signed_in(dataset.created_by).get(f"{place}/samples/{sample.uid}/").status_code == 200
    assert signed_in(make_person()).get(f"{place}/samples/{sample.uid}/").status_code == 404


def test_a_sample_page_says_what_it_was_before_and_hides_names_from_those_beside_the_desk(
    dataset: Dataset, desk: Client, place: str
) -> None:
    sample = add_samples(dataset, ["marrowe"], make_contributor(dataset.community, "Ilse Marram"))[0]
    sample.revisions.create(revision=1, content_hash="0" * 64, data={"text": "marowe"})
    Sample.objects.update(revision=2)
    address = f"{place}/samples/{sample.uid}/"
    reviewer = signed_in(make_person(dataset.community, "reviewer"))

    assert "marowe" in text(desk.get(address)) and "Ilse Marram" in text(desk.get(address))
    assert "Ilse Marram" not in text(reviewer.get(address))
    assert "Ilse Marram" not in text(reviewer.get(f"{place}/samples/"))


def test_a_recording_is_sent_by_range_and_never_as_a_page(
    dataset: Dataset, desk: Client, place: str, tmp_path: Any
) -> None:
    (tmp_path / "a").write_bytes(bytes(range(100)))
    sha256, size = media.keep(tmp_path / "a")
    Media.objects.create(sha256=sha256, size=size, mime="audio/wav", suffix="wav")
    sample = add_samples(dataset, ["with sound"])[0]
    Sample.objects.update(media=sha256)
    address = f"{place}/samples/{sample.uid}/media/"

    whole, part = desk.get(address), desk.get(address, headers={"Range": "bytes=10-19"})
    beyond = desk.get(address, headers={"Range": "bytes=100-"})

    assert b"".join(whole.streaming_content) == bytes(range(100))  # type: ignore[attr-defined]  # a FileResponse
    assert b"".join(part.streaming_content) == bytes(range(10, 20))  # type: ignore[attr-defined]  # a FileResponse
    assert (part.status_code, part["Content-Range"], beyond.status_code) == (206, "bytes 10-19/100", 416)
    assert whole["X-Content-Type-Options"] == "nosniff" and "sandbox" in whole["Content-Security-Policy"]
    assert signed_in(make_person()).get(address).status_code == 404
    hold(sample, dataset.created_by)
    assert desk.get(address).status_code == 404


# consent


def test_an_answer_by_phone_is_recorded_with_yes_and_no_alike(desk: Client, dataset: Dataset, place: str) -> None:
    teller = make_contributor(dataset.community, "Ilse")
    add_samples(dataset, ["a"], teller)
    said = {
        "who": "Ilse",
        "method": "phone",
        "on": timezone.localdate().isoformat(),
        "witness": "Jory",
        "a-teaching": "yes",
        "a-research": "no",
    }

    page = text(desk.get(f"{place}/consents/"))
    response = desk.post(f"{place}/consents/", said)

    answers = dict(ConsentEvent.objects.values_list("purpose", "status"))
    assert response.status_code == 302
    assert answers == {"teaching": "ConsentGiven", "research": "ConsentRefused"}
    assert page.count('type="radio"') // 3 == page.count('value="time"') > 5
    assert page.count('value="yes"') == page.count('value="no"')
    assert not re.search(r'value="(yes|no)" checked', page)


def test_what_does_not_fit_is_said_on_the_form_and_what_was_ticked_stays(
    desk: Client, dataset: Dataset, place: str
) -> None:
    add_samples(dataset, ["a"], make_contributor(dataset.community, "Ilse"))
    said = {"who": "Nobody", "method": "paper", "on": timezone.localdate().isoformat(), "a-teaching": "no"}

    response = desk.post(f"{place}/consents/", said)

    assert response.status_code == 422
    assert "Nobody here is listed under this name" in text(response)
    assert 'name="a-teaching" value="no" checked' in text(response)


def test_who_agreed_to_what_is_for_the_desk(dataset: Dataset, place: str) -> None:
    teller = make_contributor(dataset.community)
    member = signed_in(make_person(dataset.community, "reviewer"))

    for address in (
        f"{place}/consents/",
        f"/communities/{dataset.community.slug}/contributors/",
        f"/communities/{dataset.community.slug}/contributors/{teller.public_id}/",
    ):
        assert member.get(address).status_code == 403
        assert signed_in(make_person()).get(address).status_code == 404


def test_a_receipt_is_shown_once_and_not_kept_by_the_browser(desk: Client, dataset: Dataset) -> None:
    teller = make_contributor(dataset.community)

    response = desk.post(f"/communities/{dataset.community.slug}/contributors/{teller.public_id}/receipts/")

    assert re.search(r"[0-9A-Z]{4}(-[0-9A-Z]{4}){3}", text(response))
    assert response["Cache-Control"] == "no-store"


def test_somebody_is_added_and_their_page_says_what_counts(desk: Client, dataset: Dataset) -> None:
    response = desk.post(f"/communities/{dataset.community.slug}/contributors/", {"name": "Ūna e’ Sarrow"})

    page = text(desk.get(response["Location"]))
    assert Contributor.objects.get().name == "Ūna e’ Sarrow"
    assert "Nobody has asked them yet" in page


# JSON


def test_a_script_brings_a_file_in_and_asks_how_far_it_is(desk: Client, dataset: Dataset, place: str) -> None:
    mapping = json.dumps({"transcript": "text", "ref": "id"})

    started = desk.post(f"/api/v1{place}/imports/", {"file": upload(), "roles": mapping})
    jobs.work_waiting()
    answer = desk.get(f"/api/v1{place}/imports/{started.json()['public_id']}/").json()
    listed = desk.get(f"/api/v1{place}/samples/").json()

    assert started.status_code == 202
    assert (answer["status"], answer["new"], answer["refused"]) == ("done", 2, 1)
    assert {row["key"] for row in listed["results"]} == {"OS-1", "OS-2"} and listed["count"] == 2
    assert "contributor" not in listed["results"][0]


def test_a_script_cannot_name_a_folder_of_the_machine(desk: Client, place: str) -> None:
    mapping = json.dumps({"transcript": "media"})

    desk.post(f"/api/v1{place}/imports/", {"file": upload(), "roles": mapping, "media_root": "/etc"})
    jobs.work_waiting()

    assert Import.objects.get().error_code == "no-media-folder"


def test_a_script_records_a_consent_and_reads_it_back(desk: Client, dataset: Dataset) -> None:
    teller = make_contributor(dataset.community)
    address = f"/api/v1/communities/{dataset.community.slug}/contributors/{teller.public_id}/consents/"
    body = {"answers": {"teaching": "ConsentGiven"}, "method": "paper"}

    made = desk.post(address, json.dumps(body), content_type="application/json")
    refused = desk.post(address, json.dumps(body | {"method": "phone"}), content_type="application/json")
    purposes = desk.get(f"/api/v1/communities/{dataset.community.slug}/purposes/").json()

    assert made.status_code == 201 and desk.get(address).json()["results"][0]["status"] == "ConsentGiven"
    assert refused.status_code == 422 and refused.json()["code"] == "witness-missing"
    assert {"code": "teaching", "title": "teaching", "broader": ["use"], "is_leaf": True} in purposes


def test_no_answer_of_the_api_is_longer_than_a_page_however_much_is_asked_for(
    dataset: Dataset, desk: Client, place: str
) -> None:
    add_samples(dataset, [f"tale {number}" for number in range(501)])

    answer = desk.get(f"/api/v1{place}/samples/?limit=1000000").json()

    assert (answer["count"], len(answer["results"])) == (501, 500)
