"""A labeling config, read strictly: the XML of Label Studio in, a frozen tree out, or every fault with its line.

The config says what an annotator sees and is asked. It comes from people and from other servers, so it is read without entities,
without a document type and without the network, and held to our own table of tags (``annotations/tags``): label-studio-sdk
accepts unknown tags, dangling names and empty answers (its own check runs besides, in a job, before a campaign opens). The same
tags turn a posted form into Label Studio's result JSON and hold an imported result to the config.
"""

import difflib
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from types import ModuleType

from lxml import etree

from annotations.nodes import Node, Spot, Widget, attribute_errors
from governance.kernel.errors import Invalid, Reason
from governance.kernel.registry import Registry
from governance.kernel.words import _

Result = Mapping[str, object]

TAGS = Registry("annotations.tags")
LONGEST = 200_000
DEEPEST = 40
FIELD = "a."
# One key for each answer, in the order of the page; the page itself uses none of these.
KEYS = "1234567890abcdefghijklmnopqrstuvwxyz"

# Every tag that Label Studio documents or that its SDK 2.1.2 has a class for (annotation.md 3.1), by kind.
_OBJECTS = "Audio Chat HyperText Image List Object3D Paragraphs Pdf Table Text TimeSeries Video"
_CONTROLS = (
    "BitMask BitMaskLabels Brush BrushLabels ChatMessage Choices DateTime Ellipse EllipseLabels HyperTextLabels KeyPoint "
    "KeyPointLabels Labels MagicWand Number OcrLabels Pairwise ParagraphLabels Polygon PolygonLabels Ranker Rating ReactCode "
    "Rectangle RectangleLabels Relations Taxonomy TextArea TimelineLabels TimeSeriesLabels Vector VectorLabels "
    "VideoRectangle VideoVector VideoVectorLabels"
)
_VISUALS = "Collapse Filter Header Html Markdown Repeater Shortcut Style View"
_PARTS = "Bucket Channel Choice Label Relation"
LABEL_STUDIO = {
    **dict.fromkeys(_OBJECTS.split(), "object"),
    **dict.fromkeys(_CONTROLS.split(), "control"),
    **dict.fromkeys(_VISUALS.split(), "visual"),
    **dict.fromkeys(_PARTS.split(), "part"),
}

_ITEM_NEEDS = ("from_name", "to_name", "type", "value")
_ITEM_MAY = frozenset(
    {"id", "origin", "score", "original_width", "original_height", "image_rotation", "original_length"}
    | {"item_index", "hidden", "readonly", "locked", "meta"}
)


@dataclass(frozen=True)
class Config:
    """A config that holds: its tree, and its object and control tags in document order."""

    root: Node
    objects: tuple[Node, ...]
    controls: tuple[Node, ...]

    @property
    def main(self) -> Node:
        """The control whose answer is the label: the first Choices or Rating, else the first control."""
        return next((node for node in self.controls if node.id in {"choices", "rating"}), self.controls[0])

    @property
    def is_many(self) -> bool:
        """Whether the label is a list."""
        return self.main.attributes.get("choice") == "multiple"

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the sample that the config shows."""
        return tuple(dict.fromkeys(node.key for node in self.objects))

    @property
    def labels(self) -> tuple[str, ...]:
        """The classes of the label in order; empty when the label is free text."""
        return tuple(value for value, _key in TAGS[self.main.id].keyed(self.main)) if self.has_label else ()

    @property
    def has_label(self) -> bool:
        """Whether an answer has a label from a list, not only words of one's own."""
        return self.main.id in {"choices", "rating"}

    def control(self, name: str) -> Node | None:
        """The control of that name."""
        return next((node for node in self.controls if node.name == name), None)


@lru_cache(maxsize=256)
def parse(xml: str) -> Config:
    """Read a config, remembered by its text; raises ``Invalid`` (``config-invalid``) with every reason, each with its line."""
    config, reasons = inspect(xml)
    if config is None:
        raise Invalid("config-invalid", _("The labeling config cannot be used yet."), reasons=reasons)
    return config


def inspect(xml: str) -> tuple[Config | None, list[Reason]]:
    """Read a config and say what is wrong with it, in order of lines; the config is None when anything is."""
    element, reasons = _read(xml)
    if element is None:
        return None, reasons
    root = _node(element, xml.splitlines(), "", DEEPEST)
    if root is None:
        return None, [Reason("config-too-deep", _("Tags stand more than {most} deep."), "", 1, {"most": DEEPEST})]
    reasons = _faults(root)
    if reasons:
        return None, sorted(reasons, key=lambda reason: reason.line or 0)
    root = _with_keys(root)
    nodes = tuple(root.walk())
    objects = tuple(node for node in nodes if TAGS[node.id].KIND == "object")
    controls = tuple(node for node in nodes if TAGS[node.id].KIND == "control")
    return Config(root, objects, controls), []


def tags_of(xml: str) -> list[tuple[str, str, bool]]:
    """Every tag name in a readable config, sorted: name, kind (or unknown), and whether we show it ourselves."""
    element, _reasons = _read(xml)
    names = sorted({str(found.tag) for found in element.iter(etree.Element)}) if element is not None else []
    return [(name, LABEL_STUDIO.get(name, "unknown"), _plugin(name) is not None) for name in names]


def _read(xml: str) -> tuple[etree._Element | None, list[Reason]]:
    if len(xml) > LONGEST:
        return None, [
            Reason("config-too-long", _("A config has {most} characters at most."), "", None, {"most": LONGEST})
        ]
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True, remove_pis=True, huge_tree=False
    )
    try:
        element = etree.fromstring(xml.strip().encode(), parser)
    except (etree.XMLSyntaxError, UnicodeEncodeError) as error:
        before = len(xml) - len(xml.lstrip())
        line = getattr(error, "lineno", None) or 1
        words = _("This is not well-formed XML: {why}")
        shift = xml[:before].count("\n")
        return None, [Reason("config-not-xml", words, "", line + shift, {"why": _plain(str(error))})]
    if element.getroottree().docinfo.doctype:
        return None, [Reason("config-doctype", _("A config may not bring its own document type or entities."), "", 1)]
    return element, []


def _plain(message: str) -> str:
    """libxml2's sentence without its position, which stands beside it."""
    return re.sub(r",? ?line \d+, column \d+.*$", "", message.removesuffix(" (<string>, line 0)"))


def _node(element: etree._Element, lines: Sequence[str], above: str, deep: int) -> Node | None:
    tag = str(element.tag)
    path = f"{above}/{tag}"
    if above:
        before = sum(1 for _sibling in element.itersiblings(tag, preceding=True))
        path = f"{path}[{before + 1}]"
    if not deep:
        return None
    children = [_node(child, lines, path, deep - 1) for child in element.iterchildren(etree.Element)]
    kept = tuple(child for child in children if child is not None)
    if len(kept) < len(children):
        return None
    attributes = {str(name): str(value) for name, value in element.attrib.items()}
    return Node(tag, _line_of(element, lines), path, attributes, kept)


def _line_of(element: etree._Element, lines: Sequence[str]) -> int:
    """Where the tag begins; libxml2 counts the line where its attributes end."""
    end = min(element.sourceline or 1, len(lines))
    start = re.compile(rf"<{re.escape(str(element.tag))}(?![\w:.-])")
    return next((line for line in range(end, max(0, end - 60), -1) if start.search(lines[line - 1])), end)


def _plugin(tag: str) -> ModuleType | None:
    found = TAGS[tag.lower()] if tag.lower() in TAGS.names else None
    return found if found is not None and tag == found.NAME else None


def _faults(root: Node) -> list[Reason]:
    reasons = []
    if root.tag != "View":
        reasons.append(root.reason("config-root", _("The outermost tag must be View, not {tag}.")))
    native = []
    for parent, node in _pairs(root, None):
        plugin = _plugin(node.tag)
        if plugin is None:
            reasons.append(_stranger(node))
            continue
        native.append(node)
        reasons += attribute_errors(node, plugin.ATTRIBUTES)
        if parent is not None and _plugin(parent.tag) is not None and parent.tag not in plugin.INSIDE:
            words = _("{tag} may not stand inside {parent}; it belongs inside {allowed}.")
            reasons.append(node.reason("tag-misplaced", words, parent=parent.tag, allowed=", ".join(plugin.INSIDE)))
        if hasattr(plugin, "check"):
            reasons += plugin.check(node)
    return reasons + _name_faults(root, native) + _key_faults(native)


def _pairs(node: Node, parent: Node | None) -> list[tuple[Node | None, Node]]:
    return [(parent, node), *(pair for child in node.children for pair in _pairs(child, node))]


def _stranger(node: Node) -> Reason:
    if node.tag in LABEL_STUDIO:
        words = _("{tag} is a tag of Label Studio that cannot be shown here yet. A campaign with it cannot open.")
        return node.reason("tag-not-supported", words)
    close = difflib.get_close_matches(node.tag.lower(), [name.lower() for name in LABEL_STUDIO], n=1)
    canonical = next((name for name in LABEL_STUDIO if [name.lower()] == close), "")
    if canonical:
        return node.reason("tag-unknown", _("There is no tag {tag}; did you mean {canonical}?"), canonical=canonical)
    return node.reason("tag-unknown", _("There is no tag {tag}."))


def _name_faults(root: Node, native: Sequence[Node]) -> list[Reason]:
    reasons = []
    kinds = {node.path: TAGS[node.id].KIND for node in native}
    named = [node for node in native if kinds[node.path] in {"object", "control"} and node.name.strip()]
    seen: dict[str, Node] = {}
    for node in named:
        if node.name in seen:
            words = _("The name “{name}” was given on line {first} already.")
            reasons.append(node.reason("name-twice", words, "name", name=node.name, first=seen[node.name].line))
        seen.setdefault(node.name, node)
    # A tag that we cannot show still has its name: what points to it is not a second fault.
    others = {node.name for node in root.walk() if LABEL_STUDIO.get(node.tag) == "object" and node.name}
    objects = others | {node.name for node in named if kinds[node.path] == "object"}
    for node in named:
        if kinds[node.path] == "control":
            reasons += _to_name_faults(node, objects, seen)
    if not reasons and not any(LABEL_STUDIO.get(node.tag) == "object" for node in root.walk()):
        reasons.append(root.reason("config-shows-nothing", _("Nothing is shown: add a Text, an Image or an Audio.")))
    if not reasons and not any(LABEL_STUDIO.get(node.tag) == "control" for node in root.walk()):
        reasons.append(root.reason("config-asks-nothing", _("Nothing is asked: add Choices, a Rating or a TextArea.")))
    return reasons


def _to_name_faults(node: Node, objects: set[str], named: Mapping[str, Node]) -> list[Reason]:
    given = node.attributes.get("toName", "")
    if any(character.isspace() for character in given):
        words = _("toName may not hold spaces: write “{right}”.")
        return [node.reason("to-name-spaces", words, "toName", right="".join(given.split()))]
    reasons = []
    for name in node.to_names:
        if name in objects:
            continue
        if name in named:
            words = _("toName “{name}” names a {other}; it must name what is shown.")
            reasons.append(node.reason("to-name-dangling", words, "toName", name=name, other=named[name].tag))
        else:
            words = _("toName “{name}” names nothing in this config.")
            reasons.append(node.reason("to-name-dangling", words, "toName", name=name))
    return reasons


def _key_faults(native: Sequence[Node]) -> list[Reason]:
    reasons = []
    seen: dict[str, Node] = {}
    for node in native:
        key = node.attributes.get("hotkey", "").strip().lower() if node.tag == "Choice" else ""
        if not key:
            continue
        if key in seen:
            words = _("The key “{key}” was given on line {first} already.")
            reasons.append(node.reason("hotkey-twice", words, "hotkey", key=key, first=seen[key].line))
        seen.setdefault(key, node)
    return reasons


def _with_keys(root: Node) -> Node:
    """Give every answer a key: its own when it is one plain letter or digit, else the next that is free."""
    wanted = [(node, TAGS[node.id].keyed(node)) for node in root.walk() if hasattr(TAGS[node.id], "keyed")]
    own = {key.lower() for _node, pairs in wanted for _value, key in pairs if key and key.lower() in KEYS}
    free = iter([key for key in KEYS if key not in own])
    keys = {
        node.path: {value: key.lower() if key and key.lower() in KEYS else next(free, "") for value, key in pairs}
        for node, pairs in wanted
    }
    return _dressed(root, keys)


def _dressed(node: Node, keys: Mapping[str, Mapping[str, str]]) -> Node:
    children = tuple(_dressed(child, keys) for child in node.children)
    return replace(node, children=children, key_of=keys.get(node.path, {}))


def widgets(config: Config, data: Mapping[str, object], results: Sequence[Result] = ()) -> list[Widget]:
    """What a page shows for one sample, in order; a Header directly before a control becomes that control's title."""
    values = {str(item.get("from_name")): item.get("value") for item in results}
    shown: list[Widget] = []
    header: Widget | None = None
    for node in config.root.walk():
        plugin = TAGS[node.id]
        if plugin.KIND == "control":
            value = values.get(node.name)
            made = plugin.widget(node, data, value if isinstance(value, Mapping) else None)
            field = FIELD + node.name
            options = tuple(replace(option, id=f"{field}.{place}") for place, option in enumerate(made.options, 1))
            shown.append(replace(made, field=field, options=options, title=header.text if header else ""))
            header = None
        elif plugin.KIND in {"object", "visual"} and hasattr(plugin, "widget"):
            shown += [header] if header else []
            made = plugin.widget(node, data)
            header = made if node.tag == "Header" else None
            shown += [] if header else [made]
    return [*shown, header] if header else shown


def to_results(config: Config, form: Mapping[str, Sequence[str]]) -> list[dict[str, object]]:
    """Turn a posted form (field ``a.<control>`` -> texts) into Label Studio's result JSON.

    Raises ``Invalid`` (``answer-invalid``) with every reason, its path the form field.
    """
    items: list[dict[str, object]] = []
    reasons: list[Reason] = []
    for node in config.controls:
        plugin, field = TAGS[node.id], FIELD + node.name
        value = plugin.from_form(node, form.get(field, ()))
        if value is None:
            reasons += [_required(node, field)] if node.flag("required") else []
            continue
        reasons += plugin.errors(node, value, Spot(field))
        items.append(_item(node, value))
    if not items and not reasons:
        reasons = [empty_reason(config)]
    if reasons:
        flat = [replace(reason, path=_field_of(reason.path or "")) for reason in reasons]
        raise Invalid("answer-invalid", _("The answer cannot be kept like this."), reasons=flat)
    return items


def empty_reason(config: Config) -> Reason:
    """The reason of an answer that answers nothing."""
    return Reason("answer-empty", _("Nothing was answered yet. Answer, or skip it."), FIELD + config.controls[0].name)


def _field_of(path: str) -> str:
    return path.split("/")[0]


def _required(node: Node, path: str) -> Reason:
    own = node.attributes.get("requiredMessage", "").strip()
    words = own.replace("{", "{{").replace("}", "}}") if own else _("This must be answered; or skip it.")
    return Reason("answer-required", words, path, None, {"name": node.name})


def _item(node: Node, value: Mapping[str, object]) -> dict[str, object]:
    made = hashlib.blake2b(f"{node.name}\0{node.to_names[0]}".encode(), digest_size=5).hexdigest()
    return {
        "id": made,
        "from_name": node.name,
        "to_name": node.to_names[0],
        "type": node.id,
        "origin": "manual",
        "value": dict(value),
    }


def result_errors(config: Config, results: object, path: str = "") -> list[Reason]:
    """Hold a Label Studio ``result`` list to the config; each reason's path is a JSON pointer below ``path``."""
    if not isinstance(results, list):
        return [Reason("results-not-a-list", _("“result” must be a list."), path)]
    reasons: list[Reason] = []
    answered: set[tuple[str, str]] = set()
    ids: set[str] = set()
    for place, item in enumerate(results):
        reasons += _item_errors(config, item, Spot(f"{path}/{place}"), answered, ids)
    names = {name for name, _to in answered}
    reasons += [_required(node, path) for node in config.controls if node.flag("required") and node.name not in names]
    return reasons


def _item_errors(config: Config, item: object, at: Spot, answered: set[tuple[str, str]], ids: set[str]) -> list[Reason]:
    if not isinstance(item, Mapping):
        return [at.reason("value-not-an-object", _("The value must be a JSON object."))]
    reasons = [
        at.reason("value-missing", _("“{key}” is missing."), key, key=key) for key in _ITEM_NEEDS if key not in item
    ]
    reasons += [
        at.reason("value-unknown", _("“{key}” does not belong here."), key, key=str(key))
        for key in item
        if key not in _ITEM_NEEDS and key not in _ITEM_MAY
    ]
    if reasons:
        return reasons
    made = item.get("id")
    if made is not None and (not isinstance(made, str) or not made or made in ids):
        reasons.append(at.reason("result-id", _("“id” must be a text that no other item has."), "id"))
    if isinstance(made, str):
        ids.add(made)
    node = config.control(str(item["from_name"]))
    if node is None:
        words = _("The config has no control “{name}”.")
        return [*reasons, at.reason("result-control", words, "from_name", name=str(item["from_name"]))]
    if item["to_name"] not in node.to_names:
        words = _("“{name}” speaks about {right}, not about “{given}”.")
        right = ", ".join(node.to_names)
        reasons.append(
            at.reason("result-object", words, "to_name", name=node.name, right=right, given=str(item["to_name"]))
        )
    if item["type"] != node.id:
        words = _("“{name}” gives results of type {right}, not “{given}”.")
        reasons.append(at.reason("result-type", words, "type", name=node.name, right=node.id, given=str(item["type"])))
        return reasons
    if (node.name, str(item["to_name"])) in answered:
        reasons.append(at.reason("result-twice", _("“{name}” is answered twice."), "from_name", name=node.name))
    answered.add((node.name, str(item["to_name"])))
    return reasons + list(TAGS[node.id].errors(node, item["value"], Spot(f"{at.path}/value")))


def label_of(config: Config, results: Sequence[Result]) -> str | list[str] | None:
    """The label that an answer gives: that of the main control; None when it was left open."""
    for item in results:
        value = item.get("value")
        if item.get("from_name") == config.main.name and isinstance(value, Mapping):
            found: str | list[str] = TAGS[config.main.id].label(config.main, value)
            return found
    return None


def shown(config: Config, results: Sequence[Result]) -> list[tuple[str, str]]:
    """An answer in the words of the page: (control name, words) for each control that was answered."""
    pairs = []
    for item in results:
        node, value = config.control(str(item.get("from_name"))), item.get("value")
        if node is not None and isinstance(value, Mapping):
            pairs.append((node.name, TAGS[node.id].shown(node, value)))
    return pairs
