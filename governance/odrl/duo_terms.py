"""The terms of the Data Use Ontology that may stand in a policy: code, shorthand and name.

From the Data Use Ontology (DUO), release 2021-02-23, EBISPOT/DUO ``duo.csv``, https://github.com/EBISPOT/DUO, licensed
CC BY 4.0 (https://creativecommons.org/licenses/by/4.0/). Codes and names are unchanged; the grouping is ours. The two
headings “data use permission” and “data use modifier” are no terms to choose and are left out.
"""

from collections.abc import Mapping
from dataclasses import dataclass

IRI = "http://purl.obolibrary.org/obo/DUO_"
PERMISSION, MODIFIER = "permission", "modifier"


@dataclass(frozen=True)
class DuoName:
    """One term: its code (``DUO:0000042``), shorthand, English name, and whether it is a permission or a modifier."""

    code: str
    shorthand: str
    label: str
    sort: str

    @property
    def iri(self) -> str:
        """The term's name for ever."""
        return IRI + self.code.removeprefix("DUO:")

    @property
    def term_code(self) -> str:
        """The code as Croissant writes it: ``DUO_0000042``."""
        return self.code.replace(":", "_")


_ROWS = (
    (4, "NRES", "no restriction", PERMISSION),
    (42, "GRU", "general research use", PERMISSION),
    (6, "HMB", "health or medical or biomedical research", PERMISSION),
    (7, "DS", "disease specific research", PERMISSION),
    (11, "POA", "population origins or ancestry research only", PERMISSION),
    (12, "RS", "research specific restrictions", MODIFIER),
    (15, "NMDS", "no general methods research", MODIFIER),
    (16, "GSO", "genetic studies only", MODIFIER),
    (18, "NPUNCU", "not for profit, non commercial use only", MODIFIER),
    (19, "PUB", "publication required", MODIFIER),
    (20, "COL", "collaboration required", MODIFIER),
    (21, "IRB", "ethics approval required", MODIFIER),
    (22, "GS", "geographical restriction", MODIFIER),
    (24, "MOR", "publication moratorium", MODIFIER),
    (25, "TS", "time limit on use", MODIFIER),
    (26, "US", "user specific restriction", MODIFIER),
    (27, "PS", "project specific restriction", MODIFIER),
    (28, "IS", "institution specific restriction", MODIFIER),
    (29, "RTN", "return to database or resource", MODIFIER),
    (43, "CC", "clinical care use", MODIFIER),
    (44, "NPOA", "population origins or ancestry research prohibited", MODIFIER),
    (45, "NPU", "not for profit organisation use only", MODIFIER),
    (46, "NCU", "non-commercial use only", MODIFIER),
)

NAMES: Mapping[str, DuoName] = {
    shorthand: DuoName(f"DUO:{number:07d}", shorthand, label, sort) for number, shorthand, label, sort in _ROWS
}
"""Shorthand -> term, permissions first."""

_BY_CODE: Mapping[str, DuoName] = {name.code: name for name in NAMES.values()}


def duo_name(written: str) -> DuoName | None:
    """Return the term behind a shorthand, a code (``DUO:0000042``, ``DUO_0000042``, ``duo:0000042``) or an IRI."""
    if written in NAMES:
        return NAMES[written]
    digits = written.removeprefix(IRI)
    for prefix in ("DUO:", "DUO_", "duo:"):
        digits = digits.removeprefix(prefix)
    return _BY_CODE.get(f"DUO:{digits}")
