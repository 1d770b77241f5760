"""TextArea asks for words of one's own: a transcription, a translation, a remark.

``rows`` is its height (default 2), ``placeholder`` a hint inside it, ``maxSubmissions`` how many texts an answer may hold (no
limit unless said), ``required`` asks for an answer. Its result is ``{"text": [str, ...]}``. What is typed is brought to Unicode
NFC with plain line ends, and is otherwise kept as it is. Refused: an empty list, blank or repeated texts, more than
``maxSubmissions``, and texts of more than 100,000 characters.
"""

import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence

from annotations.nodes import Attribute, Node, Spot, Widget, only
from governance.kernel.errors import Reason
from governance.kernel.words import _

NAME = "TextArea"
KIND = "control"
NATIVE = True
INSIDE: tuple[str, ...] = ("View",)
PARTS: tuple[str, ...] = ()
LONGEST = 100_000
ATTRIBUTES = {
    "name": Attribute(required=True),
    "toName": Attribute(required=True),
    "rows": Attribute("whole", default="2", least=1),
    "placeholder": Attribute(),
    "maxSubmissions": Attribute("whole", least=1),
    "required": Attribute("flag", default="false"),
    "requiredMessage": Attribute(),
    "perRegion": Attribute(native=False),
    "perItem": Attribute(native=False),
    "visibleWhen": Attribute(native=False),
}


def widget(node: Node, data: Mapping[str, object], value: Mapping[str, object] | None) -> Widget:
    """What the page shows; ``value`` is an earlier answer."""
    given = value.get("text") if value else None
    text = "\n".join(str(part) for part in given) if isinstance(given, list) else ""
    hint = node.attributes.get("placeholder", "")
    rows = min(20, node.whole("rows", 2))
    return Widget("textarea", node.name, text=text, hint=hint, rows=rows, is_required=node.flag("required"))


def from_form(node: Node, given: Sequence[str]) -> dict[str, object] | None:
    """The value that a posted form means; None when nothing was written."""
    texts = [unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n")).strip() for text in given]
    kept = [text for text in texts if text]
    return {"text": kept} if kept else None


def errors(node: Node, value: object, at: Spot) -> list[Reason]:
    """Everything wrong with a result value."""
    found = only(value, ["text"], at)
    if found or not isinstance(value, Mapping):
        return found
    given, most = value["text"], node.whole("maxSubmissions", 0)
    if not isinstance(given, list) or not all(isinstance(text, str) for text in given):
        return [at.reason("text-not-a-list", _("“text” must be a list of texts."), "text")]
    if not given:
        return [at.reason("text-none", _("“text” is empty: leave the answer out, or write something."), "text")]
    if most and len(given) > most:
        words = _("“{name}” takes {most} texts at most; here are {count}.")
        found.append(at.reason("text-too-many", words, "text", name=node.name, most=most, count=len(given)))
    for place, text in enumerate(given):
        if not text.strip():
            found.append(at.reason("text-blank", _("A text is blank."), "text", place))
        if len(text) > LONGEST:
            words = _("A text has {count} characters; {most} fit.")
            found.append(at.reason("text-too-long", words, "text", place, count=len(text), most=LONGEST))
    for _text, times in Counter(given).items():
        if times > 1:
            found.append(at.reason("text-repeated", _("The same text stands here more than once."), "text"))
    return found


def label(node: Node, value: Mapping[str, object]) -> str | list[str]:
    """The answer as a label: the texts, a line each."""
    return shown(node, value)


def shown(node: Node, value: Mapping[str, object]) -> str:
    """The answer in the words of the page."""
    given = value.get("text")
    return "\n".join(str(text) for text in given) if isinstance(given, list) else ""
