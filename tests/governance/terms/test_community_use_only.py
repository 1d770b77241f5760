"""The term “only groups of our own community”."""

from governance.odrl.policy import term
from tests.governance.terms.asking import ask, codes, odrl, refused


def test_it_lets_pass_the_communitys_own_groups_only() -> None:
    assert ask("community-use-only", kind="community").is_permitted
    assert codes(ask("community-use-only", kind="public")) == {"organisation-not-permitted"}


def test_it_takes_no_value_and_fits_no_duo_term() -> None:
    assert refused("community-use-only", 1) == ["term-value"]
    assert term("community-use-only").DUO is None


def test_it_is_a_condition_in_odrl() -> None:
    (permission,) = odrl("community-use-only")["permission"]  # type: ignore[misc]

    assert permission["constraint"][-1]["rightOperand"] == {"@id": "urn:wellhouse:organisation:community"}
