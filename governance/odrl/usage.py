"""Say a policy in a catalogue: as terms of the Data Use Ontology that truly fit, and as an ODRL offer of a Croissant file.

Croissant 1.1 has no property for consent or conditions of use; they stand in ``usageInfo``. The example of its own
text cannot be read as meant (governance.md, section 0), so this is the corrected form: every condition has its left
operand, every value its type, and a no wins over a yes.
"""

from collections.abc import Mapping, Sequence

from governance.odrl import profile
from governance.odrl.duo_terms import NAMES, PERMISSION, DuoName, duo_name
from governance.odrl.policy import Body, term
from governance.odrl.purposes import STANDARD, Vocabulary

DEFINED_IN = "http://purl.obolibrary.org/obo/duo.owl"
_ODRL = "odrl:"
_NAMED = ("action", "target", "assigner", "assignee", "leftOperand", "operator", "profile", "conflict")
_PARTS = ("permission", "prohibition", "obligation", "duty", "remedy", "consequence", "constraint", "refinement")
_TYPES = {"permission": "odrl:Permission", "prohibition": "odrl:Prohibition", "duty": "odrl:Duty"}


def duo_that_fit(body: Body, *, vocabulary: Vocabulary = STANDARD) -> tuple[DuoName, ...]:
    """Return the DUO terms that say what ``body`` says, no more and no less; none when its purposes have no term.

    General research fits only when every kind of research is allowed (that on ancestry may be forbidden, which has a
    term of its own). A modifier without a permitted use would say something else, so it is left out too.
    """
    named = {t.code for t in body.duo if t.code in NAMES}
    primary = {code for code in named if NAMES[code].sort == PERMISSION} or _primary(body, vocabulary)
    if len(primary) != 1 or not body.organisations or not body.purposes:
        return ()
    found = primary | named
    if "ancestry-research" in body.prohibited and "GRU" in primary:
        found.add("NPOA")
    charity, free = "for-profit" not in body.organisations, not body.commercial
    if charity or free:
        found.add("NPUNCU" if charity and free else "NPU" if charity else "NCU")
    for one in body.terms:
        fits = duo_name(term(one.code).DUO or "")
        if fits is not None:
            found.add(fits.shorthand)
    if found & {"NPUNCU"}:
        found -= {"NPU", "NCU"}
    return tuple(name for code, name in NAMES.items() if code in found)


def _primary(body: Body, vocabulary: Vocabulary) -> set[str]:
    allowed, forbidden = vocabulary.covered(body.purposes), vocabulary.covered(body.prohibited)
    research = vocabulary.narrower("research")
    everybody = set(body.organisations) == set(profile.ORGANISATIONS) and body.commercial
    if everybody and "use" in body.purposes and not (body.prohibited or body.terms or body.expires_on):
        return {"NRES"}
    if "research" in allowed and not (research & forbidden) - {"ancestry-research"}:
        return {"GRU"}
    kinds = set((research & allowed) - forbidden)
    return {"HMB"} if kinds == {"health-research"} else {"POA"} if kinds == {"ancestry-research"} else set()


def defined_term(name: DuoName) -> dict[str, object]:
    """Return a DUO term as schema.org's DefinedTerm."""
    return {
        "@type": "sc:DefinedTerm",
        "name": name.label,
        "termCode": name.term_code,
        "url": name.iri,
        "inDefinedTermSet": DEFINED_IN,
    }


def offer(policy: Mapping[str, object], *, uid: str, assigner: str) -> dict[str, object]:
    """Return a policy of ours, an ODRL Set in the official context, as an Offer with the ``odrl:`` prefix.

    Rules get names below ``uid``, since an offer is another policy than the revision that it follows, and the party
    that grants them.
    """
    rules = {
        f"odrl:{kind}": [_node(rule, kind, uid, assigner) for rule in _dicts(policy.get(kind))]
        for kind in ("permission", "prohibition")
        if policy.get(kind)
    }
    return {
        "@type": ["sc:CreativeWork", "odrl:Offer"],
        "@id": uid,
        "odrl:conflict": {"@id": "odrl:prohibit"},
        "odrl:profile": {"@id": profile.PROFILE},
        **({"prov:wasDerivedFrom": {"@id": str(policy["uid"])}} if policy.get("uid") else {}),
        **rules,
    }


def _node(node: Mapping[str, object], kind: str, uid: str, assigner: str = "") -> dict[str, object]:
    out: dict[str, object] = {"@type": _TYPES.get(kind, "odrl:Constraint")}
    if "uid" in node:
        out["@id"] = f"{uid}-{str(node['uid']).rsplit('#', 1)[-1]}"
    if assigner:
        out["odrl:assigner"] = {"@id": assigner}
    for key, value in node.items():
        if key in _PARTS:
            out[_ODRL + key] = [_node(one, key, uid) for one in _dicts(value)]
        elif key in _NAMED:
            out[_ODRL + key] = {"@id": _iri(str(value))}
        elif key == "rightOperand":
            out["odrl:rightOperand"] = value
        elif key not in ("uid", "@type"):
            out[key] = value
    return out


def _iri(name: str) -> str:
    return name if ":" in name else _ODRL + name


def _dicts(value: object) -> Sequence[Mapping[str, object]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []
