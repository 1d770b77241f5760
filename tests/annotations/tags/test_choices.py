"""Choices: what it shows, what it makes of a form, and every answer it refuses."""

import pytest

from annotations import configs
from annotations.nodes import Node, Spot
from annotations.tags import choices

SINGLE = (
    '<View><Text name="t" value="$t"/><Choices name="c" toName="t">'
    '<Choice value="Glad" hint="joy"/><Choice value="Sad" alias="s"/></Choices></View>'
)
MANY = SINGLE.replace('toName="t"', 'toName="t" choice="multiple"')


def control(xml: str) -> Node:
    return configs.parse(xml).controls[0]


def codes(xml: str, value: object) -> list[str]:
    return [reason.code for reason in choices.errors(control(xml), value, Spot("/0/value"))]


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ({"choices": ["Glad", "s"]}, "choices-one-only"),
        ({"choices": []}, "choices-none"),
        ({"choices": ["Glad", "Glad"]}, "choices-one-only"),
        ({"choices": ["Sad"]}, "choice-needs-alias"),
        ({"choices": ["Angry"]}, "choice-unknown"),
        ({"choices": "Glad"}, "choices-not-a-list"),
        ({"choices": [1]}, "choices-not-a-list"),
        ({"choices": [["Glad"]]}, "choices-not-a-list"),
        ({"labels": ["Glad"]}, "value-missing"),
        ({"choices": ["Glad"], "extra": 1}, "value-unknown"),
        (["Glad"], "value-not-an-object"),
        (None, "value-not-an-object"),
    ],
)
def test_an_answer_that_a_single_choice_cannot_give_is_refused(value: object, code: str) -> None:
    assert code in codes(SINGLE, value)


def test_several_answers_may_be_given_but_none_twice() -> None:
    assert codes(MANY, {"choices": ["Glad", "s"]}) == []
    assert codes(MANY, {"choices": ["Glad", "Glad"]}) == ["choice-repeated"]


def test_every_reason_points_at_the_value() -> None:
    found = choices.errors(control(MANY), {"choices": ["Glad", "Bad", "Worse"]}, Spot("/0/value"))

    assert [reason.path for reason in found] == ["/0/value/choices/1", "/0/value/choices/2"]


def test_a_form_becomes_the_stored_values_in_the_order_of_the_config() -> None:
    assert choices.from_form(control(MANY), ["s", "Glad"]) == {"choices": ["Glad", "s"]}
    assert choices.from_form(control(MANY), ["", "Glad"]) == {"choices": ["Glad"]}
    assert choices.from_form(control(MANY), []) is None


def test_what_the_form_did_not_offer_is_kept_so_that_it_can_be_refused() -> None:
    value = choices.from_form(control(SINGLE), ["Angry"])

    assert codes(SINGLE, value) == ["choice-unknown"]


def test_the_page_shows_words_and_stores_aliases_and_chooses_nothing_beforehand() -> None:
    shown = choices.widget(control(SINGLE.replace('alias="s"', 'alias="s" selected="true"')), {}, None)

    assert [(o.value, o.text, o.hint, o.key, o.is_chosen) for o in shown.options] == [
        ("Glad", "Glad", "joy", "1", False),
        ("s", "Sad", "", "2", False),
    ]


def test_an_earlier_answer_is_shown_again() -> None:
    shown = choices.widget(control(SINGLE), {}, {"choices": ["s"]})

    assert [option.is_chosen for option in shown.options] == [False, True]


def test_a_label_is_one_text_or_a_sorted_list() -> None:
    assert choices.label(control(SINGLE), {"choices": ["s"]}) == "s"
    assert choices.label(control(MANY), {"choices": ["s", "Glad"]}) == ["Glad", "s"]
    assert choices.shown(control(MANY), {"choices": ["Glad", "s"]}) == "Glad, Sad"
