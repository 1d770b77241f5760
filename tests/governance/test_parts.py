"""The parts of a page: what they draw, and what they leave out."""

import re

import pytest
from django import forms
from django.contrib.auth.models import AnonymousUser
from django.core.paginator import Paginator
from django.template import Context, RequestContext, Template
from django.test import RequestFactory

from governance.kernel.errors import Conflict, Invalid, NotAllowed, Reason
from governance.templatetags import parts
from governance.web.forms import Form


def draw(text: str, **context: object) -> str:
    return Template("{% load parts %}" + text).render(Context(context))


class Asking(Form):
    name = forms.CharField(label="Its name", help_text="As you write it.")
    use = forms.ChoiceField(label="What for", choices=[("a", "Teaching"), ("b", "Research")], widget=forms.RadioSelect)
    sure = forms.BooleanField(label="I am sure", required=False)
    kind = forms.ChoiceField(label="Kind", choices=[("s", "School")], required=False)
    text = forms.CharField(label="In your words", widget=forms.Textarea, required=False)


def test_a_bar_is_as_wide_as_its_share_and_carries_no_style() -> None:
    bar = draw("{% meter 12 30 %}")

    assert 'width="40.00%"' in bar
    assert "style" not in bar
    assert 'aria-hidden="true"' in bar


@pytest.mark.parametrize(
    ("value", "of", "width"),
    [(0, 10, "0.00"), (1, 100_000, "0.60"), (15, 10, "100.00"), (3, 0, "0.00"), (-1, 10, "0.00")],
)
def test_a_bar_stays_within_its_frame_and_a_small_share_can_still_be_seen(value: int, of: int, width: str) -> None:
    assert f'width="{width}%"' in draw("{% meter value of %}", value=value, of=of)


def test_the_parts_of_a_whole_stand_beside_each_other_in_their_colours() -> None:
    whole = draw('{% whole values label="three and one" %}', values=[3, 1])

    assert re.findall(r'class="(c\d)" x="([\d.]+)%" width="([\d.]+)%"', whole) == [
        ("c1", "0.00", "75.00"),
        ("c2", "75.00", "25.00"),
    ]
    assert 'aria-label="three and one"' in whole


def test_an_estimate_shows_its_interval_and_its_target() -> None:
    drawn = draw("{% sure 0.61 0.51 0.70 0.70 %}")

    assert 'x="51.0%" width="19.0%"' in drawn
    assert 'x1="70.0%"' in drawn
    assert "goal" not in draw("{% sure 0.61 0.51 0.70 %}")


@pytest.mark.parametrize(("value", "css"), [(0, ""), (1, "heat h1"), (50, "heat h5"), (100, "heat h10")])
def test_a_cell_is_the_darker_the_more_it_counts(value: int, css: str) -> None:
    assert parts.heat(value, 100) == css


def test_a_field_names_its_label_its_hint_and_its_error() -> None:
    field = draw("{% field form.name %}", form=Asking({}))

    assert '<label for="id_name">Its name</label>' in field
    assert 'aria-invalid="true"' in field
    described = re.search(r'aria-describedby="([^"]*)"', field)
    assert described
    assert all(f'id="{name}"' in field for name in described[1].split())


def test_choices_are_cards_under_one_legend_and_their_error_is_tied_to_it() -> None:
    field = draw("{% field form.use %}", form=Asking({}))

    assert field.count('<div class="choice"><input type="radio"') == 2
    assert "<legend>What for</legend>" in field
    assert 'id="id_use_error"' in field


def test_one_box_is_a_card_and_a_list_and_a_text_are_their_own_controls() -> None:
    form = Asking()

    assert '<div class="choice"><input type="checkbox"' in draw("{% field form.sure %}", form=form)
    assert "<select" in draw("{% field form.kind %}", form=form)
    assert 'lang="ha"' in draw('{% field form.text rows=2 lang="ha" %}', form=form)


def test_an_icon_says_nothing_to_a_reader() -> None:
    assert 'aria-hidden="true"' in draw('{% icon "flag" %}')


def test_the_way_to_the_next_page_keeps_the_filters_of_the_address() -> None:
    request = RequestFactory().get("/list/?name=ilse&page=1")
    request.user = AnonymousUser()

    context = RequestContext(request, {"page": Paginator(range(4812), 50).get_page(1)})
    pager = Template("{% load parts %}{% pager page %}").render(context)

    assert "1 to 50 of 4,812" in pager
    assert 'href="?name=ilse&amp;page=2"' in pager
    assert "Previous" not in pager


def test_a_form_tells_what_an_operation_refused_at_the_field_it_names() -> None:
    def refuse(thing: str, *, by: str) -> str:
        raise Invalid(
            "odd", reasons=[Reason("odd", "Not {word}.", path="/name", values={"word": "so"}), Reason("b", "Both.")]
        )

    form = Asking({"name": "x", "use": "a"})
    assert form.is_valid()

    assert form.attempt(refuse, "thing", by="me") is None

    assert form.errors["name"] == ["Not so."]
    assert form.non_field_errors() == ["Both."]
    assert isinstance(form.refusal, Invalid)


def test_what_a_form_cannot_mend_leaves_it() -> None:
    def refuse(thing: str) -> str:
        raise NotAllowed("role-missing", "No.")

    def hurry(thing: str) -> str:
        raise Conflict("taken", "Somebody was faster.")

    form = Asking({"name": "x", "use": "a"})

    with pytest.raises(NotAllowed):
        form.attempt(refuse, "thing")
    assert form.attempt(hurry, "thing") is None
    assert form.attempt(str.upper, "thing") == "THING"
