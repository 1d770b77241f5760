"""How wide and high a picture is."""

import struct
import zlib
from pathlib import Path

import pytest
from PIL import Image

from governance.kernel.errors import Invalid
from governance.measures import image


def test_width_and_height_are_read(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.new("RGB", (30, 20)).save(path)

    assert image.measure(path) == {"width": 30, "height": 20}


def test_a_small_file_that_claims_to_be_a_huge_picture_is_refused(tmp_path: Path) -> None:
    head = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    chunk = b"IHDR" + head
    png = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", len(head)) + chunk + struct.pack(">I", zlib.crc32(chunk))
    path = tmp_path / "bomb.png"
    path.write_bytes(png)

    with pytest.raises(Invalid):
        image.measure(path)
