"""The whole line on real data with known defects: AfriSenti, Nigerian Pidgin and Hausa (CC BY 4.0).

From the published files to a version that an unmodified ``datasets`` client pulls for a stated purpose, then a withdrawal. Once
with the jobs done in this process, once on whatever database and broker this run has, with a worker process of its own.
"""

import json
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from curation import checking, versions
from curation.models import Finding, Version
from governance import log, withdrawals
from governance.kernel import jobs
from governance.kernel.errors import Refusal
from governance.models import Dataset, Decision, Event, Sample
from tests.conftest import until
from tests.journeys import steps

TASKS = 240
# What quality.md (section 3) found in the published files; 1 % is allowed between ways to split words.
KNOWN = {
    "pcm": {"normalised": 926, "near_08": 930, "near_07": 931, "conflicting": 178},
    "hau": {"normalised": 275, "near_08": 417, "near_07": 437, "conflicting": 29},
}


def run_jobs_here() -> None:
    while jobs.work_waiting():
        pass


def wait_for_worker() -> None:
    until(lambda: not any(jobs.waiting_or_running(model).exists() for model in jobs.request_models()), 240)


@pytest.mark.slow
@pytest.mark.parametrize("language", ["pcm", "hau"])
def test_the_line_in_one_process(language, shared, transactional_db, live_server, tmp_path):
    walk(language, shared, live_server.url, tmp_path, run_jobs_here)


@pytest.mark.slow
@pytest.mark.postgres
def test_the_line_with_a_worker_process(shared, celery_worker_process, live_server, tmp_path):
    walk("pcm", shared, live_server.url, tmp_path, wait_for_worker)


def walk(language: str, shared: Path, base: str, tmp_path: Path, drive: Callable[[], None]) -> None:
    community, people = steps.settle_people()
    file = tmp_path / f"{language}.csv"
    rows = steps.gather(shared, language, file)

    dataset = steps.bring_in(community, people["steward"], file, language, drive)
    assert Sample.objects.filter(dataset=dataset).count() == rows
    assert not steps.samples.usable(dataset, ["language-research"]).exists(), "an unknown must be a no"

    contributor = steps.agree_and_rule(dataset, people["steward"])
    assert steps.samples.usable(dataset, ["language-research", "teaching"]).count() == rows

    finds_the_known_defects(dataset, language, people["steward"], drive)

    campaign = steps.open_campaign(dataset, people["steward"], drive)
    answers_from_several(campaign, people)

    version = steps.propose_and_approve(dataset, campaign, people, drive)
    assert 0 < version.members.count() <= TASKS

    token = steps.give_token(dataset, people["steward"])
    pulled_as_approved(version, base, token, tmp_path)
    closes_when_they_leave(version, contributor, people, base, token, tmp_path)
    everything_is_in_the_log(community)


def finds_the_known_defects(dataset: Dataset, language: str, steward, drive: Callable[[], None]) -> None:
    run = checking.start(dataset, by=steward)
    drive()
    run.refresh_from_db()
    assert run.status == "done", run.message
    known = KNOWN[language]

    leakage = Finding.objects.get(run=run, check_id="leakage")
    conflicts = Finding.objects.get(run=run, check_id="conflicting_duplicates")

    assert leakage.status == "block"
    assert leakage.metric["exact_normalised"] == pytest.approx(known["normalised"], rel=0.01)
    assert leakage.metric["near_08"] == pytest.approx(known["near_08"], rel=0.01)
    assert leakage.metric["near_07"] == pytest.approx(known["near_07"], rel=0.01)
    assert conflicts.n_failed == pytest.approx(known["conflicting"], rel=0.01)
    assert leakage.evidence_total >= known["normalised"]
    assert all(Sample.objects.filter(dataset=dataset, uid=uid).exists() for uid in leakage.evidence[0]["ids"])


def answers_from_several(campaign, people) -> None:
    chance = random.Random(11)

    def hears(accuracy: float) -> Callable[[str, str], str]:
        return lambda _key, label: label if chance.random() < accuracy else chance.choice(steps.FEELINGS)

    for name, accuracy in (("annotator0", 0.95), ("annotator1", 0.9), ("annotator2", 0.8)):
        steps.annotate(campaign, people[name], TASKS * 2 // 3, hears(accuracy))


def pulled_as_approved(version: Version, base: str, token: str, tmp_path: Path) -> None:
    name = version.dataset.path
    code = f"""
        import datasets, json
        found = datasets.load_dataset({name!r}, revision={version.tag!r})
        labels = found["train"].features["label"].names
        print(json.dumps({{"rows": {{k: v.num_rows for k, v in found.items()}}, "labels": labels,
                           "ids": sorted(i for part in found.values() for i in part["sample_id"])}}))
    """

    done = steps.pull(base, token, code, tmp_path / "client")

    assert done.returncode == 0, done.stderr[-3000:]
    got = json.loads(done.stdout.splitlines()[-1])
    assert sum(got["rows"].values()) == version.members.count()
    assert got["ids"] == sorted(version.members.values_list("uid", flat=True))
    assert got["labels"] == list(steps.FEELINGS)
    assert Decision.objects.filter(outcome="permit", subject_id=version.public_id).exists()


def closes_when_they_leave(version: Version, contributor, people, base: str, token: str, tmp_path: Path) -> None:
    withdrawals.open(contributor, by=people["steward"], channel="steward")

    # The client's cache is warm: it must not answer from it.
    code = f"import datasets; datasets.load_dataset({version.dataset.path!r}, revision={version.tag!r})"
    done = steps.pull(base, token, code, tmp_path / "client")

    assert done.returncode != 0
    assert "withdr" in done.stderr.lower() or "took" in done.stderr.lower()
    assert not steps.samples.usable(version.dataset, ["language-research"]).exists()
    with pytest.raises(Refusal):
        versions.propose(version.dataset, campaign=version.campaign, by=people["steward"])


def everything_is_in_the_log(community) -> None:
    log.seal()
    verbs = set(Event.objects.filter(community=community.public_id).values_list("verb", flat=True))

    assert {
        "dataset.register",
        "import.start",
        "consent.record",
        "policy.revise",
        "campaign.open",
        "annotation.submit",
        "version.propose",
        "version.publish",
        "agreement.sign",
        "token.issue",
        "pull.open",
        "withdrawal.open",
    } <= verbs
    assert log.verify().ok
