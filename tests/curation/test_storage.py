"""Files by hash: whole or not at all, once however often they come, never by a given name."""

import hashlib
from pathlib import Path

import pytest

from curation.storage import Store


def test_what_is_put_is_found_under_its_hash(tmp_path: Path) -> None:
    store = Store(tmp_path)

    digest = store.put(b"abc")

    assert digest == hashlib.sha256(b"abc").hexdigest()
    assert store.path(digest).read_bytes() == b"abc"


def test_the_same_content_is_one_file(tmp_path: Path) -> None:
    store = Store(tmp_path)

    store.put(b"abc")
    before = store.path(store.put(b"abc")).stat().st_ino

    assert store.path(store.put(b"abc")).stat().st_ino == before
    assert list((tmp_path / "tmp").iterdir()) == []


def test_an_interrupted_write_leaves_nothing(tmp_path: Path) -> None:
    def break_off() -> None:
        with Store(tmp_path).scratch() as path:
            path.write_bytes(b"half")
            raise InterruptedError

    with pytest.raises(InterruptedError):
        break_off()

    assert [p for p in tmp_path.rglob("*") if p.is_file()] == []


@pytest.mark.parametrize("name", ["", "../../etc/passwd", "ab", "A" * 64, "g" * 64])
def test_a_name_that_is_no_digest_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        Store(tmp_path).path(name)


def test_a_destroyed_file_is_gone(tmp_path: Path) -> None:
    store = Store(tmp_path)
    digest = store.put(b"abc")

    assert store.destroy(digest)
    assert not store.has(digest)
    assert not store.destroy(digest)
