"""Label Studio's own library takes what we take: our results, and its refusals reach people as a sentence."""

import pytest
from label_studio_sdk.label_interface import LabelInterface

from annotations import configs, labelstudio
from governance.kernel.errors import Invalid
from tests.annotations.makers import CONFIG

EVERYTHING = """<View>
  <Text name="t" value="$text"/><Image name="i" value="$image"/><Audio name="a" value="$audio"/>
  <Choices name="one" toName="t"><Choice value="A"/><Choice value="B" alias="b"/></Choices>
  <Choices name="many" toName="a" choice="multiple"><Choice value="C"/><Choice value="D"/></Choices>
  <Rating name="stars" toName="i" maxRating="4"/>
  <TextArea name="words" toName="a"/>
</View>"""


def test_what_holds_here_holds_there() -> None:
    labelstudio.check(CONFIG)
    labelstudio.check(EVERYTHING)


def test_our_results_are_valid_for_label_studios_own_validator() -> None:
    form = {"a.one": ["b"], "a.many": ["D", "C"], "a.stars": ["4"], "a.words": ["ostre"]}

    results = configs.to_results(configs.parse(EVERYTHING), form)

    assert LabelInterface(EVERYTHING).validate_prediction({"result": results}, return_errors=True) == []
    assert configs.result_errors(configs.parse(EVERYTHING), results) == []


def test_a_refusal_of_the_library_reaches_people_as_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    class Fewer:
        controls: tuple[object, ...] = ()

        def __init__(self, config: str) -> None:
            self.config = config

        def validate(self) -> None:
            """Find nothing wrong."""

    monkeypatch.setattr(labelstudio, "LabelInterface", Fewer)

    with pytest.raises(Invalid) as caught:
        labelstudio.check(CONFIG)

    assert caught.value.code == "config-refused"
    assert "feeling" in str(caught.value)
