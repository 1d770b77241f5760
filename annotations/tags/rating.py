"""Rating asks for a number of stars.

``maxRating`` is how many there are (default 5, as in Label Studio; at most 20 here, so that every star has a key); ``required``
asks for an answer. Its result is ``{"rating": 1..maxRating}``, a whole number. Refused: nought, numbers above, fractions, texts,
true and false. ``defaultValue`` is ignored: nothing is ever chosen beforehand.
"""

from collections.abc import Mapping, Sequence

from annotations.nodes import Attribute, Node, Option, Spot, Widget, only
from governance.kernel.errors import Reason
from governance.kernel.words import _

NAME = "Rating"
KIND = "control"
NATIVE = True
INSIDE: tuple[str, ...] = ("View",)
PARTS: tuple[str, ...] = ()
MOST = 20
ATTRIBUTES = {
    "name": Attribute(required=True),
    "toName": Attribute(required=True),
    "maxRating": Attribute("whole", default="5", least=2),
    "required": Attribute("flag", default="false"),
    "requiredMessage": Attribute(),
    "perRegion": Attribute(native=False),
    "perItem": Attribute(native=False),
    "visibleWhen": Attribute(native=False),
}


def check(node: Node) -> list[Reason]:
    """More stars than fit."""
    if node.whole("maxRating", 5) <= MOST:
        return []
    return [node.reason("attribute-wrong", _("maxRating may be {most} at most."), "maxRating", most=MOST)]


def keyed(node: Node) -> list[tuple[str, str]]:
    """The values that want a key on the keyboard."""
    return [(str(star), "") for star in range(1, min(MOST, node.whole("maxRating", 5)) + 1)]


def widget(node: Node, data: Mapping[str, object], value: Mapping[str, object] | None) -> Widget:
    """What the page shows; ``value`` is an earlier answer."""
    given = value.get("rating") if value else None
    options = tuple(
        Option(text, text, key=node.key_of.get(text, ""), is_chosen=text == str(given)) for text, _key in keyed(node)
    )
    return Widget("rating", node.name, options=options, is_required=node.flag("required"), layout="inline")


def from_form(node: Node, given: Sequence[str]) -> dict[str, object] | None:
    """The value that a posted form means; None when nothing was picked."""
    picked = [text for text in given if text]
    if not picked:
        return None
    return {"rating": int(picked[0]) if picked[0].isascii() and picked[0].isdecimal() else picked[0]}


def errors(node: Node, value: object, at: Spot) -> list[Reason]:
    """Everything wrong with a result value."""
    found = only(value, ["rating"], at)
    if found or not isinstance(value, Mapping):
        return found
    given, most = value["rating"], node.whole("maxRating", 5)
    if isinstance(given, bool) or not isinstance(given, int):
        return [at.reason("rating-not-whole", _("“rating” must be a whole number."), "rating")]
    if not 1 <= given <= most:
        words = _("“rating” must be between 1 and {most}, not {given}.")
        return [at.reason("rating-out-of-range", words, "rating", most=most, given=given)]
    return []


def label(node: Node, value: Mapping[str, object]) -> str | list[str]:
    """The answer as a label: the number as text."""
    return str(value["rating"])


def shown(node: Node, value: Mapping[str, object]) -> str:
    """The answer in the words of the page: filled stars of all."""
    given, most = value.get("rating"), node.whole("maxRating", 5)
    return f"{given} / {most}"
