"""Feature 8, decisions with reasons, duties, versions, replay: the same answer whatever changed since; a tampered one is named."""

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.management import call_command

from curation.pulls import Closed, Denied
from governance import agreements, decisions, holds, layers, log, policies, withdrawals
from governance.models import Decision
from governance.odrl.policy import Body, Term
from tests.curation.made import POLICY, open_dataset, published
from tests.curation.test_pulls import asked, grant
from tests.factories import give_consent, make_person

pytestmark = pytest.mark.django_db(transaction=True)
OPEN = Body.from_json(POLICY)


@pytest.fixture(autouse=True)
def files(settings, tmp_path: Path) -> None:
    settings.FILES_ROOT = tmp_path / "files"


def replayed(capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, object]]:
    capsys.readouterr()
    try:
        call_command("replay", "--format", "json")
        code = 0
    except SystemExit as end:
        code = int(end.code or 0)
    return code, json.loads(capsys.readouterr().out)


def test_every_decision_of_a_long_story_replays_to_the_same_answer_and_a_tampered_one_is_named(
    capsys: pytest.CaptureFixture[str],
) -> None:
    version = published(open_dataset())
    keeper = version.dataset.created_by
    steward = make_person(version.community, "steward")
    teller = version.contributors.get().contributor
    tokens = [grant(version)[0], grant(version, purpose="speech-synthesis")[0], grant(version, kind="for-profit")[0]]

    def everybody_asks() -> None:
        for token in tokens:
            try:
                asked(agreements.Token.objects.select_related("agreement__party").get(pk=token.pk), version)
            except (Closed, Denied):
                continue

    everybody_asks()
    terms = (Term("attribution", "River"), Term("withdrawal-list", 7), Term("ethics-approval"))
    policies.revise(version.dataset, body=replace(OPEN, terms=terms[:2], note="Be kind."), by=keeper)
    everybody_asks()
    policies.revise(version.dataset, body=replace(OPEN, terms=terms), by=keeper)
    everybody_asks()
    policies.revise_community(version.community, body=replace(OPEN, prohibited=("advertising",)), by=keeper)
    layers.revise_for(contributor=teller, body=replace(OPEN, purposes=("archiving",)), by=steward)
    everybody_asks()
    hold = holds.rest(version.members.first().sample, by=keeper)
    give_consent(teller, "teaching", status="ConsentRefused")
    everybody_asks()
    holds.lift(hold, by=keeper)
    agreements.end(tokens[0].agreement, by=keeper)
    everybody_asks()
    withdrawals.open(teller, by=steward, channel="steward")
    everybody_asks()
    policies.revise(version.dataset, body=OPEN, by=keeper)
    total = Decision.objects.count()
    seen = {code for row in Decision.objects.all() for code in (reason["code"] for reason in row.reasons)}

    assert replayed(capsys) == (0, {"replayed": total, "differing": []})
    assert total >= 15
    assert Decision.objects.filter(outcome="permit").exists()
    expected = {"purpose-not-permitted", "organisation-not-permitted", "duty-unfulfilled", "on-hold", "consent-refused"}
    assert expected | {"agreement-ended", "version-withdrawn"} <= seen
    for row in Decision.objects.order_by("pk"):
        assert log.check_proof(decisions.proof(row)).ok

    victim = Decision.objects.filter(outcome="deny").order_by("pk").first()
    told = dict(victim.snapshot)
    told["facts"] = {**told["facts"], "layers": []}
    Decision.objects.filter(pk=victim.pk).update(snapshot=told)
    code, found = replayed(capsys)

    assert code == 1
    assert [one["decision"] for one in found["differing"]] == [victim.public_id]


def test_a_decision_whose_clock_was_moved_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    version = published(open_dataset())
    token, _ = grant(version)
    asked(token, version)
    row = Decision.objects.get()

    Decision.objects.filter(pk=row.pk).update(valid_until=row.valid_until + timedelta(days=1))

    code, found = replayed(capsys)
    assert (code, [one["decision"] for one in found["differing"]]) == (1, [row.public_id])
