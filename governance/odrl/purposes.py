"""What data may be used *for*: one small vocabulary, with broader and narrower terms.

A permission on a term covers everything narrower. A prohibition on a term covers everything narrower too, and stops a
request for anything broader, because whoever asks for more could do the forbidden part. A request always names a
*leaf*: the most specific term there is. Whether money is earned, and what kind of organisation asks, are not
purposes; they are asked apart.

Communities may add leaves of their own below any term. The mapping to DPV (W3C Data Privacy Vocabulary 2.1) and DUO
(Data Use Ontology, release 2021-02-23) says only what truly fits; where nothing fits there is none.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from governance.kernel.words import _

NAMESPACE = "urn:wellhouse:purpose:"
EDITION = "purposes 2026-11"
CLOSED = ("advertising", "identification")
"""Purposes that every default policy prohibits by name."""


@dataclass(frozen=True)
class Purpose:
    """One term: its code, the terms directly above it, and how it is called on a page.

    ``dpv`` and ``duo`` are the codes of the mapped terms or None; ``dpv`` may differ for commercial use
    (``dpv_commercial``).
    """

    code: str
    broader: tuple[str, ...]
    title: str
    dpv: str | None = None
    dpv_commercial: str | None = None
    duo: str | None = None

    @property
    def iri(self) -> str:
        """The term's name for ever."""
        return NAMESPACE + self.code


@dataclass(frozen=True)
class Vocabulary:
    """A set of purposes that forms a graph without cycles; questions about it never change it."""

    terms: Mapping[str, Purpose] = field(hash=False)

    def __contains__(self, code: object) -> bool:
        return code in self.terms

    def __getitem__(self, code: str) -> Purpose:
        return self.terms[code]

    @cached_property
    def _below(self) -> dict[str, frozenset[str]]:
        below: dict[str, set[str]] = {code: {code} for code in self.terms}
        for code in self.terms:
            for upper in self._climb(code):
                below[upper].add(code)
        return {code: frozenset(found) for code, found in below.items()}

    def _climb(self, code: str) -> set[str]:
        seen: set[str] = set()
        waiting = [code]
        while waiting:
            for upper in self.terms[waiting.pop()].broader:
                if upper not in seen:
                    seen.add(upper)
                    waiting.append(upper)
        return seen

    def narrower(self, code: str) -> frozenset[str]:
        """``code`` and everything below it; empty for a term nobody knows."""
        return self._below.get(code, frozenset())

    def broader(self, code: str) -> frozenset[str]:
        """``code`` and everything above it; empty for a term nobody knows."""
        return frozenset({code} | self._climb(code)) if code in self.terms else frozenset()

    def is_leaf(self, code: str) -> bool:
        """Whether ``code`` is known and nothing lies below it."""
        return self.narrower(code) == {code}

    @cached_property
    def leaves(self) -> tuple[str, ...]:
        """The codes that a request may name, in the order of the table."""
        return tuple(code for code in self.terms if self.is_leaf(code))

    def covered(self, codes: Iterable[str]) -> frozenset[str]:
        """Every term that a permission on ``codes`` covers."""
        return frozenset().union(*(self.narrower(code) for code in codes))

    def with_leaves(self, leaves: Iterable[Purpose]) -> "Vocabulary":
        """Return this vocabulary with a community's own ``leaves``; raises ValueError for a doubled code or no known
        parent.

        A community adds, it never moves or renames what stands here, so a rule of another community keeps its
        meaning.
        """
        terms = dict(self.terms)
        for leaf in leaves:
            if leaf.code in terms:
                raise ValueError(f"the purpose {leaf.code!r} exists already")
            if not leaf.broader or any(upper not in terms for upper in leaf.broader):
                raise ValueError(f"the purpose {leaf.code!r} must lie below a purpose that exists")
            terms[leaf.code] = leaf
        return Vocabulary(terms)

    def dpv(self, code: str, *, commercial: bool) -> str | None:
        """The DPV term of ``code``, found on it or above it."""
        return self._mapped(code, lambda term: (term.dpv_commercial if commercial else None) or term.dpv)

    def duo(self, code: str) -> str | None:
        """The DUO term of exactly this ``code``: a broader DUO term would promise more than was said."""
        return self.terms[code].duo if code in self.terms else None

    def _mapped(self, code: str, read: "object") -> str | None:
        waiting = [code] if code in self.terms else []
        while waiting:
            term = self.terms[waiting.pop(0)]
            if found := read(term):  # type: ignore[operator]
                return str(found)
            waiting.extend(term.broader)
        return None


def _table(*rows: Purpose) -> Vocabulary:
    return Vocabulary({row.code: row for row in rows})


_SERVICE = "dpv:ServiceProvision"

STANDARD = _table(
    Purpose("use", (), _("any use"), dpv="dpv:Purpose"),
    Purpose("teaching", ("use",), _("teaching")),
    Purpose("archiving", ("use",), _("safekeeping in an archive")),
    Purpose("model-evaluation", ("use",), _("testing how good a model is")),
    Purpose(
        "research",
        ("use",),
        _("research"),
        dpv="dpv:NonCommercialResearch",
        dpv_commercial="dpv:CommercialResearch",
        duo="DUO:0000042",
    ),
    Purpose("language-research", ("research",), _("research on the language")),
    Purpose("environment-research", ("research",), _("research on land, water and weather")),
    Purpose("health-research", ("research",), _("research on health"), duo="DUO:0000006"),
    Purpose("ancestry-research", ("research",), _("research on ancestry"), duo="DUO:0000011"),
    Purpose("language-tool", ("use",), _("a tool for the language"), dpv=_SERVICE),
    Purpose("speech-recognition", ("language-tool",), _("a model that writes down speech"), dpv=_SERVICE),
    Purpose("machine-translation", ("language-tool",), _("a model that translates"), dpv=_SERVICE),
    Purpose("text-prediction", ("language-tool",), _("a keyboard or spelling help"), dpv=_SERVICE),
    Purpose("classification", ("language-tool",), _("a model that sorts words or texts"), dpv=_SERVICE),
    Purpose("text-generation", ("language-tool",), _("a model that answers or writes"), dpv=_SERVICE),
    Purpose("speech-synthesis", ("language-tool",), _("a machine that speaks with these voices"), dpv=_SERVICE),
    Purpose("image-recognition", ("use",), _("a model that recognises what is in a picture"), dpv=_SERVICE),
    Purpose("identification", ("use",), _("finding out who somebody is")),
    Purpose("advertising", ("use",), _("advertising"), dpv="dpv:Advertising"),
)
"""The table of ruling 8, in its order."""


def code_of(name: str) -> str:
    """Return the code behind a code or an IRI of ours; other names come back unchanged."""
    return name.removeprefix(NAMESPACE)
