"""Read ODRL documents, Turtle or JSON-LD, into the form that the evaluator judges.

Loads rdflib, so only a command, or a page by name, loads this module. Nothing is ever fetched: the official context of
ODRL lies beside this module, and a document that needs another one from the network is refused. Every document is a
graph of its own; two documents that use one name for two things never meet.

What documents do that a reader must know (governance.md, section 3.1): the official context misspells ``neq`` and
``industry``; ``duo:`` written without ``@prefix`` stays ``duo:0000042``; an untyped ``rightOperand`` is a plain word; a
constraint may lack its left operand, which is kept and can then never hold. A node without a name is named by its
JSON pointer.
"""

import itertools
import json
import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from rdflib import RDF, BNode, Graph, Literal, URIRef
from rdflib.collection import Collection
from rdflib.term import Node

from governance.kernel.errors import Invalid, Reason
from governance.kernel.words import _
from governance.odrl import profile
from governance.odrl.duo_terms import duo_name
from governance.odrl.form import Compound, Condition, Constraint, Duty, Policy, Rule
from governance.odrl.values import Scalar, Span, Unreadable, Value, read

ODRL = "http://www.w3.org/ns/odrl/2/"
DCT = "http://purl.org/dc/terms/"
SKOS = "http://www.w3.org/2004/02/skos/core#"
RDFS = "http://www.w3.org/2000/01/rdf-schema#"
POINTER = "urn:wellhouse:pointer:"
BASE = "urn:wellhouse:unnamed:"
REFERENCE = "odrl:rightOperandReference"
LARGEST = 4_000_000
"""Characters of a document; the largest of the suites has 150,000."""

KINDS = ("Agreement", "Offer", "Set", "Request", "Privacy", "Assertion", "Ticket", "Policy")
TOGETHER = ("and", "andSequence", "or", "xone")
SETS = ("isAnyOf", "isNoneOf", "isAllOf")

_CONTEXTS = {
    f"{scheme}://www.w3.org/ns/odrl{end}": "odrl.jsonld"
    for scheme in ("http", "https")
    for end in (".jsonld", "/2/ODRL22.jsonld")
}
_NAMED_KEYS = frozenset(
    [
        "permission",
        "prohibition",
        "obligation",
        "duty",
        "remedy",
        "consequence",
        "constraint",
        "refinement",
        "and",
        "andSequence",
        "or",
        "xone",
        "target",
        "assignee",
        "assigner",
        "action",
        "usageInfo",
    ]
)
_MISSPELT = {"odrl:neg": "odrl:neq", "odrl:industry:": "odrl:industry"}

# rdflib warns about every ill-typed literal; they are reported as reasons instead.
logging.getLogger("rdflib.term").setLevel(logging.ERROR)


@dataclass(frozen=True)
class Document:
    """What a document holds: its policies, in the order of their names, what is odd about how it is written, and the
    graph that all came from.
    """

    policies: tuple[Policy, ...]
    oddities: tuple[Reason, ...]
    graph: Graph = field(repr=False, compare=False)


def read_document(text: str, *, syntax: str | None = None) -> Document:
    """Read a document; ``syntax`` is ``turtle`` or ``json-ld`` and else found out.

    Raises ``Invalid``: ``document-unreadable``, ``document-too-large``, ``context-refused``.
    """
    graph = parse(text, syntax=syntax)
    return Document(policies_of(graph), tuple(_oddities(graph)), graph)


def parse(text: str, *, syntax: str | None = None) -> Graph:
    """Read a document into a graph of its own, without the network; raises as ``read_document`` does."""
    if len(text) > LARGEST:
        raise Invalid("document-too-large", _("This document is too large to be a policy."))
    syntax = syntax or ("json-ld" if text.lstrip("\ufeff \t\r\n")[:1] in "{[" else "turtle")
    graph = Graph()
    try:
        if syntax == "json-ld":
            text = json.dumps(_at_home(json.loads(text.lstrip("\ufeff"))))
        graph.parse(data=text, format=syntax, publicID=BASE)
    except Invalid:
        raise
    except Exception as error:  # rdflib raises whatever its parsers happen to raise, even plain Exception
        raise Invalid(
            "document-unreadable", _("This is neither JSON-LD nor Turtle that we can read: {why}"), why=_short(error)
        ) from error
    return graph


def policies_of(graph: Graph) -> tuple[Policy, ...]:
    """Return every policy in a graph, sorted by name."""
    return tuple(_Reader(graph).policy(node) for node in policy_nodes(graph))


def policy_nodes(graph: Graph) -> list[Node]:
    """Return the nodes that are policies: typed as one, or with rules."""
    found: set[Node] = set()
    for kind in KINDS:
        found.update(graph.subjects(RDF.type, URIRef(ODRL + kind)))
    for name in ("permission", "prohibition", "obligation"):
        found.update(graph.subjects(URIRef(ODRL + name), None))
    return sorted(found, key=str)


def inherit(policy: Policy, others: Iterable[Policy]) -> Policy:
    """Return ``policy`` with the rules of every policy that it builds on; what nobody gave stays in ``inherits``.

    Follows section 2.9 of the Information Model: the parent's rules are added, the child's conflict strategy stands.
    """
    known = {other.uid: other for other in others}
    waiting, seen, missing = list(policy.inherits), {policy.uid}, []
    permissions, prohibitions, obligations = [*policy.permissions], [*policy.prohibitions], [*policy.obligations]
    pairs = {*policy.narrower}
    sources = {*policy.sources}
    groups = {*policy.collections}
    while waiting:
        uid = waiting.pop(0)
        if uid in seen:
            continue
        seen.add(uid)
        parent = known.get(uid)
        if parent is None:
            missing.append(uid)
            continue
        permissions += parent.permissions
        prohibitions += parent.prohibitions
        obligations += parent.obligations
        pairs |= {*parent.narrower}
        sources |= {*parent.sources}
        groups |= {*parent.collections}
        waiting += parent.inherits
    return Policy(
        policy.uid,
        tuple(permissions),
        tuple(prohibitions),
        policy.conflict,
        tuple(obligations),
        policy.kind,
        policy.profiles,
        tuple(missing),
        tuple(sorted(sources)),
        tuple(sorted(pairs)),
        policy.note,
        tuple(sorted(groups)),
        policy.duo,
    )


# -- names and values --------------------------------------------------------------------------------------------------


def name_of(node: Node) -> str:
    """Return the name of a node as the evaluator uses it: ``odrl:use``, ``DUO:0000042``, a JSON pointer, an IRI."""
    text = str(node)
    if isinstance(node, Literal):
        return _compact(text)
    if text.startswith(POINTER):
        return text.removeprefix(POINTER)
    return _compact(text.removeprefix(BASE).lstrip("/") if text.startswith(BASE) else text)


def value_of(node: Node, left: str = "") -> Scalar:
    """Return the value of a node; ``left`` names the operand that it is compared with."""
    if isinstance(node, Literal):
        if node.datatype is not None:
            return read(str(node), str(node.datatype))
        return profile.code_of(left, _compact(str(node)))
    return profile.code_of(left, name_of(node))


def pairs_of(graph: Graph) -> tuple[tuple[str, str], ...]:
    """Return every pair of which the graph says that the first lies within the second."""
    found: set[tuple[str, str]] = set()
    for name in _BELOW:
        for lower, upper in graph.subject_objects(URIRef(name)):
            found.add((name_of(lower), name_of(upper)))
    for name in _ABOVE:
        for upper, lower in graph.subject_objects(URIRef(name)):
            found.add((name_of(lower), name_of(upper)))
    for thing, kind in graph.subject_objects(RDF.type):
        if not str(kind).startswith((ODRL, SKOS, RDFS)):
            found.add((name_of(thing), name_of(kind)))
    return tuple(sorted(pair for pair in found if pair[0] != pair[1]))


_BELOW = (
    ODRL + "partOf",
    ODRL + "includedIn",
    SKOS + "broader",
    SKOS + "broaderTransitive",
    SKOS + "exactMatch",
    RDFS + "subClassOf",
    DCT + "isPartOf",
    "http://schema.org/isPartOf",
    "https://schema.org/isPartOf",
)
_ABOVE = (SKOS + "narrower", SKOS + "exactMatch", DCT + "hasPart")


def _compact(text: str) -> str:
    short = "odrl:" + text.removeprefix(ODRL) if text.startswith(ODRL) else text
    short = _MISSPELT.get(short, short)
    term = duo_name(short) if "DUO" in short.upper() and ":" in short else None
    return term.code if term else short


# -- rules -------------------------------------------------------------------------------------------------------------


class _Reader:
    """Walks one graph."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self._unnamed: dict[Node, str] = {}

    def policy(self, node: Node) -> Policy:
        """Read one policy."""
        kinds = [kind for kind in KINDS if (node, RDF.type, URIRef(ODRL + kind)) in self.graph]
        conflict = self.one(node, "conflict")
        shared = _Shared(
            tuple(self.all(node, "action")),
            (*self.all(node, "target"), *self.pointing(node, "hasPolicy")),
            (*self.all(node, "assignee"), *self.pointing(node, "assigneeOf")),
            (*self.all(node, "assigner"), *self.pointing(node, "assignerOf")),
        )
        lists = {
            name: tuple(
                rule
                for index, child in enumerate(self.all(node, name))
                for rule in self.rules(child, f"/{name}/{index}", shared)
            )
            for name in ("permission", "prohibition", "obligation")
        }
        return Policy(
            uid="" if isinstance(node, BNode) else name_of(node),
            permissions=lists["permission"],
            prohibitions=lists["prohibition"],
            conflict=name_of(conflict).removeprefix("odrl:") if conflict is not None else "invalid",
            obligations=lists["obligation"],
            kind=kinds[0] if kinds else "Set",
            profiles=tuple(name_of(n) for n in self.all(node, "profile")),
            inherits=tuple(name_of(n) for n in self.all(node, "inheritFrom")),
            sources=tuple(sorted(self.sources())),
            narrower=pairs_of(self.graph),
            note=self.words(node),
            collections=tuple(sorted(self.collections())),
            duo=tuple(sorted(self.duo(node))),
        )

    def rules(self, node: Node, pointer: str, shared: "_Shared") -> Iterator[Rule]:
        """Read one rule, as many times as it has actions, targets and assignees."""
        uid = self.name(node, pointer)
        actions = self.all(node, "action") or list(shared.actions)
        targets = self.all(node, "target") or list(shared.targets)
        assignees = self.all(node, "assignee") or list(shared.assignees)
        assigners = self.all(node, "assigner") or list(shared.assigners)
        assigner = self.thing(assigners[0], "")[0] if assigners else None
        constraints = self.conditions(node, "constraint", uid)
        duties = self.duties(node, ("duty",), uid)
        remedies = self.duties(node, ("remedy",), uid)
        consequences = self.duties(node, ("consequence",), uid)
        nobody: list[Node | None] = [None]
        for action, target, assignee in itertools.product(actions or nobody, targets or nobody, assignees or nobody):
            name, refinements = self.action(action, uid)
            about, of_target = self.thing(target, f"{uid}/target")
            party, of_party = self.thing(assignee, f"{uid}/assignee")
            yield Rule(
                uid,
                name,
                about,
                constraints,
                duties,
                party,
                assigner,
                refinements,
                of_target,
                of_party,
                remedies,
                consequences,
            )

    def duties(self, node: Node, names: tuple[str, ...], uid: str) -> tuple[Duty, ...]:
        """Read duties, remedies or consequences, with what comes due when they are not done."""
        return tuple(
            duty
            for name in names
            for index, child in enumerate(self.all(node, name))
            for duty in self.duty(child, f"{uid}/{name}/{index}")
        )

    def duty(self, node: Node, pointer: str) -> Iterator[Duty]:
        """Read one duty; ``timeInterval`` of whole days becomes its number of days."""
        uid = self.name(node, pointer)
        days, constraints = _days(self.conditions(node, "constraint", uid))
        target = self.all(node, "target")
        assignee, assigner = self.all(node, "assignee"), self.all(node, "assigner")
        actions: list[Node | None] = [*self.all(node, "action")] or [None]
        for action in actions:
            name, refinements = self.action(action, uid)
            yield Duty(
                uid,
                name or "",
                days,
                self.words(node),
                self.phase(node),
                target=self.thing(target[0], "")[0] if target else None,
                assignee=self.thing(assignee[0], "")[0] if assignee else None,
                assigner=self.thing(assigner[0], "")[0] if assigner else None,
                constraints=constraints,
                refinements=refinements,
                consequences=self.duties(node, ("consequence",), uid) if isinstance(node, (URIRef, BNode)) else (),
            )

    def phase(self, node: Node) -> str:
        """When a duty of our profile is to be done."""
        found = self.graph.value(node, URIRef(profile.PHASE))
        return str(found).removeprefix(profile.PHASE + ":") if found is not None else "ongoing"

    def action(self, node: Node | None, uid: str) -> tuple[str | None, tuple[Condition, ...]]:
        """Read an action: a name, or a node whose ``rdf:value`` is one, with refinements."""
        if node is None:
            return None, ()
        named = self.graph.value(node, RDF.value)
        refinements = self.conditions(node, "refinement", f"{uid}/action")
        if named is not None:
            return _expanded(name_of(named)), refinements
        is_name = isinstance(node, Literal) or (not str(node).startswith(POINTER) and not isinstance(node, BNode))
        return (_expanded(name_of(node)) if is_name else ""), refinements

    def thing(self, node: Node | None, pointer: str) -> tuple[str | None, tuple[Condition, ...]]:
        """Read a target or a party: its name (for an unnamed collection, what it stands for) and its refinements."""
        if node is None:
            return None, ()
        refinements = self.conditions(node, "refinement", pointer)
        source = self.one(node, "source")
        unnamed = isinstance(node, BNode) or str(node).startswith(POINTER)
        uid = self.one(node, "uid")
        if unnamed and uid is not None:
            return name_of(uid), refinements
        return (name_of(source) if unnamed and source is not None else self.name(node, pointer)), refinements

    def conditions(self, node: Node, name: str, pointer: str) -> tuple[Condition, ...]:
        """Read the conditions of a rule, an action, a target or a party, sorted by name."""
        return tuple(
            self.condition(child, f"{pointer}/{name}/{index}", frozenset())
            for index, child in enumerate(self.all(node, name))
        )

    def condition(self, node: Node, pointer: str, above: frozenset[Node]) -> Condition:
        """Read one condition; a loop ends in a condition that cannot hold."""
        uid = self.name(node, pointer)
        if node in above:
            return Constraint("", "", (), uid)
        for how in TOGETHER:
            parts = self.all(node, how)
            if parts:
                inner = (*above, node)
                return Compound(
                    how,
                    tuple(self.condition(p, f"{uid}/{how}/{i}", frozenset(inner)) for i, p in enumerate(parts)),
                    uid,
                )
        left, operator, unit = self.one(node, "leftOperand"), self.one(node, "operator"), self.one(node, "unit")
        named = _expanded(name_of(left)) if left is not None else ""
        code = _expanded(name_of(operator)).removeprefix("odrl:") if operator is not None else ""
        return Constraint(named, code, self.right(node, named, code), uid, name_of(unit) if unit is not None else "")

    def right(self, node: Node, left: str, operator: str) -> Value:
        """Read what is compared with; a reference that nobody follows cannot be compared."""
        values = [value_of(n, left) for n in self.all(node, "rightOperand")]
        values += [Unreadable(str(n), REFERENCE) for n in self.all(node, "rightOperandReference")]
        if len(values) == 1 and operator not in SETS:
            return values[0]
        return tuple(sorted(values, key=str))

    # -- the graph --

    def all(self, node: Node, name: str) -> list[Node]:
        """Return what a node has under a property, lists opened, sorted by name."""
        found: list[Node] = []
        for child in self.graph.objects(node, URIRef(ODRL + name)):
            if child == RDF.nil or (child, RDF.first, None) in self.graph:
                found.extend(Collection(self.graph, child))
            else:
                found.append(child)
        return sorted(found, key=self.order)

    def order(self, node: Node) -> tuple[object, ...]:
        """The order of unnamed nodes is that of what they say, so that a document reads the same every time."""
        text = str(node)
        if not isinstance(node, BNode):
            parts = tuple(p.zfill(6) if p.isdigit() else p for p in text.split("/"))
            return (0, *parts)
        said = sorted(f"{p} {'' if isinstance(o, BNode) else o}" for p, o in self.graph.predicate_objects(node))
        deeper = sorted(
            f"{p} {q}"
            for o in self.graph.objects(node, None)
            if isinstance(o, BNode)
            for p, q in self.graph.predicate_objects(o)
            if not isinstance(q, BNode)
        )
        return (1, *said, *deeper)

    def one(self, node: Node, name: str) -> Node | None:
        """Return the first of what a node has under a property."""
        found = self.all(node, name)
        return found[0] if found else None

    def pointing(self, node: Node, name: str) -> tuple[Node, ...]:
        """Return the nodes that point here by a property."""
        return tuple(sorted(self.graph.subjects(URIRef(ODRL + name), node), key=str))

    def name(self, node: Node, pointer: str) -> str:
        """Name a node; an unnamed one takes the pointer of where it stands."""
        if isinstance(node, BNode):
            return self._unnamed.setdefault(node, pointer)
        return name_of(node)

    def sources(self) -> Iterator[tuple[str, str]]:
        """Pair every named collection with what it stands for."""
        for node, source in self.graph.subject_objects(URIRef(ODRL + "source")):
            if not isinstance(node, BNode):
                yield name_of(node), name_of(source)

    def collections(self) -> set[str]:
        """Return the names of everything that holds others: typed as a collection, with a source, or with parts."""
        found = set(self.graph.subjects(URIRef(ODRL + "source"), None)) | set(
            self.graph.objects(None, URIRef(ODRL + "source"))
        )
        found |= set(self.graph.objects(None, URIRef(ODRL + "partOf")))
        for kind in ("AssetCollection", "PartyCollection"):
            found |= set(self.graph.subjects(RDF.type, URIRef(ODRL + kind)))
        return {name_of(node) for node in found if not isinstance(node, BNode)}

    def duo(self, policy: Node) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Return the terms of the Data Use Ontology that our own documents carry beside the rules."""
        for node in self.graph.objects(policy, URIRef(profile.DUO)):
            for named in self.graph.objects(node, URIRef(profile.DUO_TERM)):
                name = duo_name(str(named))
                about = self.graph.objects(node, URIRef(profile.DUO_ABOUT))
                yield (name.shorthand if name else str(named)), tuple(sorted(str(value) for value in about))

    def words(self, node: Node) -> str:
        """The description of a node, in the first language by name."""
        found = sorted(str(o) for o in self.graph.objects(node, URIRef(DCT + "description")))
        return found[0] if found else ""


@dataclass(frozen=True)
class _Shared:
    """What a policy says once for all of its rules."""

    actions: tuple[Node, ...]
    targets: tuple[Node, ...]
    assignees: tuple[Node, ...]
    assigners: tuple[Node, ...]


def _days(conditions: tuple[Condition, ...]) -> tuple[int | None, tuple[Condition, ...]]:
    for condition in conditions:
        if (
            isinstance(condition, Constraint)
            and (condition.left, condition.operator) == ("odrl:timeInterval", "lteq")
            and isinstance(condition.right, Span)
            and not condition.right.months
            and condition.right.seconds % 86400 == 0
        ):
            return int(condition.right.seconds // 86400), tuple(c for c in conditions if c is not condition)
    return None, conditions


def _expanded(name: str) -> str:
    """A term of ODRL without its prefix, as careless documents write it."""
    return name if ":" in name or not name or "/" in name else f"odrl:{name}"


# -- how it is written -------------------------------------------------------------------------------------------------


def _oddities(graph: Graph) -> Iterator[Reason]:
    """What the form that is judged no longer shows: things said twice, and things in the wrong place."""
    for policy in policy_nodes(graph):
        rules = {
            name: list(graph.objects(policy, URIRef(ODRL + name)))
            for name in ("permission", "prohibition", "obligation")
        }
        offered = any((policy, RDF.type, URIRef(ODRL + kind)) in graph for kind in ("Offer", "Agreement"))
        shared = len(set(graph.objects(policy, URIRef(ODRL + "assigner"))))
        for rule in (one for found in rules.values() for one in found):
            here = name_of(rule) if not isinstance(rule, BNode) else None
            if offered and shared + len(set(graph.objects(rule, URIRef(ODRL + "assigner")))) > 1:
                message = _("A rule has more than one party that grants it. Name exactly one.")
                yield Reason("assigner-doubled", message, here)
        misplaced = {
            "permission": ("remedy", "consequence"),
            "prohibition": ("duty", "consequence"),
            "obligation": ("remedy", "duty"),
        }
        for name, wrong in misplaced.items():
            for rule in rules[name]:
                for bad in wrong:
                    if (rule, URIRef(ODRL + bad), None) in graph:
                        message = _("A {rule} cannot have a {part}.")
                        where = name_of(rule) if not isinstance(rule, BNode) else None
                        yield Reason("part-misplaced", message, where, values={"rule": name, "part": bad})
    for remedy in set(graph.objects(None, URIRef(ODRL + "remedy"))):
        if (remedy, URIRef(ODRL + "consequence"), None) in graph:
            values: dict[str, object] = {"rule": "remedy", "part": "consequence"}
            yield Reason("part-misplaced", _("A {rule} cannot have a {part}."), values=values)
    for node in set(graph.subjects(URIRef(ODRL + "operator"), None)) | set(
        graph.subjects(URIRef(ODRL + "leftOperand"), None)
    ):
        for name in ("leftOperand", "operator"):
            if len(set(graph.objects(node, URIRef(ODRL + name)))) > 1:
                where = name_of(node) if not isinstance(node, BNode) else None
                yield Reason("constraint-doubled", _("A condition says “{part}” twice."), where, values={"part": name})


# -- JSON-LD without the network ---------------------------------------------------------------------------------------


def _at_home(document: object) -> object:
    """Put our copy of the official context in place, refuse any other, and name what has no name."""
    aliases = {"@id", *_aliases(document, "@id"), "uid", "id"}
    values = {"@value", "@list", "@set", *_aliases(document, "@value"), *_aliases(document, "@list")}
    return _named(_with_contexts(document), "", aliases, values)


def _with_contexts(node: object) -> object:
    if isinstance(node, list):
        return [_with_contexts(one) for one in node]
    if not isinstance(node, dict):
        return node
    if "@import" in node:
        raise _context_refused(str(node["@import"]))
    return {key: _context(one) if key == "@context" else _with_contexts(one) for key, one in node.items()}


def _context(value: object) -> object:
    if isinstance(value, list):
        return [part for one in value for part in _flat(_context(one))]
    if isinstance(value, str):
        if value not in _CONTEXTS:
            raise _context_refused(value)
        return _official(_CONTEXTS[value])
    return _with_contexts(value)


def _flat(value: object) -> list[object]:
    return value if isinstance(value, list) else [value]


def _official(name: str) -> object:
    text = (Path(__file__).parent / "vocabulary" / name).read_text(encoding="utf-8")
    context: object = json.loads(text)["@context"]
    return context


def _context_refused(name: str) -> Invalid:
    message = _(
        "The document needs the context “{name}” from the network, and nothing is fetched. Write it out instead."
    )
    return Invalid("context-refused", reasons=[Reason("context-refused", message, "/@context", values={"name": name})])


def _aliases(node: object, keyword: str) -> set[str]:
    """The names that the document's own contexts give to a keyword."""
    found: set[str] = set()
    if isinstance(node, list):
        for one in node:
            found |= _aliases(one, keyword)
    elif isinstance(node, dict):
        for key, one in node.items():
            if one == keyword or (isinstance(one, dict) and one.get("@id") == keyword):
                found.add(key)
            found |= _aliases(one, keyword)
    return found


def _named(node: object, pointer: str, aliases: set[str], values: set[str]) -> object:
    if isinstance(node, list):
        return [_named(one, f"{pointer}/{index}", aliases, values) for index, one in enumerate(node)]
    if not isinstance(node, dict):
        return node
    out: dict[str, object] = {}
    for key, one in node.items():
        if key == "@context":
            out[key] = one
            continue
        here = f"{pointer}/{key.replace('~', '~0').replace('/', '~1')}"
        inner = _named(one, here, aliases, values)
        if _local(key) in _NAMED_KEYS:
            inner = _with_names(inner, here, aliases, values)
        out[key] = inner
    return out


def _with_names(node: object, pointer: str, aliases: set[str], values: set[str]) -> object:
    if isinstance(node, list):
        return [_with_names(one, f"{pointer}/{index}", aliases, values) for index, one in enumerate(node)]
    if not isinstance(node, dict) or aliases & node.keys():
        return node
    if "@list" in node:
        return {**node, "@list": _with_names(node["@list"], pointer, aliases, values)}
    return node if values & node.keys() else {"@id": POINTER + pointer.replace(" ", "%20"), **node}


def _local(key: str) -> str:
    return key.rsplit(":", 1)[-1].rsplit("/", 1)[-1].rsplit("#", 1)[-1]


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__


def facts_of(graph: Graph) -> Mapping[str, Value]:
    """Return what constraint-shaped nodes of a request or of the state of the world say: operand -> value.

    Conditions that belong to a policy which is no request are rules and no facts, should one stand in the same file.
    """
    reader, found, ruled = _Reader(graph), {}, _ruled(graph)
    for node in sorted(set(graph.subjects(URIRef(ODRL + "leftOperand"), None)) - ruled, key=str):
        condition = reader.condition(node, "", frozenset())
        if isinstance(condition, Constraint) and condition.operator in ("eq", "isA", "isAnyOf", "isAllOf", ""):
            found[condition.left] = condition.right
    return found


def _ruled(graph: Graph) -> set[Node]:
    """Everything below the rules of policies that are no requests."""
    request = URIRef(ODRL + "Request")
    waiting = [node for node in policy_nodes(graph) if (node, RDF.type, request) not in graph]
    seen: set[Node] = set(waiting)
    while waiting:
        for predicate, child in graph.predicate_objects(waiting.pop()):
            if child not in seen and str(predicate).startswith(ODRL):
                seen.add(child)
                waiting.append(child)
    return seen
