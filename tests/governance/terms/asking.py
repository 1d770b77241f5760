"""One term put into rules that allow everything else, and asked through the real decision."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from governance.odrl import profile
from governance.odrl.decide import AGREED, DATASET, IN_FORCE, LayerFact, Outcome, Request, decide
from governance.odrl.facts import AgreementFact, ConsentFact, Facts, PartyFact, TargetFact
from governance.odrl.policy import Body, Term, to_odrl, validate

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
ALL = Body(("use",), tuple(profile.ORGANISATIONS), True, ())


def ask(
    code: str,
    value: str | int | None = None,
    *,
    purpose: str = "teaching",
    commercial: bool = False,
    months_ago: int = 0,
    fulfilled: tuple[str, ...] = (),
    project: str = "",
    **party: object,
) -> Outcome:
    """Decide a pull under rules that hold this one term; ``party`` changes who asks."""
    body = replace(ALL, terms=(Term(code, value),))
    assert validate(body) == ()
    began = NOW - timedelta(days=31 * months_ago)
    agreement = AgreementFact(
        "A-1", "p", "urn:d", purpose, commercial, 1, began, NOW + timedelta(9), fulfilled=fulfilled, project=project
    )
    facts = Facts(
        party=PartyFact(**{"ref": "p", "kind": "non-profit", **party}),  # type: ignore[arg-type]
        target=TargetFact("urn:v", "urn:d", 1, "published"),
        consents=ConsentFact(valid=1),
        layers=tuple(LayerFact(DATASET, standing, "urn:p", 1, body) for standing in (AGREED, IN_FORCE)),
        agreement=agreement,
    )
    return decide(Request("p", profile.PULL, "urn:v", purpose, commercial, NOW), facts)


def codes(outcome: Outcome) -> set[str]:
    """The codes of all reasons."""
    return {because.code for because in outcome.reasons}


def odrl(code: str, value: str | int | None = None) -> dict[str, object]:
    """The rules with this one term as an ODRL Set."""
    return to_odrl(replace(ALL, terms=(Term(code, value),)), uid="urn:p", target="urn:d")


def refused(code: str, value: object) -> list[str]:
    """Why rules with this value cannot be put into force."""
    return [reason.code for reason in validate(Body(terms=(Term(code, value),)))]  # type: ignore[arg-type]
