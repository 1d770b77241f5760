"""The term “institution specific”."""

from governance.odrl.policy import term
from tests.governance.terms.asking import ask, codes, odrl, refused


def test_it_holds_to_the_names_on_the_list_whatever_their_case() -> None:
    assert ask("institution-specific", "Ana Reed, Bo", institution=" ana  reed").is_permitted
    assert codes(ask("institution-specific", "Ana Reed, Bo", institution="Another House")) == {
        "institution-not-permitted"
    }


def test_what_nobody_named_is_a_no() -> None:
    assert codes(ask("institution-specific", "Ana Reed")) == {"institution-not-permitted"}


def test_it_needs_words_and_is_28_of_duo() -> None:
    assert refused("institution-specific", "") == ["term-value"]
    assert term("institution-specific").DUO == "DUO:0000028"


def test_fewer_names_are_tighter() -> None:
    assert term("institution-specific").is_tighter("Ana, Bo", "bo") is True
    assert term("institution-specific").is_tighter("Ana", "Ana; Bo") is False
    assert term("institution-specific").is_tighter("Ana", "Bo") is None


def test_it_is_a_condition_in_odrl() -> None:
    (permission,) = odrl("institution-specific", "Bo, Ana")["permission"]  # type: ignore[misc]

    assert permission["constraint"][-1]["leftOperand"] == "urn:wellhouse:operand:institution"
    assert permission["constraint"][-1]["rightOperand"] == ["ana", "bo"]
