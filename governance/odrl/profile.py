"""Our ODRL profile ``urn:wellhouse:profile``: which actions, operands and kinds of organisation a rule may name.

Follows the ODRL Information Model 2.2 (W3C Recommendation, 15 February 2018). What is not in these tables is unknown,
and the unknown is never a yes: it makes a permission inactive and a prohibition active.
"""

from collections.abc import Mapping

from governance.kernel.words import _

PROFILE = "urn:wellhouse:profile"
NAMESPACE = "urn:wellhouse:"
CONTEXT = "http://www.w3.org/ns/odrl.jsonld"

ACTIONS: Mapping[str, str | None] = {
    "odrl:use": None,
    "urn:wellhouse:action:pull": "odrl:use",
    "odrl:distribute": "odrl:use",
    "odrl:derive": "odrl:use",
}
"""Action -> the action that includes it. ``pull`` is what a pipeline asks for: to copy an approved version."""

USE = "odrl:use"
PULL = "urn:wellhouse:action:pull"
DISTRIBUTE = "odrl:distribute"

DUTIES: Mapping[str, str] = {
    "odrl:attribute": _("name the community"),
    "odrl:delete": _("delete copies when the time is over"),
    "urn:wellhouse:duty:check-withdrawals": _("look at the withdrawal list and obey it"),
    "urn:wellhouse:duty:return-results": _("give back what was made"),
    "urn:wellhouse:duty:ethics-approval": _("show that an ethics board has approved it"),
    "urn:wellhouse:duty:collaboration": _("agree with somebody of the community to work together"),
    "urn:wellhouse:duty:hold-publication": _("publish nothing until the time is over"),
    "urn:wellhouse:duty:publish": _("publish what was found"),
    "urn:wellhouse:duty:share-benefit": _("share what it brings"),
}
"""Duties that go with a permission, and how a sentence names them. A duty's phase says when: ``ongoing`` ones are
returned with a decision, one that must be fulfilled ``before`` stops everything until a steward has verified it.
"""

RECURRING = frozenset({"urn:wellhouse:duty:check-withdrawals"})
"""Duties that are done again and again; their days are an interval, not a deadline."""

PHASE = "urn:wellhouse:phase"
DUO, DUO_TERM, DUO_ABOUT = "urn:wellhouse:duo", "urn:wellhouse:duo:term", "urn:wellhouse:duo:about"
"""Where a document of ours carries DUO's terms, and what they speak of, beside the rules."""

PURPOSE = "odrl:purpose"
WHEN = "odrl:dateTime"
COMMERCIAL = "urn:wellhouse:operand:commercial"
ORGANISATION = "urn:wellhouse:operand:organisation-kind"
AGREED_MONTHS = "urn:wellhouse:operand:agreed-months"
MONTHS_SINCE = "urn:wellhouse:operand:months-since-agreement"
PLACE = "odrl:spatial"
INSTITUTION = "urn:wellhouse:operand:institution"
USER = "urn:wellhouse:operand:user"
PROJECT = "urn:wellhouse:operand:project"

OPERANDS: Mapping[str, str] = {
    PURPOSE: "purpose",
    WHEN: "moment",
    COMMERCIAL: "truth",
    ORGANISATION: "word",
    AGREED_MONTHS: "number",
    MONTHS_SINCE: "number",
    PLACE: "word",
    INSTITUTION: "word",
    USER: "word",
    PROJECT: "word",
}
"""Left operand -> the sort of value that it takes."""

TOLD_LATER = frozenset({AGREED_MONTHS, MONTHS_SINCE, PLACE, INSTITUTION, USER, PROJECT})
"""Operands that nobody knows before there is a party with an agreement; trying a request leaves them out."""

NAMES: Mapping[str, str] = {
    PURPOSE: "urn:wellhouse:purpose:",
    ORGANISATION: "urn:wellhouse:organisation:",
}
"""Left operand -> where its codes live, for operands whose values are names and not words."""

OPERATORS = ("eq", "neq", "lt", "lteq", "gt", "gteq", "isA", "isAnyOf", "isNoneOf", "isAllOf")

ORGANISATIONS: Mapping[str, str] = {
    "non-profit": _("Schools, associations and charities"),
    "public": _("Universities, archives and public bodies"),
    "for-profit": _("Companies"),
    "community": _("Groups of our own community"),
}
"""Kind of organisation -> how the rules page calls it; the kinds of DUO 0000045 and one of our own."""


def named(left: str, value: str) -> str:
    """Return a code of ``left`` as the name that documents use; a name that is whole already comes back unchanged."""
    return value if ":" in value or left not in NAMES else NAMES[left] + value


def code_of(left: str, name: str) -> str:
    """Return the code behind a name that a document uses for ``left``; other names come back unchanged."""
    return name.removeprefix(NAMES[left]) if left in NAMES else name


def includes(upper: str, action: str) -> bool:
    """Say whether ``action`` is ``upper`` or included in it."""
    step: str | None = action
    while step is not None:
        if step == upper:
            return True
        step = ACTIONS.get(step)
    return False
