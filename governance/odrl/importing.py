"""Take a policy of somebody else over into the answers of the rules page, and never allow more than it says.

What the questions can say becomes an answer. A permission that asks for anything else, an operand nobody knows, a duty
nobody can follow, one party only, becomes *inactive*: it is left out, and a flag says so. A prohibition that the
questions cannot say closes everything, since leaving it out would allow what was forbidden. Nothing is put into
force here: somebody reads the answers and the flags, and decides.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

from governance.kernel.errors import Reason
from governance.kernel.words import _
from governance.odrl import profile
from governance.odrl.actions import current
from governance.odrl.checking import faults
from governance.odrl.duo import DuoTerm
from governance.odrl.form import Condition, Constraint, Duty, Policy, Rule, leaves
from governance.odrl.policy import Body, Term, term, term_codes
from governance.odrl.purposes import STANDARD, Vocabulary
from governance.odrl.values import Period, Value

DPV = "https://w3id.org/dpv#"


@dataclass(frozen=True)
class Imported:
    """What was taken over: the answers, what somebody should know, and the permissions that were left out."""

    body: Body
    flags: tuple[Reason, ...]
    inactive: tuple[str, ...]


def answers_of(policy: Policy, *, vocabulary: Vocabulary = STANDARD) -> Imported:
    """Return the answers that allow what ``policy`` allows and no more, with every flag."""
    return _Import(policy, vocabulary).whole()


@dataclass(frozen=True)
class _Allowed:
    """One permission in the words of the questions."""

    uid: str
    purposes: tuple[str, ...]
    organisations: tuple[str, ...]
    commercial: bool
    expires_on: date | None
    terms: tuple[Term, ...]


class _Import:
    """One policy on its way into answers."""

    def __init__(self, policy: Policy, vocabulary: Vocabulary) -> None:
        self.policy, self.vocabulary = policy, vocabulary
        self.flags: list[Reason] = [fault.reason for fault in faults(policy) if fault.reason.code in _FLAGGED]
        self.inactive: dict[str, None] = {}
        self.is_closed = False

    def whole(self) -> Imported:
        """Read prohibitions first: they decide whether anything can be allowed at all."""
        prohibited, terms = self.prohibitions()
        read = [found for rule in self.policy.permissions if (found := self.permission(rule)) is not None]
        doubtful = any(name != profile.PROFILE for name in self.policy.profiles) or bool(self.policy.inherits)
        if doubtful or self.is_closed:
            self.inactive |= dict.fromkeys(found.uid for found in read)
            read = []
        allowed = self.together(read)
        body = Body(
            prohibited=tuple(sorted(prohibited)),
            terms=tuple(sorted(terms, key=lambda t: t.code)),
            note=self.policy.note[:2000],
            duo=tuple(DuoTerm(code, values) for code, values in self.policy.duo),
        )
        if allowed is not None:
            every = {t.code: t for t in (*terms, *allowed.terms)}
            body = replace(
                body,
                purposes=allowed.purposes,
                organisations=allowed.organisations,
                commercial=allowed.commercial,
                expires_on=allowed.expires_on,
                terms=tuple(sorted(every.values(), key=lambda t: t.code)),
            )
        for uid in self.inactive:
            message = _("A permission could not be taken over whole, so it allows nothing here.")
            self.flags.append(Reason("permission-inactive", message, uid))
        return Imported(body, tuple(_once(self.flags)), tuple(self.inactive))

    # -- prohibitions --

    def prohibitions(self) -> tuple[set[str], list[Term]]:
        """Return the forbidden purposes and the terms that forbid; what neither can say closes everything."""
        purposes: set[str] = set()
        terms: list[Term] = []
        for rule in self.policy.prohibitions:
            found = self._term_that_forbids(rule)
            if found is not None:
                terms.append(found)
                continue
            codes = self._forbidden_purposes(rule)
            if codes is None:
                self.is_closed = True
                message = _(
                    "A prohibition cannot be said on this page, so everything stays closed until you answer anew."
                )
                self.flags.append(Reason("prohibition-closes", message, rule.uid))
            else:
                purposes |= codes
        return purposes, terms

    def _term_that_forbids(self, rule: Rule) -> Term | None:
        for code in term_codes():
            plugin = term(code)
            if plugin.ASKS is not None:
                continue
            forbids: list[tuple[str, tuple[Condition, ...]]] = [(action, ()) for action in plugin.prohibited(None)]
            for one in plugin.prohibited_purposes(None):
                forbids.append((profile.USE, (Constraint(profile.PURPOSE, "isA", one),)))
            # The answer “forbidden by name” says the same about a purpose; our own documents say which one it was.
            named = rule.uid.endswith(f"#{code}") or not plugin.prohibited_purposes(None)
            if named and any(rule.action == action and _bare(rule.constraints) == cs for action, cs in forbids):
                return Term(code)
        return None

    def _forbidden_purposes(self, rule: Rule) -> set[str] | None:
        """The purposes that a prohibition of use names, for everybody and always; None when it says something else."""
        if rule.action not in (profile.USE, profile.PULL) or len(rule.constraints) != 1 or _is_narrowed(rule):
            return None
        only = rule.constraints[0]
        if not isinstance(only, Constraint) or only.left != profile.PURPOSE or only.operator not in _IS:
            return None
        codes = [self._purpose(value) for value in _many(only.right)]
        known = {code for code in codes if code is not None}
        return known if len(known) == len(codes) else None

    # -- permissions --

    def permission(self, rule: Rule) -> _Allowed | None:
        """Return a permission in the words of the questions, or None with flags."""
        if rule.action is None or not profile.includes(current(rule.action), profile.PULL) or not rule.target:
            self._leave(rule, "action-not-ours", _("The action “{name}” is no part of our profile."), rule.action)
            return None
        if _is_narrowed(rule):
            message = _("A permission is for one party, or narrows its action or target. Here rules are for everybody.")
            self._leave(rule, "permission-narrowed", message)
            return None
        read: dict[str, Value] = {}
        rest: list[Condition] = []
        for condition in rule.constraints:
            answer = self._answer(condition)
            if answer is None or answer[0] in read:
                rest.append(condition)
            else:
                read[answer[0]] = answer[1]
        if () in (read.get("purposes"), read.get("organisations")):
            self._leave(rule, "purpose-unknown", _("Nobody here knows what this permission is for."))
            return None
        terms, rest, duties = _terms(rest, rule.duties)
        for left in leaves(tuple(rest)):
            message = _("Nobody here can tell “{name}”, so a permission that asks for it stays closed.")
            self._leave(rule, "operand-unknown", message, left.left or "?")
        for duty in duties:
            self._leave(rule, "duty-unknown", _("The duty “{name}” is not known here."), duty.action)
        if rest or duties:
            return None
        expires = read.get("expires_on")
        return _Allowed(
            rule.uid,
            _strings(read.get("purposes", ("use",))),
            _strings(read.get("organisations", tuple(profile.ORGANISATIONS))),
            "commercial" not in read,
            date.fromisoformat(str(expires)) if expires is not None else None,
            terms,
        )

    def _leave(self, rule: Rule, code: str, message: str, name: object = "") -> None:
        self.inactive[rule.uid] = None
        self.flags.append(Reason(code, message, rule.uid, values={"name": name}))

    def _answer(self, condition: Condition) -> tuple[str, Value] | None:
        """The question that a condition answers, and its answer; None when no question asks for it."""
        if not isinstance(condition, Constraint):
            return None
        values = _many(condition.right)
        match condition.left:
            case profile.PURPOSE if condition.operator in _IS:
                codes = [self._purpose(value) for value in values]
                # A purpose that nobody knows is left out of the list, which allows less.
                for value, code in zip(values, codes, strict=True):
                    if code is None:
                        message = _("Nobody knows the purpose “{name}”.")
                        self.flags.append(
                            Reason("purpose-unknown", message, condition.uid, values={"name": str(value)})
                        )
                return "purposes", tuple(sorted({code for code in codes if code is not None}))
            case profile.ORGANISATION if condition.operator in _IS:
                return "organisations", tuple(sorted(str(v) for v in values if v in profile.ORGANISATIONS))
            case profile.COMMERCIAL if condition.operator == "eq" and condition.right is False:
                return "commercial", False
            case profile.WHEN if condition.operator in ("lt", "lteq") and len(values) == 1:
                day = _last_day(condition.operator, values[0])
                return ("expires_on", day.isoformat()) if day else None
        return None

    def _purpose(self, value: object) -> str | None:
        """Our code for a purpose, ours or one that truly says the same in DUO or DPV."""
        name = str(value)
        if name in self.vocabulary:
            return name
        for code, one in self.vocabulary.terms.items():
            if name == one.duo:
                return code
        return {DPV + "Purpose": "use", DPV + "Advertising": "advertising"}.get(name)

    def together(self, read: Sequence[_Allowed]) -> _Allowed | None:
        """Put permissions together that differ in one answer only; others would allow together what none allows."""
        if not read:
            return None
        whole = read[0]
        for one in read[1:]:
            if replace(one, uid=whole.uid, purposes=whole.purposes) == whole:
                whole = replace(whole, purposes=tuple(sorted({*whole.purposes, *one.purposes})))
            elif replace(one, uid=whole.uid, organisations=whole.organisations) == whole:
                whole = replace(whole, organisations=tuple(sorted({*whole.organisations, *one.organisations})))
            else:
                self.inactive[one.uid] = None
                message = _("Two permissions ask for different things. Only the first one was taken over.")
                self.flags.append(Reason("permission-left-out", message, one.uid))
        return whole


_IS = ("eq", "isA", "isAnyOf")
_FLAGGED = frozenset(
    ("conflict-not-prohibit", "profile-unknown", "inherited-missing", "action-deprecated", "reference-not-followed")
)


def _terms(
    conditions: list[Condition], duties: tuple[Duty, ...]
) -> tuple[tuple[Term, ...], list[Condition], list[Duty]]:
    """Recognise usage terms by what they add to a permission; return them and what is left over."""
    rest, waiting, found = list(conditions), list(duties), []
    for code in term_codes():
        for value in _values(code, rest, waiting):
            plugin = term(code)
            needs = [_key(c) for c in plugin.constraints(value)]
            asks = [_duty_key(d) for d in plugin.duties(value, "")]
            has, does = [_key(c) for c in rest], [_duty_key(d) for d in waiting]
            if (needs or asks) and all(n in has for n in needs) and all(a in does for a in asks):
                found.append(Term(code, value))
                rest = [c for c in rest if _key(c) not in needs]
                waiting = [d for d in waiting if _duty_key(d) not in asks]
                break
    return tuple(found), rest, waiting


def _values(code: str, conditions: Iterable[Condition], duties: Iterable[Duty]) -> Iterator[str | int | None]:
    """The values with which a term could have made these conditions and duties."""
    plugin = term(code)
    rights = [c.right for c in leaves(tuple(conditions))]
    if plugin.ASKS is None:
        yield None
    elif plugin.ASKS == "number":
        yield from range(plugin.LOWEST, plugin.HIGHEST + 1)
    else:
        yield from sorted({duty.words for duty in duties if duty.words})
        yield from (", ".join(str(v) for v in right) for right in rights if isinstance(right, tuple))


def _key(condition: Condition) -> object:
    if isinstance(condition, Constraint):
        return (condition.left, condition.operator, _many(condition.right))
    return condition


def _duty_key(duty: Duty) -> object:
    return replace(duty, uid="", constraints=tuple(replace(c, uid="") for c in duty.constraints))


def _bare(conditions: tuple[Condition, ...]) -> tuple[Condition, ...]:
    return tuple(replace(c, uid="") for c in conditions)


def _is_narrowed(rule: Rule) -> bool:
    return bool(rule.assignee or rule.refinements or rule.target_refinements or rule.assignee_refinements)


def _last_day(operator: str, value: object) -> date | None:
    """The last whole day on which the condition holds all day long, in UTC."""
    if isinstance(value, Period):
        moment = value.end if operator == "lteq" else value.start
    elif isinstance(value, datetime) and value.tzinfo:
        # 23:59:59 is how we write the end of a day.
        moment = value + timedelta(seconds=1) if operator == "lteq" else value
    else:
        return None
    return (moment.astimezone(UTC) - timedelta(days=1)).date()


def _many(value: Value) -> tuple[object, ...]:
    return value if isinstance(value, tuple) else (value,)


def _strings(value: object) -> tuple[str, ...]:
    return tuple(str(v) for v in value) if isinstance(value, tuple) else ()


def _once(reasons: Iterable[Reason]) -> Iterator[Reason]:
    seen: set[tuple[str, str | None, str]] = set()
    for reason in reasons:
        key = (reason.code, reason.path, str(reason))
        if key not in seen:
            seen.add(key)
            yield reason
