"""Choices asks to pick one answer, or several.

``choice`` is single (default), single-radio or multiple; ``required`` asks for an answer; ``layout`` is vertical (default),
inline or select. Its answers are the Choice tags inside it. Its result is ``{"choices": [alias or value, ...]}``, in the order of
the config. Refused: two answers to a single choice, none at all, one twice, one that the config does not have, and a value where
an alias stands for it.
"""

from collections import Counter
from collections.abc import Mapping, Sequence

from annotations.nodes import Attribute, Node, Option, Spot, Widget, only
from governance.kernel.errors import Reason
from governance.kernel.words import _

NAME = "Choices"
KIND = "control"
NATIVE = True
INSIDE: tuple[str, ...] = ("View",)
PARTS: tuple[str, ...] = ("Choice",)
ATTRIBUTES = {
    "name": Attribute(required=True),
    "toName": Attribute(required=True),
    "choice": Attribute("word", default="single", words=("single", "single-radio", "multiple")),
    "required": Attribute("flag", default="false"),
    "requiredMessage": Attribute(),
    "layout": Attribute("word", default="vertical", words=("vertical", "inline", "select")),
    "showInline": Attribute("flag", default="false"),
    "value": Attribute(native=False),
    "allowNested": Attribute(native=False),
    "perRegion": Attribute(native=False),
    "perItem": Attribute(native=False),
    "visibleWhen": Attribute(native=False),
    "whenTagName": Attribute(native=False),
    "whenLabelValue": Attribute(native=False),
    "whenChoiceValue": Attribute(native=False),
}


def check(node: Node) -> list[Reason]:
    """What is wrong with the answers: none at all, the same one twice, the same key twice."""
    if not node.children:
        return [node.reason("choices-empty", _("{tag} “{name}” has no Choice inside it."), name=node.name)]
    twice: dict[str, Node] = {}
    for read in (_stored, _shown):
        seen: set[str] = set()
        for child in node.children:
            if read(child) in seen:
                twice.setdefault(child.path, child)
            seen.add(read(child))
    return [
        child.reason("choice-twice", _("The answer “{given}” stands here twice."), given=_shown(child))
        for child in twice.values()
    ]


def keyed(node: Node) -> list[tuple[str, str]]:
    """The values that want a key on the keyboard, each with the key it asks for (or none)."""
    return [(_stored(child), child.attributes.get("hotkey", "").strip()) for child in node.children]


def widget(node: Node, data: Mapping[str, object], value: Mapping[str, object] | None) -> Widget:
    """What the page shows; ``value`` is an earlier answer."""
    chosen = value.get("choices", ()) if value else ()
    picked = set(chosen) if isinstance(chosen, list) else set()
    options = tuple(
        Option(
            value=_stored(child),
            text=_shown(child),
            hint=child.attributes.get("hint", ""),
            key=node.key_of.get(_stored(child), ""),
            is_chosen=_stored(child) in picked,
        )
        for child in node.children
    )
    layout = "inline" if node.flag("showInline") else node.attributes.get("layout", "vertical")
    return Widget(
        "choices", node.name, options=options, is_many=_is_many(node), is_required=node.flag("required"), layout=layout
    )


def from_form(node: Node, given: Sequence[str]) -> dict[str, object] | None:
    """The value that a posted form means, in the order of the config; None when nothing was picked."""
    picked = [text for text in given if text]
    order = {_stored(child): place for place, child in enumerate(node.children)}
    known = sorted((text for text in picked if text in order), key=order.__getitem__)
    strange = [text for text in picked if text not in order]
    return {"choices": known + strange} if picked else None


def errors(node: Node, value: object, at: Spot) -> list[Reason]:
    """Everything wrong with a result value."""
    found = only(value, ["choices"], at)
    if found or not isinstance(value, Mapping):
        return found
    given = value["choices"]
    if not isinstance(given, list) or not all(isinstance(text, str) for text in given):
        return [at.reason("choices-not-a-list", _("“choices” must be a list of texts."), "choices")]
    if not given:
        return [at.reason("choices-none", _("“choices” is empty: leave the answer out, or pick one."), "choices")]
    if len(given) > 1 and not _is_many(node):
        found.append(
            at.reason("choices-one-only", _("Only one answer may be picked for “{name}”."), "choices", name=node.name)
        )
    allowed = {_stored(child) for child in node.children}
    aliases = {_shown(child): _stored(child) for child in node.children}
    for place, text in enumerate(given):
        if text in allowed:
            continue
        if text in aliases:
            words = _("“{given}” is stored as its alias “{alias}”.")
            found.append(at.reason("choice-needs-alias", words, "choices", place, given=text, alias=aliases[text]))
        else:
            words = _("“{name}” has no answer “{given}”.")
            found.append(at.reason("choice-unknown", words, "choices", place, name=node.name, given=text))
    for text, times in Counter(given).items():
        if times > 1:
            found.append(at.reason("choice-repeated", _("“{given}” is picked more than once."), "choices", given=text))
    return found


def label(node: Node, value: Mapping[str, object]) -> str | list[str]:
    """The answer as a label: one text, or a sorted list where several may be picked."""
    given = value["choices"]
    texts = [str(text) for text in given] if isinstance(given, list) else []
    return sorted(texts) if _is_many(node) else texts[0]


def shown(node: Node, value: Mapping[str, object]) -> str:
    """The answer in the words of the page."""
    words = {_stored(child): _shown(child) for child in node.children}
    given = value.get("choices")
    return ", ".join(words.get(str(text), str(text)) for text in given) if isinstance(given, list) else ""


def _is_many(node: Node) -> bool:
    return node.attributes.get("choice") == "multiple"


def _shown(child: Node) -> str:
    return child.attributes.get("value", "").strip()


def _stored(child: Node) -> str:
    return child.attributes.get("alias", "").strip() or _shown(child)
