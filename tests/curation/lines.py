"""A small line for tests: a dataset with tellers who said yes, rules, a campaign and its answers; then a proposed version."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from annotations.models import Annotation, Campaign, Task
from curation import versions
from curation.models import Version
from governance import policies
from governance.kernel import jobs
from governance.models import Community, Contributor, Dataset, Person, Sample
from tests.factories import add_samples, give_consent, make_community, make_contributor, make_dataset, make_person

CONFIG = """<View><Text name="words" value="$text"/>
<Choices name="feeling" toName="words"><Choice value="glad"/><Choice value="sad"/></Choices></View>"""
POLICY = {
    "purposes": ["teaching", "language-research"], "organisations": ["non-profit", "public"], "commercial": False,
    "prohibited": [], "expires_on": None, "terms": [], "note": "",
}  # fmt: skip
LABELS = ("glad", "sad")


@dataclass
class Line:
    """What a test holds on to."""

    community: Community
    dataset: Dataset
    keeper: Person
    steward: Person
    elder: Person
    teller: Contributor
    campaign: Campaign
    annotators: list[Person]
    samples: list[Sample] = field(default_factory=list)


def make_line(n: int = 400, overlap: int = 2, **fields: object) -> Line:
    """A line with ``n`` answered samples, three in four of them glad."""
    community = make_community()
    keeper, steward = make_person(community, "keeper"), make_person(community, "steward")
    dataset = make_dataset(community, keeper, **fields)
    policies.revise(dataset, body=POLICY, by=keeper)
    teller = make_contributor(community)
    give_consent(teller, "teaching", "language-research")
    campaign = Campaign.objects.create(
        dataset=dataset, slug="feeling", name="How does it feel?", config=CONFIG, config_digest="c" * 64, label_control="feeling",
        labels=list(LABELS), overlap=overlap, status="open", created_by=keeper,
    )  # fmt: skip
    people = [make_person(community) for _ in range(overlap)]
    line = Line(community, dataset, keeper, steward, make_person(community, "authority"), teller, campaign, people)
    line.samples = add_samples(dataset, [distinct(i) for i in range(n)], contributor=teller)
    answer(line, line.samples, ["sad" if i % 4 == 3 else "glad" for i in range(n)])
    return line


def distinct(i: int) -> str:
    """A text that is like no other."""
    return " ".join(
        f"{word}{(i * 7919 + k * 104729) % 99991:05}" for k, word in enumerate(("ba", "ke", "lo", "mi", "nu", "so"))
    )


def answer(
    line: Line, samples: Sequence[Sample], labels: Sequence[str], people: Sequence[Person] | None = None
) -> None:
    """Let every annotator (or ``people``) say the same about each sample."""
    for sample, label in zip(samples, labels, strict=True):
        vote(line, sample, [label] * len(people or line.annotators), people)


def vote(line: Line, sample: Sample, labels: Sequence[str], people: Sequence[Person] | None = None) -> None:
    """Let one annotator after the other say one of ``labels``."""
    task, _new = Task.objects.get_or_create(campaign=line.campaign, sample=sample)
    for person, label in zip(people or line.annotators, labels, strict=True):
        Annotation.objects.create(
            campaign=line.campaign, task=task, sample=sample, annotator=person, client_id=f"{person.pk}:{task.pk}",
            result=[], label=label, config_digest="c" * 64,
        )  # fmt: skip


def work() -> None:
    """Do everything that waits."""
    while jobs.work_waiting():
        pass


def proposed(line: Line, **fields: object) -> Version:
    """A version that the steward proposed, frozen and checked."""
    version = versions.propose(line.dataset, campaign=line.campaign, by=line.steward, **fields)  # type: ignore[arg-type]  # passed through
    work()
    version.refresh_from_db()
    return version
