"""What templates of work need beside the parts of a page."""

from collections.abc import Mapping

from django import template

register = template.Library()


@register.filter
def at(said: Mapping[str, str], place: str) -> str:
    """Return what is said about one field; nothing when all is well."""
    return said.get(place, "")
