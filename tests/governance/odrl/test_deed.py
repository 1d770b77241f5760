"""The text of an agreement: written from an offer, read back strictly, and never wider than it."""

from datetime import UTC, date, datetime

import pytest

from governance.odrl import deed, profile
from governance.odrl.form import Constraint, Policy
from governance.odrl.policy import Body, Term, compile_policy

TARGET = "urn:wellhouse:dataset:d"
END = datetime(2027, 6, 30, 23, 59, 59, tzinfo=UTC)
BODY = Body(
    purposes=("teaching", "research"),
    organisations=("non-profit", "public"),
    expires_on=date(2028, 1, 1),
    terms=(
        Term("agreement-months", 12),
        Term("attribution", "Name us"),
        Term("withdrawal-list", 7),
        Term("no-redistribution"),
    ),
)


def offer(body: Body = BODY) -> Policy:
    return compile_policy(body, uid="urn:wellhouse:policy:o", target=TARGET)


def made(**changes: object) -> deed.Deed:
    given = {
        "uid": "urn:wellhouse:agreement:a",
        "offer": "urn:wellhouse:policy:o",
        "assigner": "urn:wellhouse:community:c",
        "assignee": "urn:wellhouse:party:p",
        "target": TARGET,
        "purpose": "teaching",
        "commercial": False,
        "kind": "non-profit",
        "place": "NZ",
        "starts_at": None,
        "ends_at": END,
    } | changes
    return deed.Deed(**given)


def codes(document: dict[str, object], body: Body = BODY) -> list[str]:
    return [reason.code for reason in deed.widenings(deed.read(document), offer(body))]


def test_a_deed_written_from_its_offer_is_no_wider_and_reads_back_to_the_same_rules() -> None:
    document = deed.write(made(), offer())

    read = deed.read(document)

    assert deed.widenings(read, offer()) == ()
    left = {(c.left, c.operator, c.right) for c in read.permissions[0].constraints}
    assert {
        (profile.PURPOSE, "eq", "teaching"),
        (profile.ORGANISATION, "eq", "non-profit"),
        (profile.WHEN, "lteq", END),
        (profile.AGREED_MONTHS, "lteq", 12),
    } <= left
    assert [rule.uid for rule in read.prohibitions] == [
        "urn:wellhouse:agreement:a#no-advertising",
        "urn:wellhouse:agreement:a#no-identification",
        "urn:wellhouse:agreement:a#no-redistribution",
    ]


def test_a_deed_names_one_assigner_and_one_assignee_per_rule_and_what_software_cannot_do() -> None:
    document = deed.write(made(), offer())

    rules = [*document["permission"], *document["prohibition"]]
    assert {(rule["assigner"], rule["assignee"]) for rule in rules} == {
        ("urn:wellhouse:community:c", "urn:wellhouse:party:p")
    }
    assert "cannot make anybody delete" in str(document["wh:limits"])


def test_the_duties_after_a_withdrawal_are_in_every_deed_with_their_deadline() -> None:
    document = deed.write(made(), offer(Body(("teaching",), ("public",))))

    duties = {(d.action, deed.event_of(d), d.days) for d in deed.read(document).permissions[0].duties}

    assert duties == {
        (deed.ACKNOWLEDGE, deed.WITHDRAWN, 30),
        (deed.DELETE, deed.WITHDRAWN, 30),
        (deed.DELETE, deed.ENDED, 30),
    }


@pytest.mark.parametrize(
    ("inner", "outer", "is_within"),
    [
        (("odrl:purpose", "eq", "language-research"), ("odrl:purpose", "isAnyOf", ("research",)), True),
        (("odrl:purpose", "eq", "research"), ("odrl:purpose", "isAnyOf", ("language-research",)), False),
        (("odrl:purpose", "isAnyOf", ("teaching", "archiving")), ("odrl:purpose", "isA", "teaching"), False),
        (("odrl:purpose", "eq", "sorcery"), ("odrl:purpose", "isAnyOf", ("use",)), False),
        (("x", "lteq", 12), ("x", "lteq", 12), True),
        (("x", "lteq", 13), ("x", "lteq", 12), False),
        (("x", "lt", 12), ("x", "lteq", 12), True),
        (("x", "lteq", 12), ("x", "lt", 12), False),
        (("x", "eq", 11), ("x", "lteq", 12), True),
        (("x", "gteq", 11), ("x", "lteq", 12), False),
        (("x", "gteq", 3), ("x", "gteq", 2), True),
        (("x", "gteq", 1), ("x", "gteq", 2), False),
        (("x", "lteq", "ten"), ("x", "lteq", 12), False),
        (("x", "eq", True), ("x", "eq", False), False),
        (("x", "eq", 1), ("x", "eq", True), False),
        (("x", "isNoneOf", ("a", "b")), ("x", "isNoneOf", ("a",)), True),
        (("x", "isNoneOf", ("a",)), ("x", "isNoneOf", ("a", "b")), False),
        (("x", "eq", "c"), ("x", "isNoneOf", ("a", "b")), True),
        (("x", "eq", "a"), ("x", "isNoneOf", ("a", "b")), False),
        (("x", "eq", "a"), ("y", "eq", "a"), False),
        (("x", "neq", "a"), ("x", "eq", "a"), False),
    ],
)
def test_one_condition_lies_within_another(
    inner: tuple[str, str, object], outer: tuple[str, str, object], is_within: bool
) -> None:
    assert deed.is_within(Constraint(*inner), Constraint(*outer)) is is_within


def test_every_way_of_asking_less_is_named() -> None:
    document = deed.write(made(), offer())
    permission = document["permission"][0]
    permission["duty"] = [d for d in permission["duty"] if d["action"] != "attribute"]
    permission["constraint"] = [c for c in permission["constraint"] if not c["leftOperand"].endswith("agreed-months")]
    document["prohibition"] = document["prohibition"][1:]

    assert sorted(codes(document)) == ["constraint-missing", "duty-missing", "prohibition-missing"]


def test_another_action_or_another_dataset_is_no_part_of_the_offer() -> None:
    for name, value in (("action", "odrl:distribute"), ("target", "urn:wellhouse:dataset:other")):
        document = deed.write(made(), offer())
        document["permission"][0][name] = value

        assert codes(document)[0] == "permission-added"


def test_an_offer_that_allows_nothing_makes_no_agreement() -> None:
    assert "not-permitted" in codes(deed.write(made(), offer(Body())), Body())


@pytest.mark.parametrize(
    "spoil",
    [
        lambda d: d.update({"@type": "Offer"}),
        lambda d: d.update({"conflict": "perm"}),
        lambda d: d["permission"][0].update({"remedy": []}),
        lambda d: d["permission"][0]["constraint"][0].update({"operator": "roughly"}),
        lambda d: d["permission"][0]["constraint"][0].update({"refinement": []}),
        lambda d: d["permission"].append({**d["permission"][0], "assignee": "urn:wellhouse:party:other"}),
        lambda d: d.update({"permission": "all"}),
    ],
)
def test_what_is_never_written_is_never_read(spoil: object) -> None:
    document = deed.write(made(), offer())
    spoil(document)  # type: ignore[operator]

    with pytest.raises((KeyError, TypeError, ValueError)):
        deed.read(document)
