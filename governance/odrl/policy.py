"""A usage policy: what a community answers on the rules page, and the ODRL rules that follow from the answers.

``Body`` holds the answers, in the community's terms; it is what a policy revision stores and what its digest covers.
``compile_policy`` turns it into ``Policy`` (governance/odrl/form.py): permissions and prohibitions that ``evaluate``
can judge. ``to_odrl`` writes the same as an ODRL 2.2 Set. Whatever the answers do not say is not allowed.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from types import ModuleType

from governance.kernel.digests import digest
from governance.kernel.errors import Reason
from governance.kernel.registry import Registry
from governance.kernel.words import _
from governance.odrl import profile
from governance.odrl.duo import DuoTerm, duo_from_json, duo_json
from governance.odrl.duo_terms import NAMES, PERMISSION
from governance.odrl.form import Constraint as Constraint
from governance.odrl.form import Duty as Duty
from governance.odrl.form import Policy as Policy
from governance.odrl.form import Rule as Rule
from governance.odrl.form import Value as Value
from governance.odrl.purposes import CLOSED, STANDARD, Vocabulary
from governance.odrl.writing import moment_json, rule_json

TERMS = Registry("governance.terms")


@dataclass(frozen=True)
class Term:
    """One usage term taken into a policy: a plugin of ``governance/terms`` and its number or words."""

    code: str
    value: str | int | None = None


@dataclass(frozen=True)
class Body:
    """The answers on the rules page.

    ``purposes`` and ``prohibited`` are codes, leaf or branch; ``organisations`` are kinds of profile.ORGANISATIONS;
    an empty tuple means nobody and nothing. ``expires_on`` is the last day on which anything is allowed, in UTC.
    ``note`` is shown word for word to everyone who asks; no machine reads it. ``duo`` are terms of the Data Use
    Ontology that the answers cannot say, such as a disease or what only people can judge; one of them is the kind of
    permitted use.
    """

    purposes: tuple[str, ...] = ()
    organisations: tuple[str, ...] = ()
    commercial: bool = False
    prohibited: tuple[str, ...] = CLOSED
    expires_on: date | None = None
    terms: tuple[Term, ...] = ()
    note: str = ""
    duo: tuple[DuoTerm, ...] = ()

    def to_json(self) -> dict[str, object]:
        """The stored form: plain JSON, lists in a fixed order, so that equal answers have equal digests."""
        return {
            "purposes": sorted(self.purposes),
            "organisations": sorted(self.organisations),
            "commercial": self.commercial,
            "prohibited": sorted(self.prohibited),
            "expires_on": self.expires_on.isoformat() if self.expires_on else None,
            "terms": [{"code": t.code, "value": t.value} for t in sorted(self.terms, key=lambda t: t.code)],
            "note": self.note,
            **({"duo": duo_json(self.duo)} if self.duo else {}),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, object]) -> "Body":
        """Read the stored form; raises KeyError, TypeError or ValueError when it is none."""
        expires = value["expires_on"]
        terms = value["terms"]
        if not isinstance(terms, list):
            raise TypeError("terms")
        return cls(
            purposes=_words(value["purposes"]),
            organisations=_words(value["organisations"]),
            commercial=value["commercial"] is True,
            prohibited=_words(value["prohibited"]),
            expires_on=date.fromisoformat(str(expires)) if expires else None,
            terms=tuple(Term(str(t["code"]), t.get("value")) for t in terms),
            note=str(value.get("note", "")),
            duo=duo_from_json(value.get("duo", [])),
        )

    @property
    def digest(self) -> str:
        """SHA-256, in hex, of the canonical JSON."""
        return digest(self.to_json())


DENY_ALL = Body()
"""Revision 1 of every dataset: nothing is allowed, and the two closed purposes are prohibited by name."""


class TermPlugin:
    """A file of ``governance/terms`` as rules use it: how it is asked, what it adds to the rules, and how it is said.

    A file says ``TITLE`` and whatever of the rest it needs. ``ASKS`` is None, ``"number"`` or ``"words"``; ``LOWEST``
    and ``HIGHEST`` bound a number or the length of words; ``DEFAULT`` stands in an empty form; ``DUO`` is the term that
    truly fits. ``constraints`` narrow every permission; ``duties`` go with it; ``prohibited`` are actions and
    ``prohibited_purposes`` purposes that nobody may have; ``is_tighter`` compares two values, None is neither.
    """

    def __init__(self, module: ModuleType) -> None:
        self._module = module
        self.TITLE: str = module.TITLE
        self.ASKS: str | None = getattr(module, "ASKS", None)
        self.LOWEST: int = getattr(module, "LOWEST", 0)
        self.HIGHEST: int = getattr(module, "HIGHEST", 0)
        self.DEFAULT: str | int | None = getattr(module, "DEFAULT", None)
        self.DUO: str | None = getattr(module, "DUO", None)

    def constraints(self, value: str | int | None) -> tuple[Constraint, ...]:
        """The conditions that narrow every permission."""
        return self._module.constraints(value) if hasattr(self._module, "constraints") else ()

    def duties(self, value: str | int | None, uid: str) -> tuple[Duty, ...]:
        """The duties that go with every permission."""
        return self._module.duties(value, uid) if hasattr(self._module, "duties") else ()

    def prohibited(self, value: str | int | None) -> tuple[str, ...]:
        """The actions that nobody may take."""
        return self._module.prohibited(value) if hasattr(self._module, "prohibited") else ()

    def prohibited_purposes(self, value: str | int | None) -> tuple[str, ...]:
        """The purposes that nobody may have."""
        return self._module.prohibited_purposes(value) if hasattr(self._module, "prohibited_purposes") else ()

    def is_tighter(self, old: str | int | None, new: str | int | None) -> bool | None:
        """Whether ``new`` allows less than ``old``; None when it is neither less nor more."""
        return self._module.is_tighter(old, new) if hasattr(self._module, "is_tighter") else None


def term(code: str) -> TermPlugin:
    """Return the plugin behind a term's code (``-`` in the code is ``_`` in the file name)."""
    return TermPlugin(TERMS[code.replace("-", "_")])


def term_codes() -> tuple[str, ...]:
    """The codes of all terms, sorted."""
    return tuple(name.replace("_", "-") for name in TERMS.names)


def validate(body: Body, *, vocabulary: Vocabulary = STANDARD) -> tuple[Reason, ...]:
    """Return every reason why ``body`` cannot become a policy; empty when it can."""
    reasons = [
        *_unknown(body.purposes, vocabulary, "purposes", "purpose-unknown", _("Nobody knows the purpose “{name}”.")),
        *_unknown(
            body.prohibited, vocabulary, "prohibited", "purpose-unknown", _("Nobody knows the purpose “{name}”.")
        ),
        *_unknown(
            body.organisations,
            profile.ORGANISATIONS,
            "organisations",
            "organisation-unknown",
            _("Nobody knows the kind of organisation “{name}”."),
        ),
        *(reason for t in body.terms for reason in _term_reasons(t)),
    ]
    codes = [t.code for t in body.terms]
    for code in sorted({c for c in codes if codes.count(c) > 1}):
        reasons.append(
            Reason("term-doubled", _("The term “{name}” is there twice. Keep one."), "terms", values={"name": code})
        )
    for code in sorted(set(body.purposes) & set(vocabulary.covered(body.prohibited))):
        message = _("“{name}” is allowed and forbidden at once. The no would win: take one of them out.")
        reasons.append(Reason("purpose-contradiction", message, "purposes", values={"name": code}))
    reasons.extend(_duo_reasons(body))
    if len(body.note) > 2000:
        reasons.append(Reason("note-too-long", _("The words of your own may have 2,000 characters at most."), "note"))
    return tuple(reasons)


def compile_policy(body: Body, *, uid: str, target: str) -> Policy:
    """Return the rules that follow from ``body``, for everything that is ``target`` or part of it."""
    plugins = [(term(t.code), t) for t in body.terms]
    permissions: tuple[Rule, ...] = ()
    if body.purposes and body.organisations:
        constraints = [
            Constraint(profile.PURPOSE, "isAnyOf", tuple(sorted(body.purposes))),
            Constraint(profile.ORGANISATION, "isAnyOf", tuple(sorted(body.organisations))),
        ]
        if not body.commercial:
            constraints.append(Constraint(profile.COMMERCIAL, "eq", False))
        if body.expires_on:
            constraints.append(Constraint(profile.WHEN, "lteq", end_of(body.expires_on)))
        for plugin, t in plugins:
            constraints.extend(plugin.constraints(t.value))
        duties = tuple(duty for plugin, t in plugins for duty in plugin.duties(t.value, f"{uid}#{t.code}"))
        permissions = (Rule(f"{uid}#pull", profile.PULL, target, tuple(constraints), duties),)
    prohibitions = [
        Rule(f"{uid}#no-{code}", profile.USE, target, (Constraint(profile.PURPOSE, "isA", code),))
        for code in sorted(body.prohibited)
    ]
    for plugin, t in plugins:
        for action in plugin.prohibited(t.value):
            prohibitions.append(Rule(f"{uid}#{t.code}", action, target))
        for code in plugin.prohibited_purposes(t.value):
            only = (Constraint(profile.PURPOSE, "isA", code),)
            prohibitions.append(Rule(f"{uid}#{t.code}", profile.USE, target, only))
    return Policy(uid, permissions, tuple(prohibitions))


def to_odrl(body: Body, *, uid: str, target: str, created_at: datetime | None = None) -> dict[str, object]:
    """Return ``body`` as an ODRL 2.2 Set in JSON-LD, with ``conflict: prohibit`` and our profile."""
    compiled = compile_policy(body, uid=uid, target=target)
    document: dict[str, object] = {
        "@context": [
            profile.CONTEXT,
            {"xsd": "http://www.w3.org/2001/XMLSchema#", "dct": "http://purl.org/dc/terms/"},
        ],
        "@type": "Set",
        "uid": uid,
        "profile": profile.PROFILE,
        "conflict": compiled.conflict,
    }
    if created_at:
        document["dct:created"] = moment_json(created_at)
    if body.note:
        document["dct:description"] = body.note
    if body.duo:
        document[profile.DUO] = [
            {
                profile.DUO_TERM: {"@id": NAMES[t.code].iri},
                **({profile.DUO_ABOUT: sorted(t.values)} if t.values else {}),
            }
            for t in sorted(body.duo, key=lambda t: (t.code, t.values))
        ]
    if compiled.permissions:
        document["permission"] = [rule_json(rule) for rule in compiled.permissions]
    if compiled.prohibitions:
        document["prohibition"] = [rule_json(rule) for rule in compiled.prohibitions]
    return document


def end_of(day: date) -> datetime:
    """The last second of ``day`` in UTC: an expiry date is the last day on which something is allowed."""
    return datetime.combine(day, time(23, 59, 59), tzinfo=UTC)


def _words(value: object) -> tuple[str, ...]:
    if not isinstance(value, (list, tuple)) or not all(isinstance(v, str) for v in value):
        raise TypeError("a list of words is needed")
    return tuple(sorted(set(value)))


def _unknown(codes: Iterable[str], known: object, path: str, code: str, message: str) -> list[Reason]:
    return [Reason(code, message, path, values={"name": c}) for c in codes if c not in known]  # type: ignore[operator]


def _duo_reasons(body: Body) -> list[Reason]:
    if not body.duo:
        return []
    unknown = [t.code for t in body.duo if t.code not in NAMES]
    if unknown:
        message = _("Nobody knows the DUO term “{name}”.")
        return [Reason("duo-unknown", message, "duo", values={"name": code}) for code in unknown]
    if sum(NAMES[t.code].sort == PERMISSION for t in body.duo) != 1:
        message = _("Of DUO's terms exactly one says what kind of use is permitted. Choose one of them.")
        return [Reason("duo-permission-unclear", message, "duo")]
    return []


def _term_reasons(t: Term) -> list[Reason]:
    if t.code not in term_codes():
        return [Reason("term-unknown", _("Nobody knows the term “{name}”."), "terms", values={"name": t.code})]
    plugin = term(t.code)
    values: dict[str, object] = {"name": t.code}
    if plugin.ASKS is None and t.value is not None:
        return [Reason("term-value", _("The term “{name}” takes no number and no words."), "terms", values=values)]
    whole = isinstance(t.value, int) and not isinstance(t.value, bool)
    if plugin.ASKS == "number" and not (whole and plugin.LOWEST <= int(t.value or 0) <= plugin.HIGHEST):
        values |= {"lowest": plugin.LOWEST, "highest": plugin.HIGHEST}
        message = _("The term “{name}” needs a whole number from {lowest} to {highest}.")
        return [Reason("term-value", message, "terms", values=values)]
    if plugin.ASKS == "words" and not (isinstance(t.value, str) and 0 < len(t.value.strip()) <= plugin.HIGHEST):
        values |= {"highest": plugin.HIGHEST}
        return [Reason("term-value", _("The term “{name}” needs 1 to {highest} characters."), "terms", values=values)]
    return []
