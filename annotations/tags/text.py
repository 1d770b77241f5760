"""Text shows a column of words, exactly as they came: never normalised, in the direction of its own script.

``value`` is ``$column``. The text is data: markup in it is shown, not obeyed.
"""

from collections.abc import Mapping

from annotations.nodes import Attribute, Node, Widget

NAME = "Text"
KIND = "object"
NATIVE = True
INSIDE: tuple[str, ...] = ("View",)
PARTS: tuple[str, ...] = ()
ATTRIBUTES = {
    "name": Attribute(required=True),
    "value": Attribute("key", required=True),
    "valueType": Attribute("word", default="text", words=("text",)),
}


def widget(node: Node, data: Mapping[str, object]) -> Widget:
    """What the page shows: the words, or none when the sample lacks the column."""
    value = data.get(node.key)
    return Widget("text", node.name, text="" if value is None else str(value))
