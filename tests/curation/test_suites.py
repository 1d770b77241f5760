"""Running checks: what breaks counts as a failure, never as a pass."""

import pytest

from curation import suites
from curation.findings import Context, worst
from tests.curation.members import members


def test_every_check_of_the_folder_is_planned_with_its_defaults() -> None:
    planned = suites.plan()

    assert [item.check_id for item in planned] == [
        "class_balance", "completeness", "conflicting_duplicates", "disagreement", "group_leakage", "leakage", "near_duplicates",
        "split_balance", "test_support",
    ]  # fmt: skip
    assert all(item.params == suites.CHECKS[item.check_id].DEFAULTS for item in planned)


def test_a_figure_that_no_check_knows_is_refused() -> None:
    with pytest.raises(KeyError, match="class_balance.nonsense"):
        suites.plan(policy={"class_balance": {"nonsense": 1.0}})


def test_a_check_that_breaks_is_an_error_that_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*args: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(suites.CHECKS["class_balance"], "check", broken)

    [(_, [found])] = suites.run(suites.plan(["class_balance"]), members([{}]), Context())

    assert (found.status, found.stops, found.check_id) == ("error", True, "class_balance")


def test_a_finding_that_cannot_be_written_down_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    module = suites.CHECKS["class_balance"]
    [good] = module.check(members([{"label": "a"}, {"label": "b"}]), Context(), module.DEFAULTS)
    monkeypatch.setattr(module, "check", lambda *args: [type(good)("pass", "", score=float("nan"))])

    [(_, [found])] = suites.run(suites.plan(["class_balance"]), members([{}]), Context())

    assert found.status == "error"


def test_a_missing_column_is_an_error() -> None:
    [(_, [found])] = suites.run(suites.plan(["leakage"]), members([{}]).drop(columns="text_hash"), Context())

    assert found.status == "error"
    assert "text_hash" in found.reason


def test_changed_figures_change_the_hash() -> None:
    [one], [other] = suites.plan(["test_support"]), suites.plan(["test_support"], {"test_support": {"warn_under": 60}})

    assert one.params_hash != other.params_hash


def test_the_worst_status_wins_and_nothing_is_not_a_pass() -> None:
    assert worst(["pass", "warn", "not_applicable"]) == "warn"
    assert worst(["block", "error", "pass"]) == "error"
    assert worst([]) == "not_applicable"
