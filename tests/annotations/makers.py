"""Small makers of work for tests of this floor."""

from annotations import campaigns, leases, submissions
from annotations.models import Annotation, Campaign, Lease
from governance.kernel import jobs
from governance.models import Dataset, Person
from tests.factories import add_samples, make_community, make_dataset, make_keeper, make_person

CONFIG = """<View>
  <Header value="What feeling does the speaker show?"/>
  <Text name="text" value="$text"/>
  <Choices name="feeling" toName="text" required="true">
    <Choice value="Glad" hint="joy, relief, thanks"/>
    <Choice value="Sad"/>
    <Choice value="Plain"/>
  </Choices>
</View>"""


def make_campaign(
    n: int = 3, *, dataset: Dataset | None = None, overlap: int = 2, config: str = CONFIG, **fields: object
) -> Campaign:
    """An open campaign over ``n`` samples, opened by its job."""
    campaign = make_draft(n, dataset=dataset, overlap=overlap, config=config, **fields)
    campaigns.open(campaign, by=campaign.created_by)
    jobs.work_waiting()
    campaign.refresh_from_db()
    assert campaign.status == Campaign.Status.OPEN, campaign.openings.get().message
    return campaign


def make_draft(
    n: int = 3, *, dataset: Dataset | None = None, overlap: int = 2, config: str = CONFIG, **fields: object
) -> Campaign:
    """A drafted campaign over ``n`` samples."""
    if dataset is None:
        community = make_community()
        dataset = make_dataset(community, make_keeper(community))
    if n:
        add_samples(dataset, [f"tale {number}" for number in range(n)])
    named = {"slug": "feelings", "name": "Feelings"} | fields
    return campaigns.create(dataset, config=config, overlap=overlap, by=dataset.created_by, **named)


def member(campaign: Campaign, *roles: str) -> Person:
    """A member of the campaign's community."""
    return make_person(campaign.community, *roles)


def picked(label: str = "Glad") -> list[dict[str, object]]:
    """An answer to ``CONFIG``."""
    return [{"from_name": "feeling", "to_name": "text", "type": "choices", "value": {"choices": [label]}}]


def answer(campaign: Campaign, by: Person, label: str = "Glad") -> Annotation:
    """Claim the next task and answer it."""
    return submissions.submit(
        claimed(campaign, by), by=by, result=picked(label), client_id=f"client-{Annotation.objects.count()}"
    )


def claimed(campaign: Campaign, by: Person) -> Lease:
    """The next lease, which must be there."""
    lease = leases.claim(campaign, by=by)
    assert lease is not None
    return lease
