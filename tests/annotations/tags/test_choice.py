"""Choice: a part of Choices, with its alias, hint, key and colour."""

import pytest

from annotations import configs


def faults(choice: str) -> list[tuple[str, int | None]]:
    xml = f'<View>\n<Text name="t" value="$t"/>\n<Choices name="c" toName="t">\n<Choice value="A"/>\n{choice}\n</Choices></View>'
    return [(reason.code, reason.line) for reason in configs.inspect(xml)[1]]


@pytest.mark.parametrize(
    ("choice", "code"),
    [
        ("<Choice/>", "attribute-missing"),
        ('<Choice value=" "/>', "attribute-missing"),
        ('<Choice value="A"/>', "choice-twice"),
        ('<Choice value="B" alias="A"/>', "choice-twice"),
        ('<Choice value="B" background="red; content: url(x)"/>', "colour-unsafe"),
        ('<Choice value="B" background="url(javascript:1)"/>', "colour-unsafe"),
        ('<Choice value="B" html="&lt;b&gt;"/>', "attribute-not-supported"),
        ('<Choice value="B"><Choice value="C"/></Choice>', "tag-misplaced"),
    ],
)
def test_a_wrong_choice_is_refused_on_its_line(choice: str, code: str) -> None:
    assert (code, 5) in faults(choice)


@pytest.mark.parametrize(
    "colour", ["#0b6658", "#FFF", "teal", "rgb(1, 2, 3)", "rgba(1,2,3,.5)", "hsl(120deg 50% 50% / 0.2)"]
)
def test_a_plain_colour_is_good(colour: str) -> None:
    assert faults(f'<Choice value="B" background="{colour}"/>') == []


def test_a_choice_outside_choices_is_refused() -> None:
    found = configs.inspect('<View><Choice value="A"/></View>')[1]

    assert "tag-misplaced" in [reason.code for reason in found]
