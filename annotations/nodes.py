"""What a labeling config is made of: nodes with lines, and what a tag says about itself.

A config is a tree of tags in Label Studio's XML. *Object* tags show a column of the sample (Text, Image, Audio), *control* tags
ask for an opinion (Choices, Rating, TextArea), *visual* tags arrange (View, Header), *parts* live inside a control (Choice).
Each tag is one module in ``annotations/tags``; this module holds the shapes that they share and nothing that knows a tag.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from governance.kernel.errors import Reason
from governance.kernel.words import _

# CSS Color 4, named colours, https://www.w3.org/TR/css-color-4/#named-colors; anything else must be a plain numeric form.
_COLOURS = (
    "aliceblue antiquewhite aqua aquamarine azure beige bisque black blanchedalmond blue blueviolet brown "
    "burlywood cadetblue chartreuse chocolate coral cornflowerblue cornsilk crimson cyan darkblue darkcyan "
    "darkgoldenrod darkgray darkgreen darkgrey darkkhaki darkmagenta darkolivegreen darkorange darkorchid "
    "darkred darksalmon darkseagreen darkslateblue darkslategray darkslategrey darkturquoise darkviolet "
    "deeppink deepskyblue dimgray dimgrey dodgerblue firebrick floralwhite forestgreen fuchsia gainsboro "
    "ghostwhite gold goldenrod gray green greenyellow grey honeydew hotpink indianred indigo ivory khaki "
    "lavender lavenderblush lawngreen lemonchiffon lightblue lightcoral lightcyan lightgoldenrodyellow "
    "lightgray lightgreen lightgrey lightpink lightsalmon lightseagreen lightskyblue lightslategray "
    "lightslategrey lightsteelblue lightyellow lime limegreen linen magenta maroon mediumaquamarine "
    "mediumblue mediumorchid mediumpurple mediumseagreen mediumslateblue mediumspringgreen mediumturquoise "
    "mediumvioletred midnightblue mintcream mistyrose moccasin navajowhite navy oldlace olive olivedrab "
    "orange orangered orchid palegoldenrod palegreen paleturquoise palevioletred papayawhip peachpuff peru "
    "pink plum powderblue purple rebeccapurple red rosybrown royalblue saddlebrown salmon sandybrown seagreen "
    "seashell sienna silver skyblue slateblue slategray slategrey snow springgreen steelblue tan teal thistle "
    "tomato transparent turquoise violet wheat white whitesmoke yellow yellowgreen"
)
_NAMED = frozenset(_COLOURS.split())
_NUMERIC = re.compile(
    r"#(?:[0-9a-f]{3,4}|[0-9a-f]{6}|[0-9a-f]{8})"
    r"|(?:rgb|hsl)a?\(\s*[0-9.]{1,8}(?:deg|%)?(?:\s*[\s,/]\s*[0-9.]{1,8}%?){2,3}\s*\)"
)
_WHOLE = re.compile(r"[0-9]{1,6}")


@dataclass(frozen=True)
class Attribute:
    """An attribute that a tag knows: its kind, whether it must be there, its default, the words it may be, and its least value.

    ``kind`` is one of text, flag (true or false), whole (a number), word (one of ``words``), key (``$column``), colour, hotkey.
    ``native`` is False for what Label Studio knows and we refuse, because leaving it out would change what is asked.
    """

    kind: str = "text"
    required: bool = False
    default: str = ""
    words: tuple[str, ...] = ()
    least: int = 0
    native: bool = True


@dataclass(frozen=True)
class Node:
    """One tag of a config: its XML name, its registry id (lower case), line, place, attributes and children."""

    tag: str
    line: int
    path: str
    attributes: Mapping[str, str] = field(default_factory=dict)
    children: tuple["Node", ...] = ()
    key_of: Mapping[str, str] = field(default_factory=dict)  # option value -> its key on the keyboard

    @property
    def id(self) -> str:
        """The name of its plugin."""
        return self.tag.lower()

    @property
    def name(self) -> str:
        """Its ``name``; empty for tags without one."""
        return self.attributes.get("name", "")

    @property
    def to_names(self) -> tuple[str, ...]:
        """The object tags that a control speaks about."""
        given = self.attributes.get("toName", "")
        return tuple(given.split(",")) if given else ()

    @property
    def key(self) -> str:
        """The column that an object tag shows, without the dollar sign."""
        return self.attributes.get("value", "").removeprefix("$")

    def flag(self, name: str) -> bool:
        """Whether an attribute says true."""
        return self.attributes.get(name, "").lower() == "true"

    def whole(self, name: str, default: int) -> int:
        """An attribute as a number."""
        given = self.attributes.get(name, "")
        return int(given) if _WHOLE.fullmatch(given) else default

    def walk(self) -> Iterator["Node"]:
        """Itself and everything below it, in document order."""
        yield self
        for child in self.children:
            yield from child.walk()

    def reason(self, code: str, message: str, attribute: str = "", **values: object) -> Reason:
        """A reason that points at this tag, or at one of its attributes, by line and path."""
        where = f"{self.path}/@{attribute}" if attribute else self.path
        return Reason(code, message, where, self.line, {"tag": self.tag, **values})


@dataclass(frozen=True)
class Option:
    """One answer that can be picked: its stored value, the words shown, a hint, its key, and whether it is picked."""

    value: str
    text: str
    hint: str = ""
    key: str = ""
    is_chosen: bool = False
    id: str = ""


@dataclass(frozen=True)
class Widget:
    """Everything a template needs to show one tag; ``tag`` names the template ``annotations/tags/<tag>.html``."""

    tag: str
    name: str = ""
    field: str = ""
    title: str = ""
    text: str = ""
    source: str = ""
    hint: str = ""
    options: tuple[Option, ...] = ()
    is_many: bool = False
    is_required: bool = False
    layout: str = ""
    rows: int = 0
    level: int = 0

    @property
    def template(self) -> str:
        """The template that shows it."""
        return f"annotations/tags/{self.tag}.html"


@dataclass(frozen=True)
class Spot:
    """Where in a result a value stands: the JSON pointer of the value, so that a reason can name it."""

    path: str

    def reason(self, code: str, message: str, *parts: object, **values: object) -> Reason:
        """A reason that points at the value, or at a member of it."""
        return Reason(code, message, "/".join([self.path, *(str(part) for part in parts)]), None, values)


def is_safe_colour(text: str) -> bool:
    """Whether ``text`` is a colour and nothing else; a config's ``background`` reaches a stylesheet only through this."""
    return text.strip().lower() in _NAMED or bool(_NUMERIC.fullmatch(text.strip().lower()))


def attribute_errors(node: Node, known: Mapping[str, Attribute]) -> list[Reason]:
    """Hold a tag's attributes to its table; attributes outside the table are Label Studio's own looks and are left alone."""
    errors = []
    for name, rule in known.items():
        given = node.attributes.get(name, "")
        if not given.strip():
            if rule.required:
                errors.append(node.reason("attribute-missing", _("{tag} needs the attribute {name}."), name, name=name))
            continue
        error = _error_of(node, name, rule, given)
        if error:
            errors.append(error)
    return errors


def _error_of(node: Node, name: str, rule: Attribute, given: str) -> Reason | None:
    if not rule.native:
        if given.lower() == "false":
            return None
        words = _("{name} on {tag} is not supported yet, and leaving it out would change what is asked.")
        return node.reason("attribute-not-supported", words, name, name=name)
    if rule.kind == "flag" and given.lower() not in {"true", "false"}:
        return node.reason(
            "attribute-wrong", _("{name} must be true or false, not “{given}”."), name, name=name, given=given
        )
    if rule.kind == "whole" and (not _WHOLE.fullmatch(given) or int(given) < rule.least):
        words = _("{name} must be a whole number of at least {least}, not “{given}”.")
        return node.reason("attribute-wrong", words, name, name=name, given=given, least=rule.least)
    if rule.kind == "word" and given not in rule.words:
        words = _("{name} must be one of {allowed}, not “{given}”.")
        return node.reason("attribute-wrong", words, name, name=name, given=given, allowed=", ".join(rule.words))
    if rule.kind == "key" and not re.fullmatch(r"\$[^\s$](?:[^$]*[^\s$])?", given):
        words = _('{tag} must say which column it shows: {name}="$column", not “{given}”.')
        return node.reason("value-not-a-column", words, name, name=name, given=given)
    if rule.kind == "colour" and not is_safe_colour(given):
        return node.reason(
            "colour-unsafe", _("“{given}” is not a plain colour such as #0b6658 or teal."), name, given=given
        )
    return None


def only(value: object, keys: Sequence[str], at: Spot) -> list[Reason]:
    """Refuse a value that is not an object with exactly the members ``keys``."""
    if not isinstance(value, Mapping):
        return [at.reason("value-not-an-object", _("The value must be a JSON object."))]
    missing = [at.reason("value-missing", _("“{key}” is missing."), key, key=key) for key in keys if key not in value]
    extra = [
        at.reason("value-unknown", _("“{key}” does not belong here."), key, key=str(key))
        for key in value
        if key not in keys
    ]
    return missing + extra
