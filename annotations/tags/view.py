"""View arranges what stands inside it, and is the root of every config.

Label Studio lets a View carry CSS in ``style``; ours ignores it, since the pages have their own look and allow no inline style.
A View that shows itself only under a condition (``visibleWhen``) is refused: leaving the condition out would ask another question.
"""

from annotations.nodes import Attribute

NAME = "View"
KIND = "visual"
NATIVE = True
INSIDE: tuple[str, ...] = ("View",)
PARTS: tuple[str, ...] = ()
ATTRIBUTES = {
    "visibleWhen": Attribute(native=False),
    "whenTagName": Attribute(native=False),
    "whenLabelValue": Attribute(native=False),
    "whenChoiceValue": Attribute(native=False),
}
