"""The term “publication”."""

from governance.odrl.policy import term
from tests.governance.terms.asking import ask, odrl, refused


def test_it_goes_with_the_use_for_its_time() -> None:
    (duty,) = ask("publication", 2).duties

    assert (duty.action, duty.phase, duty.days) == ("urn:wellhouse:duty:publish", "ongoing", 60)


def test_it_needs_a_number_and_is_19_of_duo() -> None:
    assert refused("publication", 61) == ["term-value"]
    assert term("publication").DUO == "DUO:0000019"


def test_fewer_months_are_tighter() -> None:
    assert term("publication").is_tighter(12, 6) is True
    assert term("publication").is_tighter(6, 12) is False
    assert term("publication").is_tighter(6, 6) is None


def test_it_is_a_duty_with_a_length_in_odrl() -> None:
    (permission,) = odrl("publication", 2)["permission"]  # type: ignore[misc]

    assert permission["duty"][0]["constraint"][0]["rightOperand"]["@value"] == "P60D"
