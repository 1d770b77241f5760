"""Drawn pictures for the demo: birds that do not exist, on a marsh that does not exist. No photograph of anything."""

import random
from pathlib import Path

from PIL import Image, ImageDraw

KINDS = ("heron", "duck", "owl")
_SKIES = ((222, 232, 236), (244, 226, 205), (206, 219, 230), (235, 235, 222))


def draw(kind: str, number: int) -> Image.Image:
    """Return a picture of 480 x 360 pixels; the same arguments give the same picture."""
    chance = random.Random(f"{kind}:{number}")
    picture = Image.new("RGB", (480, 360), chance.choice(_SKIES))
    pen = ImageDraw.Draw(picture)
    water = 230 + chance.randrange(40)
    pen.rectangle((0, water, 480, 360), fill=(126, 148, 140))
    for _ in range(60):
        x, h = chance.randrange(480), 30 + chance.randrange(70)
        pen.line((x, water + 20, x + chance.randrange(-12, 12), water + 20 - h), fill=(96, 104, 66), width=3)
    x, y = 120 + chance.randrange(220), water - 40
    shade = tuple(60 + chance.randrange(90) for _ in range(3))
    if kind == "heron":
        pen.ellipse((x - 30, y - 30, x + 40, y + 20), fill=shade)
        pen.line((x - 22, y - 12, x - 40, y - 85), fill=shade, width=10)
        pen.polygon([(x - 42, y - 92), (x - 90, y - 84), (x - 42, y - 80)], fill=(190, 140, 60))
        pen.line((x, y + 18, x, y + 70), fill=(90, 80, 60), width=4)
        pen.line((x + 14, y + 18, x + 14, y + 70), fill=(90, 80, 60), width=4)
    elif kind == "duck":
        pen.ellipse((x - 55, y + 10, x + 45, y + 60), fill=shade)
        pen.ellipse((x - 75, y - 10, x - 35, y + 30), fill=shade)
        pen.polygon([(x - 74, y + 6), (x - 104, y + 14), (x - 72, y + 18)], fill=(210, 150, 50))
    else:
        pen.ellipse((x - 35, y - 60, x + 35, y + 50), fill=shade)
        for side in (-14, 14):
            pen.ellipse((x + side - 12, y - 42, x + side + 12, y - 18), fill=(240, 230, 190))
            pen.ellipse((x + side - 5, y - 35, x + side + 5, y - 25), fill=(30, 30, 30))
        pen.polygon([(x - 5, y - 22), (x + 5, y - 22), (x, y - 10)], fill=(190, 140, 60))
    return picture


def write_picture(path: Path, kind: str, number: int) -> None:
    """Write one picture as PNG."""
    draw(kind, number).save(path, format="PNG")
