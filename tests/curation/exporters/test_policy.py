"""The policy travels as the community voted on it."""

import json

from curation.exporters import policy
from tests.curation.exporters.facts import facts


def test_the_policy_is_written_as_canonical_json() -> None:
    content = policy.render(facts(policy={"b": 1, "a": "ọ"}), [])

    assert content == '{"a":"ọ","b":1}'.encode()
    assert json.loads(content) == {"a": "ọ", "b": 1}
