"""Pictures: how wide and how high.

``measure(path)`` reads the header only. A picture that would unpack to more than fifty million points is refused: a small file
may claim to be a huge one.
"""

from pathlib import Path

from PIL import Image, UnidentifiedImageError

from governance.kernel.errors import Invalid
from governance.kernel.words import _

MAX_POINTS = 50_000_000


def measure(path: Path) -> dict[str, object]:
    """Return ``width`` and ``height`` in points; raises ``Invalid`` for a broken or too large picture."""
    try:
        with Image.open(path) as picture:
            width, height = picture.size
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, ValueError) as error:
        raise Invalid("media-unreadable", _("This picture cannot be read: {why}."), why=str(error)) from None
    if width * height > MAX_POINTS:
        raise Invalid(
            "unpacks-too-big", _("This picture has {n} million points; 50 is the most."), n=width * height // 10**6
        )
    return {"width": width, "height": height}
