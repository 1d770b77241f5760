"""Same words, different labels."""

from pathlib import Path

import pytest

from curation.checks import conflicting_duplicates as check
from curation.findings import Context
from tests.curation.members import afrisenti, members


def test_the_same_words_in_other_spelling_conflict() -> None:
    rows = [{"text": "Good MORNING, all!", "label": "glad"}, {"text": "good morning all", "label": "sad"}] + [{}] * 400

    [found] = check.check(members(rows), Context(), check.DEFAULTS)

    assert (found.status, found.metric["texts"], found.metric["rows"]) == ("warn", 1, 2)
    assert found.evidence[0].ids == ("s0000", "s0001")
    assert found.evidence[0].reason == "glad: 1; sad: 1"


def test_a_conflict_that_reaches_the_test_part_blocks() -> None:
    rows = [
        {"text": "one two three", "label": "a", "split": "train"},
        {"text": "one two three", "label": "b", "split": "test"},
    ]

    [found] = check.check(members(rows + [{}] * 400), Context(), check.DEFAULTS)

    assert found.status == "block"


def test_more_than_one_in_a_hundred_blocks() -> None:
    rows = [{"text": "one two three", "label": "a"}, {"text": "one two three", "label": "b"}]

    [found] = check.check(members(rows + [{}] * 50), Context(), check.DEFAULTS)

    assert found.status == "block"


def test_texts_with_nothing_left_to_compare_are_not_the_same() -> None:
    rows = [{"text": "!!!", "label": "a"}, {"text": "???", "label": "b"}, {"text": "words", "label": "a"}]

    [found] = check.check(members(rows), Context(), check.DEFAULTS)

    assert found.status == "pass"
    assert found.n_checked == 1


def test_the_same_sentence_beside_two_pictures_is_no_conflict() -> None:
    rows = [{"text": "a bird", "media_sha": "11", "label": "a"}, {"text": "a bird", "media_sha": "22", "label": "b"}]

    [found] = check.check(members(rows), Context(), check.DEFAULTS)

    assert found.status == "pass"


@pytest.mark.parametrize(("language", "texts"), [("pcm", 178), ("hau", 29), ("amh", 7)])
def test_afrisenti_has_its_published_conflicts(shared: Path, language: str, texts: int) -> None:
    [found] = check.check(afrisenti(shared, language), Context(split_names=("train", "dev", "test")), check.DEFAULTS)

    assert found.metric["texts"] == pytest.approx(texts, rel=0.01)
