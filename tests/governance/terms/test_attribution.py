"""The term “name us”."""

from governance.odrl.policy import Body, Term, compile_policy, validate

BODY = Body(purposes=("teaching",), organisations=("public",), terms=(Term("attribution", "Stories of the quay"),))


def test_it_adds_a_duty_with_the_communitys_words_and_narrows_nothing() -> None:
    compiled = compile_policy(BODY, uid="urn:p", target="urn:d")

    duty = compiled.permissions[0].duties[0]
    assert (duty.action, duty.words) == ("odrl:attribute", "Stories of the quay")
    assert len(compiled.permissions[0].constraints) == 3


def test_it_needs_words() -> None:
    assert [reason.code for reason in validate(Body(terms=(Term("attribution", "  "),)))] == ["term-value"]
    assert [reason.code for reason in validate(Body(terms=(Term("attribution", "x" * 201),)))] == ["term-value"]
