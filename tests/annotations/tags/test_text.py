"""Text: shows the column as it came."""

import pytest

from annotations import configs
from annotations.tags import text


def test_the_words_are_shown_as_they_came_and_never_normalised() -> None:
    node = configs.parse('<View><Text name="t" value="$my words"/><Rating name="r" toName="t"/></View>').objects[0]

    assert text.widget(node, {"my words": "e\u0301 <b>"}).text == "e\u0301 <b>"
    assert text.widget(node, {"my words": None}).text == ""
    assert text.widget(node, {"my words": 7}).text == "7"


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("", "attribute-missing"),
        ("text", "value-not-a-column"),
        ("$", "value-not-a-column"),
        ("$ a", "value-not-a-column"),
    ],
)
def test_a_text_without_a_column_is_refused(value: str, code: str) -> None:
    found = configs.inspect(f'<View><Text name="t" value="{value}"/><Rating name="r" toName="t"/></View>')[1]

    assert [reason.code for reason in found] == [code]
