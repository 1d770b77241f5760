"""The term “user specific”."""

from governance.odrl.policy import term
from tests.governance.terms.asking import ask, codes, odrl, refused


def test_it_holds_to_the_names_on_the_list_whatever_their_case() -> None:
    assert ask("user-specific", "Ana Reed, Bo", users=("Ana Reed",)).is_permitted
    assert codes(ask("user-specific", "Ana Reed, Bo", users=("Ana Reed", "Somebody Else"))) == {"user-not-permitted"}


def test_what_nobody_named_is_a_no() -> None:
    assert codes(ask("user-specific", "Ana Reed")) == {"user-not-permitted"}


def test_it_needs_words_and_is_26_of_duo() -> None:
    assert refused("user-specific", "") == ["term-value"]
    assert term("user-specific").DUO == "DUO:0000026"


def test_fewer_names_are_tighter() -> None:
    assert term("user-specific").is_tighter("Ana, Bo", "bo") is True
    assert term("user-specific").is_tighter("Ana", "Ana; Bo") is False
    assert term("user-specific").is_tighter("Ana", "Bo") is None


def test_it_is_a_condition_in_odrl() -> None:
    (permission,) = odrl("user-specific", "Bo, Ana")["permission"]  # type: ignore[misc]

    assert permission["constraint"][-1]["leftOperand"] == "urn:wellhouse:operand:user"
    assert permission["constraint"][-1]["rightOperand"] == ["ana", "bo"]
