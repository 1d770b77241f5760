"""One vocabulary: every verb that the code uses is in the table of roles, and the other way round."""

from governance.roles import VERBS, Machine, may
from tests.rules.source import calls, modules, text_of

ACTS = {"act", "record", "may", "require", "who_may"}


def used_verbs() -> dict[str, str]:
    found: dict[str, str] = {}
    for path, tree in modules():
        if path.as_posix() == "governance/roles.py":
            continue
        for name, call in calls(tree):
            if name in ACTS:
                for argument in [*call.args, *(k.value for k in call.keywords if k.arg in {"verb"})]:
                    verb = text_of(argument)
                    if verb and "." in verb and " " not in verb:
                        found.setdefault(verb, path.as_posix())
    return found


def test_every_verb_that_is_used_stands_in_the_table():
    unknown = {verb: path for verb, path in used_verbs().items() if verb not in VERBS}

    assert unknown == {}


def test_every_verb_in_the_table_is_used():
    unused = set(VERBS) - set(used_verbs())

    assert unused == set()


def test_nobody_has_a_verb_that_is_not_in_the_table(db):
    assert not may(Machine("worker"), "everything.do", None)
