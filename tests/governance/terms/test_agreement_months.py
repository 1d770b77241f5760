"""The term that limits how long an agreement lasts."""

import pytest

from governance.odrl import profile
from governance.odrl.evaluate import holds
from governance.odrl.policy import Body, Term, term, validate


@pytest.mark.parametrize(("months", "expected"), [(11, True), (12, True), (13, False)])
def test_it_holds_up_to_its_number(months: int, expected: bool) -> None:
    (constraint,) = term("agreement-months").constraints(12)

    assert holds(constraint, {profile.AGREED_MONTHS: months}) is expected


def test_an_agreement_without_an_end_cannot_be_told() -> None:
    (constraint,) = term("agreement-months").constraints(12)

    assert holds(constraint, {}) is None


@pytest.mark.parametrize("value", [0, 121, "12", None, True])
def test_it_needs_a_number_of_months(value: object) -> None:
    assert [r.code for r in validate(Body(terms=(Term("agreement-months", value),)))] == ["term-value"]


def test_fewer_months_are_tighter() -> None:
    assert term("agreement-months").is_tighter(12, 6) is True
    assert term("agreement-months").is_tighter(6, 12) is False
