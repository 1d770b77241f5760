"""The Data Use Ontology: what a machine can tell, and what it leaves to people."""

import pytest

from governance.odrl.duo import ABSTAIN, APPROVE, DENY, METHODS, DuoTerm, judge, match, terms
from governance.odrl.duo_terms import NAMES, duo_name

ANCESTRY = {"lung-cancer": ["cancer"], "cancer": ["disease"], "asthma": ["disease"]}


def ask(dataset: str, request: str, ancestry=None) -> str:
    return judge(terms(dataset.split()), terms(request.split()), ancestry).outcome


@pytest.mark.parametrize(
    ("dataset", "request_", "outcome"),
    [
        ("NRES", "", APPROVE),
        ("NRES", "GRU", APPROVE),
        ("GRU", "HMB", APPROVE),
        ("GRU", "POA", APPROVE),
        ("HMB", "HMB", APPROVE),
        ("HMB", "GRU", DENY),
        ("HMB", "POA", DENY),
        ("POA", "POA", APPROVE),
        ("POA", "HMB", DENY),
        ("GRU NPU", "HMB", DENY),
        ("GRU NPU", "HMB NPU", APPROVE),
        ("GRU NPUNCU", "HMB NPU", DENY),
        ("GRU NPUNCU", "HMB NPU NCU", APPROVE),
        ("GRU NCU", "HMB NPUNCU", APPROVE),
        ("GRU NMDS", "HMB methods", DENY),
        ("GRU", "HMB methods", APPROVE),
        ("GRU NPOA", "POA", DENY),
        ("GRU NPOA", "GRU", DENY),
        ("GRU NPOA", "HMB", APPROVE),
        ("GRU IRB COL PUB RTN MOR TS", "HMB", APPROVE),
        ("GRU RS", "HMB", ABSTAIN),
        ("GRU GSO", "HMB", ABSTAIN),
        ("GRU CC", "HMB", ABSTAIN),
        ("GRU DUO:9999999", "HMB", ABSTAIN),
        ("GRU", "HMB CC", ABSTAIN),
        ("GRU", "", ABSTAIN),
        ("GRU HMB", "HMB", ABSTAIN),
        ("NPU", "HMB NPU", ABSTAIN),
        ("GRU GS", "HMB", ABSTAIN),
    ],
)
def test_the_terms_of_a_dataset_answer_a_request(dataset, request_, outcome):
    assert ask(dataset, request_) == outcome


def test_a_disease_fits_below_what_the_dataset_names_and_never_above():
    cancer, lung = DuoTerm("DS", ("cancer",)), DuoTerm("DS", ("lung-cancer",))

    assert judge([cancer], [lung], ANCESTRY).outcome == APPROVE
    assert judge([lung], [cancer], ANCESTRY).outcome == DENY
    assert judge([cancer], [cancer]).outcome == APPROVE
    assert judge([cancer], [DuoTerm("DS", ("lung-cancer", "asthma"))], ANCESTRY).outcome == DENY


def test_a_place_must_lie_within_the_places_that_the_dataset_names():
    said = [DuoTerm("GRU"), DuoTerm("GS", ("NZ",))]

    assert judge(said, [DuoTerm("HMB"), DuoTerm("GS", ("NZ",))]).outcome == APPROVE
    assert judge(said, [DuoTerm("HMB"), DuoTerm("GS", ("NZ-AUK",))], {"NZ-AUK": ["NZ"]}).outcome == APPROVE
    assert judge(said, [DuoTerm("HMB"), DuoTerm("GS", ("NZ", "FR"))]).outcome == DENY


def test_a_no_beats_doubt_and_every_reason_is_told():
    verdict = judge(terms(["HMB", "RS", "NPU"]), terms(["GRU"]))

    assert verdict.outcome == DENY
    assert [reason.code for reason in verdict.against] == ["duo-not-covered", "duo-needs-people", "duo-for-profit"]
    assert all(str(reason) for reason in verdict.reasons)


def test_more_terms_on_the_dataset_never_turn_a_no_into_a_yes():
    rank = {APPROVE: 0, ABSTAIN: 1, DENY: 2}
    modifiers = [code for code, name in NAMES.items() if name.sort == "modifier"]

    for primary in ("NRES", "GRU", "HMB", "POA"):
        for request_ in ("GRU", "HMB NPU", "POA NPUNCU", f"HMB {METHODS}", ""):
            before = ask(primary, request_)
            assert all(rank[ask(f"{primary} {code}", request_)] >= rank[before] for code in modifiers)


@pytest.mark.parametrize("written", ["GRU", "DUO:0000042", "DUO_0000042", "duo:0000042", NAMES["GRU"].iri])
def test_a_term_is_known_however_it_is_written(written):
    found = duo_name(written)

    assert found is not None
    assert found.shorthand == "GRU"


def test_there_are_the_23_usable_codes():
    assert len(NAMES) == 23
    assert duo_name("DUO:0000017") is None


def test_the_reading_of_duos_keeps_absent_and_false_apart():
    assert match({"populationOriginsAncestry": False}, {"hmbResearch": True}).outcome == ABSTAIN
    assert match({"generalUse": True, "populationOriginsAncestry": False}, {"hmbResearch": True}).outcome == DENY
    assert match({"nonProfitUse": False}, {}).outcome == APPROVE
    assert match({}, {}).outcome == ABSTAIN
