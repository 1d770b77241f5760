"""The term “publication embargo”."""

from governance.odrl.policy import term
from tests.governance.terms.asking import ask, odrl, refused


def test_it_goes_with_the_use_for_its_time() -> None:
    (duty,) = ask("publication-embargo", 2).duties

    assert (duty.action, duty.phase, duty.days) == ("urn:wellhouse:duty:hold-publication", "ongoing", 60)


def test_it_needs_a_number_and_is_24_of_duo() -> None:
    assert refused("publication-embargo", 61) == ["term-value"]
    assert term("publication-embargo").DUO == "DUO:0000024"


def test_more_months_are_tighter() -> None:
    assert term("publication-embargo").is_tighter(6, 12) is True
    assert term("publication-embargo").is_tighter(12, 6) is False
    assert term("publication-embargo").is_tighter(6, 6) is None


def test_it_is_a_duty_with_a_length_in_odrl() -> None:
    (permission,) = odrl("publication-embargo", 2)["permission"]  # type: ignore[misc]

    assert permission["duty"][0]["constraint"][0]["rightOperand"]["@value"] == "P60D"
