"""Files by their own hash, and by what their first bytes say."""

import hashlib
from pathlib import Path

import pytest

from governance import media


def test_a_file_is_kept_once_under_its_hash(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    one.write_bytes(b"the same bytes")
    two.write_bytes(b"the same bytes")

    first, second = media.keep(one), media.keep(two)

    assert first == second == (hashlib.sha256(b"the same bytes").hexdigest(), 14)
    assert media.path_of(first[0]).read_bytes() == b"the same bytes"
    assert not list((media.root("media") / "tmp").iterdir())


@pytest.mark.parametrize("name", ["", "../../etc/passwd", "a" * 63, "A" * 64, "a" * 64 + "/.."])
def test_nothing_is_found_by_a_name_that_is_no_hash(name: str) -> None:
    with pytest.raises(ValueError):
        media.path_of(name)


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"RIFF\x00\x00\x00\x00WAVEfmt ", ("audio/wav", "wav")),
        (b"RIFF\x00\x00\x00\x00WEBPVP8 ", ("image/webp", "webp")),
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\x00", ("image/png", "png")),
        (b"ID3\x04", ("audio/mpeg", "mp3")),
        (b"<svg xmlns=", None),
        (b"<html>", None),
        (b"", None),
    ],
)
def test_what_a_file_is_its_first_bytes_say(head: bytes, kind: tuple[str, str] | None) -> None:
    assert media.sniff(head) == kind
