"""The term “for so many months, then they delete it”."""

from governance.odrl.policy import term
from tests.governance.terms.asking import ask, codes, odrl, refused


def test_it_holds_until_its_months_are_over() -> None:
    assert ask("time-limit", 3, months_ago=2).is_permitted
    assert codes(ask("time-limit", 3, months_ago=4)) == {"time-limit-passed"}


def test_it_asks_for_copies_to_be_deleted_then() -> None:
    (duty,) = ask("time-limit", 3).duties

    assert (duty.action, duty.phase, duty.days) == ("odrl:delete", "ongoing", 90)


def test_it_needs_a_number_and_is_duo_25() -> None:
    assert refused("time-limit", 0) == ["term-value"]
    assert term("time-limit").DUO == "DUO:0000025"


def test_fewer_months_are_tighter() -> None:
    assert term("time-limit").is_tighter(12, 6) is True
    assert term("time-limit").is_tighter(6, 12) is False
    assert term("time-limit").is_tighter(6, 6) is None


def test_it_is_a_condition_and_a_duty_in_odrl() -> None:
    (permission,) = odrl("time-limit", 3)["permission"]  # type: ignore[misc]

    assert "urn:wellhouse:operand:months-since-agreement" in {c["leftOperand"] for c in permission["constraint"]}
    assert permission["duty"][0]["action"] == "delete"
