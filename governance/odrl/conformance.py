"""Run conformance suites that nobody here wrote, and say of each case whether we agree.

Reads a folder of the layout of ``suites/``: ``odrl`` (the ODRL Test Suite of SolidLab: a policy, a request and a state
of the world give a report that says which rules are active), ``odrl/rec_examples.json`` (the examples of the W3C
Recommendation), ``duo`` (the cases of DUOS) and ``shapes`` (documents of ours that must stay readable). Every case that
lies there is run; what cannot be read has failed. Loads rdflib: only a command and tests load this module.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path

from rdflib import RDF, Graph, Literal, URIRef
from rdflib.term import Node

from governance.kernel.errors import Invalid, Reason
from governance.kernel.words import _
from governance.odrl import checking, duo
from governance.odrl.actions import OPERANDS
from governance.odrl.evaluate import SUITE, Question, Verdict, evaluate
from governance.odrl.form import Policy, Rule, leaves
from governance.odrl.reading import (
    ODRL,
    facts_of,
    name_of,
    pairs_of,
    parse,
    policies_of,
    policy_nodes,
    read_document,
    value_of,
)
from governance.odrl.values import Scalar, Value

PASSED, FAILED, SKIPPED = "passed", "failed", "skipped"


@dataclass(frozen=True)
class Case:
    """One case: did we agree, what was expected and what came out."""

    id: str
    status: str
    expected: object
    actual: object

    def to_json(self) -> dict[str, object]:
        """The form of commands.md."""
        return {"id": self.id, "status": self.status, "expected": self.expected, "actual": self.actual}


@dataclass(frozen=True)
class Suite:
    """One suite and its cases; ``absent`` says why there are none."""

    name: str
    cases: tuple[Case, ...] = ()
    absent: str = ""

    def count(self, status: str) -> int:
        """How many cases ended so."""
        return sum(case.status == status for case in self.cases)

    def to_json(self) -> dict[str, object]:
        """The form of commands.md."""
        return {
            "suite": self.name,
            "passed": self.count(PASSED),
            "failed": self.count(FAILED),
            "skipped": self.count(SKIPPED) + bool(self.absent),
            "cases": [case.to_json() for case in self.cases],
        }


def run(folder: Path) -> tuple[Suite, ...]:
    """Run every suite in ``folder``; raises ``Invalid`` (``suites-missing``, ``suite-unreadable``) when that cannot be."""
    suites = (odrl(folder / "odrl"), recommendation(folder / "odrl"), duos(folder / "duo"), shapes(folder / "shapes"))
    if all(suite.absent for suite in suites):
        message = _("There are no suites in this folder.")
        raise Invalid("suites-missing", reasons=[Reason("suites-missing", message, str(folder))])
    return suites


# -- the ODRL Test Suite -----------------------------------------------------------------------------------------------


def odrl(folder: Path) -> Suite:
    """Run every test case: which rules are active for this request, in this state of the world."""
    cases = sorted((folder / "test_cases").glob("*.ttl"))
    if not cases:
        return Suite("odrl", absent=f"no test cases in {folder}")
    library = _Library(folder)
    return Suite("odrl", tuple(case for path in cases for case in _odrl_file(path, library)))


class _Library:
    """The files of a suite, each a graph of its own, found by the names of what they describe."""

    def __init__(self, folder: Path) -> None:
        self.graphs = {
            name: [graph for path in sorted((folder / name).glob("*.ttl")) if (graph := _graph(path)) is not None]
            for name in ("policies", "requests", "sotw")
        }

    def find(self, name: str, node: Node | None, own: Graph) -> Graph | None:
        """The graph that describes ``node``: a file of the folder, or the test case itself."""
        if node is None:
            return None
        found = (graph for graph in (*self.graphs[name], own) if self._describes(graph, node, name))
        return next(found, None)

    def _describes(self, graph: Graph, node: Node, name: str) -> bool:
        rules = ("permission", "prohibition", "obligation", "target", "action", "assignee")
        if name == "policies":
            return any((node, URIRef(ODRL + rule), None) in graph for rule in rules)
        return (node, RDF.type, None) in graph


@cache
def _graph(path: Path) -> Graph | None:
    try:
        return parse(path.read_text(encoding="utf-8"), syntax="turtle")
    except (OSError, UnicodeDecodeError, Invalid):
        return None


def _odrl_file(path: Path, library: _Library) -> Iterator[Case]:
    own = _graph(path)
    nodes = sorted((n for n in (own.subjects(RDF.type, None) if own is not None else ()) if _is_case(own, n)), key=str)
    if own is None or not nodes:
        yield Case(path.stem, FAILED, "a test case", "unreadable")
    for node in nodes:
        name = path.stem if len(nodes) == 1 else f"{path.stem} {node}"
        yield _odrl_case(name, node, own, library) if own is not None else Case(name, FAILED, None, None)


def _is_case(graph: Graph | None, node: Node) -> bool:
    return graph is not None and any(_last(kind) == "TestCase" for kind in graph.objects(node, RDF.type))


def _odrl_case(name: str, node: Node, own: Graph, library: _Library) -> Case:
    parts = {_last(predicate): value for predicate, value in own.predicate_objects(node)}
    expected = _expected(own, parts.get("expectedReport"))
    policy_graph = library.find("policies", parts.get("policy"), own)
    if policy_graph is None:
        return Case(name, FAILED, _said(expected), "the policy is missing")
    wanted = name_of(parts["policy"])
    policy = next((p for p in policies_of(policy_graph) if p.uid == wanted), None)
    if policy is None:
        return Case(name, FAILED, _said(expected), "the policy is missing")
    request = library.find("requests", parts.get("request"), own)
    world = library.find("sotw", parts.get("sotw"), own)
    actual = {
        (rule, asked): state
        for asked, question in _questions(parts.get("request"), request, world if world is not None else Graph())
        for rule, state in _states(policy, evaluate(policy, question, mode=SUITE)).items()
    }
    agreed = bool(expected) and all(actual.get(_for_request(key, actual)) == state for key, state in expected.items())
    return Case(name, PASSED if agreed else FAILED, _said(expected), _said(actual))


def _for_request(key: tuple[str, str], actual: Mapping[tuple[str, str], str]) -> tuple[str, str]:
    """A report that names no rule of the request is about the only one there is."""
    return key if key in actual else next((other for other in actual if other[0] == key[0]), key)


def _expected(graph: Graph, report: Node | None) -> dict[tuple[str, str], str]:
    """Rule and asked rule -> Active or Inactive."""
    found: dict[tuple[str, str], str] = {}
    reports = [value for p, value in graph.predicate_objects(report) if _last(p) == "ruleReport"]
    for one in reports:
        parts = {_last(predicate): value for predicate, value in graph.predicate_objects(one)}
        if "rule" in parts and "activationState" in parts:
            asked = name_of(parts["ruleRequest"]) if "ruleRequest" in parts else ""
            found[(name_of(parts["rule"]), asked)] = _last(parts["activationState"])
    return found


def _states(policy: Policy, verdict: Verdict) -> dict[str, str]:
    """A rule with several actions or targets is active when one of them is."""
    states: dict[str, str] = {}
    for judged in (*verdict.permissions, *verdict.prohibitions, *verdict.obligations):
        if judged.is_active or judged.rule.uid not in states:
            states[judged.rule.uid] = "Active" if judged.is_active else "Inactive"
    return states


def _questions(node: Node | None, request: Graph | None, world: Graph) -> Iterator[tuple[str, Question]]:
    """What a request asks: one question for each of its rules, with what the world says around it."""
    graph = request if request is not None else Graph()
    known = _known(graph, world)
    within = (*pairs_of(world), *pairs_of(graph))
    asked = [p for p in policies_of(graph) if node is not None and p.uid == name_of(node)] or list(policies_of(graph))
    rules = [rule for policy in asked for rule in (*policy.permissions, *policy.prohibitions, *policy.obligations)]
    for rule in rules or [Rule("", None, None)]:
        about = {
            "action": {c.left: c.right for c in leaves(rule.refinements)},
            "target": _attributes(rule.target, graph, world),
            "assignee": _attributes(rule.assignee, graph, world),
        }
        yield (
            rule.uid,
            Question(
                rule.action or "",
                (rule.target,) if rule.target else (),
                known,
                (rule.assignee,) if rule.assignee else (),
                about,
                _duties(world),
                within,
            ),
        )


def _known(request: Graph, world: Graph) -> dict[str, Value]:
    """Left operands and their values: written as conditions, as properties, or as ``current…`` of the world."""
    known: dict[str, Value] = {}
    gathered: dict[str, list[Scalar]] = {}
    for graph in (world, request):
        for subject, predicate, value in graph:
            left = name_of(predicate) if str(predicate).startswith(ODRL) else ""
            if left in OPERANDS:
                gathered.setdefault(left, []).append(value_of(value, left))
            current = _last(subject).removeprefix("current") if _last(subject).startswith("current") else ""
            if current and isinstance(value, Literal | URIRef) and predicate != RDF.type:
                gathered.setdefault(_CURRENT.get(current, f"odrl:{current[:1].lower()}{current[1:]}"), []).append(
                    value_of(value)
                )
    for left, values in gathered.items():
        known[left] = values[0] if len(values) == 1 else tuple(values)
    if "odrl:dateTime" not in known and (at := _issued(world)) is not None:
        known["odrl:dateTime"] = at
    return {**known, **facts_of(world), **facts_of(request)}


_CURRENT = {"Time": "odrl:dateTime", "DateTime": "odrl:dateTime", "Location": "odrl:spatial"}


def _issued(world: Graph) -> datetime | None:
    for _subject, predicate, value in world:
        if _last(predicate) == "issued" and isinstance(found := value_of(value), datetime):
            return found
    return None


def _duties(world: Graph) -> dict[str, str]:
    """Duty -> how it stands, from reports that the world includes."""
    found: dict[str, str] = {}
    for report, predicate, state in world:
        if _last(predicate) == "deonticState":
            for other, rule in world.predicate_objects(report):
                if _last(other) == "rule":
                    found[name_of(rule)] = _last(state).lower()
    return found


def _attributes(name: str | None, *graphs: Graph) -> dict[str, Value]:
    """What is said of a party or an asset, for refinements."""
    if name is None:
        return {}
    return {
        name_of(predicate): value_of(value)
        for graph in graphs
        for predicate, value in graph.predicate_objects(URIRef(name))
    }


def _last(node: object) -> str:
    return str(node).rsplit("#", 1)[-1].rsplit("/", 1)[-1]


def _said(states: Mapping[tuple[str, str], str]) -> dict[str, str]:
    return {rule: state for (rule, _asked), state in sorted(states.items())}


# -- the examples of the Recommendation ----------------------------------------------------------------------------------


def recommendation(folder: Path) -> Suite:
    """Read every example of the Recommendation and count what is in it; say whether our profile accepts it."""
    path = folder / "rec_examples.json"
    if not path.is_file():
        return Suite("rec-examples", absent=f"no {path.name} in {folder}")
    examples, expected = _json_list(path), _json_list(folder / "rec_expected.json")
    by_index = {int(str(e["index"])): e for e in expected if "index" in e}
    found = (_example(index, example, by_index.get(index)) for index, example in enumerate(examples))
    return Suite("rec-examples", tuple(found))


def _example(index: int, example: Mapping[str, object], expected: Mapping[str, object] | None) -> Case:
    name = f"rec-{index}"
    if expected is None:
        return Case(name, SKIPPED, None, "nothing is expected of it")
    wanted = {key: value for key, value in expected.items() if key != "index"}
    try:
        document = read_document(json.dumps(example), syntax="json-ld")
    except Invalid as refusal:
        return Case(
            name, PASSED if expected.get("valid") is False else FAILED, wanted, {"valid": False, "why": str(refusal)}
        )
    if len(document.policies) != 1:
        return Case(name, FAILED, wanted, f"{len(document.policies)} policies")
    counted = counts(document.policies[0])
    faults = checking.faults_of_all(document.policies, document.oddities)
    agreed = all(counted.get(key) == value for key, value in wanted.items() if key in counted)
    actual = {**counted, "profile": checking.against_profile(faults) or "accepted"}
    return Case(name, PASSED if agreed else FAILED, wanted, actual)


def counts(policy: Policy) -> dict[str, object]:
    """Count the parts of a policy as they were written, a rule with two actions once."""
    rules = {rule.uid: rule for rule in (*policy.permissions, *policy.prohibitions, *policy.obligations)}.values()
    return {
        "uid": policy.uid,
        "type": policy.kind,
        "valid": True,
        "permissions": len({rule.uid for rule in policy.permissions}),
        "prohibitions": len({rule.uid for rule in policy.prohibitions}),
        "obligations": len({rule.uid for rule in policy.obligations}),
        "duties": sum(len({duty.uid for duty in rule.duties}) for rule in rules),
        "remedies": sum(len({duty.uid for duty in rule.remedies}) for rule in rules),
        "constraints_on_rules": sum(len(rule.constraints) for rule in rules),
    }


# -- DUOS --------------------------------------------------------------------------------------------------------------

_DOID = "http://purl.obolibrary.org/obo/DOID_"
_ABOVE: duo.Ancestry = {
    _DOID + "10155": tuple(_DOID + n for n in ("3119", "0050686", "162", "14566", "4")),
    _DOID + "162": (_DOID + "14566", _DOID + "4"),
}
"""The diseases above those that the cases name, as the Disease Ontology has them (governance.md, section 4)."""


def duos(folder: Path) -> Suite:
    """Match every pair of the DUOS cases."""
    paths = sorted(folder.glob("*.json"))
    if not paths:
        return Suite("duo", absent=f"no cases in {folder}")
    return Suite("duo", tuple(_duo_case(case, i) for path in paths for i, case in enumerate(_json_list(path))))


def _duo_case(case: Mapping[str, object], index: int) -> Case:
    name, expected = str(case.get("name", index)), str(case.get("expected", "")).lower()
    purpose, dataset = case.get("purpose"), case.get("dataset")
    if not isinstance(purpose, dict) or not isinstance(dataset, dict):
        return Case(name, FAILED, expected, "unreadable")
    actual = duo.match(purpose, dataset, _ABOVE).outcome
    return Case(name, PASSED if actual == expected else FAILED, expected, actual)


# -- shapes ------------------------------------------------------------------------------------------------------------


def shapes(folder: Path) -> Suite:
    """Read every document of ``shapes`` and look for what its kind must hold."""
    paths = sorted(path for path in folder.glob("*") if path.suffix in (".json", ".jsonld", ".ttl"))
    if not paths:
        return Suite("shapes", absent=f"no documents in {folder}")
    return Suite("shapes", tuple(_shape(path) for path in paths))


def _shape(path: Path) -> Case:
    try:
        text = path.read_text(encoding="utf-8")
        missing = _missing(text)
    except (Invalid, OSError, ValueError) as error:
        return Case(path.name, FAILED, "valid", str(error))
    return Case(path.name, FAILED if missing else PASSED, "valid", missing or "valid")


def _missing(text: str) -> list[str]:
    """What a document lacks, by its kind; any other document need only be readable."""
    given = json.loads(text) if text.lstrip()[:1] in "{[" else None
    if isinstance(given, dict) and "dpv:hasDataSubject" in given:
        return consent_lacks(given)
    graph = parse(text)
    lacks = [] if len(graph) else ["anything"]
    if policy_nodes(graph):
        document = read_document(text)
        faults = checking.faults_of_all(document.policies, document.oddities)
        lacks += [reason.code for reason in checking.refused(faults)]
    if isinstance(given, dict) and "distribution" in given:
        # In a Croissant file the creator of the data offers it, and its rules need not say so again.
        lacks = [code for code in lacks if code != "rule-without-assigner"] + croissant_lacks(given)
    return lacks + _prov_lacks(graph)


def consent_lacks(record: Mapping[str, object]) -> list[str]:
    """The keys that dpv-27560 demands of a record and of every process without processes below it."""
    top = (
        "dct:conformsTo",
        "dpv:hasIdentifier",
        "dpv:hasDataSubject",
        "dpv:hasNotice",
        "dpv:hasProcess",
        "dpv:hasEntity",
    )
    leaf = [
        "dpv:hasPurpose",
        "dpv:hasProcessing",
        "dpv:hasConsentStatus",
        "dpv:hasDataController",
        "dpv:hasRecipient",
        "dpv:hasPersonalData",
        "dpv:hasStorageCondition",
        "dpv:hasLegalBasis",
        "dpv:hasJurisdiction",
        "dpv:hasConsentControl",
    ]
    lacks = [key for key in top if key not in record]
    waiting = [(process, set[str]()) for process in _dicts(record.get("dpv:hasProcess"))]
    while waiting:
        process, inherited = waiting.pop()
        here = inherited | process.keys()
        below = _dicts(process.get("dpv:hasProcess"))
        if below and "dpv:hasConsentStatus" in process:
            lacks.append("dpv:hasConsentStatus beside a process")
        waiting.extend((inner, here) for inner in below)
        if not below:
            lacks += [key for key in leaf if key not in here]
    return lacks


def croissant_lacks(given: Mapping[str, object]) -> list[str]:
    """What Croissant 1.1 and its usage information need."""
    wanted = (
        "@context",
        "name",
        "description",
        "license",
        "url",
        "creator",
        "datePublished",
        "conformsTo",
        "usageInfo",
    )
    lacks = [key for key in wanted if key not in given]
    conforms = given.get("conformsTo")
    named = conforms if isinstance(conforms, list) else [conforms]
    return lacks + ([] if "http://mlcommons.org/croissant/1.1" in named else ["conformsTo 1.1"])


def _prov_lacks(graph: Graph) -> list[str]:
    prov = "http://www.w3.org/ns/prov#"
    lacks = []
    for entity in set(graph.subjects(URIRef(prov + "wasInvalidatedBy"), None)):
        if (entity, URIRef(prov + "invalidatedAtTime"), None) not in graph:
            lacks.append(f"{entity} was invalidated at no time")
    for entity in set(graph.subjects(URIRef(prov + "wasGeneratedBy"), None)):
        if len(set(graph.objects(entity, URIRef(prov + "wasGeneratedBy")))) > 1:
            lacks.append(f"{entity} was generated twice")
    return lacks


def _dicts(value: object) -> list[dict[str, object]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _json_list(path: Path) -> list[dict[str, object]]:
    try:
        read = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise _unreadable(path) from error
    if not isinstance(read, list) or not all(isinstance(one, dict) for one in read):
        raise _unreadable(path)
    return read


def _unreadable(path: Path) -> Invalid:
    reason = Reason("suite-unreadable", _("This file of a suite cannot be read."), str(path))
    return Invalid("suite-unreadable", reasons=[reason])
