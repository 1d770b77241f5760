"""The pages and the JSON of quality and versions: what is shown, to whom, and what a form does."""

import csv
import io
import json

import pytest
from django.test import Client

from curation import checking, versions
from curation.models import Finding, Version
from governance import holds
from governance.models import Sample
from tests.curation.lines import Line, distinct, make_line, proposed, vote, work
from tests.factories import add_samples, make_person

pytestmark = pytest.mark.django_db(transaction=True)


def signed_in(person) -> Client:  # type: ignore[no-untyped-def]  # a Person
    """A browser in which ``person`` is signed in."""
    client = Client()
    client.force_login(person)
    return client


def base(line: Line) -> str:
    """The address of the dataset."""
    return f"/datasets/{line.community.slug}/{line.dataset.slug}/"


def test_before_any_run_the_quality_page_offers_one_and_then_shows_what_was_found() -> None:
    line = make_line(40)
    browser = signed_in(line.steward)

    empty = browser.get(base(line) + "quality/").content.decode()
    started = browser.post(base(line) + "check-runs/")
    running = browser.get(base(line) + "quality/").content.decode()
    work()
    found = browser.get(base(line) + "quality/").content.decode()

    assert "Nobody has run the checks yet" in empty
    assert started.status_code == 302
    assert "http-equiv" in running
    assert 'hx-trigger="every 2s"' in running
    assert "Balance of labels" in found
    assert "hx-get" not in found
    assert "style=" not in found


def test_a_finding_shows_its_samples_to_those_who_may_see_them_and_no_word_of_one_that_rests() -> None:
    line = make_line(40)
    add_samples(line.dataset, [distinct(0), distinct(1)], contributor=line.teller, source="again.csv")
    twins = [*Sample.objects.filter(dataset=line.dataset, source="again.csv")]
    vote(line, twins[0], ["sad", "sad"])
    vote(line, twins[1], ["sad", "sad"])
    run = checking.start(line.dataset, by=line.steward)
    work()
    holds.rest(twins[1], by=line.keeper)
    finding = run.findings.get(check_id="conflicting_duplicates")

    page = signed_in(line.steward).get(base(line) + f"findings/{finding.public_id}/").content.decode()

    assert f"samples/{twins[0].uid}/" in page
    assert f"samples/{twins[1].uid}/" not in page
    assert "It rests, or is not for you to see." in page


def test_findings_leave_as_a_sheet_without_formulas_and_without_words_of_samples() -> None:
    line = make_line(30)
    add_samples(line.dataset, [distinct(0)], contributor=line.teller, source="again.csv")
    [twin] = Sample.objects.filter(dataset=line.dataset, source="again.csv")
    vote(line, twin, ["sad", "sad"])
    run = checking.start(line.dataset, by=line.steward)
    work()
    Finding.objects.filter(run=run, check_id="class_balance").update(words={"message": "=1+1", "values": {}})

    response = signed_in(line.steward).get(base(line) + "quality/findings.csv")
    text = response.content.decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text)))

    assert {row["finding"] for row in rows if row["check"] == "class_balance"} == {"'=1+1"}
    assert any(row["sample"] and row["other samples"] for row in rows if row["check"] == "conflicting_duplicates")
    assert distinct(0) not in text


def test_a_stranger_finds_nothing_at_all() -> None:
    line = make_line(20)
    version = proposed(line)
    finding = version.check_runs.get().findings.first()
    browser = signed_in(make_person(make_line(4).community, "keeper"))

    pages = [
        base(line) + "quality/",
        base(line) + "quality/findings.csv",
        base(line) + f"findings/{finding.public_id}/",
        base(line) + "versions/",
        base(line) + "versions/1/",
        f"/api/v1/versions/{version.public_id}/",
        f"/api/v1/check-runs/{version.check_runs.get().public_id}/",
        f"/api/v1/findings/{finding.public_id}/",
        f"/api/v1{base(line)}versions/",
    ]

    assert {page: browser.get(page).status_code for page in pages} == dict.fromkeys(pages, 404)


def test_a_version_is_proposed_previewed_and_voted_through_by_forms_alone() -> None:
    line = make_line(600)
    steward, keeper = signed_in(line.steward), signed_in(line.keeper)

    preview = steward.get(base(line) + "versions/new/").content.decode()
    sent = steward.post(
        base(line) + "versions/new/",
        {"campaign": line.campaign.public_id, "purposes": ["teaching"], "note": "The first."},
    )
    waiting = steward.get(base(line) + "versions/1/").content.decode()
    work()
    page = keeper.get(base(line) + "versions/1/").content.decode()
    silent = keeper.post(base(line) + "versions/1/ballots/", {"choice": "no", "reason": ""})
    said = keeper.post(base(line) + "versions/1/ballots/", {"choice": "yes", "reason": "Read thirty."})
    after = keeper.get(base(line) + "versions/1/").content.decode()

    assert "of 600 samples" in preview
    assert sent.status_code == 302
    assert "members are being written down" in waiting
    assert "What must be true first" in page
    assert "Your vote" in page
    assert silent.status_code == 422
    assert "Please say why" in silent.content.decode()
    assert said.status_code == 302
    assert "Read thirty." in after
    version = Version.objects.get(dataset=line.dataset)
    assert (version.status, version.purposes, version.note) == ("approved", ["teaching"], "The first.")
    assert "style=" not in page + preview + after


def test_the_proposer_sees_no_ballot_and_an_unmet_check_can_be_answered_from_its_page() -> None:
    line = make_line(60)
    version = proposed(line)
    finding = version.check_runs.get().findings.get(check_id="test_support")
    address = base(line) + f"findings/{finding.public_id}/"

    own = signed_in(line.steward).get(base(line) + "versions/1/").content.decode()
    empty = signed_in(line.keeper).post(address + "override/", {"reason": " "})
    answered = signed_in(line.keeper).post(address + "override/", {"reason": "Our first and small one."})
    page = signed_in(line.keeper).get(base(line) + "versions/1/").content.decode()

    assert "Your vote" not in own
    assert "Take this proposal back" in own
    assert empty.status_code == 422
    assert answered.status_code == 302
    assert "Our first and small one." in page


def test_a_contributor_may_read_a_version_and_do_nothing_to_it() -> None:
    line = make_line(60)
    proposed(line)
    browser = signed_in(line.annotators[0])

    assert browser.get(base(line) + "versions/1/").status_code == 200
    assert browser.get(base(line) + "versions/new/").status_code == 403
    assert browser.post(base(line) + "check-runs/").status_code == 403
    assert browser.post(base(line) + "versions/1/ballots/", {"choice": "yes"}).status_code == 403


def test_machines_propose_check_answer_and_vote_over_the_same_operations() -> None:
    line = make_line(60)
    steward, keeper = signed_in(line.steward), signed_in(line.keeper)
    api = f"/api/v1{base(line)}"

    made = steward.post(api + "versions/", json.dumps({"campaign": line.campaign.public_id}), "application/json")
    work()
    seen = keeper.get(f"/api/v1/versions/{made.json()['id']}/").json()
    runs = Version.objects.get().check_runs.get()
    findings = {f["check_id"]: f for f in keeper.get(f"/api/v1/check-runs/{runs.public_id}/").json()["findings"]}
    let = keeper.post(
        f"/api/v1/findings/{findings['test_support']['id']}/override/",
        json.dumps({"reason": "Small."}),
        "application/json",
    )
    voted = keeper.post(
        f"/api/v1/versions/{made.json()['id']}/ballots/", json.dumps({"choice": "yes"}), "application/json"
    )
    own = steward.post(
        f"/api/v1/versions/{made.json()['id']}/ballots/", json.dumps({"choice": "yes"}), "application/json"
    )
    wrong = steward.post(
        api + "versions/", json.dumps({"campaign": "x", "purposes": ["advertising"]}), "application/json"
    )

    assert made.status_code == 202
    assert {c["code"] for c in seen["conditions"] if c["met"] is not True} == {"vote", "check-test_support"}
    assert let.status_code == 201
    assert (voted.status_code, voted.json()["status"]) == (201, "approved")
    assert own.status_code == 409
    assert {reason["code"] for reason in wrong.json()["errors"]} == {"campaign-missing", "purpose-not-allowed"}


def test_the_version_page_asks_a_fixed_number_of_questions_whatever_its_size(django_assert_max_num_queries) -> None:  # type: ignore[no-untyped-def]  # pytest-django's
    line = make_line(300)
    proposed(line)
    browser = signed_in(line.keeper)

    with django_assert_max_num_queries(75):
        browser.get(base(line) + "versions/1/")
    with django_assert_max_num_queries(25):
        browser.get(base(line) + "versions/")


def test_what_the_next_version_changes_is_said() -> None:
    line = make_line(600)
    first = proposed(line)
    versions.approve(first, by=line.keeper)
    work()
    add_samples(line.dataset, [distinct(7000)], contributor=line.teller)
    vote(line, Sample.objects.get(text_hash=Sample.objects.order_by("-pk").first().text_hash), ["glad", "glad"])
    holds.rest(first.members.first().sample, by=line.keeper)

    second = proposed(line)
    page = signed_in(line.keeper).get(base(line) + f"versions/{second.number}/").content.decode()

    since = second.counts["since"]
    assert (since["version"], since["added"], since["gone"], since["gone_by_reason"], since["moved"]) == (
        1,
        1,
        1,
        {"held": 1},
        0,
    )
    assert "What changed since version 1" in page
    assert "Rests after a flag" in page
