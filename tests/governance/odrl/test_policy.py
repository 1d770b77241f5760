"""Policies: what the answers on the rules page become."""

import json
import os
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from governance.odrl.policy import DENY_ALL, Body, Term, compile_policy, to_odrl, validate

BODY = Body(
    purposes=("teaching", "research"),
    organisations=("non-profit", "public"),
    expires_on=date(2027, 6, 30),
    terms=(Term("agreement-months", 12), Term("attribution", "Stories of Saltmarsh Quay"), Term("no-redistribution")),
    note="Winter stories are told in winter.",
)


def test_a_body_survives_being_stored() -> None:
    again = Body.from_json(json.loads(json.dumps(BODY.to_json())))

    assert again.digest == BODY.digest
    assert again.expires_on == BODY.expires_on


def test_the_order_of_answers_does_not_change_the_digest_and_an_answer_does() -> None:
    turned = replace(BODY, purposes=("research", "teaching"), terms=BODY.terms[::-1])

    assert turned.digest == BODY.digest
    assert replace(BODY, commercial=True).digest != BODY.digest


def test_a_good_body_has_no_reason_against_it() -> None:
    assert validate(BODY) == ()
    assert validate(DENY_ALL) == ()


def test_every_fault_is_named_at_once() -> None:
    wrong = Body(
        purposes=("teaching", "sorcery", "advertising"),
        organisations=("club",),
        terms=(
            Term("agreement-months", 0),
            Term("attribution", ""),
            Term("no-redistribution", 3),
            Term("nothing-known"),
            Term("withdrawal-list", 7),
            Term("withdrawal-list", 8),
        ),
        note="x" * 2001,
    )

    codes = [reason.code for reason in validate(wrong)]

    assert sorted(codes) == sorted(
        [
            "purpose-unknown",
            "organisation-unknown",
            "term-value",
            "term-value",
            "term-value",
            "term-unknown",
            "term-doubled",
            "purpose-contradiction",
            "note-too-long",
        ]
    )


def test_nothing_said_compiles_to_no_permission_and_two_prohibitions() -> None:
    compiled = compile_policy(DENY_ALL, uid="urn:p", target="urn:d")

    assert compiled.permissions == ()
    assert [rule.uid for rule in compiled.prohibitions] == ["urn:p#no-advertising", "urn:p#no-identification"]


def test_odrl_names_our_profile_and_lets_a_prohibition_win() -> None:
    document = to_odrl(BODY, uid="urn:p", target="urn:d", created_at=datetime(2026, 11, 21, tzinfo=UTC))

    assert document["@type"] == "Set"
    assert document["conflict"] == "prohibit"
    assert document["profile"] == "urn:wellhouse:profile"
    assert document["permission"][0]["duty"][0]["action"] == "attribute"
    assert {"@id": "urn:wellhouse:purpose:teaching"} in document["permission"][0]["constraint"][0]["rightOperand"]
    assert {rule["action"] for rule in document["prohibition"]} == {"use", "distribute"}


def test_every_odrl_term_that_we_write_exists_in_the_vocabulary() -> None:
    shared = Path(os.environ.get("WELLHOUSE_SHARED", "../shared")) / "vocab" / "ODRL22.jsonld"
    if not shared.exists():
        pytest.skip(f"{shared} is not here: set WELLHOUSE_SHARED to the folder that has vocab/ODRL22.jsonld")
    known = set(json.loads(shared.read_text())["@context"])
    document = to_odrl(BODY, uid="urn:p", target="urn:d")

    used = set(_terms(document)) - {"@context", "@type", "@id", "@value"}

    assert {term for term in used if ":" not in term} <= known


def _terms(value: object) -> list[str]:
    """Keys, operators, operands and actions, at any depth."""
    if isinstance(value, list):
        return [term for part in value for term in _terms(part)]
    if not isinstance(value, dict):
        return []
    named = [value[key] for key in ("action", "leftOperand", "operator", "conflict") if isinstance(value.get(key), str)]
    inner = [term for key, part in value.items() if key != "@context" for term in _terms(part)]
    return [*value, *named, *inner]
