"""The decision: may this party, under this agreement, have this version, for this purpose, now?

``decide`` is a pure function over a request and the facts of the moment. It walks the gates in order, collects
*every* reason against, and permits only when none is left; the first gate that said no gives its name to the refusal.
What it was given is stored beside the answer, so that anybody can ask the same question again and must get the same
answer.

The gates that stand today, numbered as in governance.md, section 2.3: 0 form, 1 holds, 2 consent, 4 policy layers, 6
agreement. Gate 3 (protocol) is for people, and a build leaves protected samples out, so it never meets a pipeline.
Gates 5 (DUO terms) and 7 (duties before use) do not exist yet: no policy can hold a DUO term or a duty that must be
fulfilled first, so nothing waits for them, and nothing is waved through in their name.

The law that tests hold it to: one more layer, prohibition, contributor, hold or withdrawal never turns a no into a
yes.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from governance.kernel.digests import digest
from governance.kernel.words import _
from governance.odrl import profile
from governance.odrl.evaluate import Question, Verdict, evaluate
from governance.odrl.policy import Body, Duty, compile_policy, end_of
from governance.odrl.purposes import EDITION, STANDARD, Purpose, Vocabulary

ENGINE = "wellhouse 1"
LONGEST = timedelta(minutes=15)
SOME = 10
"""A count below this is said as “some”, so that nobody can be found out by it (governance.md, section 2.4)."""

FORM, HOLDS, CONSENT, POLICY, AGREEMENT = "form", "holds", "consent", "policy", "agreement"
GATES = (FORM, HOLDS, CONSENT, POLICY, AGREEMENT)

AGREED, IN_FORCE = "agreed", "in force"
DATASET, COMMUNITY = "dataset", "community"
PUBLISHED = "published"


@dataclass(frozen=True)
class Request:
    """Who wants what, for which leaf purpose, for money or not, and when (``at`` carries a time zone)."""

    party: str
    action: str
    target: str
    purpose: str
    commercial: bool
    at: datetime


@dataclass(frozen=True)
class PartyFact:
    """The asking party as we know it; ``kind`` is one of profile.ORGANISATIONS."""

    ref: str
    kind: str
    is_active: bool = True


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
    """One policy revision that the request must pass; ``standing`` is “agreed” or “in force” (both are judged)."""

    level: str
    standing: str
    uid: str
    revision: int
    body: Body


@dataclass(frozen=True)
class AgreementFact:
    """The agreement that the token names: one party, one dataset, one purpose, from one version on."""

    ref: str
    party: str
    dataset: str
    purpose: str
    commercial: bool
    from_version: int
    starts_at: datetime
    ends_at: datetime | None
    ended_at: datetime | None = None


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

    @property
    def hash(self) -> str:
        """SHA-256, in hex: two moments with equal facts get equal answers, until the answer runs out."""
        return digest(facts_json(self))

    @property
    def vocabulary(self) -> Vocabulary:
        """The standard purposes and the community's own."""
        return STANDARD.with_leaves(self.leaves) if self.leaves else STANDARD


@dataclass(frozen=True)
class Because:
    """One reason against: code, gate, a sentence that everybody may read, and which rule or layer it came from."""

    code: str
    gate: str
    public: str
    values: Mapping[str, object] = field(default_factory=dict)
    layer: str | None = None
    rule: str | None = None
    count: int | None = None

    @property
    def sentence(self) -> str:
        """The public sentence in English, filled in."""
        said = self.public.format(**self.values)
        return said[:1].upper() + said[1:]

    def to_json(self) -> dict[str, object]:
        """The public form; a count below ten is not told."""
        told = self.count if self.count is not None and self.count >= SOME else None
        return {
            "code": self.code,
            "gate": self.gate,
            "public": self.sentence,
            "count": told,
            "layer": self.layer,
            "rule": self.rule,
        }


@dataclass(frozen=True)
class Outcome:
    """The answer: permitted or not, every reason against in the order of the gates, duties, and how long it stands."""

    is_permitted: bool
    reasons: tuple[Because, ...]
    duties: tuple[Duty, ...]
    valid_until: datetime

    @property
    def gate(self) -> str | None:
        """The first gate that said no."""
        return self.reasons[0].gate if self.reasons else None

    def to_json(self) -> dict[str, object]:
        """What is stored, signed and compared by a replay."""
        return {
            "outcome": "permit" if self.is_permitted else "deny",
            "reasons": [because.to_json() for because in self.reasons],
            "duties": [
                {"rule": d.uid, "action": d.action, "phase": d.phase, "days": d.days, "words": d.words}
                for d in self.duties
            ],
            "valid_until": _text(self.valid_until),
            "engine": ENGINE,
            "vocabulary": EDITION,
        }


def decide(request: Request, facts: Facts) -> Outcome:
    """Answer ``request`` from ``facts`` alone; default is no."""
    reasons = (
        *_form(request, facts),
        *_holds(request, facts),
        *_consent(request, facts),
        *_policy(request, facts),
        *_agreement(request, facts),
    )
    if reasons:
        return Outcome(False, reasons, (), request.at)
    duties = {duty.uid: duty for layer in facts.layers for duty in judge(layer, request, facts).duties}
    return Outcome(True, (), tuple(duties.values()), _valid_until(request, facts))


def judge(layer: LayerFact, request: Request, facts: Facts) -> Verdict:
    """Let one policy revision judge the request."""
    dataset = facts.target.dataset if facts.target else ""
    compiled = compile_policy(layer.body, uid=layer.uid, target=dataset)
    return evaluate(compiled, _question(request, facts), vocabulary=facts.vocabulary)


def policy_reasons(request: Request, facts: Facts) -> tuple[Because, ...]:
    """Only what the policy layers say: for signing an agreement and for trying a request before there is a version."""
    return tuple(_layers(request, facts))


def snapshot(request: Request, facts: Facts) -> dict[str, object]:
    """Return request and facts as plain JSON: what is stored beside a decision, and hashed."""
    return {"request": _request_json(request), "facts": facts_json(facts)}


def facts_json(facts: Facts) -> dict[str, object]:
    """Return the facts as plain JSON; equal facts give equal JSON, whatever order they came in."""
    return {
        "party": _plain(facts.party),
        "target": _plain(facts.target),
        "holds": sorted((_plain(h) for h in facts.holds), key=digest),
        "consents": _plain(facts.consents),
        "layers": [_plain(layer) for layer in facts.layers],
        "agreement": _plain(facts.agreement),
        "leaves": [_plain(leaf) for leaf in facts.leaves],
    }


def from_snapshot(stored: Mapping[str, object]) -> tuple[Request, Facts]:
    """Read what ``snapshot`` wrote; raises KeyError, TypeError or ValueError for anything else."""
    asked, facts = _mapping(stored["request"]), _mapping(stored["facts"])
    return (
        Request(**{**asked, "at": _moment(asked["at"])}),  # type: ignore[arg-type]  # read back from our own JSON
        Facts(
            party=None if facts["party"] is None else PartyFact(**_mapping(facts["party"])),  # type: ignore[arg-type]
            target=_target_fact(facts["target"]),
            holds=tuple(HoldFact(**h) for h in _list(facts["holds"])),
            consents=_consent_fact(facts["consents"]),
            layers=tuple(LayerFact(**{**x, "body": Body.from_json(x["body"])}) for x in _list(facts["layers"])),
            agreement=_agreement_fact(facts["agreement"]),
            leaves=tuple(Purpose(**{**x, "broader": tuple(x["broader"])}) for x in _list(facts["leaves"])),
        ),
    )


def months_between(start: datetime, end: datetime) -> int:
    """Return the smallest number of whole months that reaches from ``start`` to ``end``."""
    months = (end.year - start.year) * 12 + end.month - start.month
    return months + (1 if (end.day, end.time()) > (start.day, start.time()) else 0)


# -- the gates ---------------------------------------------------------------------------------------------------------


def _form(request: Request, facts: Facts) -> Iterator[Because]:
    if facts.party is None or facts.party.ref != request.party:
        yield Because("party-unknown", FORM, _("We do not know who is asking. Use a token of an agreement."))
    elif not facts.party.is_active:
        yield Because("party-closed", FORM, _("This party may not ask any more. Write to the keepers."))
    if request.action != profile.PULL:
        yield Because("action-unknown", FORM, _("Only pulling can be asked for here."))
    if facts.target is None or facts.target.ref != request.target:
        yield Because("target-unknown", FORM, _("There is no such version. Look at the list of versions."))
    vocabulary = facts.vocabulary
    values = {"purpose": request.purpose}
    if not request.purpose:
        yield Because("purpose-missing", FORM, _("Say what the data is for. Nothing is given without a purpose."))
    elif request.purpose not in vocabulary:
        yield Because("purpose-unknown", FORM, _("Nobody knows the purpose “{purpose}”."), values)
    elif not vocabulary.is_leaf(request.purpose):
        message = _("“{purpose}” is too broad: name exactly what the data is for.")
        yield Because("purpose-too-broad", FORM, message, values)


_HOLD_WORDS: Mapping[str, str] = {
    "on-hold": _("{count} of its samples rest at the community's word. It may come back: ask again later."),
    "takedown-open": _(
        "The community is looking into a complaint about this version. It may come back: ask again later."
    ),
    "version-withdrawn": _(
        "This version was withdrawn, because people took back what they had given. Stop using copies."
    ),
    "embargoed": _("The community has closed this version for now. It may come back: ask again later."),
}


def _holds(request: Request, facts: Facts) -> Iterator[Because]:
    for hold in facts.holds:
        sentence = _HOLD_WORDS.get(hold.code, _("The community has stopped this for now. Write to the keepers."))
        count = hold.count or None
        yield Because(hold.code, HOLDS, sentence, {"count": _some(hold.count)}, count=count)
    if facts.target is not None and facts.target.state != PUBLISHED:
        if facts.target.state == "withdrawn":
            if not any(h.code == "version-withdrawn" for h in facts.holds):
                yield Because("version-withdrawn", HOLDS, _HOLD_WORDS["version-withdrawn"])
        else:
            message = _("This version is not approved. Only versions that the community approved can be pulled.")
            yield Because("version-not-approved", HOLDS, message)


_CONSENT_WORDS: Mapping[str, tuple[str, str]] = {
    "withdrawn": ("consent-withdrawn", _("{count} of the people whose samples are in it took them back.")),
    "refused": ("consent-refused", _("{count} of the people whose samples are in it said no to this purpose.")),
    "expired": ("consent-expired", _("The consent of {count} of the people whose samples are in it has run out.")),
    "unknown": ("consent-unknown", _("{count} of the people whose samples are in it never said yes to this purpose.")),
}


def _consent(request: Request, facts: Facts) -> Iterator[Because]:
    made_for = facts.target.purposes if facts.target else ()
    if made_for and request.purpose not in facts.vocabulary.covered(made_for):
        values = {"purpose": _title(facts.vocabulary, request.purpose)}
        yield Because("purpose-not-declared", CONSENT, _("This version was not made for “{purpose}”."), values)
    if facts.consents is None:
        yield Because("consent-unknown", CONSENT, _("Nobody could look at the consents, and unknown counts as no."))
        return
    for name, (code, sentence) in _CONSENT_WORDS.items():
        if count := getattr(facts.consents, name):
            yield Because(code, CONSENT, sentence, {"count": _some(count)}, count=count)
    runs_out = facts.consents.next_expiry
    if runs_out is not None and runs_out < request.at and not facts.consents.expired:
        code, sentence = _CONSENT_WORDS["expired"]
        yield Because(code, CONSENT, sentence, {"count": _some(0)})


def _policy(request: Request, facts: Facts) -> Iterator[Because]:
    for standing in (AGREED, IN_FORCE):
        if not any(layer.level == DATASET and layer.standing == standing for layer in facts.layers):
            message = _("No rules of this dataset could be found, and without rules nothing is allowed.")
            yield Because("policy-missing", POLICY, message, layer=f"{DATASET}, {standing}")
    yield from _layers(request, facts)


_FAILED: Mapping[str, tuple[str, str]] = {
    profile.PURPOSE: ("purpose-not-permitted", _("The rules do not allow the purpose “{purpose}”.")),
    profile.ORGANISATION: ("organisation-not-permitted", _("The rules do not let this kind of organisation ask.")),
    profile.COMMERCIAL: ("commercial-not-permitted", _("The rules do not allow anyone to earn money with it.")),
    profile.WHEN: ("policy-expired", _("What the rules allowed has run out. The community must renew it.")),
    profile.AGREED_MONTHS: (
        "agreement-too-long",
        _("The agreement lasts longer than the rules allow. Make a shorter one."),
    ),
}


def _layers(request: Request, facts: Facts) -> Iterator[Because]:
    values = {"purpose": _title(facts.vocabulary, request.purpose)}
    for layer in facts.layers:
        verdict = judge(layer, request, facts)
        where = f"{layer.level}, {layer.standing}, revision {layer.revision}"
        for rule in verdict.active_prohibitions:
            yield Because("prohibited", POLICY, _("The rules forbid “{purpose}” by name."), values, where, rule.uid)
        if verdict.active_permissions:
            continue
        if not verdict.permissions:
            yield Because("not-permitted", POLICY, _("The rules allow nothing yet."), values, where)
        for judged in verdict.permissions:
            if not judged.failed:
                message = _("The rules say nothing about this, and unsaid counts as no.")
                yield Because("not-permitted", POLICY, message, values, where, judged.rule.uid)
            for left in dict.fromkeys(c.left for c in judged.failed):
                code, message = _FAILED[left]
                yield Because(code, POLICY, message, values, where, judged.rule.uid)


def _agreement(request: Request, facts: Facts) -> Iterator[Because]:
    agreement = facts.agreement
    if agreement is None:
        yield Because("agreement-missing", AGREEMENT, _("There is no agreement with the community. Ask for one."))
        return
    values = {
        "agreement": agreement.ref,
        "agreed": _title(facts.vocabulary, agreement.purpose),
        "asked": _title(facts.vocabulary, request.purpose),
        "from": agreement.from_version,
    }
    if agreement.party != request.party:
        yield Because("party-not-agreed", AGREEMENT, _("This agreement is with somebody else."), values)
    if facts.target is not None and agreement.dataset != facts.target.dataset:
        message = _("Agreement {agreement} is for another dataset. Use the token of this one.")
        yield Because("dataset-not-agreed", AGREEMENT, message, values)
    if agreement.ended_at is not None and agreement.ended_at <= request.at:
        yield Because("agreement-ended", AGREEMENT, _("Agreement {agreement} was ended. Write to the keepers."), values)
    elif agreement.ends_at is not None and agreement.ends_at < request.at:
        yield Because(
            "agreement-expired", AGREEMENT, _("Agreement {agreement} has run out. Ask for a new one."), values
        )
    if agreement.starts_at > request.at:
        yield Because("agreement-not-started", AGREEMENT, _("Agreement {agreement} has not begun yet."), values)
    if request.purpose not in facts.vocabulary.narrower(agreement.purpose):
        message = _("Agreement {agreement} is for “{agreed}”, not for “{asked}”. Ask for this purpose as well.")
        yield Because("purpose-not-agreed", AGREEMENT, message, values)
    if request.commercial and not agreement.commercial:
        message = _("Agreement {agreement} is for use without earning money. Ask for a new one.")
        yield Because("commercial-not-agreed", AGREEMENT, message, values)
    if facts.target is not None and facts.target.number < agreement.from_version:
        message = _("Agreement {agreement} begins with version {from}. Pull that one or a later one.")
        yield Because("version-not-agreed", AGREEMENT, message, values)


# -- small parts -------------------------------------------------------------------------------------------------------


def _question(request: Request, facts: Facts) -> Question:
    known: dict[str, str | int | float | bool | datetime | tuple[str, ...]] = {
        profile.PURPOSE: request.purpose,
        profile.COMMERCIAL: request.commercial,
        profile.WHEN: request.at,
    }
    if facts.party is not None:
        known[profile.ORGANISATION] = facts.party.kind
    if facts.agreement is not None and facts.agreement.ends_at is not None:
        known[profile.AGREED_MONTHS] = months_between(facts.agreement.starts_at, facts.agreement.ends_at)
    targets = (facts.target.ref, facts.target.dataset) if facts.target else ()
    return Question(request.action, targets, known)


def _valid_until(request: Request, facts: Facts) -> datetime:
    ends = [request.at + LONGEST]
    ends.extend(end_of(layer.body.expires_on) for layer in facts.layers if layer.body.expires_on)
    if facts.consents is not None and facts.consents.next_expiry is not None:
        ends.append(facts.consents.next_expiry)
    if facts.agreement is not None and facts.agreement.ends_at is not None:
        ends.append(facts.agreement.ends_at)
    return min(ends)


def _title(vocabulary: Vocabulary, code: str) -> str:
    return vocabulary[code].title if code in vocabulary else code


def _some(count: int) -> str:
    return str(count) if count >= SOME else "some"


def _request_json(request: Request) -> dict[str, object]:
    return {
        "party": request.party,
        "action": request.action,
        "target": request.target,
        "purpose": request.purpose,
        "commercial": request.commercial,
        "at": _text(request.at),
    }


def _plain(fact: object) -> object:
    """Turn a fact into plain JSON: moments as text, tuples as lists, policy bodies in their stored form."""
    if fact is None or isinstance(fact, (str, int, bool)):
        return fact
    if isinstance(fact, datetime):
        return _text(fact)
    if isinstance(fact, Body):
        return fact.to_json()
    if isinstance(fact, tuple):
        return [_plain(part) for part in fact]
    return {name: _plain(value) for name, value in vars(fact).items()}


def _text(at: datetime) -> str:
    return at.isoformat()


def _moment(value: object) -> datetime:
    return datetime.fromisoformat(str(value))


def _mapping(value: object) -> dict[str, object]:
    if not isinstance(value, dict):
        raise TypeError("an object is needed")
    return value


def _list(value: object) -> Iterable[dict]:
    if not isinstance(value, list):
        raise TypeError("a list is needed")
    return value


def _target_fact(value: object) -> TargetFact | None:
    if value is None:
        return None
    read = _mapping(value)
    return TargetFact(**{**read, "purposes": tuple(str(p) for p in _list(read["purposes"]))})  # type: ignore[arg-type]


def _consent_fact(value: object) -> ConsentFact | None:
    if value is None:
        return None
    read = _mapping(value)
    expiry = read["next_expiry"]
    return ConsentFact(**{**read, "next_expiry": None if expiry is None else _moment(expiry)})  # type: ignore[arg-type]


def _agreement_fact(value: object) -> AgreementFact | None:
    if value is None:
        return None
    read = _mapping(value)
    moments = {k: None if read[k] is None else _moment(read[k]) for k in ("starts_at", "ends_at", "ended_at")}
    return AgreementFact(**{**read, **moments})  # type: ignore[arg-type]  # read back from our own JSON
