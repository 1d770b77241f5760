"""The term that asks to look at the withdrawal list."""

from governance.odrl.policy import Body, Term, term, to_odrl


def test_it_asks_for_a_look_within_so_many_days() -> None:
    body = Body(purposes=("teaching",), organisations=("public",), terms=(Term("withdrawal-list", 7),))

    duty = to_odrl(body, uid="urn:p", target="urn:d")["permission"][0]["duty"][0]

    assert duty["action"] == "urn:wellhouse:duty:check-withdrawals"
    assert duty["constraint"][0]["rightOperand"] == {"@type": "xsd:duration", "@value": "P7D"}


def test_more_often_is_tighter() -> None:
    assert term("withdrawal-list").is_tighter(7, 3) is True
    assert term("withdrawal-list").is_tighter(7, 7) is None
