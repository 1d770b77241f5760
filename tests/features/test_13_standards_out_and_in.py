"""Feature 13: standards out and in. This part: ODRL, DUO and the usage information of Croissant."""

import json
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from pyshacl import validate
from rdflib import Graph

from curation.exporters import croissant
from governance.odrl import deed, profile
from governance.odrl.checking import faults_of_all
from governance.odrl.duo import DuoTerm
from governance.odrl.form import Constraint
from governance.odrl.importing import answers_of
from governance.odrl.policy import Body, Term, compile_policy, to_odrl
from governance.odrl.reading import parse, read_document
from governance.odrl.usage import duo_that_fit, offer
from tests.curation.exporters.facts import facts, shards

UID, TARGET = "urn:wellhouse:policy:p", "urn:wellhouse:dataset:d"
BODY = Body(
    purposes=("research", "teaching"),
    organisations=("non-profit", "public"),
    prohibited=("advertising", "identification", "ancestry-research"),
    expires_on=date(2028, 12, 31),
    terms=(
        Term("agreement-months", 12),
        Term("attribution", "Saltmarsh Quay"),
        Term("ethics-approval"),
        Term("no-redistribution"),
        Term("no-voice-cloning"),
        Term("place-of-processing", "NZ, BE"),
        Term("withdrawal-list", 7),
    ),
    note="Ask us first.",
    duo=(DuoTerm("GRU"), DuoTerm("RS")),
)
AT = datetime(2026, 11, 21, 9, tzinfo=UTC)
VALIDATE = """
import json, sys
import mlcroissant as mlc
d = mlc.Dataset(jsonld=json.load(open(sys.argv[1])))
issues = d.metadata.ctx.issues
print("@@" + json.dumps({"errors": sorted(issues.errors), "warnings": sorted(issues.warnings)}))
"""


def emitted() -> dict[str, dict[str, object]]:
    """Every kind of policy that we write: the Set of a revision, the Offer of a catalogue, the Agreement of a party."""
    policy = to_odrl(BODY, uid=UID, target=TARGET, created_at=AT)
    agreed = deed.Deed(
        "urn:wellhouse:agreement:a",
        UID,
        "urn:wellhouse:community:c",
        "urn:wellhouse:party:p",
        TARGET,
        "teaching",
        False,
        "public",
        "nz",
        None,
        datetime(2027, 6, 30, 23, 59, 59, tzinfo=UTC),
    )
    published = offer(policy, uid="https://hub.example.org/d#rules", assigner="urn:wellhouse:community:c")
    return {
        "Set": policy,
        "Offer": {"@context": croissant.CONTEXT, **published},
        "Agreement": deed.write(agreed, compile_policy(BODY, uid=UID, target=TARGET)),
    }


def test_json_ld_to_rdf_to_our_json_gives_the_same_policy():
    (policy,) = read_document(json.dumps(emitted()["Set"])).policies

    imported = answers_of(policy)

    again = compile_policy(imported.body, uid=UID, target=TARGET)
    assert again == compile_policy(BODY, uid=UID, target=TARGET)
    assert (imported.flags, imported.body.note, set(imported.body.duo)) == ((), BODY.note, set(BODY.duo))


def test_a_policy_with_an_unknown_constraint_is_imported_as_an_inactive_permission_and_flagged():
    document = to_odrl(Body(("teaching",), ("public",)), uid=UID, target=TARGET)
    constraints = document["permission"][0]["constraint"]
    constraints.append(
        {"@type": "Constraint", "leftOperand": "deliveryChannel", "operator": "eq", "rightOperand": "post"}
    )

    imported = answers_of(read_document(json.dumps(document)).policies[0])

    assert imported.body.purposes == imported.body.organisations == ()
    assert imported.inactive == (f"{UID}#pull",)
    assert {flag.code for flag in imported.flags} == {"operand-unknown", "permission-inactive"}


@pytest.mark.parametrize("kind", ["Set", "Offer", "Agreement"])
def test_the_working_groups_shapes_accept_what_we_write(kind, shared):
    shapes = shared / "vocab" / "odrl-shapes-v2.ttl"
    graph = parse(json.dumps(emitted()[kind]))

    conforms, _report, said = validate(graph, shacl_graph=Graph().parse(shapes, format="turtle"))

    assert conforms, said


@pytest.mark.parametrize("kind", ["Set", "Offer", "Agreement"])
def test_our_own_checks_find_nothing_to_refuse_in_what_we_write(kind):
    document = read_document(json.dumps(emitted()[kind]))

    found = faults_of_all(document.policies, document.oddities)

    assert [fault.reason.code for fault in found if fault.weight == "refused"] == []
    assert [policy.kind for policy in document.policies] == [kind]


def test_the_offer_of_a_croissant_file_reads_back_as_the_rules_of_the_revision(tmp_path: Path):
    written = croissant.render(_facts(), shards(tmp_path, train=5))

    (policy,) = read_document(written.decode()).policies

    meant = compile_policy(BODY, uid=UID, target=TARGET)
    assert policy.kind == "Offer"
    assert {(r.action, r.target, _said(r.constraints)) for r in policy.permissions} == {
        (r.action, r.target, _said(r.constraints)) for r in meant.permissions
    }
    assert sorted((r.action, _said(r.constraints)) for r in policy.prohibitions) == sorted(
        (r.action, _said(r.constraints)) for r in meant.prohibitions
    )
    assert {(d.action, d.phase, d.days, d.words) for d in policy.permissions[0].duties} == {
        (d.action, d.phase, d.days, d.words) for d in meant.permissions[0].duties
    }


def test_mlcroissant_finds_nothing_to_complain_of_in_the_usage_information(tmp_path: Path, run_client):
    path = tmp_path / "croissant.json"
    path.write_bytes(croissant.render(_facts(), shards(tmp_path, train=5)))

    assert run_client(VALIDATE, str(path)) == {"errors": [], "warnings": []}


def test_usage_information_names_duo_terms_where_they_truly_fit(tmp_path: Path):
    document = croissant.build(_facts(), shards(tmp_path, train=5))

    codes = [one["termCode"] for one in document["usageInfo"] if str(one.get("url", "")).startswith("http://purl.")]
    assert codes == [f"DUO_{n:07d}" for n in (42, 12, 18, 21, 22, 44)]


@pytest.mark.parametrize(
    ("body", "fitting"),
    [
        (Body(), []),
        (Body(("teaching",), ("public",)), []),
        (Body(("language-tool",), ("public",)), []),
        (Body(("research",), ("public",)), ["GRU", "NPUNCU"]),
        (Body(("research",), ("public", "for-profit")), ["GRU", "NCU"]),
        (Body(("research",), ("public",), commercial=True), ["GRU", "NPU"]),
        (Body(("research",), ("public", "for-profit"), commercial=True), ["GRU"]),
        (Body(("research",), ("public",), prohibited=("health-research",)), []),
        (Body(("health-research",), ("public", "for-profit"), commercial=True), ["HMB"]),
        (Body(("ancestry-research",), ("public", "for-profit"), commercial=True), ["POA"]),
        (Body(("use",), tuple(profile.ORGANISATIONS), commercial=True, prohibited=()), ["NRES"]),
    ],
)
def test_no_duo_term_is_named_that_says_more_or_less_than_the_rules(body, fitting):
    assert [name.shorthand for name in duo_that_fit(body)] == fitting


def _facts():
    policy = to_odrl(BODY, uid=UID, target=TARGET, created_at=AT)
    return facts(policy=policy, duo=tuple(name.shorthand for name in duo_that_fit(BODY)))


def _said(conditions: tuple[Constraint, ...]) -> frozenset[tuple[str, str, object]]:
    return frozenset((c.left, c.operator, c.right) for c in conditions)
