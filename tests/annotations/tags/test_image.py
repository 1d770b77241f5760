"""Image: shows the picture that the column names."""

from annotations import configs
from annotations.tags import image

XML = '<View><Image name="i" value="$photo" alt="A bird"/><Rating name="r" toName="i"/></View>'


def test_the_address_comes_from_the_column() -> None:
    node = configs.parse(XML).objects[0]

    assert image.widget(node, {"photo": "/m/ab.png"}).source == "/m/ab.png"
    assert image.widget(node, {"photo": "/m/ab.png"}).text == "A bird"
    assert image.widget(node, {}).source == ""


def test_a_list_of_pictures_is_refused_since_it_would_show_one() -> None:
    found = configs.inspect(XML.replace('alt="A bird"', 'valueList="$photos"'))[1]

    assert [reason.code for reason in found] == ["attribute-not-supported"]
