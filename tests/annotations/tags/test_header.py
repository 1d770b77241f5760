"""Header: a line of text, and the title of the control that follows it."""

from annotations import configs


def test_a_header_before_a_control_is_its_title_and_another_stands_alone() -> None:
    xml = (
        '<View><Header value="Listen" size="2"/><Text name="t" value="$t"/>'
        '<Header value="$ask"/><Rating name="r" toName="t"/><Header value="Thanks"/></View>'
    )

    shown = configs.widgets(configs.parse(xml), {"t": "x", "ask": "How many?"})

    assert [(w.tag, w.text or w.title, w.level) for w in shown] == [
        ("header", "Listen", 2),
        ("text", "x", 0),
        ("rating", "How many?", 0),
        ("header", "Thanks", 4),
    ]


def test_a_header_without_words_is_refused() -> None:
    found = configs.inspect('<View><Header/><Text name="t" value="$t"/><Rating name="r" toName="t"/></View>')[1]

    assert [reason.code for reason in found] == ["attribute-missing"]
