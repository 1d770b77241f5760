"""The whole line, measured: import, claim, submit, checks, build, pull.

    .venv/bin/python benchmarks/line.py --rows 10000,100000 --repeat 3 --markdown docs/performance.md

Import is ``manage.py import`` as a process of its own, start included. "next page" and "submit page" are whole requests through
Django (session, queries, template) by one person; compare sizes to see whether they grow. "8 people" is eight threads, each with a
connection of its own; a task that went to more people than its overlap would end the benchmark.
"""

import json
import random
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from _bench import Clock, Row, command, main

_PARTS = ("sel", "tun", "mar", "dra", "hal", "os", "kin", "wes", "lor", "pa", "ne", "bri", "shu", "got", "vem")
WORDS = [
    f"{a}{b}{c}" for a in _PARTS for b in _PARTS for c in ("a", "e", "in", "or", "u", "al", "ith", "om", "y", "ek")
]
LAPS = 400
CROWD = 8
CONFIG = """<View><Text name="t" value="$text"/><Choices name="c" toName="t" choice="single">
<Choice value="plain"/><Choice value="glad"/><Choice value="sad"/></Choices></View>"""


def write(folder: Path, n: int) -> tuple[Path, Path]:
    """Write n rows of 8 to 24 words as CSV and JSON Lines; 40 contributors."""
    chance = random.Random(n)
    table, lines = folder / "words.csv", folder / "words.jsonl"
    with table.open("w", encoding="utf-8") as as_csv, lines.open("w", encoding="utf-8") as as_lines:
        as_csv.write("id,text,speaker,label\n")
        for number in range(n):
            text = " ".join(chance.choices(WORDS, k=chance.randint(8, 24)))
            speaker, label = f"speaker {chance.randrange(40)}", chance.choice(("plain", "glad", "sad"))
            as_csv.write(f'{number},"{text}",{speaker},{label}\n')
            as_lines.write(json.dumps({"id": str(number), "text": text, "speaker": speaker, "label": label}) + "\n")
    return table, lines


def imports(n: int, name: str, file: Path) -> Row:
    """Import one file by the command, start of the process included."""
    spent = command(
        "import", f"bench/{name}", str(file), "--map", "id=id", "--map", "text=text", "--contributor-column", "speaker",
        "--label-column", "label", "--wait", "--format", "json",
    )  # fmt: skip
    found = json.loads(spent.output)
    if found["new"] != n:
        raise SystemExit(f"imported {found['new']} of {n}")
    return spent.row(f"import {file.suffix[1:]}", n)


def measure(n: int, database: str) -> Iterator[Row]:
    """Walk the line with n samples."""
    from annotations import campaigns
    from governance import communities, consents, datasets, people, policies
    from governance.kernel import jobs
    from governance.models import Contributor

    founder = people.new_person(username="founder", display_name="Founder", password="a quiet harbour")
    community = communities.found(name="Bench", slug="bench", by=founder)
    second = people.new_person(username="second", display_name="Second", password="a quiet harbour")
    communities.grant(community, person=second, role="keeper", by=founder)
    made = {name: datasets.register(community, slug=name, name=name, by=founder) for name in ("csv", "jsonl")}
    with tempfile.TemporaryDirectory() as folder:
        table, lines = write(Path(folder), n)
        yield imports(n, "csv", table)
        yield imports(n, "jsonl", lines)

    dataset = made["csv"]
    for contributor in Contributor.objects.filter(community=community):
        consents.record(contributor, answers={"teaching": "ConsentGiven"}, by=founder, method="paper")
    policies.revise(
        dataset,
        by=founder,
        body={
            "purposes": ["teaching"], "organisations": ["non-profit"], "commercial": False, "prohibited": ["advertising"],
            "expires_on": None, "terms": [], "note": "",
        },
    )  # fmt: skip
    campaign = campaigns.create(dataset, slug="c", name="What is it?", config=CONFIG, overlap=3, by=founder)
    with Clock() as clock:
        campaigns.open(campaign, by=founder)
        while jobs.work_waiting():
            pass
    yield clock.row("open campaign", n)
    campaign.refresh_from_db()

    yield from queue(n, campaign, founder)
    yield from pages(n, campaign, founder)
    yield from crowd(n, campaign, community)
    yield from version(n, dataset, campaign, founder, second)


def choice(value: str) -> list[dict[str, Any]]:
    return [{"from_name": "c", "to_name": "t", "type": "choices", "value": {"choices": [value]}}]


def queue(n: int, campaign: Any, person: Any) -> Iterator[Row]:
    """Claim and submit as operations, one person."""
    from annotations import leases, submissions

    with Clock() as claiming, Clock() as submitting:
        for number in range(LAPS):
            lease = claiming.lap(lambda: leases.claim(campaign, by=person))
            submitting.lap(
                lambda lease=lease, number=number: submissions.submit(
                    lease, by=person, result=choice("plain"), client_id=f"queue-{number:06d}", seconds=1.0
                )
            )
    yield claiming.row("claim", n, done=LAPS)
    yield submitting.row("submit", n, done=LAPS)


def pages(n: int, campaign: Any, person: Any) -> Iterator[Row]:
    """The same as whole requests: the page with the next task, and the form sent back."""
    import re

    from django.test import Client

    client = Client()
    client.force_login(person)
    address = f"/tasks/{campaign.public_id}/"
    with Clock() as showing, Clock() as sending:
        for _ in range(LAPS):
            page = showing.lap(lambda: client.get(address))
            html = page.content.decode()
            fields = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', html))
            radio = re.search(r'<input[^>]*type="radio"[^>]*name="([^"]+)"[^>]*value="([^"]*)"', html)
            if page.status_code != 200 or radio is None:
                raise SystemExit(f"{address} answered {page.status_code} without a choice")
            done = sending.lap(lambda fields=fields, radio=radio: client.post(address, {**fields, radio[1]: radio[2]}))
            if done.status_code not in (200, 302, 303):
                raise SystemExit(f"the answer was refused: {done.status_code} {done.content[:500]!r}")
    yield showing.row("next page", n, done=LAPS)
    yield sending.row("submit page", n, done=LAPS)


def crowd(n: int, campaign: Any, community: Any) -> Iterator[Row]:
    """Eight people at once; nothing may go to more people than the overlap, nothing twice to one."""
    from django.db import connection, connections
    from django.db.models import Count

    from annotations import leases, submissions
    from annotations.models import Annotation, Lease
    from governance.models import Membership, Person

    crowd = []
    for number in range(CROWD):
        person = Person.objects.create(username=f"crowd{number}", display_name=f"Crowd {number}", password="!")
        Membership.objects.create(person=person, community=community, role="contributor")
        crowd.append(person)
    laps: list[float] = []
    faults: list[BaseException] = []

    def work(person: Any) -> None:
        mine = Clock()
        mine.laps = []
        try:
            for number in range(LAPS // 4):
                lease = mine.lap(lambda: leases.claim(campaign, by=person))
                mine.lap(
                    lambda lease=lease, number=number: submissions.submit(
                        lease, by=person, result=choice("glad"), client_id=f"crowd-{number:06d}", seconds=1.0
                    )
                )
        except BaseException as fault:  # told by the main thread
            faults.append(fault)
        finally:
            laps.extend(mine.laps)
            connections.close_all()

    with Clock() as clock:
        threads = [threading.Thread(target=work, args=(person,)) for person in crowd]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    if faults:
        raise SystemExit(f"one of eight people met {faults[0]!r}")
    clock.laps = laps
    over = (
        Annotation.objects.filter(campaign=campaign)
        .values("task")
        .annotate(n=Count("pk"))
        .filter(n__gt=campaign.overlap)
    )
    twice = (
        Lease.objects.filter(task__campaign=campaign)
        .values("task", "annotator")
        .annotate(n=Count("pk"))
        .filter(n__gt=1)
    )
    if over.exists() or twice.exists():
        raise SystemExit("a task went to more people than its overlap")
    connection.close()
    yield clock.row("8 people: claim or submit", n, done=len(laps))


def version(n: int, dataset: Any, campaign: Any, founder: Any, second: Any) -> Iterator[Row]:
    """Fill the rest with answers directly, then propose, check, build, pull."""
    from django.test import Client

    from annotations.models import Annotation, Task
    from curation import checking, versions
    from governance import agreements
    from governance.kernel import jobs
    from tests.factories import make_agreement

    annotate_the_rest(campaign, founder, Annotation, Task)
    with Clock() as clock:
        checking.start(dataset, by=founder)
        while jobs.work_waiting():
            pass
    yield clock.row("checks of the dataset", n)
    proposed = versions.propose(dataset, campaign=campaign, by=founder)
    with Clock() as clock:
        while jobs.work_waiting():
            pass
    yield clock.row("freeze, split, check a version", n)
    proposed.refresh_from_db()
    for finding in proposed.check_runs.latest("pk").findings.filter(status__in=("block", "error")):
        versions.override(finding, by=second, reason="A benchmark.")
    versions.approve(proposed, by=second, choice="yes", reason="A benchmark.")
    with Clock() as clock:
        while jobs.work_waiting():
            pass
    yield clock.row("build", n)
    proposed.refresh_from_db()
    if proposed.status != "published":
        raise SystemExit(f"the version is {proposed.status}")
    agreement = make_agreement(dataset, founder)
    secret = agreements.issue_token(agreement, by=founder, label="bench")[1]
    client = Client(headers={"authorization": f"Bearer {secret}"})
    rows = 0
    with Clock() as clock:
        for file in proposed.files.order_by("path"):
            address = f"/datasets/{dataset.path}/resolve/{proposed.tag}/{file.path}"

            def fetch(address: str = address) -> int:
                answer = client.get(address)
                if answer.status_code != 200:
                    raise SystemExit(f"{address}: {answer.status_code}")
                return sum(map(len, answer.streaming_content if answer.streaming else [answer.content]))

            rows += clock.lap(fetch)
    yield clock.row("pull every file", n)


def annotate_the_rest(campaign: Any, person: Any, annotations: Any, tasks: Any) -> None:
    """Give every task one answer, written in bulk: what is measured afterwards is not this."""
    chance = random.Random(5)
    answered = annotations.objects.filter(campaign=campaign).values("task")
    batch = []
    for task in tasks.objects.filter(campaign=campaign).exclude(pk__in=answered).iterator(5000):
        value = chance.choice(("plain", "plain", "glad", "sad"))
        batch.append(
            annotations(
                campaign=campaign, task=task, sample_id=task.sample_id, annotator=person, client_id=f"bulk{task.pk}",
                result=choice(value), label=value, config_digest=campaign.config_digest,
            )
        )  # fmt: skip
        if len(batch) == 2000:
            annotations.objects.bulk_create(batch)
            batch = []
    annotations.objects.bulk_create(batch)
    tasks.objects.filter(campaign=campaign).update(status="done", answers=1)


if __name__ == "__main__":
    main(__doc__, measure, rows="10000,100000")
