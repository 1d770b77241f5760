"""The term “they work on it in these places only”."""

from governance.odrl.policy import term
from tests.governance.terms.asking import ask, codes, odrl, refused


def test_it_holds_to_the_named_places_whatever_their_case() -> None:
    assert ask("place-of-processing", "NZ, au", place="nz").is_permitted
    assert codes(ask("place-of-processing", "NZ, AU", place="US")) == {"place-not-permitted"}


def test_a_place_that_nobody_told_is_a_no() -> None:
    assert codes(ask("place-of-processing", "NZ")) == {"place-not-permitted"}
    assert codes(ask("place-of-processing", " , ", place="NZ")) == {"place-not-permitted"}


def test_it_needs_words_and_is_duo_22() -> None:
    assert refused("place-of-processing", "") == ["term-value"]
    assert term("place-of-processing").DUO == "DUO:0000022"


def test_fewer_places_are_tighter_and_others_are_neither() -> None:
    plugin = term("place-of-processing")

    assert plugin.is_tighter("NZ, AU", "nz") is True
    assert plugin.is_tighter("NZ", "AU; NZ") is False
    assert plugin.is_tighter("NZ", "AU") is None


def test_it_is_spatial_in_odrl() -> None:
    (permission,) = odrl("place-of-processing", "NZ")["permission"]  # type: ignore[misc]

    assert {"leftOperand": "spatial", "operator": "isAnyOf", "rightOperand": ["nz"], "@type": "Constraint"} in (
        permission["constraint"]
    )
