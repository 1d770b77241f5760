"""Every action and every left operand that ODRL 2.2 knows, our actions beside them, and which lies within which.

From the ODRL Vocabulary 2.2 (W3C, ``vocab/ODRL22.ttl``): ``odrl:includedIn`` gives the broader action, and a
deprecated action is read as the one that its ``skos:exactMatch`` names (``odrl:write`` is ``odrl:modify``).
``odrl:use`` and ``odrl:transfer`` are the two roots.
"""

from collections.abc import Mapping

from governance.odrl import profile

_USE = [
    "acceptTracking",
    "aggregate",
    "annotate",
    "anonymize",
    "archive",
    "attribute",
    "compensate",
    "concurrentUse",
    "delete",
    "derive",
    "digitize",
    "distribute",
    "ensureExclusivity",
    "execute",
    "grantUse",
    "include",
    "index",
    "inform",
    "install",
    "modify",
    "move",
    "nextPolicy",
    "obtainConsent",
    "play",
    "present",
    "print",
    "read",
    "reproduce",
    "reviewPolicy",
    "stream",
    "synchronize",
    "textToSpeech",
    "transform",
    "translate",
    "uninstall",
    "watermark",
]
_CC = "http://creativecommons.org/ns#"
_CC_USE = [
    "Attribution",
    "CommercialUse",
    "DerivativeWorks",
    "Distribution",
    "Notice",
    "Reproduction",
    "ShareAlike",
    "Sharing",
    "SourceCode",
]

WITHIN: Mapping[str, str | None] = {
    "odrl:use": None,
    "odrl:transfer": None,
    **{f"odrl:{name}": "odrl:use" for name in _USE},
    "odrl:display": "odrl:play",
    "odrl:extract": "odrl:reproduce",
    "odrl:give": "odrl:transfer",
    "odrl:sell": "odrl:transfer",
    **{_CC + name: "odrl:use" for name in _CC_USE},
    **profile.ACTIONS,
}
"""Action -> the action that includes it; None for a root."""

REPLACED: Mapping[str, str] = {
    "odrl:append": "odrl:modify",
    "odrl:appendTo": "odrl:modify",
    "odrl:attachPolicy": _CC + "Notice",
    "odrl:attachSource": _CC + "SourceCode",
    "odrl:commercialize": _CC + "CommercialUse",
    "odrl:copy": "odrl:reproduce",
    "odrl:export": "odrl:transform",
    "odrl:license": "odrl:grantUse",
    "odrl:pay": "odrl:compensate",
    "odrl:share": _CC + "Sharing",
    "odrl:shareAlike": _CC + "ShareAlike",
    "odrl:write": "odrl:modify",
    "odrl:writeTo": "odrl:modify",
}
"""Deprecated action -> the one that it exactly matches."""

LAPSED = frozenset(
    "odrl:" + name
    for name in ["adHocShare", "extractChar", "extractPage", "extractWord", "lease", "lend", "preview", "secondaryUse"]
)
"""Deprecated actions that nothing replaces."""


OPERANDS = frozenset(
    "odrl:" + name
    for name in [
        "absolutePosition",
        "absoluteSize",
        "absoluteSpatialPosition",
        "absoluteTemporalPosition",
        "count",
        "dateTime",
        "delayPeriod",
        "deliveryChannel",
        "device",
        "elapsedTime",
        "event",
        "fileFormat",
        "industry",
        "language",
        "media",
        "meteredTime",
        "payAmount",
        "percentage",
        "product",
        "purpose",
        "recipient",
        "relativePosition",
        "relativeSize",
        "relativeSpatialPosition",
        "relativeTemporalPosition",
        "resolution",
        "spatial",
        "spatialCoordinates",
        "system",
        "systemDevice",
        "timeInterval",
        "unitOfCount",
        "version",
        "virtualLocation",
    ]
)
"""Every left operand that ODRL 2.2 knows."""


def current(action: str) -> str:
    """Return the action that a deprecated one exactly matches; every other comes back unchanged."""
    return REPLACED.get(action, action)


def is_known(action: str) -> bool:
    """Say whether ODRL or our profile defines ``action``."""
    return current(action) in WITHIN or action in LAPSED


def pairs() -> tuple[tuple[str, str], ...]:
    """Return every action with the one that includes it."""
    return tuple((action, upper) for action, upper in WITHIN.items() if upper)
