"""Documents of others: read into one form, without the network, whatever their quirks."""

import json
import socket
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from governance.kernel.errors import Invalid
from governance.odrl.form import Compound, Constraint
from governance.odrl.policy import Body, Term, compile_policy, to_odrl
from governance.odrl.reading import facts_of, inherit, parse, read_document
from governance.odrl.values import Period, Unreadable

ODRL = "http://www.w3.org/ns/odrl.jsonld"
PREFIXES = """@prefix odrl: <http://www.w3.org/ns/odrl/2/> . @prefix ex: <http://example.org/> .
@prefix xsd: <http://www.w3.org/2001/XMLSchema#> . """


def one(value: object) -> object:
    return read_document(value if isinstance(value, str) else json.dumps(value)).policies[0]


def rules(*permissions: object, **more: object) -> dict:
    return {"@context": ODRL, "@type": "Set", "uid": "urn:p", "permission": list(permissions), **more}


@pytest.fixture(autouse=True)
def _no_network(monkeypatch):
    def refuse(*args: object, **kwargs: object) -> None:
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket, "create_connection", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)


def test_a_rule_without_a_name_is_named_by_its_json_pointer():
    policy = one(rules({"target": "urn:d", "action": "use"}, {"target": "urn:e", "action": "read"}))

    assert [(rule.uid, rule.target, rule.action) for rule in policy.permissions] == [
        ("/permission/0", "urn:d", "odrl:use"),
        ("/permission/1", "urn:e", "odrl:read"),
    ]


def test_what_a_policy_says_once_is_said_of_every_rule():
    policy = one(rules({"assignee": "urn:a"}, {"assignee": "urn:b"}, target="urn:d", action="play", assigner="urn:us"))

    assert {(r.assignee, r.target, r.action, r.assigner) for r in policy.permissions} == {
        ("urn:a", "urn:d", "odrl:play", "urn:us"),
        ("urn:b", "urn:d", "odrl:play", "urn:us"),
    }


def test_a_rule_with_two_targets_and_two_actions_is_one_rule_in_four_parts():
    policy = one(rules({"target": ["urn:d", "urn:e"], "action": ["play", "read"]}))

    assert len(policy.permissions) == 4
    assert {rule.uid for rule in policy.permissions} == {"/permission/0"}


def test_turtle_and_json_ld_give_the_same_policy():
    turtle = (
        PREFIXES
        + """<urn:p> a odrl:Set ; odrl:conflict odrl:prohibit ; odrl:permission <urn:p#1> .
        <urn:p#1> odrl:target <urn:d> ; odrl:action odrl:use ; odrl:constraint <urn:p#c> .
        <urn:p#c> odrl:leftOperand odrl:dateTime ; odrl:operator odrl:lt ;
            odrl:rightOperand "2027-01-01"^^xsd:date ."""
    )
    right = {"@type": "xsd:date", "@value": "2027-01-01"}
    constraint = {"uid": "urn:p#c", "leftOperand": "dateTime", "operator": "lt", "rightOperand": right}
    json_ld = rules(
        {"uid": "urn:p#1", "target": "urn:d", "action": "use", "constraint": [constraint]}, conflict="prohibit"
    )

    assert one(turtle) == one(json_ld)


def test_values_keep_their_types():
    values = [
        {"@type": "xsd:dateTime", "@value": "2027-01-01T10:00:00+02:00"},
        {"@type": "xsd:decimal", "@value": "5.00"},
        {"@type": "xsd:integer", "@value": "60"},
        {"@type": "xsd:dateTime", "@value": "soon"},
        {"@type": "xsd:date", "@value": "2027-01-01"},
    ]
    constraints = [{"leftOperand": "count", "operator": "lt", "rightOperand": value} for value in values]

    read = [
        c.right
        for c in one(rules({"target": "urn:d", "action": "use", "constraint": constraints})).permissions[0].constraints
    ]

    assert read[0] == datetime(2027, 1, 1, 8, tzinfo=UTC)
    assert read[1:3] == [Decimal("5.00"), 60]
    assert isinstance(read[3], Unreadable)
    assert isinstance(read[4], Period)


def test_conditions_are_put_together_as_written():
    condition = {
        "xone": {
            "@list": [
                {"leftOperand": "count", "operator": "lt", "rightOperand": 3},
                {"leftOperand": "spatial", "operator": "eq", "rightOperand": {"@id": "urn:nz"}},
            ]
        }
    }

    (read,) = one(rules({"target": "urn:d", "action": "use", "constraint": [condition]})).permissions[0].constraints

    assert isinstance(read, Compound)
    assert read.how == "xone"
    assert [part.left for part in read.parts] == ["odrl:count", "odrl:spatial"]


def test_refinements_stay_with_what_they_narrow():
    refinement = [
        {"leftOperand": "resolution", "operator": "lteq", "rightOperand": {"@type": "xsd:integer", "@value": "1200"}}
    ]
    policy = one(
        rules(
            {
                "target": {"@type": "AssetCollection", "source": "urn:works", "refinement": refinement},
                "assignee": {"@type": "PartyCollection", "uid": "urn:team", "source": "urn:people"},
                "action": [{"rdf:value": {"@id": "odrl:print"}, "refinement": refinement}],
            }
        )
    )

    rule = policy.permissions[0]
    assert (rule.action, rule.target, rule.assignee) == ("odrl:print", "urn:works", "urn:team")
    assert rule.refinements[0].right == rule.target_refinements[0].right == 1200
    assert ("urn:team", "urn:people") in policy.sources


def test_duties_keep_consequences_and_prohibitions_remedies():
    policy = one(
        rules(
            {
                "target": "urn:d",
                "action": "use",
                "duty": [{"action": "attribute", "consequence": [{"action": "inform"}]}],
            },
            prohibition=[{"target": "urn:d", "action": "index", "remedy": [{"action": "anonymize"}]}],
            obligation=[{"action": "delete", "consequence": [{"action": "compensate"}]}],
        )
    )

    assert policy.permissions[0].duties[0].consequences[0].action == "odrl:inform"
    assert policy.prohibitions[0].remedies[0].action == "odrl:anonymize"
    assert policy.obligations[0].consequences[0].action == "odrl:compensate"


def test_the_misspelt_operator_of_the_official_context_is_read_as_meant():
    constraint = {"leftOperand": "purpose", "operator": "neq", "rightOperand": {"@id": "urn:x"}}

    policy = one(rules({"target": "urn:d", "action": "use", "constraint": [constraint]}))

    assert policy.permissions[0].constraints[0].operator == "neq"


@pytest.mark.parametrize(
    "prefix", ["http://purl.obolibrary.org/obo/DUO_", {"@id": "http://purl.obolibrary.org/obo/DUO_", "@prefix": True}]
)
def test_duo_terms_are_known_with_and_without_a_usable_prefix(prefix):
    constraint = {"leftOperand": "purpose", "operator": "isA", "rightOperand": {"@id": "duo:0000042"}}
    document = rules({"target": "urn:d", "action": "use", "constraint": [constraint]})
    document["@context"] = [ODRL, {"duo": prefix}]

    assert one(document).permissions[0].constraints[0].right == "DUO:0000042"


def test_the_broken_offer_of_the_croissant_text_is_read_and_its_condition_can_never_hold():
    croissant = {
        "@context": {
            "sc": "https://schema.org/",
            "odrl": "http://www.w3.org/ns/odrl/2/",
            "duo": "http://purl.obolibrary.org/obo/DUO_",
        },
        "@type": "sc:Dataset",
        "usageInfo": [{"x": 1}],
        "sc:usageInfo": {
            "@type": "odrl:Offer",
            "@id": "urn:offer",
            "odrl:permission": {
                "odrl:target": {"@id": "urn:d"},
                "odrl:action": {"@id": "duo:0000006"},
                "odrl:constraint": {
                    "@type": "odrl:Constraint",
                    "odrl:operator": {"@id": "odrl:eq"},
                    "odrl:rightOperand": "research",
                },
            },
        },
    }

    policy = one(croissant)

    assert (policy.uid, policy.kind) == ("urn:offer", "Offer")
    assert policy.permissions[0].action == "DUO:0000006"
    assert policy.permissions[0].constraints[0].left == ""


def test_another_context_from_the_network_is_refused_wherever_it_stands():
    for document in (
        {**rules({"target": "urn:d", "action": "use"}), "@context": [ODRL, "https://example.org/context.jsonld"]},
        rules({"@context": "https://example.org/c.jsonld", "target": "urn:d", "action": "use"}),
        {"@context": {"x": {"@id": "urn:x", "@context": "https://example.org/c.jsonld"}}, "x": 1},
        {"@context": {"@import": "https://example.org/c.jsonld"}, "x": 1},
    ):
        with pytest.raises(Invalid) as refusal:
            read_document(json.dumps(document))
        assert refusal.value.code == "context-refused"


@pytest.mark.parametrize("text", ["{", "[" * 100_000, "<urn:a> <urn:b", "<?xml version='1.0'?><a/>"])
def test_what_cannot_be_read_is_refused_with_a_reason(text):
    with pytest.raises(Invalid) as refusal:
        read_document(text)
    assert refusal.value.code == "document-unreadable"


def test_a_document_that_is_far_too_large_is_refused():
    with pytest.raises(Invalid) as refusal:
        read_document(" " * 4_000_001)
    assert refusal.value.code == "document-too-large"


def test_a_condition_that_contains_itself_ends():
    turtle = (
        PREFIXES
        + """<urn:p> a odrl:Set ; odrl:permission [ odrl:target <urn:d> ; odrl:action odrl:use ;
        odrl:constraint <urn:c> ] . <urn:c> odrl:and <urn:c> , <urn:e> ."""
    )

    (condition,) = one(turtle).permissions[0].constraints

    assert condition.parts[0] == Constraint("", "", (), "urn:c")


def test_rules_of_a_parent_are_inherited_and_a_missing_parent_is_remembered():
    parent = one(rules({"uid": "urn:q#1", "target": "urn:d", "action": "read"}, uid="urn:q", inheritFrom="urn:r"))
    child = one(rules({"uid": "urn:p#1", "target": "urn:d", "action": "play"}, inheritFrom=["urn:q", "urn:p"]))

    whole = inherit(child, [parent, child])

    assert {rule.uid for rule in whole.permissions} == {"urn:p#1", "urn:q#1"}
    assert whole.inherits == ("urn:r",)


def test_a_document_reads_the_same_every_time():
    text = (
        PREFIXES
        + """<urn:p> a odrl:Set ; odrl:permission [ odrl:action odrl:read ; odrl:target ex:b ] ,
        [ odrl:action odrl:play ; odrl:target ex:a ] , [ odrl:action odrl:print ; odrl:target ex:c ] ."""
    )

    assert len({one(text) for _ in range(10)}) == 1


def test_what_we_write_is_read_as_what_we_meant():
    body = Body(
        ("research", "teaching"),
        ("public", "non-profit"),
        terms=(Term("withdrawal-list", 7), Term("attribution", "Us")),
    )

    read = one(to_odrl(body, uid="urn:p", target="urn:d"))
    meant = compile_policy(body, uid="urn:p", target="urn:d")

    assert {(r.uid, r.action, r.target) for r in read.prohibitions} == {
        (r.uid, r.action, r.target) for r in meant.prohibitions
    }
    assert set(read.permissions[0].duties) == set(meant.permissions[0].duties)
    said = {(c.left, c.operator, c.right) for c in read.permissions[0].constraints}
    assert said == {(c.left, c.operator, c.right) for c in meant.permissions[0].constraints}


def test_conditions_of_a_request_are_facts_and_those_of_a_policy_beside_it_are_not():
    text = (
        PREFIXES
        + """<urn:p> a odrl:Set ; odrl:permission [ odrl:action odrl:read ; odrl:constraint <urn:rule> ] .
        <urn:rule> odrl:leftOperand odrl:spatial ; odrl:operator odrl:eq ; odrl:rightOperand ex:there .
        <urn:q> a odrl:Request ; odrl:permission [ odrl:action odrl:read ; odrl:constraint <urn:said> ] .
        <urn:said> odrl:leftOperand odrl:purpose ; odrl:operator odrl:eq ; odrl:rightOperand ex:learning ."""
    )

    assert facts_of(parse(text)) == {"odrl:purpose": "http://example.org/learning"}
