"""Rating: a whole number of stars between one and maxRating."""

import pytest

from annotations import configs
from annotations.nodes import Node, Spot
from annotations.tags import rating


def control(attributes: str = "") -> Node:
    return configs.parse(
        f'<View><Text name="t" value="$t"/><Rating name="r" toName="t" {attributes}/></View>'
    ).controls[0]


@pytest.mark.parametrize(
    ("given", "code"),
    [
        (0, "rating-out-of-range"),
        (6, "rating-out-of-range"),
        (-1, "rating-out-of-range"),
        (2.0, "rating-not-whole"),
        (True, "rating-not-whole"),
        ("3", "rating-not-whole"),
        (None, "rating-not-whole"),
    ],
)
def test_a_number_that_is_no_star_is_refused(given: object, code: str) -> None:
    assert [reason.code for reason in rating.errors(control(), {"rating": given}, Spot("/0/value"))] == [code]


def test_every_star_is_accepted() -> None:
    node = control('maxRating="7"')

    assert all(not rating.errors(node, {"rating": star}, Spot("")) for star in range(1, 8))
    assert [option.key for option in rating.widget(node, {}, {"rating": 3}).options] == list("1234567")


def test_a_form_gives_a_number_and_nonsense_is_kept_to_be_refused() -> None:
    assert rating.from_form(control(), ["4"]) == {"rating": 4}
    assert rating.from_form(control(), [""]) is None
    assert rating.errors(control(), rating.from_form(control(), ["٤"]), Spot(""))[0].code == "rating-not-whole"


def test_more_stars_than_fit_are_refused_in_the_config() -> None:
    xml = '<View><Text name="t" value="$t"/><Rating name="r" toName="t" maxRating="{}"/></View>'

    assert [r.code for r in configs.inspect(xml.format(21))[1]] == ["attribute-wrong"]
    assert [r.code for r in configs.inspect(xml.format("five"))[1]] == ["attribute-wrong"]
    assert configs.inspect(xml.format(20))[1] == []


def test_the_label_is_the_number_as_text() -> None:
    assert rating.label(control(), {"rating": 4}) == "4"
    assert rating.shown(control(), {"rating": 4}) == "4 / 5"
