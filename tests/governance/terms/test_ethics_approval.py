"""The term “ethics approval first”."""

from governance.odrl.policy import term
from tests.governance.terms.asking import ask, codes, odrl, refused

ACTION = "urn:wellhouse:duty:ethics-approval"


def test_nothing_is_given_before_it_is_fulfilled() -> None:
    assert codes(ask("ethics-approval")) == {"duty-unfulfilled"}
    assert ask("ethics-approval").is_reviewable
    assert ask("ethics-approval", fulfilled=(ACTION,)).is_permitted


def test_another_papers_approval_does_not_fulfil_it() -> None:
    assert codes(ask("ethics-approval", fulfilled=("urn:wellhouse:duty:other",))) == {"duty-unfulfilled"}


def test_it_takes_no_value_and_is_21_of_duo() -> None:
    assert refused("ethics-approval", "x") == ["term-value"]
    assert term("ethics-approval").DUO == "DUO:0000021"


def test_it_is_a_duty_before_use_in_odrl() -> None:
    (permission,) = odrl("ethics-approval")["permission"]  # type: ignore[misc]

    assert permission["duty"][0]["action"] == ACTION
    assert permission["duty"][0]["urn:wellhouse:phase"] == {"@id": "urn:wellhouse:phase:before"}
