"""The term “give us what you made”."""

from governance.odrl.policy import Body, Term, compile_policy, validate


def test_it_adds_a_duty_and_takes_no_value() -> None:
    body = Body(purposes=("teaching",), organisations=("public",), terms=(Term("return-results"),))

    compiled = compile_policy(body, uid="urn:p", target="urn:d")

    assert [duty.action for duty in compiled.permissions[0].duties] == ["urn:wellhouse:duty:return-results"]
    assert validate(body) == ()
    assert [r.code for r in validate(Body(terms=(Term("return-results", 1),)))] == ["term-value"]
