"""Words of the pure parts, said in the language of the page."""

from collections.abc import Sequence
from datetime import date

from django.utils.formats import date_format
from django.utils.translation import gettext

from governance.odrl.decide import Because
from governance.odrl.words import Words


def say(words: object) -> str:
    """Return a sentence of the pure parts in the language of the page, its gaps filled in the same language."""
    if isinstance(words, Words):
        text = gettext(words.text) if words.text.strip("{}") else words.text
        return text.format(**{name: say(value) for name, value in words.values.items()})
    if isinstance(words, Because):
        return say(Words(words.public, {name: _value(value) for name, value in words.values.items()}))
    if isinstance(words, (tuple, list)):
        return ", ".join(say(part) for part in words)
    return date_format(words, "j F Y") if isinstance(words, date) else str(words)


def say_all(many: Sequence[object]) -> list[str]:
    """Say each, without saying anything twice."""
    return list(dict.fromkeys(say(one) for one in many))


def _value(value: object) -> object:
    """Titles of purposes are words of ours; numbers and names are not."""
    return gettext(value) if isinstance(value, str) and value else value
