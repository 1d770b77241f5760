"""Text for comparison: one normal form in which two samples are the same words.

NFKC, lower case, without @user and URLs, without format characters (Cf) and variation selectors; every run outside the
Unicode classes L, M and N becomes one space. Python's ``\\W`` is not used: it eats combining marks and so the vowel signs of
Devanagari and the tones of Yoruba. The source text itself is never changed.
"""

import hashlib
import re
import unicodedata

_USER_OR_URL = re.compile(r"@\w+|(?:https?://|www\.)\S+", re.IGNORECASE)
# Translation of pure ASCII runs in C and folds case on the way: twice as fast as a regular expression (docs/performance.md).
_ASCII = {point: chr(point).lower() if chr(point).isalnum() else " " for point in range(128)}


class _Lazy(dict[int, str | None]):
    """A translation table that classifies a character when it is first met."""

    def __missing__(self, point: int) -> str | None:
        category = unicodedata.category(chr(point))
        if 0xFE00 <= point <= 0xFE0F or 0xE0100 <= point <= 0xE01EF or category == "Cf":
            value: str | None = None
        else:
            value = chr(point) if category[0] in "LMN" else " "
        self[point] = value
        return value


_CLASSES = _Lazy()


def normalise(text: str) -> str:
    """Return ``text`` in the normal form for comparison; may be empty."""
    if "@" in text or "://" in text or "w." in text or "W." in text:
        text = _USER_OR_URL.sub(" ", text)
    if text.isascii():
        return " ".join(text.translate(_ASCII).split())
    folded = unicodedata.normalize("NFKC", text).lower()
    return " ".join(folded.translate(_CLASSES).split())


def normal_hash(text: str) -> str:
    """Return BLAKE2b-128 of the normal form, 32 hex digits; the empty string when nothing is left to compare."""
    normal = normalise(text)
    return hashlib.blake2b(normal.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest() if normal else ""
