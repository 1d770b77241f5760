"""Header shows a line of text, most often the question; directly before a control it becomes that control's name.

``value`` is the text itself, or ``$column`` for a text that comes with the sample; ``size`` is 1 (largest) to 5, default 4.
"""

from collections.abc import Mapping

from annotations.nodes import Attribute, Node, Widget

NAME = "Header"
KIND = "visual"
NATIVE = True
INSIDE: tuple[str, ...] = ("View",)
PARTS: tuple[str, ...] = ()
ATTRIBUTES = {"value": Attribute(required=True), "size": Attribute("whole", default="4", least=1)}


def widget(node: Node, data: Mapping[str, object]) -> Widget:
    """What the page shows."""
    value = node.attributes["value"]
    text = str(data.get(node.key, "")) if value.startswith("$") and len(value) > 1 else value
    return Widget("header", text=text, level=min(5, node.whole("size", 4)))
