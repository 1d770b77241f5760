"""Audio plays a recording of the sample.

``value`` is ``$column``, which holds the address of the file. The browser's own player is used: it needs no script, fetches
only what is played, and is known to every screen reader. Marking parts of the sound comes with the tags that label them.
"""

from collections.abc import Mapping

from annotations.nodes import Attribute, Node, Widget

NAME = "Audio"
KIND = "object"
NATIVE = True
INSIDE: tuple[str, ...] = ("View",)
PARTS: tuple[str, ...] = ()
ATTRIBUTES = {"name": Attribute(required=True), "value": Attribute("key", required=True)}


def widget(node: Node, data: Mapping[str, object]) -> Widget:
    """What the page shows: an address, or an empty one when the sample has no recording."""
    return Widget("audio", node.name, source=str(data.get(node.key) or ""))
