"""Match what a dataset allows with what a request wants, both said in terms of the Data Use Ontology (DUO).

Two readings of the same ontology live here. ``judge`` is ours: a dataset says its DUO terms, a request says its own,
and the answer is approve, deny or abstain with every reason; what no machine can tell is left to people.
``match`` follows the published algorithm of DUOS (Data Use Oversight System, matcher version 4; BSD-3) over its own
data-use objects, so that both can be held to the cases that others wrote.

DUO was made for health data. A disease fits when the dataset names it or something *above* it, never the reverse;
``ancestry`` says what lies directly or further above each term. Nothing here says that a use is lawful.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from governance.kernel.words import _
from governance.odrl.duo_terms import NAMES as NAMES
from governance.odrl.duo_terms import PERMISSION as PERMISSION
from governance.odrl.duo_terms import duo_name

APPROVE, DENY, ABSTAIN = "approve", "deny", "abstain"

Ancestry = Mapping[str, Collection[str]]

METHODS = "methods"
"""What a request says when methods are developed with the data; DUO has a term only for forbidding it."""


@dataclass(frozen=True)
class DuoTerm:
    """One DUO term by shorthand (or ``methods`` in a request) and what it speaks of: diseases, places, people, days."""

    code: str
    values: tuple[str, ...] = ()


def duo_json(said: Iterable[DuoTerm]) -> list[dict[str, object]]:
    """Return terms as plain JSON, in a fixed order."""
    return [{"code": t.code, "values": sorted(t.values)} for t in sorted(said, key=lambda t: (t.code, t.values))]


def duo_from_json(value: object) -> tuple[DuoTerm, ...]:
    """Read what ``duo_json`` wrote; raises KeyError or TypeError for anything else."""
    if not isinstance(value, (list, tuple)):
        raise TypeError("a list of terms is needed")
    return tuple(DuoTerm(str(t["code"]), tuple(str(v) for v in t["values"])) for t in value)


@dataclass(frozen=True)
class DuoReason:
    """Why one term approves, denies or leaves it to people; ``term`` is the dataset's shorthand."""

    code: str
    outcome: str
    term: str
    public: str
    values: Mapping[str, object] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.public.format(**self.values)


@dataclass(frozen=True)
class DuoVerdict:
    """The answer: approve, deny or abstain, and every reason."""

    outcome: str
    reasons: tuple[DuoReason, ...] = ()

    @property
    def against(self) -> tuple[DuoReason, ...]:
        """The reasons that are no yes."""
        return tuple(reason for reason in self.reasons if reason.outcome != APPROVE)


def judge(
    dataset_terms: Sequence[DuoTerm], request_terms: Sequence[DuoTerm], ancestry: Ancestry | None = None
) -> DuoVerdict:
    """Say whether a request fits a dataset's DUO terms; a no of one term beats everything, then doubt, then yes.

    A request names its kind of research (GRU, HMB, DS with diseases, POA; ``methods`` beside them), declares what it
    is (NPU, NCU, NPUNCU) and gives its place, users, institution and project as values of GS, US, IS and PS. Ethics
    approval and collaboration (IRB, COL), publication, return, moratorium and time (PUB, RTN, MOR, TS) are duties and
    dates, enforced where those are, and stand in nobody's way here. RS, GSO, CC and terms nobody knows go to people.
    """
    asked = _Asked(request_terms, ancestry or {})
    reasons = (*_primary(dataset_terms, asked), *(r for t in dataset_terms for r in _modifier(t, asked)), *asked.doubts)
    outcomes = {reason.outcome for reason in reasons}
    return DuoVerdict(DENY if DENY in outcomes else ABSTAIN if ABSTAIN in outcomes else APPROVE, reasons)


def terms(codes: Iterable[str]) -> tuple[DuoTerm, ...]:
    """Return terms without values for shorthands, codes or IRIs; what nobody knows keeps its name."""
    return tuple(DuoTerm(name.shorthand if (name := duo_name(code)) else code) for code in codes)


# -- our reading -------------------------------------------------------------------------------------------------------

_COVERS: Mapping[str, frozenset[str]] = {
    "NRES": frozenset({"NRES", "GRU", "HMB", "DS", "POA", METHODS}),
    "GRU": frozenset({"GRU", "HMB", "DS", "POA", METHODS}),
    "HMB": frozenset({"HMB", "DS", METHODS}),
    "DS": frozenset({METHODS}),
    "POA": frozenset({"POA", METHODS}),
}
"""A dataset's permission -> the kinds of research that it covers whole. A disease is compared apart."""

_KINDS = ("NRES", "GRU", "HMB", "DS", "POA")
_ELSEWHERE = frozenset({"IRB", "COL", "PUB", "RTN", "MOR", "TS"})
_PEOPLE = frozenset({"RS", "GSO", "CC"})
_DECLARED: Mapping[str, frozenset[str]] = {
    "NPU": frozenset({"NPU", "NPUNCU"}),
    "NCU": frozenset({"NCU", "NPUNCU"}),
}


class _Asked:
    """The request, sorted."""

    def __init__(self, given: Sequence[DuoTerm], ancestry: Ancestry) -> None:
        self.codes = frozenset(t.code for t in given)
        self.kinds = tuple(t for t in given if t.code in _KINDS)
        self.ancestry = ancestry
        self._given = given
        self.doubts = tuple(_to_people(t.code) for t in given if t.code not in NAMES and t.code != METHODS)
        self.doubts += tuple(_to_people(t.code) for t in given if t.code in _PEOPLE)

    def values(self, code: str) -> tuple[str, ...]:
        """What the request gives for a term."""
        return tuple(value for t in self._given if t.code == code for value in t.values)


def _primary(dataset: Sequence[DuoTerm], asked: _Asked) -> Iterator[DuoReason]:
    primary = [t for t in dataset if t.code in NAMES and NAMES[t.code].sort == PERMISSION]
    if len(primary) != 1:
        message = _("The dataset must name exactly one kind of permitted use. People have to look at this.")
        yield DuoReason("duo-permission-unclear", ABSTAIN, "", message)
        return
    allowed = primary[0]
    if not asked.kinds and METHODS not in asked.codes:
        if allowed.code == "NRES":
            yield _fits(allowed.code)
        else:
            message = _("The request names no kind of research that can be compared. People have to look at this.")
            yield DuoReason("duo-request-unclear", ABSTAIN, allowed.code, message)
    for kind in asked.kinds:
        yield from _kind(allowed, kind, asked)
    if METHODS in asked.codes and not asked.kinds:
        yield _fits(allowed.code)


def _kind(allowed: DuoTerm, kind: DuoTerm, asked: _Asked) -> Iterator[DuoReason]:
    if kind.code in _COVERS[allowed.code]:
        yield _fits(allowed.code)
    elif allowed.code == kind.code == "DS":
        yield from _diseases(allowed, kind, asked.ancestry)
    else:
        message = _("The request is for “{asked}”, and the dataset allows “{allowed}”.")
        values = {"asked": NAMES[kind.code].label, "allowed": NAMES[allowed.code].label}
        yield DuoReason("duo-not-covered", DENY, allowed.code, message, values)


def _diseases(allowed: DuoTerm, kind: DuoTerm, ancestry: Ancestry) -> Iterator[DuoReason]:
    if not allowed.values or not kind.values:
        message = _("A disease is missing, so nobody can compare. People have to look at this.")
        yield DuoReason("duo-disease-missing", ABSTAIN, "DS", message)
        return
    for disease in kind.values:
        if above(disease, ancestry) & set(allowed.values):
            yield _fits("DS")
        else:
            message = _("“{disease}” is not among the diseases that the dataset allows, nor below one of them.")
            yield DuoReason("duo-disease-not-covered", DENY, "DS", message, {"disease": disease})


def _modifier(said: DuoTerm, asked: _Asked) -> Iterator[DuoReason]:
    code = said.code
    if code in _KINDS or code in _ELSEWHERE:
        return
    if code not in NAMES or code in _PEOPLE:
        yield _to_people(code)
    elif code == "NMDS":
        if METHODS in asked.codes:
            message = _("The dataset may not be used to develop methods.")
            yield DuoReason("duo-methods-prohibited", DENY, code, message)
    elif code == "NPOA":
        if asked.codes & {"POA", "GRU", "NRES"}:
            message = _(
                "The dataset may not be used for research on origins or ancestry, nor for anything that includes it."
            )
            yield DuoReason("duo-ancestry-prohibited", DENY, code, message)
    elif code in ("NPU", "NCU", "NPUNCU"):
        yield from _money(code, asked)
    else:
        yield from _named(said, asked)


def _money(code: str, asked: _Asked) -> Iterator[DuoReason]:
    needed = ("NPU", "NCU") if code == "NPUNCU" else (code,)
    if not all(asked.codes & _DECLARED[one] for one in needed):
        message = _("The dataset is for “{allowed}”, and the request does not say that it is that.")
        yield DuoReason("duo-for-profit", DENY, code, message, {"allowed": NAMES[code].label})


def _named(said: DuoTerm, asked: _Asked) -> Iterator[DuoReason]:
    """GS, US, IS, PS: everything that the request names must be among what the dataset names, or within it."""
    given = asked.values(said.code)
    values = {"allowed": NAMES[said.code].label}
    if not said.values or not given:
        message = _("“{allowed}” cannot be compared, since a name is missing. People have to look at this.")
        yield DuoReason("duo-value-missing", ABSTAIN, said.code, message, values)
    elif not all(above(value, asked.ancestry) & set(said.values) for value in given):
        message = _("The dataset has a “{allowed}”, and the request lies outside it.")
        yield DuoReason("duo-outside", DENY, said.code, message, values)


def _fits(code: str) -> DuoReason:
    message = _("The dataset allows “{allowed}”, which covers the request.")
    return DuoReason("duo-covered", APPROVE, code, message, {"allowed": NAMES[code].label})


def _to_people(code: str) -> DuoReason:
    label = NAMES[code].label if code in NAMES else code
    message = _("No machine can judge “{allowed}”. People have to look at this.")
    return DuoReason("duo-needs-people", ABSTAIN, code, message, {"allowed": label})


def above(term: str, ancestry: Ancestry) -> frozenset[str]:
    """Return ``term`` and everything above it."""
    seen, waiting = {term}, [term]
    while waiting:
        for upper in ancestry.get(waiting.pop(), ()):
            if upper not in seen:
                seen.add(upper)
                waiting.append(upper)
    return frozenset(seen)


# -- the reading of DUOS, matcher version 4 ------------------------------------------------------------------------------

_SENSITIVE = (
    "controls",
    "population",
    "pediatric",
    "vulnerablePopulations",
    "illegalBehavior",
    "sexualDiseases",
    "psychologicalTraits",
    "notHealth",
    "stigmatizeDiseases",
)


def match(purpose: Mapping[str, object], dataset: Mapping[str, object], ancestry: Ancestry | None = None) -> DuoVerdict:
    """Answer as DUOS does for two of its data-use objects (``generalUse``, ``hmbResearch``, ...).

    Approve when every part approves; else abstain when one abstains; else deny. A field that is absent and one that is
    false are not the same there, and the algorithm depends on it. Source: DataUseMatcherV4 of DataBiosphere/consent.
    """
    pair = _Pair(purpose, dataset, ancestry or {})
    disease = pair.diseases()
    parts = [
        disease,
        pair.health(),
        pair.ancestry_research(),
        pair.methods(disease),
        pair.profit(),
        pair.abstains(disease),
    ]
    if all(part == APPROVE for part in parts):
        return DuoVerdict(APPROVE)
    outcome = ABSTAIN if ABSTAIN in parts else DENY
    names = ("DS", "HMB", "POA", METHODS, "NPU", "")
    message = _("No machine can judge this request.") if outcome == ABSTAIN else _("The request is not covered.")
    return DuoVerdict(
        outcome,
        tuple(
            DuoReason("duo-" + part, part, n, message) for n, part in zip(names, parts, strict=True) if part != APPROVE
        ),
    )


class _Pair:
    """A purpose beside a dataset, as DUOS describes them."""

    def __init__(self, purpose: Mapping[str, object], dataset: Mapping[str, object], ancestry: Ancestry) -> None:
        self.purpose, self.dataset, self.ancestry = purpose, dataset, ancestry
        self.wanted, self.allowed = _listed(purpose), _listed(dataset)

    def asks(self, name: str) -> bool:
        return self.purpose.get(name) is True

    def allows(self, name: str) -> bool:
        return self.dataset.get(name) is True

    def diseases(self) -> str:
        """Every disease asked for is one that the dataset names, or lies below one."""
        if self.wanted and (self.allows("generalUse") or self.allows("hmbResearch")):
            return APPROVE
        named = set(self.allowed)
        return APPROVE if all(above(term, self.ancestry) & named for term in self.wanted) else DENY

    def health(self) -> str:
        """Health research fits general and health use; general research does not fit health use."""
        if self.purpose.get("hmbResearch") is None and self.dataset.get("hmbResearch") is None:
            return APPROVE
        if self.allows("generalUse") or (self.asks("hmbResearch") and self.allows("hmbResearch")):
            return APPROVE
        narrow = bool(self.allowed) or self.allows("populationOriginsAncestry")
        too_broad = self.allows("hmbResearch") and self.asks("generalUse")
        return DENY if too_broad or (self.asks("hmbResearch") and narrow) else APPROVE

    def ancestry_research(self) -> str:
        """Research on origins fits general use and its own kind, nothing else."""
        if self.purpose.get("populationOriginsAncestry") is None or self.allows("generalUse"):
            return APPROVE
        both = self.asks("populationOriginsAncestry") and self.allows("populationOriginsAncestry")
        return APPROVE if both else DENY

    def methods(self, disease: str) -> str:
        """Methods may be developed unless a disease stands against it."""
        if not (self.wanted or self.allowed) or not self.asks("methodsResearch"):
            return APPROVE
        open_uses = ("generalUse", "hmbResearch", "populationOriginsAncestry")
        return APPROVE if any(self.allows(name) for name in open_uses) else disease

    def profit(self) -> str:
        """A dataset for non-profit use is not for anybody else."""
        return DENY if self.allows("nonProfitUse") and not self.asks("nonProfitUse") else APPROVE

    def abstains(self, disease: str) -> str:
        """Sensitive fields, and requests that name nothing which can be compared, go to people."""
        if any(self.asks(name) for name in _SENSITIVE) or self.purpose.get("gender") is not None:
            return ABSTAIN
        if self.wanted:
            return disease
        if self.asks("hmbResearch") or self.asks("generalUse"):
            return self.health()
        if self.asks("populationOriginsAncestry"):
            return self.ancestry_research()
        if self.asks("methodsResearch"):
            return self.methods(disease)
        if self.purpose.get("nonProfitUse") is not None or self.dataset.get("nonProfitUse") is not None:
            return self.profit()
        return ABSTAIN


def _listed(use: Mapping[str, object]) -> tuple[str, ...]:
    value = use.get("diseaseRestrictions")
    return tuple(str(v) for v in value) if isinstance(value, (list, tuple)) else ()
