"""Choice is one answer of a Choices.

``value`` is the text shown; ``alias``, where given, is what is stored in its place, so that a text may be mended later. ``hint``
explains it in a few words. ``hotkey`` is one key; a choice without one gets the next of 1 to 9, 0, a to z. ``selected`` is
ignored: nothing is ever chosen beforehand. ``background`` must be a plain colour.
"""

from annotations.nodes import Attribute

NAME = "Choice"
KIND = "part"
NATIVE = True
INSIDE: tuple[str, ...] = ("Choices",)
PARTS: tuple[str, ...] = ()
ATTRIBUTES = {
    "value": Attribute(required=True),
    "alias": Attribute(),
    "hint": Attribute(),
    "hotkey": Attribute("hotkey"),
    "background": Attribute("colour"),
    "html": Attribute(native=False),
}
