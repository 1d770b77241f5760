"""Say a policy in plain words: what it allows, what three well-known askers could do tomorrow, and what a change
changes.

Everything here returns ``Words``: a sentence with named gaps, and what goes into the gaps (text, ``Words`` again, or
a tuple of them). The edge translates each part and puts it together; ``str()`` gives the English.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from governance.kernel.words import _
from governance.odrl import profile
from governance.odrl.conflicts import conflicts
from governance.odrl.decide import (
    COMMUNITY,
    DATASET,
    IN_FORCE,
    Because,
    Facts,
    LayerFact,
    PartyFact,
    Request,
    TargetFact,
    policy_reasons,
)
from governance.odrl.policy import Body, Term, compile_policy, term
from governance.odrl.purposes import STANDARD, Vocabulary

TARGET = "urn:wellhouse:dataset:preview"


@dataclass(frozen=True)
class Words:
    """A sentence with gaps ``{name}`` and their fillings."""

    text: str
    values: Mapping[str, object] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.text.format(**{name: _english(value) for name, value in self.values.items()})


@dataclass(frozen=True)
class Persona:
    """What one kind of asker could do; ``verdict`` is yes, some or no."""

    kind: str
    title: str
    verdict: str
    says: Words
    because: tuple[Words, ...] = ()


@dataclass(frozen=True)
class Change:
    """One question whose answer changed; ``direction`` is wider, tighter or other."""

    question: str
    before: Words
    after: Words
    direction: str


PERSONAS: Sequence[tuple[str, str, bool]] = (
    ("non-profit", _("A language school"), False),
    ("public", _("A university"), False),
    ("for-profit", _("A company"), True),
)
"""Kind of organisation, name on the page, and whether it wants to earn money."""


def preview(
    body: Body, *, at: datetime, vocabulary: Vocabulary = STANDARD, also: Sequence[Body] = ()
) -> tuple[Persona, ...]:
    """Say what a language school, a university and a company could do at ``at``, and why not more.

    Only the rules are asked: consents, holds and votes may say no as well.
    """
    return tuple(_persona(body, kind, title, money, at, vocabulary, also) for kind, title, money in PERSONAS)


def try_request(
    body: Body,
    *,
    kind: str,
    purpose: str,
    commercial: bool,
    at: datetime,
    vocabulary: Vocabulary = STANDARD,
    also: Sequence[Body] = (),
) -> tuple[Because, ...]:
    """Return every reason of the rules against a request; empty when they allow it. ``also`` are rules of other levels,
    each of which must allow it too.

    What only a party with an agreement can tell (how long, where, who, for which project) is left out: before there is
    one it says no to nobody.
    """
    bodies = [replace(b, terms=tuple(t for t in b.terms if not _is_told_later(t))) for b in (body, *also)]
    facts = Facts(
        party=PartyFact("urn:wellhouse:party:preview", kind),
        target=TargetFact(TARGET, TARGET, 1, "published"),
        layers=tuple(
            LayerFact(DATASET if i == 0 else COMMUNITY, IN_FORCE, f"urn:wellhouse:policy:preview{i}", 0, b)
            for i, b in enumerate(bodies)
        ),
    )
    request = Request("urn:wellhouse:party:preview", profile.PULL, TARGET, purpose, commercial, at)
    return policy_reasons(request, facts)


def describe(body: Body, *, vocabulary: Vocabulary = STANDARD) -> tuple[tuple[str, Words], ...]:
    """Return each question of the rules page with the answer that ``body`` gives."""
    return (
        (_("Who may ask to use it?"), _kinds(body)),
        (_("For what?"), _purposes(body.purposes, vocabulary)),
        (_("May anyone earn money with it?"), Words(_("Yes")) if body.commercial else Words(_("No"))),
        (_("What is forbidden by name?"), _purposes(body.prohibited, vocabulary)),
        (_("Until when?"), _until(body)),
        (_("On which terms?"), _terms(body)),
        (_("In our own words"), Words("{note}", {"note": body.note}) if body.note else Words(_("Nothing"))),
    )


def changes(old: Body, new: Body, *, vocabulary: Vocabulary = STANDARD) -> tuple[Change, ...]:
    """Return every question whose answer differs, and whether the new answer is wider or tighter."""
    directions = (
        _sets(old.organisations, new.organisations),
        _sets(vocabulary.covered(old.purposes), vocabulary.covered(new.purposes)),
        _bigger(int(old.commercial), int(new.commercial)),
        _sets(vocabulary.covered(new.prohibited), vocabulary.covered(old.prohibited)),
        _dates(old, new),
        _term_direction(old.terms, new.terms),
        "other",
    )
    before, after = describe(old, vocabulary=vocabulary), describe(new, vocabulary=vocabulary)
    return tuple(
        Change(question, was, now, direction)
        for (question, was), (_question, now), direction in zip(before, after, directions, strict=True)
        if was != now
    )


def clashes(above: Body, body: Body, *, vocabulary: Vocabulary = STANDARD) -> tuple[Words, ...]:
    """Say what a dataset's rules allow although the community's forbid it; the no wins, so this is for knowing.

    What the dataset forbids too is no disagreement.
    """
    layers = {"urn:above": above, "urn:body": body}
    policies = [compile_policy(b, uid=uid, target=TARGET) for uid, b in layers.items()]
    forbidden = vocabulary.covered(body.prohibited)
    said = []
    for clash in conflicts(policies, vocabulary=vocabulary, across_only=True).clashes:
        named = clash.prohibition.rsplit("#", 1)[-1]
        code = named.removeprefix("no-")
        if clash.prohibition.startswith("urn:above") and code not in forbidden:
            title = vocabulary[code].title if code in vocabulary else term(named).TITLE
            text = _("These rules allow what the community forbids: {what}. The community’s no holds.")
            said.append(Words(text, {"what": Words(title)}))
    return tuple(said)


def _persona(
    body: Body, kind: str, title: str, money: bool, at: datetime, vocabulary: Vocabulary, also: Sequence[Body]
) -> Persona:
    answers = {
        code: try_request(body, kind=kind, purpose=code, commercial=money, at=at, vocabulary=vocabulary, also=also)
        for code in vocabulary.leaves
    }
    allowed = [code for code, reasons in answers.items() if not reasons]
    if not allowed:
        return Persona(kind, title, "no", Words(_("may not have it, for any purpose")), _why(answers, body))
    listed = tuple(Words(vocabulary[code].title) for code in allowed)
    forbidden = vocabulary.covered(code for b in (body, *also) for code in b.prohibited)
    everything = len(allowed) == len([c for c in vocabulary.leaves if c not in forbidden])
    text = _("and earn money with it, for: {purposes}") if money else _("for: {purposes}")
    says = Words(text, {"purposes": listed})
    if everything:
        says = Words(_("for everything that is not forbidden by name"))
    conditions = [words for b in (body, *also) for words in _conditions(b)]
    return Persona(kind, title, "yes", says, tuple({str(words): words for words in conditions}.values()))


def _why(answers: Mapping[str, tuple[Because, ...]], body: Body) -> tuple[Words, ...]:
    """The reasons that stand in the way of what the rules do allow to others; then the general ones."""
    if not body.purposes or not body.organisations:
        return (Words(_("These rules allow nothing yet.")),)
    wanted = {code: reasons for code, reasons in answers.items() if "purpose-not-permitted" not in _codes(reasons)}
    seen: dict[str, Words] = {}
    for reasons in wanted.values() or answers.values():
        for because in reasons:
            if because.code != "prohibited":
                seen.setdefault(because.code, Words(because.public, because.values))
    return tuple(seen.values())


def _codes(reasons: Sequence[Because]) -> set[str]:
    return {because.code for because in reasons}


def _conditions(body: Body) -> tuple[Words, ...]:
    out = [_one_term(t) for t in body.terms]
    if body.expires_on:
        out.append(_until(body))
    return tuple(out)


def _is_told_later(t: Term) -> bool:
    return any(c.left in profile.TOLD_LATER for c in term(t.code).constraints(t.value))


def _kinds(body: Body) -> Words:
    if not body.organisations:
        return Words(_("Nobody"))
    titles = tuple(Words(title) for kind, title in profile.ORGANISATIONS.items() if kind in body.organisations)
    return Words("{list}", {"list": titles})


def _purposes(codes: Sequence[str], vocabulary: Vocabulary) -> Words:
    if not codes:
        return Words(_("Nothing"))
    titles = tuple(Words(p.title) for code, p in vocabulary.terms.items() if code in codes)
    return Words("{list}", {"list": titles})


def _until(body: Body) -> Words:
    if not body.expires_on:
        return Words(_("Until the community changes it"))
    return Words(_("Until {day}"), {"day": body.expires_on})


def _terms(body: Body) -> Words:
    if not body.terms:
        return Words(_("Nothing"))
    return Words("{list}", {"list": tuple(_one_term(t) for t in sorted(body.terms, key=lambda t: t.code))})


def _one_term(t: Term) -> Words:
    title = Words(term(t.code).TITLE)
    return title if t.value is None else Words("{title}: {value}", {"title": title, "value": str(t.value)})


def _sets(old: object, new: object) -> str:
    before, after = frozenset(old), frozenset(new)  # type: ignore[call-overload]
    if before < after:
        return "wider"
    return "tighter" if after < before else "other"


def _bigger(old: int, new: int) -> str:
    return "wider" if new > old else "tighter"


def _dates(old: Body, new: Body) -> str:
    if old.expires_on is None or new.expires_on is None:
        return "tighter" if new.expires_on else "wider"
    return "wider" if new.expires_on > old.expires_on else "tighter"


def _term_direction(old: Sequence[Term], new: Sequence[Term]) -> str:
    before, after = {t.code: t.value for t in old}, {t.code: t.value for t in new}
    found = {"tighter" for code in after if code not in before} | {"wider" for code in before if code not in after}
    for code in before.keys() & after.keys():
        tighter = term(code).is_tighter(before[code], after[code])
        if before[code] != after[code]:
            found.add("other" if tighter is None else "tighter" if tighter else "wider")
    return found.pop() if len(found) == 1 else "other"


def _english(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(str(part) for part in value)
    return str(value)
