"""The term “they may not pass it on”."""

from governance.odrl import profile
from governance.odrl.evaluate import Question, evaluate
from governance.odrl.policy import Body, Term, compile_policy

KNOWN = {profile.PURPOSE: "teaching", profile.ORGANISATION: "public", profile.COMMERCIAL: False}


def test_pulling_stays_possible_and_passing_on_does_not() -> None:
    body = Body(purposes=("teaching",), organisations=("public",), terms=(Term("no-redistribution"),))
    compiled = compile_policy(body, uid="urn:p", target="urn:d")

    assert evaluate(compiled, Question(profile.PULL, ("urn:d",), KNOWN)).is_permitted
    assert not evaluate(compiled, Question(profile.DISTRIBUTE, ("urn:d",), KNOWN)).is_permitted
