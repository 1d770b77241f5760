"""The line, step by step, as its users take it; journeys differ in what drives the jobs and what pulls at the end."""

import csv
import os
import subprocess
import sys
import textwrap
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from django.utils import timezone

from annotations import campaigns, leases, submissions
from annotations.models import Annotation, Campaign
from curation import versions
from curation.models import Version
from governance import agreements, consents, datasets, policies, samples
from governance.models import Community, Contributor, Dataset, Party, Person
from tests.factories import make_agreement, make_community, make_person

FEELINGS = ("negative", "neutral", "positive")
CONFIG = """
<View>
  <Text name="tweet" value="$text"/>
  <Choices name="feeling" toName="tweet" choice="single" required="true">
    <Choice value="negative"/>
    <Choice value="neutral"/>
    <Choice value="positive"/>
  </Choices>
</View>
"""
RULES = {
    "purposes": ["language-research", "teaching"],
    "organisations": ["non-profit", "public", "community"],
    "commercial": False,
    "prohibited": ["advertising", "identification"],
    "expires_on": None,
    "terms": [],
    "note": "",
}


def gather(folder: Path, language: str, into: Path) -> int:
    """Write the three published files of one language as one, with a split column; return the number of rows."""
    rows = 0
    with into.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(["id", "text", "label", "split"])
        for split in ("train", "dev", "test"):
            path = folder / "data" / "afrisenti" / language / f"{split}.tsv"
            with path.open(encoding="utf-8", newline="") as file:
                for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
                    writer.writerow(
                        [f"{split}-{rows}", row["tweet"], row["label"], {"dev": "validation"}.get(split, split)]
                    )
                    rows += 1
    return rows


def settle_people() -> tuple[Community, dict[str, Person]]:
    """A community with a keeper, a steward, a reviewer and three annotators."""
    community = make_community()
    people = {
        "keeper": make_person(community, "keeper"),
        "steward": make_person(community, "steward"),
        "reviewer": make_person(community, "reviewer"),
        **{f"annotator{n}": make_person(community, "contributor") for n in range(3)},
    }
    return community, people


def bring_in(community: Community, steward: Person, file: Path, language: str, drive: Callable[[], object]) -> Dataset:
    """Register a dataset and import ``file`` into it, from one named contributor."""
    dataset = datasets.register(
        community, slug=f"tweets-{language}", name=f"Tweets {language}", by=steward, language=language
    )
    started = samples.start_import(
        dataset,
        path=file,
        filename=file.name,
        format="csv",
        settings={
            "roles": {"id": "id", "text": "text", "label": "label", "split": "split"},
            "contributor": "the collectors",
        },
        by=steward,
    )
    drive()
    started.refresh_from_db()
    assert started.status == "done", (started.error_code, started.message)
    return dataset


def agree_and_rule(dataset: Dataset, steward: Person) -> Contributor:
    """The contributor says yes on paper; the steward writes the rules."""
    contributor = Contributor.objects.get(community=dataset.community, name="the collectors")
    consents.record(
        contributor,
        answers={"language-research": "ConsentGiven", "teaching": "ConsentGiven", "advertising": "ConsentRefused"},
        by=steward,
        method="paper",
        expires_at=timezone.now() + timedelta(days=365),
    )
    policies.revise(dataset, body=RULES, by=steward)
    return contributor


def open_campaign(dataset: Dataset, steward: Person, drive: Callable[[], object], overlap: int = 2) -> Campaign:
    """Create and open a campaign over everything usable."""
    campaign = campaigns.create(
        dataset, slug="feeling", name="How does it feel?", config=CONFIG, overlap=overlap, by=steward
    )
    campaigns.open(campaign, by=steward)
    drive()
    campaign.refresh_from_db()
    assert campaign.status == "open", campaign.status
    return campaign


def annotate(campaign: Campaign, person: Person, count: int, answer: Callable[[str, str], str]) -> list[Annotation]:
    """Let ``person`` answer up to ``count`` tasks; ``answer`` gets the sample's key and its imported label."""
    made = []
    for _ in range(count):
        lease = leases.claim(campaign, by=person)
        if lease is None:
            break
        sample = lease.task.sample
        choice = answer(sample.key, sample.imported_label)
        result = [{"from_name": "feeling", "to_name": "tweet", "type": "choices", "value": {"choices": [choice]}}]
        made.append(
            submissions.submit(
                lease, by=person, result=result, client_id=f"journey:{person.pk}:{lease.task_id}", seconds=4.0
            )
        )
    return made


def propose_and_approve(
    dataset: Dataset, campaign: Campaign, people: dict[str, Person], drive: Callable[[], object]
) -> Version:
    """Propose, answer for what blocks by name, vote, build: until published."""
    version = versions.propose(dataset, campaign=campaign, by=people["steward"])
    drive()
    version.refresh_from_db()
    assert version.status == "proposed", version.status
    for finding in version.check_runs.latest("pk").findings.filter(status="block"):
        versions.override(
            finding, by=people["keeper"], reason="Known, and said so in the card: this is a trial of the line."
        )
    versions.approve(version, by=people["keeper"], choice="yes", reason="Seen.")
    drive()
    version.refresh_from_db()
    unmet = [str(c.sentence) for c in versions.conditions(version) if c.met is not True]
    assert version.status == "published", (version.status, unmet)
    return version


def give_token(dataset: Dataset, steward: Person, purpose: str = "language-research") -> str:
    """A university signs for one purpose and gets a token; returns the secret."""
    party, _ = Party.objects.get_or_create(
        community=dataset.community, name="University of the Coast", defaults={"kind": "public"}
    )
    agreement = make_agreement(dataset, steward, party=party, purpose=purpose)
    return agreements.issue_token(agreement, by=steward, label="training")[1]


def pull(base: str, token: str, code: str, home: Path) -> subprocess.CompletedProcess[str]:
    """Run ``code`` in a fresh process with the real clients set to our endpoint and nothing else."""
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "HF_HOME": str(home / "hf"),
            "HF_ENDPOINT": base,
            "HF_TOKEN": token,
            "HF_UPDATE_DOWNLOAD_COUNTS": "0",
            "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        },
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
