"""View: the root, an arrangement, and nothing that hides a question."""

from annotations import configs


def test_views_may_stand_in_views_and_their_css_is_ignored() -> None:
    xml = '<View style="color:red"><View className="x"><Text name="t" value="$t"/></View><Rating name="r" toName="t"/></View>'

    assert configs.inspect(xml)[1] == []


def test_a_view_under_a_condition_is_refused_on_its_line() -> None:
    xml = '<View>\n<Text name="t" value="$t"/>\n<View visibleWhen="choice-selected"><Rating name="r" toName="t"/></View></View>'

    found = configs.inspect(xml)[1]

    assert [(reason.code, reason.line) for reason in found] == [("attribute-not-supported", 3)]
