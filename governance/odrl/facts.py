"""What a decision is made from: the request, the facts of the moment, and both as plain JSON that can be kept.

A snapshot is judged by what it holds, for ever. So a fact that later editions added has a default that changes no
answer, and is written only where it says something else: a snapshot of years ago has the hash today that it had then.
"""

from collections.abc import Iterable, Mapping
from dataclasses import Field, dataclass, field, fields
from datetime import datetime

from governance.kernel.digests import digest
from governance.odrl.duo import DuoTerm, duo_from_json
from governance.odrl.policy import Body
from governance.odrl.purposes import STANDARD, Purpose, Vocabulary

AGREED, IN_FORCE = "agreed", "in force"
SAMPLE, CONTRIBUTOR, DATASET, COMMUNITY = "sample", "contributor", "dataset", "community"
PUBLISHED = "published"
GIVEN, REFUSED = "given", "refused"
"""How a community answered together; anything else is no answer."""

LATER: Mapping[str, bool] = {"later": True}
"""Marks a field that engine 1 did not know; it is written only where it differs from its default."""


@dataclass(frozen=True)
class Request:
    """Who wants what, for which leaf purpose, for money or not, and when (``at`` carries a time zone)."""

    party: str
    action: str
    target: str
    purpose: str
    commercial: bool
    at: datetime
    duo: tuple[DuoTerm, ...] = field(default=(), metadata=LATER)
    """What the request says in DUO's terms (governance.md, section 2.9)."""


@dataclass(frozen=True)
class PartyFact:
    """The asking party as we know it; ``kind`` is one of profile.ORGANISATIONS.

    ``place`` is where it processes data, ``institution`` and ``users`` who it says it is; empty is unknown.
    """

    ref: str
    kind: str
    is_active: bool = True
    place: str = field(default="", metadata=LATER)
    institution: str = field(default="", metadata=LATER)
    users: tuple[str, ...] = field(default=(), metadata=LATER)


@dataclass(frozen=True)
class TargetFact:
    """The asked version: its names, its dataset, its number, what state it is in and the digest of its members.

    ``purposes`` are those that it was made for: every contributor in it said yes to each of them. Empty: to be judged
    by consent alone.
    """

    ref: str
    dataset: str
    number: int
    state: str
    digest: str = ""
    purposes: tuple[str, ...] = ()


@dataclass(frozen=True)
class HoldFact:
    """Something that stops the target at this moment: ``code`` is the reason's code; ``count`` its samples, if it
    counts.
    """

    code: str
    count: int = 0


@dataclass(frozen=True)
class ConsentFact:
    """What the contributors of the target's samples say to this purpose at this moment, in numbers of people.

    Only ``valid`` is a yes. ``digest`` changes when anybody's answer changes; ``next_expiry`` is when the first yes
    runs out.
    """

    valid: int = 0
    refused: int = 0
    withdrawn: int = 0
    expired: int = 0
    unknown: int = 0
    digest: str = ""
    next_expiry: datetime | None = None


@dataclass(frozen=True)
class LayerFact:
    """One policy revision that the request must pass; ``standing`` is “agreed” or “in force” (both are judged).

    At the levels of contributor and sample, equal bodies are one layer, and ``count`` says of how many people or
    samples; such a layer has no uid that could name anybody.
    """

    level: str
    standing: str
    uid: str
    revision: int
    body: Body
    count: int = field(default=0, metadata=LATER)
    conflict: str = field(default="prohibit", metadata=LATER)


@dataclass(frozen=True)
class AgreementFact:
    """The agreement that the token names: one party, one dataset, one purpose, from one version on.

    ``not_before`` is when its grant begins, if later than the agreement; ``suspended_because`` says why it rests,
    empty when it does not. ``kind`` and ``place`` are what the party was when it signed; empty was not written down.
    ``fulfilled`` are the actions of duties before use that a steward has verified; ``reviewed`` the shorthands of DUO
    terms that no machine can judge and that people have looked at for this agreement; ``to_version`` is the last
    version that is granted, None when there is none.
    """

    ref: str
    party: str
    dataset: str
    purpose: str
    commercial: bool
    from_version: int
    starts_at: datetime
    ends_at: datetime | None
    ended_at: datetime | None = None
    not_before: datetime | None = field(default=None, metadata=LATER)
    suspended_because: str = field(default="", metadata=LATER)
    is_signed_by_both: bool = field(default=True, metadata=LATER)
    fulfilled: tuple[str, ...] = field(default=(), metadata=LATER)
    project: str = field(default="", metadata=LATER)
    kind: str = field(default="", metadata=LATER)
    place: str = field(default="", metadata=LATER)
    reviewed: tuple[str, ...] = field(default=(), metadata=LATER)
    to_version: int | None = field(default=None, metadata=LATER)


@dataclass(frozen=True)
class ViolationFact:
    """A promise that is broken from ``since`` on, such as a receipt that nobody sent; a moment to come is a deadline."""

    code: str
    since: datetime


@dataclass(frozen=True)
class CollectiveFact:
    """What the community says together, where its charter asks for that: ``state`` is given, refused or missing.

    Of the people's own consents it is no part: neither stands in for the other.
    """

    needed: bool
    state: str
    ends_at: datetime | None = None


@dataclass(frozen=True)
class Facts:
    """Everything a decision may look at. ``consents`` None means that nobody looked, which is a no."""

    party: PartyFact | None = None
    target: TargetFact | None = None
    holds: tuple[HoldFact, ...] = ()
    consents: ConsentFact | None = None
    layers: tuple[LayerFact, ...] = ()
    agreement: AgreementFact | None = None
    leaves: tuple[Purpose, ...] = ()
    """The community's own purposes."""
    violations: tuple[ViolationFact, ...] = ()
    collective: CollectiveFact | None = None
    """None: the charter does not ask the community together."""

    @property
    def hash(self) -> str:
        """SHA-256, in hex: two moments with equal facts get equal answers, until the answer runs out."""
        return digest(facts_json(self))

    @property
    def vocabulary(self) -> Vocabulary:
        """The standard purposes and the community's own."""
        return STANDARD.with_leaves(self.leaves) if self.leaves else STANDARD


def snapshot(request: Request, facts: Facts) -> dict[str, object]:
    """Return request and facts as plain JSON: what is stored beside a decision, and hashed."""
    return {"request": _plain(request), "facts": facts_json(facts)}


def facts_json(facts: Facts) -> dict[str, object]:
    """Return the facts as plain JSON; equal facts give equal JSON, whatever order they came in."""
    later: dict[str, object] = {}
    if facts.violations:
        later["violations"] = sorted((_plain(v) for v in facts.violations), key=digest)
    if facts.collective is not None:
        later["collective"] = _plain(facts.collective)
    return {
        "party": _plain(facts.party),
        "target": _plain(facts.target),
        "holds": sorted((_plain(h) for h in facts.holds), key=digest),
        "consents": _plain(facts.consents),
        "layers": [_plain(layer) for layer in facts.layers],
        "agreement": _plain(facts.agreement),
        "leaves": [_plain(leaf) for leaf in facts.leaves],
        **later,
    }


def from_snapshot(stored: Mapping[str, object]) -> tuple[Request, Facts]:
    """Read what ``snapshot`` wrote; raises KeyError, TypeError or ValueError for anything else."""
    asked = _mapping(stored["request"])
    said = {**_read(asked, moments=("at",)), "duo": duo_from_json(asked.get("duo", []))}
    return Request(**said), from_facts(_mapping(stored["facts"]))  # type: ignore[arg-type]  # read back from our own JSON


def from_facts(facts: Mapping[str, object]) -> Facts:
    """Read what ``facts_json`` wrote; raises KeyError, TypeError or ValueError for anything else."""
    unknown = facts.keys() - {one.name for one in fields(Facts)}
    if unknown:
        raise ValueError(f"nobody knows the facts {sorted(unknown)}")
    return Facts(
        party=None if facts["party"] is None else PartyFact(**_read(facts["party"], words=("users",))),  # type: ignore[arg-type]
        target=None if facts["target"] is None else TargetFact(**_read(facts["target"], words=("purposes",))),  # type: ignore[arg-type]
        holds=tuple(HoldFact(**h) for h in _list(facts["holds"])),
        consents=None
        if facts["consents"] is None
        else ConsentFact(**_read(facts["consents"], moments=("next_expiry",))),  # type: ignore[arg-type]
        layers=tuple(LayerFact(**{**x, "body": Body.from_json(x["body"])}) for x in _list(facts["layers"])),
        agreement=None
        if facts["agreement"] is None
        else AgreementFact(**_read(facts["agreement"], moments=_ENDS, words=("fulfilled", "reviewed"))),  # type: ignore[arg-type]
        leaves=tuple(Purpose(**_read(x, words=("broader",))) for x in _list(facts["leaves"])),  # type: ignore[arg-type]
        violations=tuple(ViolationFact(**_read(v, moments=("since",))) for v in _list(facts.get("violations", []))),  # type: ignore[arg-type]
        collective=None
        if facts.get("collective") is None
        else CollectiveFact(**_read(facts["collective"], moments=("ends_at",))),  # type: ignore[arg-type]
    )


_ENDS = ("starts_at", "ends_at", "ended_at", "not_before")


def _plain(fact: object) -> object:
    """Turn a fact into plain JSON: moments as text, tuples as lists, policy bodies in their stored form."""
    if fact is None or isinstance(fact, (str, int, bool)):
        return fact
    if isinstance(fact, datetime):
        return fact.isoformat()
    if isinstance(fact, Body):
        return fact.to_json()
    if isinstance(fact, tuple):
        return [_plain(part) for part in fact]
    return {one.name: _plain(getattr(fact, one.name)) for one in fields(fact) if _is_said(fact, one)}  # type: ignore[arg-type]  # a fact is a dataclass


def _is_said(fact: object, one: Field[object]) -> bool:
    return "later" not in one.metadata or getattr(fact, one.name) != one.default


def _read(value: object, *, moments: Iterable[str] = (), words: Iterable[str] = ()) -> dict[str, object]:
    """Read one fact back: text as moments, lists as tuples of words; what is absent keeps its default."""
    read = dict(_mapping(value))
    for name in moments:
        if read.get(name) is not None:
            read[name] = datetime.fromisoformat(str(read[name]))
    for name in words:
        if name in read:
            read[name] = tuple(str(word) for word in _list(read[name]))
    return read


def _mapping(value: object) -> dict[str, object]:
    if not isinstance(value, dict):
        raise TypeError("an object is needed")
    return value


def _list(value: object) -> Iterable[dict]:
    if not isinstance(value, list):
        raise TypeError("a list is needed")
    return value
