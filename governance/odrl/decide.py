"""The decision: may this party, under this agreement, have this version, for this purpose, now?

``decide`` is a pure function over a request and the facts of the moment. It walks the gates in order, collects
*every* reason against, and permits only when none is left; the first gate that said no gives its name to the refusal.
What it was given is stored beside the answer, so that anybody can ask the same question again and must get the same
answer.

The gates, numbered as in governance.md, section 2.3: 0 form, 1 holds, 2 consent (each person's, and the community's
together where its charter asks for that), 4 policy layers, 5 DUO terms, 6 agreement and grant, 7 duties. Gate 3
(protocol) is for people: a build leaves protected samples out, and a season that closes holds the versions that have
some, so it never meets a pipeline.

The law that tests hold it to: one more layer, prohibition, contributor, hold, withdrawal, violation or duty never
turns a no into a yes.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from governance.kernel.words import _
from governance.odrl import duo, profile
from governance.odrl.evaluate import Question, Verdict, evaluate
from governance.odrl.facts import (
    AGREED,
    COMMUNITY,
    CONTRIBUTOR,
    DATASET,
    GIVEN,
    IN_FORCE,
    PUBLISHED,
    REFUSED,
    SAMPLE,
    AgreementFact,
    CollectiveFact,
    ConsentFact,
    Facts,
    HoldFact,
    LayerFact,
    PartyFact,
    Request,
    TargetFact,
    ViolationFact,
    facts_json,
    from_snapshot,
    snapshot,
)
from governance.odrl.lists import normal
from governance.odrl.policy import Duty, compile_policy, end_of
from governance.odrl.purposes import EDITION, STANDARD, Vocabulary

__all__ = [
    "AGREED",
    "COMMUNITY",
    "CONTRIBUTOR",
    "DATASET",
    "EDITION",
    "ENGINE",
    "GIVEN",
    "IN_FORCE",
    "LONGEST",
    "PUBLISHED",
    "REFUSED",
    "SAMPLE",
    "SOME",
    "AgreementFact",
    "Because",
    "CollectiveFact",
    "ConsentFact",
    "Facts",
    "HoldFact",
    "LayerFact",
    "Outcome",
    "PartyFact",
    "Request",
    "TargetFact",
    "ViolationFact",
    "agreement_reasons",
    "decide",
    "facts_json",
    "from_snapshot",
    "judge",
    "months_between",
    "policy_reasons",
    "request_reasons",
    "snapshot",
]

ENGINE = "wellhouse 2"
LONGEST = timedelta(minutes=15)
SOME = 10
"""A count below this is said as “some”, so that nobody can be found out by it (governance.md, section 2.4)."""

FORM, HOLDS, CONSENT, POLICY, DUO = "form", "holds", "consent", "policy", "duo"
AGREEMENT, DUTIES = "agreement", "duties"
GATES = (FORM, HOLDS, CONSENT, POLICY, DUO, AGREEMENT, DUTIES)

BEFORE, ONGOING = "before", "ongoing"

REVIEWABLE = frozenset(
    {
        "needs-human-review",
        "duty-unfulfilled",
        "agreement-missing",
        "agreement-unsigned",
        "agreement-expired",
        "agreement-ended",
        "purpose-not-agreed",
        "commercial-not-agreed",
        "version-not-agreed",
        "organisation-not-agreed",
        "place-not-agreed",
    }
)
"""Reasons that a new request to the desk can answer: nobody said no, somebody has yet to say yes."""


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
    due: Mapping[str, datetime] = field(default_factory=dict)
    """When a duty with a length is due, by its uid."""

    @property
    def gate(self) -> str | None:
        """The first gate that said no."""
        return self.reasons[0].gate if self.reasons else None

    @property
    def is_reviewable(self) -> bool:
        """Whether people at the community's desk could turn the no into a yes without anybody taking back their own."""
        return bool(self.reasons) and all(because.code in REVIEWABLE for because in self.reasons)

    def to_json(self) -> dict[str, object]:
        """What is stored, signed and compared by a replay."""
        return {
            "outcome": "permit" if self.is_permitted else "deny",
            "reviewable": self.is_reviewable,
            "reasons": [because.to_json() for because in self.reasons],
            "duties": [self._duty_json(duty) for duty in self.duties],
            "valid_until": self.valid_until.isoformat(),
            "engine": ENGINE,
            "vocabulary": EDITION,
        }

    def _duty_json(self, duty: Duty) -> dict[str, object]:
        told = {"rule": duty.uid, "action": duty.action, "phase": duty.phase, "days": duty.days, "words": duty.words}
        due = self.due.get(duty.uid)
        return {**told, "due": due.isoformat() if due else None}


def decide(request: Request, facts: Facts) -> Outcome:
    """Answer ``request`` from ``facts`` alone; default is no."""
    reasons = (
        *_form(request, facts),
        *_holds(request, facts),
        *_consent(request, facts),
        *_policy(request, facts),
        *_duo(request, facts),
        *_agreement(request, facts),
        *_duties(request, facts),
    )
    if reasons:
        return Outcome(False, reasons, (), request.at)
    duties = duties_of(request, facts)
    return Outcome(True, (), duties, _valid_until(request, facts), _due(duties, request, facts))


def duties_of(request: Request, facts: Facts) -> tuple[Duty, ...]:
    """Return the duties that go with what the layers permit, each once."""
    return tuple({duty.uid: duty for layer in facts.layers for duty in judge(layer, request, facts).duties}.values())


def judge(layer: LayerFact, request: Request, facts: Facts) -> Verdict:
    """Let one policy revision judge the request; where the party names several people, the strictest answer counts."""
    dataset = facts.target.dataset if facts.target else ""
    compiled = compile_policy(layer.body, uid=layer.uid, target=dataset)
    verdicts = (evaluate(compiled, question, vocabulary=facts.vocabulary) for question in _questions(request, facts))
    return min(verdicts, key=lambda verdict: verdict.is_permitted)


def policy_reasons(request: Request, facts: Facts) -> tuple[Because, ...]:
    """Only what the policy layers say: for signing an agreement and for trying a request before there is a version."""
    return tuple(_layers(request, facts))


def request_reasons(request: Request, facts: Facts) -> tuple[Because, ...]:
    """What the policy layers and their DUO terms say: for a request before anybody signed anything."""
    return (*_layers(request, facts), *_duo(request, facts))


def agreement_reasons(request: Request, facts: Facts) -> tuple[Because, ...]:
    """Only what the agreement and its grant say: for telling which versions a token may know of."""
    return tuple(_agreement(request, facts))


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
    yield from _together(request, facts.collective)
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


def _together(request: Request, collective: CollectiveFact | None) -> Iterator[Because]:
    if collective is None or not collective.needed:
        return
    if collective.state == REFUSED:
        yield Because("collective-refused", CONSENT, _("The community decided together against this purpose."))
    elif collective.state != GIVEN or (collective.ends_at is not None and collective.ends_at <= request.at):
        message = _("The community has not decided together about this purpose yet, and until then it is a no.")
        yield Because("collective-missing", CONSENT, message)


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
    profile.MONTHS_SINCE: ("time-limit-passed", _("The time for which the rules allow the use is over.")),
    profile.PLACE: ("place-not-permitted", _("The rules do not allow work in this place, or nobody told us where.")),
    profile.INSTITUTION: ("institution-not-permitted", _("The rules name the institutions that may use it.")),
    profile.USER: ("user-not-permitted", _("The rules name the people who may work with it.")),
    profile.PROJECT: ("project-not-permitted", _("The rules name the projects that it may be used for.")),
}


def _layers(request: Request, facts: Facts) -> Iterator[Because]:
    values = {"purpose": _title(facts.vocabulary, request.purpose)}
    for layer in facts.layers:
        verdict = judge(layer, request, facts)
        where = _where(layer)
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


def _duo(request: Request, facts: Facts) -> Iterator[Because]:
    """What the layers say in DUO's terms; what no machine can tell is a no until people have looked at it."""
    asked = tuple(_asked_in_duo(request, facts))
    reviewed = facts.agreement.reviewed if facts.agreement else ()
    for layer in facts.layers:
        if not layer.body.duo:
            continue
        where = _where(layer)
        for reason in duo.judge(layer.body.duo, asked).against:
            if reason.outcome == duo.DENY:
                yield Because("duo-not-permitted", DUO, reason.public, reason.values, where)
            elif reason.term not in reviewed:
                yield Because("needs-human-review", DUO, reason.public, reason.values, where)


def _asked_in_duo(request: Request, facts: Facts) -> Iterator[duo.DuoTerm]:
    """What the request says in DUO's terms, and what we know of who asks; nothing is said twice."""
    yield from request.duo
    said = {term.code for term in request.duo}
    kind = STANDARD.duo(request.purpose)
    if kind and not said & {name.shorthand for name in duo.NAMES.values() if name.sort == duo.PERMISSION}:
        yield from duo.terms([kind])
    if not request.commercial and "NCU" not in said:
        yield duo.DuoTerm("NCU")
    if facts.party is not None:
        if facts.party.kind != "for-profit" and "NPU" not in said:
            yield duo.DuoTerm("NPU")
        known = {"GS": (facts.party.place,), "IS": (facts.party.institution,), "US": facts.party.users}
        known["PS"] = (facts.agreement.project if facts.agreement else "",)
        for code, values in known.items():
            if any(values) and code not in said:
                yield duo.DuoTerm(code, tuple(values))


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
    if not agreement.is_signed_by_both:
        message = _("Agreement {agreement} lacks a signature. It holds once both sides have signed it.")
        yield Because("agreement-unsigned", AGREEMENT, message, values)
    if agreement.starts_at > request.at:
        yield Because("agreement-not-started", AGREEMENT, _("Agreement {agreement} has not begun yet."), values)
    elif agreement.not_before is not None and agreement.not_before > request.at:
        message = _("What agreement {agreement} grants has not begun yet.")
        yield Because("grant-not-started", AGREEMENT, message, values)
    if agreement.suspended_because:
        message = _("What agreement {agreement} grants rests for now. Write to the keepers.")
        yield Because("grant-suspended", AGREEMENT, message, values)
    if facts.party is not None and agreement.kind and agreement.kind != facts.party.kind:
        message = _("Agreement {agreement} was made with another kind of organisation. Ask for a new one.")
        yield Because("organisation-not-agreed", AGREEMENT, message, values)
    if facts.party is not None and agreement.place and agreement.place != facts.party.place:
        message = _("Agreement {agreement} is for work in {place}. Ask for a new one.")
        yield Because("place-not-agreed", AGREEMENT, message, {**values, "place": agreement.place})
    if request.purpose not in facts.vocabulary.narrower(agreement.purpose):
        message = _("Agreement {agreement} is for “{agreed}”, not for “{asked}”. Ask for this purpose as well.")
        yield Because("purpose-not-agreed", AGREEMENT, message, values)
    if request.commercial and not agreement.commercial:
        message = _("Agreement {agreement} is for use without earning money. Ask for a new one.")
        yield Because("commercial-not-agreed", AGREEMENT, message, values)
    if facts.target is not None and facts.target.number < agreement.from_version:
        message = _("Agreement {agreement} begins with version {from}. Pull that one or a later one.")
        yield Because("version-not-agreed", AGREEMENT, message, values)
    if facts.target is not None and agreement.to_version is not None and facts.target.number > agreement.to_version:
        message = _("Agreement {agreement} ends with version {to}. Pull that one, or ask for a later one.")
        yield Because("version-not-agreed", AGREEMENT, message, {**values, "to": agreement.to_version})


def _duties(request: Request, facts: Facts) -> Iterator[Because]:
    """A duty before use that nobody verified, and a promise that is broken, each stop everything."""
    fulfilled = facts.agreement.fulfilled if facts.agreement else ()
    waiting = {
        duty.action: judged.rule.uid
        for layer in facts.layers
        for judged in judge(layer, request, facts).permissions
        for duty in judged.rule.duties
        if duty.phase == BEFORE and duty.action not in fulfilled
    }
    for action, rule in sorted(waiting.items()):
        message = _("Before anything is given: {duty}. Send it to the keepers, and they look at it.")
        values = {"duty": profile.DUTIES.get(action, action)}
        yield Because("duty-unfulfilled", DUTIES, message, values, rule=rule)
    for violation in facts.violations:
        if violation.since <= request.at:
            values = {"day": violation.since.date().isoformat()}
            message = _("Something that was promised is overdue since {day}. Send it, and this opens again.")
            yield Because("duty-violated", DUTIES, message, values)


# -- small parts -------------------------------------------------------------------------------------------------------


def _questions(request: Request, facts: Facts) -> Iterator[Question]:
    """One question for each person that the party names, or one without a person."""
    known: dict[str, str | int | float | bool | datetime | tuple[str, ...]] = {
        profile.PURPOSE: request.purpose,
        profile.COMMERCIAL: request.commercial,
        profile.WHEN: request.at,
    }
    party, agreement = facts.party, facts.agreement
    if party is not None:
        known[profile.ORGANISATION] = party.kind
        known |= {
            o: normal(n) for o, n in ((profile.PLACE, party.place), (profile.INSTITUTION, party.institution)) if n
        }
    if agreement is not None:
        known |= {profile.PROJECT: normal(agreement.project)} if agreement.project else {}
        known[profile.MONTHS_SINCE] = months_between(agreement.starts_at, request.at)
        if agreement.ends_at is not None:
            known[profile.AGREED_MONTHS] = months_between(agreement.starts_at, agreement.ends_at)
    targets = (facts.target.ref, facts.target.dataset) if facts.target else ()
    for user in (party.users if party else ()) or ("",):
        yield Question(request.action, targets, {**known, profile.USER: normal(user)} if user else known)


def _valid_until(request: Request, facts: Facts) -> datetime:
    ends = [request.at + LONGEST]
    ends.extend(end_of(layer.body.expires_on) for layer in facts.layers if layer.body.expires_on)
    if facts.consents is not None and facts.consents.next_expiry is not None:
        ends.append(facts.consents.next_expiry)
    if facts.agreement is not None and facts.agreement.ends_at is not None:
        ends.append(facts.agreement.ends_at)
    if facts.collective is not None and facts.collective.ends_at is not None:
        ends.append(facts.collective.ends_at)
    ends.extend(violation.since for violation in facts.violations)
    return min(ends)


def _where(layer: LayerFact) -> str:
    """Which layer a reason came from; that of a person or a sample has no number, which could name somebody."""
    if layer.level in (CONTRIBUTOR, SAMPLE):
        return layer.level
    return f"{layer.level}, {layer.standing}, revision {layer.revision}"


def _due(duties: tuple[Duty, ...], request: Request, facts: Facts) -> dict[str, datetime]:
    """What comes again and again is due from now, everything else from the day on which the agreement began."""
    began = facts.agreement.starts_at if facts.agreement else request.at
    return {
        duty.uid: (request.at if duty.action in profile.RECURRING else began) + timedelta(days=duty.days)
        for duty in duties
        if duty.days is not None
    }


def _title(vocabulary: Vocabulary, code: str) -> str:
    return vocabulary[code].title if code in vocabulary else code


def _some(count: int) -> str:
    return str(count) if count >= SOME else "some"
