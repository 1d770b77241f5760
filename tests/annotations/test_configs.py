"""Labeling configs: read strictly, every fault with its line; forms become results; results are held to the config."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotations import configs
from governance.kernel.errors import Invalid

GOOD = """<View>
  <Header value="What feeling does the speaker show?"/>
  <Text name="text" value="$text"/>
  <Choices name="feeling" toName="text" required="true">
    <Choice value="Glad"/>
    <Choice value="Sad" alias="sad"/>
  </Choices>
  <Rating name="sure" toName="text" maxRating="3"/>
  <TextArea name="why" toName="text" maxSubmissions="1"/>
</View>
"""


def faults(xml: str) -> list[tuple[str, int | None]]:
    config, reasons = configs.inspect(xml)
    assert (config is None) == bool(reasons)
    return [(reason.code, reason.line) for reason in reasons]


def item(**changes: object) -> dict[str, object]:
    made: dict[str, object] = {
        "from_name": "feeling",
        "to_name": "text",
        "type": "choices",
        "value": {"choices": ["Glad"]},
    }
    return {**made, **changes}


def test_a_good_config_becomes_a_tree_with_lines() -> None:
    config = configs.parse(GOOD)

    assert [(node.tag, node.line) for node in config.controls] == [("Choices", 4), ("Rating", 8), ("TextArea", 9)]
    assert config.columns == ("text",)
    assert config.main.name == "feeling"
    assert configs.tags_of(GOOD)[:2] == [("Choice", "part", True), ("Choices", "control", True)]


@pytest.mark.parametrize(
    ("old", "new", "code", "line"),
    [
        ("<Rating", "<Stars", "tag-unknown", 8),
        ("<Rating", "<rating", "tag-unknown", 8),
        (
            '<Rating name="sure" toName="text" maxRating="3"/>',
            '<Number name="n" toName="text"/>',
            "tag-not-supported",
            8,
        ),
        ("<Header value=", "<Style/><Header value=", "tag-not-supported", 2),
        ('name="sure"', 'name="feeling"', "name-twice", 8),
        ('name="sure"', 'name="text"', "name-twice", 8),
        ('name="sure" ', "", "attribute-missing", 8),
        ('name="sure" toName="text"', 'name="sure" toName="sound"', "to-name-dangling", 8),
        ('name="sure" toName="text"', 'name="sure" toName="feeling"', "to-name-dangling", 8),
        ('name="sure" toName="text"', 'name="sure" toName="text, text"', "to-name-spaces", 8),
        ('name="sure" toName="text"', "name='sure' toName=' text'", "to-name-spaces", 8),
        ('value="$text"', 'value="text"', "value-not-a-column", 3),
        ('value="$text"', "", "attribute-missing", 3),
        ('maxRating="3"', 'maxRating="0"', "attribute-wrong", 8),
        ('required="true"', 'required="yes"', "attribute-wrong", 4),
        ('required="true"', 'choice="both"', "attribute-wrong", 4),
        ('required="true"', 'perRegion="true"', "attribute-not-supported", 4),
        ('value="Sad" alias="sad"', 'value="Glad"', "choice-twice", 6),
        ('<Choice value="Glad"/>', '<View><Choice value="Glad"/></View>', "tag-misplaced", 5),
        ('<Choice value="Glad"/>', '<Label value="Glad"/>', "tag-not-supported", 5),
        ('value="Glad"', 'value="Glad" background="red;}"', "colour-unsafe", 5),
    ],
)
def test_a_fault_is_named_with_its_line(old: str, new: str, code: str, line: int) -> None:
    assert (code, line) in faults(GOOD.replace(old, new, 1))


def test_choices_without_a_choice_are_refused_on_their_line() -> None:
    xml = '<View>\n<Text name="t" value="$t"/>\n<Choices\n  name="c"\n  toName="t"\n/></View>'

    assert faults(xml) == [("choices-empty", 3)]


def test_the_same_hotkey_twice_is_refused() -> None:
    xml = GOOD.replace('value="Glad"', 'value="Glad" hotkey="g"').replace('alias="sad"', 'hotkey="G"')

    assert faults(xml) == [("hotkey-twice", 6)]


def test_a_misspelt_tag_is_told_the_nearest_one() -> None:
    _config, reasons = configs.inspect(GOOD.replace("<Header", "<Headr"))

    assert [str(reason) for reason in reasons] == ["There is no tag Headr; did you mean Header?"]


def test_every_fault_is_told_at_once_in_the_order_of_lines() -> None:
    xml = GOOD.replace('value="$text"', 'value="text"').replace('maxRating="3"', 'maxRating="x"').replace("Sad", "Glad")

    assert faults(xml) == [("value-not-a-column", 3), ("choice-twice", 6), ("attribute-wrong", 8)]


@pytest.mark.parametrize(
    ("xml", "code"),
    [
        ("", "config-not-xml"),
        ("<View>", "config-not-xml"),
        ("<View>\x00</View>", "config-not-xml"),
        ("<View>\ud800</View>", "config-not-xml"),
        ("<Text name='t' value='$t'/>", "config-root"),
        ("<View/>", "config-shows-nothing"),
        ("<View><Text name='t' value='$t'/></View>", "config-asks-nothing"),
        ("<View>" * 60 + "</View>" * 60, "config-too-deep"),
        ("<View>" + " " * 200_000 + "</View>", "config-too-long"),
    ],
)
def test_what_is_no_config_gets_an_answer(xml: str, code: str) -> None:
    assert code in [found for found, _line in faults(xml)]


@pytest.mark.parametrize(
    "xml",
    [
        '<!DOCTYPE View [<!ENTITY e SYSTEM "file:///etc/hostname">]><View><Header value="&e;"/></View>',
        '<!DOCTYPE v [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><View>&b;</View>',
        '<!DOCTYPE View SYSTEM "http://localhost:9/x.dtd"><View/>',
    ],
)
def test_entities_and_document_types_are_refused_unread(xml: str) -> None:
    assert [code for code, _line in faults(xml)] in (["config-doctype"], ["config-not-xml"])


def test_broken_xml_is_named_with_its_line() -> None:
    assert faults('\n<View>\n<Text name="t"\n</View>')[0][0] == "config-not-xml"
    assert faults('\n<View>\n<Text name="t"\n</View>')[0][1] in {3, 4}


def test_parse_raises_every_reason() -> None:
    with pytest.raises(Invalid) as caught:
        configs.parse(GOOD.replace('value="$text"', 'value="text"').replace("Sad", "Glad"))

    assert caught.value.code == "config-invalid"
    assert len(caught.value.reasons) == 2


def test_every_answer_has_a_key_and_none_has_anothers() -> None:
    xml = GOOD.replace('value="Sad" alias="sad"', 'value="Sad" alias="sad" hotkey="1"')

    shown = configs.widgets(configs.parse(xml), {"text": "x"})
    keys = [option.key for widget in shown for option in widget.options]

    assert keys == ["2", "1", "3", "4", "5"]


def test_the_keys_are_1_to_9_then_0_then_a_to_z() -> None:
    many = "".join(f'<Choice value="c{n}"/>' for n in range(13))
    xml = f'<View><Text name="t" value="$t"/><Choices name="c" toName="t">{many}</Choices></View>'

    assert "".join(o.key for o in configs.widgets(configs.parse(xml), {})[1].options) == "1234567890abc"


def test_a_form_becomes_label_studio_results() -> None:
    found = configs.to_results(
        configs.parse(GOOD), {"a.feeling": ["sad"], "a.sure": ["2"], "a.why": ["so\r\n"], "other": ["x"]}
    )

    assert [(i["from_name"], i["type"], i["value"]) for i in found] == [
        ("feeling", "choices", {"choices": ["sad"]}),
        ("sure", "rating", {"rating": 2}),
        ("why", "textarea", {"text": ["so"]}),
    ]
    assert configs.result_errors(configs.parse(GOOD), found) == []
    assert len({i["id"] for i in found}) == 3


def test_the_same_form_gives_the_same_results() -> None:
    config = configs.parse(GOOD)

    assert configs.to_results(config, {"a.feeling": ["sad"]}) == configs.to_results(config, {"a.feeling": ["sad"]})


@pytest.mark.parametrize(
    ("form", "code", "path"),
    [
        ({}, "answer-required", "a.feeling"),
        ({"a.feeling": [""]}, "answer-required", "a.feeling"),
        ({"a.feeling": ["Glad", "sad"]}, "choices-one-only", "a.feeling"),
        ({"a.feeling": ["Sad"]}, "choice-needs-alias", "a.feeling"),
        ({"a.feeling": ["Glad"], "a.sure": ["9"]}, "rating-out-of-range", "a.sure"),
        ({"a.feeling": ["Glad"], "a.why": ["a", "b"]}, "text-too-many", "a.why"),
    ],
)
def test_a_form_that_cannot_be_kept_says_why_at_its_field(form: dict[str, list[str]], code: str, path: str) -> None:
    with pytest.raises(Invalid) as caught:
        configs.to_results(configs.parse(GOOD), form)

    assert (code, path) in [(reason.code, reason.path) for reason in caught.value.reasons]


def test_a_form_without_any_answer_is_refused_even_when_nothing_is_required() -> None:
    with pytest.raises(Invalid) as caught:
        configs.to_results(configs.parse(GOOD.replace(' required="true"', "")), {})

    assert [reason.code for reason in caught.value.reasons] == ["answer-empty"]


def test_a_required_message_of_ones_own_is_shown_as_it_is() -> None:
    xml = GOOD.replace('required="true"', 'required="true" requiredMessage="Pick {one}!"')

    with pytest.raises(Invalid) as caught:
        configs.to_results(configs.parse(xml), {})

    assert str(caught.value.reasons[0]) == "Pick {one}!"


@pytest.mark.parametrize(
    ("results", "code", "path"),
    [
        ({}, "results-not-a-list", ""),
        ([], "answer-required", ""),
        (["x"], "value-not-an-object", "/0"),
        ([item(from_name="nobody")], "result-control", "/0/from_name"),
        ([item(to_name="sound")], "result-object", "/0/to_name"),
        ([item(type="labels")], "result-type", "/0/type"),
        ([item(colour="red")], "value-unknown", "/0/colour"),
        ([{"from_name": "feeling"}], "value-missing", "/0/value"),
        ([item(), item()], "result-twice", "/1/from_name"),
        ([item(id="x"), item(from_name="sure", type="rating", value={"rating": 1}, id="x")], "result-id", "/1/id"),
        ([item(id=7)], "result-id", "/0/id"),
        ([item(value={"choices": ["Glad", "sad"]})], "choices-one-only", "/0/value/choices"),
        ([item(value={"choices": []})], "choices-none", "/0/value/choices"),
        ([item(value={"choices": ["Sad"]})], "choice-needs-alias", "/0/value/choices/0"),
        (
            [item(), item(from_name="sure", type="rating", value={"rating": 4})],
            "rating-out-of-range",
            "/1/value/rating",
        ),
        (
            [item(), item(from_name="why", type="textarea", value={"text": ["a", "b"]})],
            "text-too-many",
            "/1/value/text",
        ),
    ],
)
def test_a_bad_result_is_refused_with_its_path(results: object, code: str, path: str) -> None:
    found = configs.result_errors(configs.parse(GOOD), results)

    assert (code, path) in [(reason.code, reason.path) for reason in found]


def test_an_answer_is_read_back_as_a_label_and_as_words() -> None:
    config = configs.parse(GOOD)
    found = configs.to_results(config, {"a.feeling": ["sad"], "a.sure": ["2"]})

    assert configs.label_of(config, found) == "sad"
    assert configs.shown(config, found) == [("feeling", "Sad"), ("sure", "2 / 3")]
    assert configs.label_of(config, []) is None


@given(st.text(max_size=200))
def test_no_text_whatever_breaks_the_reader(text: str) -> None:
    config, reasons = configs.inspect(text)

    assert config is None
    assert all(reason.message for reason in reasons)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["from_name", "to_name", "type", "value", "choices", "text", "rating", "id"]),
                inner,
                max_size=5,
            )
        ),
        max_leaves=12,
    )
)
def test_no_json_whatever_breaks_the_validation(results: object) -> None:
    reasons = configs.result_errors(configs.parse(GOOD), results)

    assert reasons  # "feeling" is required, and nothing drawn here answers it
    assert all(str(reason) for reason in reasons)
