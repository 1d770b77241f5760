"""TextArea: words of one's own, in NFC, within their limits."""

import pytest

from annotations import configs
from annotations.nodes import Node, Spot
from annotations.tags import textarea


def control(attributes: str = "") -> Node:
    return configs.parse(
        f'<View><Text name="t" value="$t"/><TextArea name="w" toName="t" {attributes}/></View>'
    ).controls[0]


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ({"text": "ostre"}, "text-not-a-list"),
        ({"text": [3]}, "text-not-a-list"),
        ({"text": []}, "text-none"),
        ({"text": ["  "]}, "text-blank"),
        ({"text": ["a", "a"]}, "text-repeated"),
        ({"text": ["a", "b", "c"]}, "text-too-many"),
        ({"text": ["x" * 100_001]}, "text-too-long"),
        ({"text": ["a"], "start": 0, "end": 1}, "value-unknown"),
        ({}, "value-missing"),
    ],
)
def test_a_text_that_cannot_be_is_refused(value: object, code: str) -> None:
    assert code in [reason.code for reason in textarea.errors(control('maxSubmissions="2"'), value, Spot("/0/value"))]


def test_several_texts_are_good_when_nothing_limits_them() -> None:
    assert textarea.errors(control(), {"text": ["a", "b", "c"]}, Spot("")) == []


def test_what_is_typed_becomes_nfc_with_plain_line_ends() -> None:
    assert textarea.from_form(control(), ["e\u0301n\r\ntwo  "]) == {"text": ["én\ntwo"]}
    assert textarea.from_form(control(), [" \r\n "]) is None


def test_the_page_shows_an_earlier_text() -> None:
    shown = textarea.widget(control('rows="99" placeholder="Say"'), {}, {"text": ["one", "two"]})

    assert (shown.text, shown.rows, shown.hint) == ("one\ntwo", 20, "Say")
    assert textarea.label(control(), {"text": ["one", "two"]}) == "one\ntwo"
