"""What the rules page says in plain words."""

from dataclasses import replace
from datetime import UTC, date, datetime

from governance.odrl.policy import DENY_ALL, Body, Term
from governance.odrl.words import Persona, changes, describe, preview, try_request

NOW = datetime(2026, 11, 21, tzinfo=UTC)
BODY = Body(
    purposes=("teaching", "research"), organisations=("non-profit", "public"), terms=(Term("agreement-months", 12),)
)


def personas(body: Body) -> dict[str, Persona]:
    return {persona.kind: persona for persona in preview(body, at=NOW)}


def test_deny_all_is_said_as_a_no_to_everybody() -> None:
    assert {p.verdict for p in preview(DENY_ALL, at=NOW)} == {"no"}
    assert [str(w) for w in personas(DENY_ALL)["public"].because] == ["These rules allow nothing yet."]


def test_a_school_reads_its_purposes_and_a_company_reads_why_not() -> None:
    found = personas(BODY)

    assert found["non-profit"].verdict == "yes"
    assert "teaching" in str(found["non-profit"].says)
    assert "Agreements end after so many months: 12" in [str(w) for w in found["non-profit"].because]
    assert found["for-profit"].verdict == "no"
    assert [str(w) for w in found["for-profit"].because] == [
        "The rules do not let this kind of organisation ask.",
        "The rules do not allow anyone to earn money with it.",
    ]


def test_a_company_may_when_companies_and_money_are_both_allowed() -> None:
    open_to_all = replace(BODY, organisations=("for-profit",), commercial=True)

    assert personas(open_to_all)["for-profit"].verdict == "yes"
    assert personas(open_to_all)["public"].verdict == "no"


def test_rules_that_ran_out_say_so() -> None:
    found = personas(replace(BODY, expires_on=date(2026, 11, 20)))

    assert found["public"].verdict == "no"
    assert "run out" in str(found["public"].because[0])


def test_any_use_does_not_open_what_is_forbidden_by_name() -> None:
    body = replace(BODY, purposes=("use",))

    assert not try_request(body, kind="public", purpose="text-generation", commercial=False, at=NOW)
    refused = try_request(body, kind="public", purpose="identification", commercial=False, at=NOW)
    assert [because.code for because in refused] == ["prohibited"]


def test_a_change_says_whether_it_is_wider_or_tighter() -> None:
    new = replace(BODY, purposes=("teaching",), organisations=("non-profit", "public", "for-profit"), commercial=True)

    found = {change.question: change.direction for change in changes(BODY, new)}

    assert found == {
        "Who may ask to use it?": "wider",
        "For what?": "tighter",
        "May anyone earn money with it?": "wider",
    }
    assert changes(BODY, BODY) == ()


def test_fewer_months_and_new_terms_are_tighter() -> None:
    shorter = replace(BODY, terms=(Term("agreement-months", 6), Term("return-results")))

    assert [change.direction for change in changes(BODY, shorter)] == ["tighter"]
    assert [change.direction for change in changes(shorter, BODY)] == ["wider"]


def test_every_question_has_an_answer() -> None:
    assert len(describe(DENY_ALL)) == len(describe(BODY)) == 7
    assert all(str(words) for _question, words in describe(DENY_ALL))
