"""The term “no machine may speak with our voices”."""

from governance.odrl.policy import term
from tests.governance.terms.asking import ask, codes, odrl, refused


def test_it_stops_a_machine_that_speaks_and_nothing_else() -> None:
    assert codes(ask("no-voice-cloning", purpose="speech-synthesis")) == {"prohibited"}
    assert ask("no-voice-cloning", purpose="speech-recognition").is_permitted


def test_it_takes_no_value_and_fits_no_duo_term() -> None:
    assert refused("no-voice-cloning", "x") == ["term-value"]
    assert term("no-voice-cloning").DUO is None


def test_it_is_a_prohibition_in_odrl() -> None:
    (rule,) = odrl("no-voice-cloning")["prohibition"]  # type: ignore[misc]

    assert rule["uid"] == "urn:p#no-voice-cloning"
    assert rule["constraint"][0]["rightOperand"] == {"@id": "urn:wellhouse:purpose:speech-synthesis"}
