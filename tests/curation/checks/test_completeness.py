"""Completeness: content, a label, enough opinions."""

from curation.checks import completeness as check
from curation.findings import Context
from tests.curation.members import members


def test_whole_samples_pass() -> None:
    [found] = check.check(members([{}, {}]), Context(min_votes=3), check.DEFAULTS)

    assert found.status == "pass"


def test_one_sample_with_too_few_opinions_blocks_a_version() -> None:
    [found] = check.check(members([{}] * 99 + [{"n_votes": 2}]), Context(min_votes=3), check.DEFAULTS)

    assert found.status == "block"
    assert found.metric["too_few_votes"] == 1
    assert found.evidence[0].ids == ("s0099",)
    assert found.evidence[0].reason == "2 of 3 opinions"


def test_a_draft_warns_only_under_95_in_100() -> None:
    five = members([{}] * 95 + [{"label": None}] * 5)
    six = members([{}] * 94 + [{"label": None}] * 6)

    [well] = check.check(five, Context(purpose="draft"), check.DEFAULTS)
    [warned] = check.check(six, Context(purpose="draft"), check.DEFAULTS)

    assert (well.status, warned.status) == ("pass", "warn")


def test_a_sample_without_text_needs_a_file() -> None:
    [found] = check.check(
        members([{"text": None, "media_sha": "ab"}, {"text": "  ", "media_sha": None}]), Context(), check.DEFAULTS
    )

    assert found.metric["no_content"] == 1
