"""How the demo comes about: the same operations, in the same order, as a real community would take.

Everything here goes through the product's own doors, with permission and log entry at each step; jobs are done in this process. It
tells a year in the life of Saltmarsh Quay, which does not exist: stories come in, people answer, a first version is published, a
teller takes her words back, the house proposes a second version without them, and a third one waits for a vote.
"""

import csv
import json
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from annotations import campaigns, flags, leases, reviews, submissions
from annotations.models import Annotation, Campaign
from curation import checking, versions
from curation.demo import partners, pictures, sounds
from curation.demo.tales import ANGRY, GLAD, PLAIN, SAD, Tale, opinion, tales
from curation.models import Version
from governance import (
    agreements,
    communities,
    consents,
    contributors,
    datasets,
    log,
    people,
    policies,
    samples,
    withdrawals,
)
from governance.kernel import jobs
from governance.models import Community, Contributor, Dataset, Person

TALES = 1500
PASSWORD_WORDS = ("harbour", "lantern", "heron", "salt", "rope", "tide", "oar", "quay", "reed", "bell", "drum", "shell")
TELLERS = (
    "Ilse Marram",
    "Bram Tolle",
    "Nessa Quill",
    "Old Harro",
    "Wil Sedge",
    "Minna Stake",
    "Jon of the Light",
    "Tille Ferrow",
    "Edda Brine",
    "Korin Slate",
    "Pia Wrack",
    "Rusk Holm",
    "Lene Ebb",
    "Sander Mole",
    "Greta Spar",
    "Finn Gully",
    "Asta Weir",
    "Dov Cordage",
)
LEFT, UNASKED, REFUSED = "Edda Brine", "Dov Cordage", "Asta Weir"
CHARTER: dict[str, object] = {"rules": {"version": {"who": ["keeper", "steward"], "threshold": 1, "min_open_hours": 0}}}
AT_THE_DOOR = {
    "description": "A village on a marsh that is on no map. Its people, its language and its stories are invented.",
    "contact": "Ring Ona Reed on 0100 555 034, or come to the net loft on Thursdays, 10 to 12.",
    "greeting": "Wethe na, sela tun kelme.",
    "greeting_language": "qaa-x-marren",
    "welcome": "Come in out of the wind. What is told here stays ours; what you tell stays yours.",
}
PURPOSES = ("teaching", "language-research")
FEELING_CONFIG = """<View>
  <Header value="Listen to the words. What did the teller feel?"/>
  <Text name="tale" value="$text"/>
  <Choices name="feeling" toName="tale" choice="single" required="true">
    <Choice value="plain" alias="plain" hint="says what happened"/>
    <Choice value="glad" hint="joy, relief, thanks"/>
    <Choice value="sad" hint="sad or longing"/>
    <Choice value="angry" hint="angry or afraid"/>
  </Choices>
</View>"""
SOUND_CONFIG = """<View>
  <Header value="What do you hear?"/>
  <Audio name="sound" value="$audio"/>
  <Choices name="what" toName="sound" choice="multiple" required="true">
    <Choice value="bell"/>
    <Choice value="whistle"/>
    <Choice value="foghorn"/>
  </Choices>
  <TextArea name="words" toName="sound" rows="2" placeholder="In your words, if you like"/>
</View>"""
BIRD_CONFIG = """<View>
  <Header value="Which bird is it?"/>
  <Image name="picture" value="$image"/>
  <Choices name="bird" toName="picture" choice="single" required="true">
    <Choice value="heron"/>
    <Choice value="duck"/>
    <Choice value="owl"/>
  </Choices>
  <Rating name="clear" toName="picture" maxRating="5"/>
</View>"""


@dataclass
class Cast:
    """Everybody in the demo, and the one password they share."""

    password: str
    community: Community
    who: dict[str, Person] = field(default_factory=dict)

    def __getattr__(self, name: str) -> Person:
        try:
            return self.who[name]
        except KeyError:
            raise AttributeError(name) from None


def drive() -> None:
    """Do what waits, here and now; the demo is made before any worker runs."""
    while jobs.work_waiting():
        pass


def tell(say: Callable[[str], None] = lambda _line: None) -> dict[str, object]:
    """Make the demo in an empty database; return what ``var/demo.json`` holds. ``say`` hears each step."""
    say("the people of Saltmarsh Quay")
    cast = settle()
    with _work_folder() as folder:
        say(f"{TALES} stories, each with its teller")
        told = tales(TALES, TELLERS)
        dataset = bring_tales(cast, folder, told)
        say("consent, rules, agreements")
        agree(cast)
        first_rules(cast, dataset)
        tokens = sign_agreements(cast, dataset)
        say("people listen and answer")
        campaign = ask(cast, dataset, "feeling", "How does it feel?", FEELING_CONFIG, overlap=2)
        answer(cast, campaign, told)
        say("an elder lets a story rest; version 1")
        flag_and_review(cast, campaign)
        first = versions.propose(dataset, campaign=campaign, by=cast.steward, note="The first year of stories.")
        publish(cast, first)
        say("a teller takes her words back; version 2 takes its place")
        leave(cast)
        second = publish(cast, dataset.versions.get(takes_place_of=first))
        say("version 3, which waits for your vote")
        versions.propose(dataset, campaign=campaign, by=cast.steward, note="After this autumn's reviews.")
        drive()
        checking.start(dataset, by=cast.steward)
        drive()
        say("sounds of the harbour, birds of the marsh")
        bring_sounds(cast, folder)
        bring_birds(cast, folder)
    log.seal()
    return {
        "sign_in": {
            role: {"username": cast.who[role].username, "password": cast.password}
            for role in ("contributor", "reviewer", "steward", "keeper")
        },
        "dataset": dataset.path,
        "revision": second.tag,
        **tokens,
        "campaign_id": campaign.public_id,
    }


@contextmanager
def _work_folder() -> Iterator[Path]:
    folder = settings.VAR / "demo-files"
    folder.mkdir(parents=True, exist_ok=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def settle() -> Cast:
    """Found the community: a keeper first, then a steward, a second keeper, an elder, a reviewer, annotators."""
    password = "-".join(secrets.choice(PASSWORD_WORDS) for _ in range(4))
    ona = people.new_person(username="ona", display_name="Ona Reed", password=password)
    community = communities.found(name="Saltmarsh Quay", slug="saltmarsh", by=ona, charter=CHARTER, is_fictional=True)
    communities.change(community, by=ona, name=community.name, **AT_THE_DOOR)
    cast = Cast(password, community, {"keeper": ona})
    newcomers = (
        ("steward", "tomas", "Tomas Fell", ("steward", "contributor")),
        ("reviewer", "jory", "Jory Pike", ("reviewer", "contributor")),
        ("elder", "ilse", "Ilse Marram", ("authority", "contributor")),
        ("contributor", "pell", "Pell Rush", ("contributor",)),
        ("mika", "mika", "Mika Sand", ("contributor",)),
        ("dor", "dor", "Dor Heath", ("contributor",)),
        ("hanne", "hanne", "Hanne Wick", ("steward", "contributor", "keeper")),
    )
    for name, username, display_name, roles in newcomers:
        person = people.new_person(username=username, display_name=display_name, password=password)
        for role in roles:
            communities.grant(community, person=person, role=role, by=ona)
        cast.who[name] = person
    return cast


def bring_tales(cast: Cast, folder: Path, told: list[Tale]) -> Dataset:
    """Register Tide tales and import the stories from a CSV file, through the same job as anybody's file."""
    dataset = datasets.register(
        cast.community,
        slug="tide-tales",
        name="Tide tales",
        by=cast.steward,
        language="qaa-x-marren",
        description="Stories that people of Saltmarsh Quay told each other. Fictional: nobody said these words.",
    )
    path = folder / "tide-tales.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "text", "gloss", "teller", "telling", "split"])
        for tale in told:
            writer.writerow([tale.key, tale.text, tale.gloss, tale.teller, tale.telling, tale.split])
        # Two rows that no import should take.
        writer.writerow(["t9001", "", "a row without words", TELLERS[0], "", "train"])
        writer.writerow(["t0001", "A second row with an id that is taken.", "", TELLERS[0], "", "train"])
    roles = {"id": "id", "text": "text", "gloss": "data", "teller": "contributor", "telling": "group", "split": "split"}
    _import(dataset, path, "csv", {"roles": roles}, cast.steward)
    return dataset


def _import(dataset: Dataset, path: Path, format: str, how: dict[str, object], by: Person) -> None:
    started = samples.start_import(dataset, path=path, filename=path.name, format=format, settings=how, by=by)
    drive()
    started.refresh_from_db()
    if started.status != "done":
        raise RuntimeError(f"{path.name}: {started.error_code} {started.message}")


def agree(cast: Cast) -> None:
    """Record what each teller said: most agreed, one refused research, one was never asked, one has an account."""
    community = cast.community
    contributors.link(
        Contributor.objects.get(community=community, name="Ilse Marram"), person=cast.elder, by=cast.keeper
    )
    for teller in Contributor.objects.filter(community=community).order_by("name"):
        if teller.name == UNASKED:
            continue
        answers = dict.fromkeys(PURPOSES, "ConsentGiven") | {"advertising": "ConsentRefused"}
        if teller.name == REFUSED:
            answers["language-research"] = "ConsentRefused"
        consents.record(
            teller,
            answers=answers,
            by=cast.steward,
            method="paper",
            language="qaa-x-marren",
            expires_at=timezone.now() + timedelta(days=730),
        )


def body(purposes: tuple[str, ...], organisations: tuple[str, ...], commercial: bool) -> dict[str, object]:
    """The answers of a rules page, as a policy revision stores them."""
    return {
        "purposes": list(purposes),
        "organisations": list(organisations),
        "commercial": commercial,
        "prohibited": ["advertising", "identification"],
        "expires_on": None,
        "terms": [{"code": "attribution", "value": "Saltmarsh Quay (fictional)"}],
        "note": "Ask us before you print a whole story.",
    }


def first_rules(cast: Cast, dataset: Dataset) -> None:
    """Write the first rules; they still let a company make tools for the language."""
    wide = body((*PURPOSES, "text-prediction"), ("non-profit", "public", "community", "for-profit"), True)
    policies.revise(dataset, body=wide, by=cast.steward, note="Schools, universities, and tools for the language.")


def sign_agreements(cast: Cast, dataset: Dataset) -> dict[str, str]:
    """A school and a company sign; then the rules are tightened, and the company's token opens nothing any more."""
    keeper = cast.keeper
    school, key = partners.add(dataset, name="Quayside Language School", kind="non-profit", contact="office", by=keeper)
    company, other_key = partners.add(dataset, name="Northbank Speech", kind="for-profit", contact="legal", by=keeper)
    teaching = partners.agree(school, key, dataset, purpose="teaching", is_commercial=False, by=keeper)
    keyboard = partners.agree(company, other_key, dataset, purpose="text-prediction", is_commercial=True, by=keeper)
    made = {
        "token": agreements.issue_token(teaching, by=keeper, label="classroom")[1],
        "denied_token": agreements.issue_token(keyboard, by=keeper, label="keyboard team")[1],
        "party_key": partners.private_pem(key),
    }
    policies.revise(
        dataset,
        body=body(PURPOSES, ("non-profit", "public", "community"), False),
        by=cast.steward,
        note="The spring meeting decided: nobody makes money with our stories.",
    )
    return made


def ask(cast: Cast, dataset: Dataset, slug: str, name: str, config: str, overlap: int) -> Campaign:
    """Create and open one campaign."""
    campaign = campaigns.create(dataset, slug=slug, name=name, config=config, overlap=overlap, by=cast.steward)
    campaigns.open(campaign, by=cast.steward)
    drive()
    campaign.refresh_from_db()
    return campaign


def answer(cast: Cast, campaign: Campaign, told: list[Tale]) -> None:
    """Four people answer nearly everything, each with their own ear; some tasks are left for whoever tries the demo."""
    by_key = {tale.key: tale for tale in told}
    left = len(told) * campaign.overlap - 120
    for number, person in enumerate((cast.mika, cast.dor, cast.steward, cast.reviewer)):
        share = min(left, int(len(told) * (1.0, 0.9, 0.6, 0.5)[number]))
        left -= _work(campaign, person, share, lambda key, n=number: opinion(by_key[key], n))  # type: ignore[misc]  # bound by default


def _work(campaign: Campaign, person: Person, count: int, hears: Callable[[str], str], together: int = 100) -> int:
    done = 0
    while done < count:
        with transaction.atomic():
            for _ in range(min(together, count - done)):
                lease = leases.claim(campaign, by=person)
                if lease is None:
                    return done
                result = choices("feeling", "tale", hears(lease.task.sample.key))
                key = f"demo:{person.public_id}:{lease.task_id}"
                submissions.submit(lease, by=person, result=result, client_id=key, seconds=6.0)
                done += 1
    return done


def choices(control: str, shown: str, *values: str) -> list[dict[str, object]]:
    """One answer, as Label Studio writes it."""
    return [{"from_name": control, "to_name": shown, "type": "choices", "value": {"choices": list(values)}}]


def publish(cast: Cast, version: Version) -> Version:
    """Answer for what blocks a proposed version by name and in words, vote, and let the worker build it."""
    drive()
    version.refresh_from_db()
    for finding in version.check_runs.latest("pk").findings.filter(status__in=("block", "error")):
        versions.override(finding, by=cast.keeper, reason="We know, and say so: it is our first collection, and small.")
    versions.approve(version, by=cast.keeper, choice="yes", reason="Listened to thirty of them.")
    drive()
    version.refresh_from_db()
    if version.status != "published":
        unmet = [str(c.sentence) for c in versions.conditions(version) if c.met is not True]
        raise RuntimeError(f"{version} is {version.status}: {unmet}")
    return version


def leave(cast: Cast) -> None:
    """Edda Brine takes her words back, by telephone; what follows from it follows by itself."""
    edda = Contributor.objects.get(community=cast.community, name=LEFT)
    withdrawals.open(edda, by=cast.steward, channel="steward", note="By telephone.")
    drive()


def flag_and_review(cast: Cast, campaign: Campaign) -> None:
    """An elder lets a story rest, a member reports a slip of the pen, a reviewer sends a few answers back."""
    counted = Annotation.objects.filter(campaign=campaign, standing="counts").select_related("sample", "annotator")
    told = list(counted.order_by("sample__uid")[:400])
    flags.raise_flag(told[3].sample, by=cast.elder, kind="sacred", text="This one is told in winter only.")
    flags.raise_flag(told[50].sample, by=cast.mika, kind="technical", text="The end is missing.")
    sent_back = 0
    for annotation in told[100:]:
        if annotation.annotator_id == cast.reviewer.pk or annotation.label == PLAIN:
            continue
        if annotation.label == ANGRY and sent_back < 4:
            reviews.decide(
                annotation, by=cast.reviewer, verdict="reject", reason="wrong-answer", text="She laughs at the end."
            )
            sent_back += 1
        elif annotation.label in {GLAD, SAD} and sent_back < 4:
            reviews.decide(annotation, by=cast.reviewer, verdict="accept")


def bring_sounds(cast: Cast, folder: Path, count: int = 18) -> None:
    """Harbour sounds: synthetic audio, with a campaign that asks what one hears."""
    root = folder / "sounds"
    root.mkdir(exist_ok=True)
    rows = []
    for number in range(count):
        kind = sounds.KINDS[number % 3]
        sounds.write_sound(str(root / f"{number:02d}.flac"), kind, number)
        rows.append({"id": f"s{number:02d}", "audio": f"{number:02d}.flac", "heard": kind, "by": "Jon of the Light"})
    dataset = datasets.register(
        cast.community,
        slug="harbour-sounds",
        name="Harbour sounds",
        by=cast.steward,
        modality="audio",
        description="Bells, whistles and foghorns made by a computer. Fictional: no harbour sounded like this.",
    )
    _bring_media(cast, dataset, folder / "harbour-sounds.jsonl", root, rows)
    ask(cast, dataset, "hear", "What do you hear?", SOUND_CONFIG, overlap=2)


def bring_birds(cast: Cast, folder: Path, count: int = 18) -> None:
    """Marsh birds: drawn pictures, with a campaign that asks which bird it is."""
    root = folder / "birds"
    root.mkdir(exist_ok=True)
    rows = []
    for number in range(count):
        kind = pictures.KINDS[number % 3]
        pictures.write_picture(root / f"{number:02d}.png", kind, number)
        rows.append({"id": f"b{number:02d}", "image": f"{number:02d}.png", "drawn": kind, "by": "Minna Stake"})
    dataset = datasets.register(
        cast.community,
        slug="marsh-birds",
        name="Marsh birds",
        by=cast.steward,
        modality="image",
        description="Birds drawn by a computer, on a marsh that is nowhere. Fictional.",
    )
    _bring_media(cast, dataset, folder / "marsh-birds.jsonl", root, rows)
    ask(cast, dataset, "bird", "Which bird?", BIRD_CONFIG, overlap=2)


def _bring_media(cast: Cast, dataset: Dataset, path: Path, root: Path, rows: list[dict[str, str]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    kind = "audio" if dataset.modality == "audio" else "image"
    label = next(name for name in rows[0] if name in {"heard", "drawn"})
    roles = {"id": "id", kind: "media", label: "label", "by": "contributor"}
    _import(dataset, path, "jsonl", {"roles": roles, "media_root": str(root)}, cast.steward)
    policies.revise(
        dataset,
        body=body(("teaching",), ("non-profit", "public", "community"), False),
        by=cast.steward,
        note="For schools.",
    )
