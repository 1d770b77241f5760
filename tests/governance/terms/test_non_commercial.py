"""The term “nobody may earn money with it”."""

from governance.odrl.policy import term
from tests.governance.terms.asking import ask, codes, odrl, refused


def test_it_lets_pass_what_earns_nothing_and_stops_what_earns_money() -> None:
    assert ask("non-commercial").is_permitted
    assert codes(ask("non-commercial", commercial=True)) == {"commercial-not-permitted"}


def test_it_takes_no_value_and_is_duo_46() -> None:
    assert refused("non-commercial", 3) == ["term-value"]
    assert term("non-commercial").DUO == "DUO:0000046"


def test_it_is_a_condition_of_the_permission_in_odrl() -> None:
    (permission,) = odrl("non-commercial")["permission"]  # type: ignore[misc]

    assert "urn:wellhouse:operand:commercial" in {c["leftOperand"] for c in permission["constraint"]}
