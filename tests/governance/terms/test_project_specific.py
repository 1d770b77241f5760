"""The term “project specific”."""

from governance.odrl.policy import term
from tests.governance.terms.asking import ask, codes, odrl, refused


def test_it_holds_to_the_names_on_the_list_whatever_their_case() -> None:
    assert ask("project-specific", "Ana Reed, Bo", project="ANA REED").is_permitted
    assert codes(ask("project-specific", "Ana Reed, Bo", project="Another project")) == {"project-not-permitted"}


def test_what_nobody_named_is_a_no() -> None:
    assert codes(ask("project-specific", "Ana Reed")) == {"project-not-permitted"}


def test_it_needs_words_and_is_27_of_duo() -> None:
    assert refused("project-specific", "") == ["term-value"]
    assert term("project-specific").DUO == "DUO:0000027"


def test_fewer_names_are_tighter() -> None:
    assert term("project-specific").is_tighter("Ana, Bo", "bo") is True
    assert term("project-specific").is_tighter("Ana", "Ana; Bo") is False
    assert term("project-specific").is_tighter("Ana", "Bo") is None


def test_it_is_a_condition_in_odrl() -> None:
    (permission,) = odrl("project-specific", "Bo, Ana")["permission"]  # type: ignore[misc]

    assert permission["constraint"][-1]["leftOperand"] == "urn:wellhouse:operand:project"
    assert permission["constraint"][-1]["rightOperand"] == ["ana", "bo"]
