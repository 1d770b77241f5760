"""Ranges: what is asked is what is sent; a range past the end is said, never answered with something else."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.web.ranges import Slice, Span, Unsatisfiable, parse


@pytest.mark.parametrize(
    ("header", "span"),
    [
        ("bytes=0-3", Span(0, 4)),
        ("bytes=92-", Span(92, 8)),
        ("bytes=-8", Span(92, 8)),
        ("bytes=-262144", Span(0, 100)),
        ("bytes=5-5", Span(5, 1)),
        ("bytes=90-1000", Span(90, 10)),
        ("Bytes = 1 - 2", Span(1, 2)),
        (None, None),
        ("", None),
        ("bytes=-", None),
        ("bytes=5-3", None),
        ("bytes=0-1,5-6", None),
        ("items=0-1", None),
        ("bytes=a-b", None),
        ("bytes=" + "9" * 5000 + "-", None),
    ],
)
def test_a_range_of_a_hundred_bytes(header: str | None, span: Span | None) -> None:
    assert parse(header, 100) == span


@pytest.mark.parametrize("header", ["bytes=100-", "bytes=200-300", "bytes=-0"])
def test_a_range_past_the_end_is_unsatisfiable(header: str) -> None:
    with pytest.raises(Unsatisfiable):
        parse(header, 100)


def test_nothing_of_an_empty_file_can_be_asked_for() -> None:
    assert parse(None, 0) is None
    with pytest.raises(Unsatisfiable):
        parse("bytes=0-", 0)


def test_the_header_counts_from_nought_and_inclusively() -> None:
    assert Span(0, 4).content_range(100) == "bytes 0-3/100"


@given(st.binary(min_size=1, max_size=200), st.data())
def test_a_slice_reads_exactly_its_part_in_blocks_of_any_size(content: bytes, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(content) - 1))
    length = data.draw(st.integers(1, len(content) - start))
    block = data.draw(st.integers(1, 64))
    part = Slice(io.BytesIO(content), Span(start, length))

    read = b"".join(iter(lambda: part.read(block), b""))

    assert read == content[start : start + length]
