"""Audio: plays the recording that the column names."""

from annotations import configs
from annotations.tags import audio


def test_the_address_comes_from_the_column() -> None:
    node = configs.parse('<View><Audio name="a" value="$clip"/><Rating name="r" toName="a"/></View>').objects[0]

    assert audio.widget(node, {"clip": "/m/ab.ogg"}).source == "/m/ab.ogg"
    assert audio.widget(node, {"clip": None}).source == ""
