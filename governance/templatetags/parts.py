"""The parts of a page: icons, fields, bars, pagers. Each is one small template under ``templates/parts/``.

Widths are attributes of inline SVG, never styles: the Content-Security-Policy allows no style attribute. Shares are numbers
between 0 and 1, as everywhere in Wellhouse.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from django import template
from django.core.paginator import Page
from django.forms import BoundField
from django.template.loader import get_template
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from governance.models import Community, Dataset, PolicyRevision

register = template.Library()

COLOURS = 6
"""How many colours of a theme there are: classes ``c1`` to ``c6``."""

HEAT_STEPS = 10
"""Classes ``h1`` to ``h10`` of a table of counts."""

THINNEST = 0.6
"""The narrowest bar, in percent, so that a small share can still be seen."""


@register.simple_tag
def icon(name: str, css: str = "i") -> SafeString:
    """Return ``templates/icons/<name>.svg`` as an inline picture without a word: put the word beside it."""
    drawing = get_template(f"icons/{name}.svg").render()
    return format_html('<svg class="{}" viewBox="0 0 24 24" aria-hidden="true">{}</svg>', css, drawing)


@register.inclusion_tag("parts/field.html")
def field(bound: BoundField, wide: bool = False, rows: int | None = None, lang: str = "") -> dict[str, Any]:
    """Draw one form field with label, hint and error; choices become cards, long lists and text their own controls."""
    widget = bound.field.widget
    attributes: dict[str, Any] = {}
    if rows:
        attributes["rows"] = rows
    if lang:
        attributes |= {"lang": lang, "spellcheck": "false"}
    kind = getattr(widget, "input_type", "text")
    many = hasattr(widget, "option_inherits_attrs") and kind in ("radio", "checkbox")
    return {
        "field": bound,
        "control": "" if many else bound.as_widget(attrs=attributes),
        "kind": kind,
        "many": many,
        "one_box": kind == "checkbox" and not many,
        "wide": wide,
    }


@register.inclusion_tag("parts/meter.html")
def meter(value: float, of: float = 1.0, label: str = "", css: str = "", colour: int = 1) -> dict[str, Any]:
    """Draw ``value`` out of ``of`` as one bar. Without ``label`` it is hidden from readers: say the number beside it."""
    share = min(max(value / of, 0.0), 1.0) if of else 0.0
    width = max(share * 100, THINNEST) if share else 0.0
    return {"bars": [(f"{0:.2f}", f"{width:.2f}", colour)], "label": label, "css": css}


@register.inclusion_tag("parts/meter.html")
def whole(values: Iterable[float], label: str = "", css: str = "") -> dict[str, Any]:
    """Draw the parts of a whole beside each other, in the order and colours of ``values`` (at most six)."""
    numbers = [float(value) for value in values][:COLOURS]
    total = sum(numbers)
    bars, start = [], 0.0
    for index, number in enumerate(numbers):
        width = number / total * 100 if total else 0.0
        bars.append((f"{start:.2f}", f"{width:.2f}", index + 1))
        start += width
    return {"bars": bars, "label": label, "css": css}


@register.inclusion_tag("parts/sure.html")
def sure(at: float, low: float, high: float, goal: float | None = None, label: str = "") -> dict[str, Any]:
    """Draw an estimate between 0 and 1 with its interval and, dotted, the target."""
    percent = {"at": at, "low": low, "width": high - low, "goal": goal}
    return {"label": label} | {key: None if v is None else f"{v * 100:.1f}" for key, v in percent.items()}


@register.filter
def heat(value: float, most: float) -> str:
    """Return the classes of a cell of a table of counts: the more, the darker, in ten steps."""
    if not value or not most:
        return ""
    return f"heat h{max(1, min(HEAT_STEPS, round(value / most * HEAT_STEPS)))}"


@register.inclusion_tag("parts/pager.html", takes_context=True)
def pager(context: Mapping[str, Any], page: Page[Any], of: str = "") -> dict[str, Any]:
    """Draw where a list stands and the ways to its earlier and later pages; filters in the address stay."""
    return {"page": page, "of": of, "request": context.get("request")}


@register.simple_tag
def rules_revision(dataset: Dataset | None, community: Community | None) -> int | None:
    """Return the number of the policy revision in force: the dataset's, or the community's own where no dataset is shown."""
    if not community:
        return None
    own = {"dataset": dataset or None, "contributor": None, "sample": None}
    rows = PolicyRevision.objects.filter(community=community, **own, effective_at__lte=timezone.now())
    return rows.order_by("-number").values_list("number", flat=True).first()


@register.filter
def share_in_100(value: float | None) -> str:
    """Return a share between 0 and 1 as a whole number of hundred, for sentences such as “54 in 100”."""
    return "–" if value is None else str(round(value * 100))


@register.filter
def count(value: float) -> str:
    """Return a number with the separators of the reader's language: 4,812."""
    return number_format(value, decimal_pos=0, force_grouping=True)


@register.simple_tag
def place_name(key: str) -> str:
    """Return the name of a place of the desk, for the one line into which the places fold on a phone."""
    return {
        "desk": _("Today"),
        "people": _("People"),
        "groups": _("Groups"),
        "contributors": _("Contributors"),
        "votes": _("Votes"),
        "charter": _("Charter"),
        "parties": _("Parties"),
        "requests": _("Requests"),
        "ask": _("Ask for access"),
        "log": _("Log"),
        "samples": _("Samples"),
        "consents": _("Consent"),
        "rules": _("Rules"),
        "campaigns": _("Campaigns"),
        "flags": _("Flags"),
        "quality": _("Quality"),
        "versions": _("Versions"),
        "pulls": _("Pulls"),
        "dataset": _("The dataset"),
        "published": _("Versions"),
        "how-to-pull": _("How to pull"),
    }.get(key, "")


@register.simple_tag
def colour(index: int) -> str:
    """Return the class of the colour for the ``index``-th thing, counted from 0; after six it begins again."""
    return f"c{index % COLOURS + 1}"
