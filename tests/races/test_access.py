"""Agreements, requests and pulls when people act at the same moment."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from governance import agreements, asking, policies
from governance.asking import Asked
from governance.kernel.errors import Refusal
from governance.models import Agreement, Event, RequestAnswer, Signature
from governance.odrl.policy import Body
from tests.curation.made import open_dataset, published
from tests.factories import PARTY_KEY, make_agreement, make_dataset, make_party, make_person, pem_of

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def files(settings: object, tmp_path: Path) -> None:
    settings.FILES_ROOT = tmp_path / "files"  # type: ignore[attr-defined]


def refused(answers: list[Any]) -> list[Any]:
    return [answer for answer in answers if isinstance(answer, Refusal)]


def test_two_stewards_who_answer_one_request_at_once_give_one_answer(in_threads: Callable[..., list[Any]]) -> None:
    dataset = make_dataset()
    stewards = [make_person(dataset.community, "steward") for _ in range(4)]
    policies.revise(dataset, body=Body(purposes=("teaching",), organisations=("non-profit",)), by=stewards[0])
    asked = Asked("A school", "non-profit", "Ana", "teaching", "Classes", "Lessons.", 6, public_key=pem_of(PARTY_KEY))
    row, _code = asking.ask(dataset, asked, address="192.0.2.1")

    def answer(n: int) -> object:
        mine = asking.AccessRequest.objects.select_related("dataset__community").get(pk=row.pk)
        if n % 2:
            return asking.decline(mine, reason="now", by=stewards[n])
        return asking.accept(mine, by=stewards[n])

    answers = in_threads(answer, 4)

    assert len(refused(answers)) == 3, answers
    assert RequestAnswer.objects.count() == 1
    assert Agreement.objects.count() == (RequestAnswer.objects.get().outcome == "accept")
    assert Event.objects.filter(verb__in=("access.accept", "access.decline")).count() == 1


def test_each_side_signs_once_and_one_grant_opens(in_threads: Callable[..., list[Any]]) -> None:
    dataset = make_dataset()
    steward = make_person(dataset.community, "steward")
    policies.revise(dataset, body=Body(purposes=("teaching",), organisations=("non-profit",)), by=steward)
    drawn = agreements.draw_up(
        make_party(dataset.community, steward),
        dataset=dataset,
        purpose="teaching",
        is_commercial=False,
        expires_at=asking.end_after(6, asking.timezone.now()),
        by=steward,
    )
    jws = agreements.signing.jws_by(PARTY_KEY, drawn.document, agreements.TYP)

    def sign(n: int) -> object:
        mine = Agreement.objects.select_related("party__community", "dataset__community", "policy").get(pk=drawn.pk)
        if n % 2:
            return agreements.countersign(mine, signed=jws, by=agreements.outsider_of(mine))
        return agreements.sign_for_community(mine, by=steward)

    answers = in_threads(sign, 6)

    assert len(refused(answers)) == 4, answers
    assert sorted(Signature.objects.values_list("side", flat=True)) == ["community", "party"]
    assert drawn.grants.count() == 1
    assert Agreement.objects.get().in_force_at is not None


def test_an_agreement_that_ends_while_a_pull_is_under_way_refuses_the_next_range(
    in_threads: Callable[..., list[Any]],
) -> None:
    version = published(open_dataset())
    keeper = version.dataset.created_by
    agreement = make_agreement(version.dataset, keeper)
    _token, secret = agreements.issue_token(agreement, by=keeper, label="t")
    address = f"/datasets/{version.dataset.path}/resolve/{version.tag}/README.md"
    ended_at: list[float] = []

    def work(n: int) -> object:
        if n == 0:
            agreements.end(agreement, by=keeper)
            ended_at.append(asking.timezone.now().timestamp())
            return []
        seen = []
        for start in range(40):
            began = asking.timezone.now().timestamp()
            headers = {"authorization": f"Bearer {secret}", "range": f"bytes={start}-{start}"}
            seen.append((began, Client().get(address, headers=headers).status_code))
        return seen

    answers = in_threads(work, 4)

    late = [status for seen in answers for began, status in seen if began > ended_at[0]]
    assert late and set(late) == {403}
    assert {status for seen in answers for _began, status in seen} <= {206, 403}
