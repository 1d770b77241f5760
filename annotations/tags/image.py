"""Image shows a picture of the sample.

``value`` is ``$column``, which holds the address of the file; ``alt`` describes it to who cannot see it. Zooming and turning
belong to the tags that draw on a picture and come with them.
"""

from collections.abc import Mapping

from annotations.nodes import Attribute, Node, Widget

NAME = "Image"
KIND = "object"
NATIVE = True
INSIDE: tuple[str, ...] = ("View",)
PARTS: tuple[str, ...] = ()
ATTRIBUTES = {
    "name": Attribute(required=True),
    "value": Attribute("key", required=True),
    "valueList": Attribute(native=False),
    "alt": Attribute(),
}


def widget(node: Node, data: Mapping[str, object]) -> Widget:
    """What the page shows: an address, or an empty one when the sample has no picture."""
    return Widget("image", node.name, source=str(data.get(node.key) or ""), text=node.attributes.get("alt", ""))
