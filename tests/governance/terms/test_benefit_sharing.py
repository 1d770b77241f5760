"""The term “they share with us what it brings”."""

from governance.odrl.policy import term
from tests.governance.terms.asking import ask, odrl, refused


def test_it_goes_with_the_use_in_the_communitys_words() -> None:
    (duty,) = ask("benefit-sharing", "One tenth for the school").duties

    assert (duty.action, duty.phase) == ("urn:wellhouse:duty:share-benefit", "ongoing")
    assert duty.words == "One tenth for the school"


def test_it_needs_words_and_other_words_are_neither_wider_nor_tighter() -> None:
    assert refused("benefit-sharing", " ") == ["term-value"]
    assert term("benefit-sharing").is_tighter("a", "b") is None
    assert term("benefit-sharing").DUO is None


def test_it_is_a_duty_with_its_words_in_odrl() -> None:
    (permission,) = odrl("benefit-sharing", "One tenth")["permission"]  # type: ignore[misc]

    assert permission["duty"][0]["dct:description"] == "One tenth"
