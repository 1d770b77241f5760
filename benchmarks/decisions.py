"""Decisions: may this party have this version now, over n samples of n/100 people.

``unchanged``: nothing was written since the last look; ``changed``: somebody answered anew just before; ``first``: nobody ever
looked. The named alternative, ``each sample``, judges every sample of the version by its giver's newest answers, as systems do
that keep no more than samples and consents. ``versus`` says how many times as long that takes.
"""

from datetime import timedelta

from _bench import Clock, main

UNCHANGED, CHANGED = 200, 5
SAMPLES_OF_ONE = 100


def measure(n: int, database: str):
    from django.utils import timezone

    from curation import pulls, standing
    from curation.models import Gathered
    from governance import consents, holds

    version, token, people = _make(n)
    with Clock() as each:
        allowed = _each_sample(version, "teaching")
    assert allowed == n
    with Clock() as first:
        first.lap(lambda: pulls.open_version(token, version))
    with Clock() as same:
        for _ in range(UNCHANGED):
            same.lap(lambda: pulls.open_version(token, version))
    with Clock() as moved:
        for i in range(CHANGED):
            _answer(people[i])
            moved.lap(lambda: pulls.open_version(token, version))
    assert Gathered.objects.count() == 1
    assert standing.of(version).is_open
    assert not holds.open_in(version.community).exists()
    assert consents.snapshot([people[0].pk], "teaching", timezone.now()).valid == 1

    def versus(clock: Clock) -> dict[str, float]:
        return {"each sample": round(each.wall_s / (sum(clock.laps) / len(clock.laps)), 1)}

    yield same.row("decision, unchanged", n, done=UNCHANGED, versus=versus(same))
    yield moved.row("decision, changed", n, done=CHANGED, versus=versus(moved))
    yield first.row("decision, first", n, done=1, versus=versus(first))
    yield each.row("each sample", n, done=1)


def _each_sample(version, purpose: str) -> int:
    """Count the samples whose giver says yes: one judgement a sample, streamed, answers read with the sample."""
    from django.utils import timezone

    from curation.models import Member
    from governance import consents
    from governance.models import ConsentEvent
    from governance.odrl.purposes import STANDARD

    at, allowed = timezone.now(), 0
    related = STANDARD.broader(purpose) | STANDARD.narrower(purpose)
    members = Member.objects.filter(version=version).order_by("uid").values_list("sample__contributor_id", flat=True)
    chunk: list[int] = []

    def judge() -> int:
        found = consents.newest(at).filter(contributor__in=set(chunk), purpose__in=related)
        answers: dict[int, list] = {}
        for who, about, status, end in found.values_list("contributor_id", "purpose", "status", "expires_at"):
            answers.setdefault(who, []).append((about, status, end))
        return sum(consents.state_of(answers.get(who, ()), purpose, at)[0] == "valid" for who in chunk)

    assert ConsentEvent.objects.exists()
    for who in members.iterator(chunk_size=500):
        chunk.append(who)
        if len(chunk) == 500:
            allowed += judge()
            chunk.clear()
    return allowed + judge()


def _answer(person) -> None:
    from django.db import transaction

    from governance.acts import record
    from governance.models import ConsentEvent
    from governance.roles import Machine

    with transaction.atomic():
        record(Machine("benchmark"), "consent.record", person)
        ConsentEvent.objects.create(
            contributor=person, purpose="teaching", status="RenewedConsentGiven", method="paper"
        )


def _make(n: int):
    """A published version of ``n`` samples of n/100 people who said yes, and a token for it; rows only, no files."""
    from django.utils import timezone

    from curation.models import Member, Version, VersionContributor
    from governance import agreements, policies
    from governance.models import Agreement, ConsentEvent, Contributor, Party, Sample
    from tests.curation.made import open_dataset

    dataset = open_dataset()
    now = timezone.now()
    count = max(1, n // SAMPLES_OF_ONE)
    people = Contributor.objects.bulk_create(
        (Contributor(community=dataset.community, name=f"teller {i}") for i in range(count)), batch_size=2000
    )
    people = list(Contributor.objects.filter(community=dataset.community).order_by("pk"))
    for purpose in ("teaching", "archiving", "research"):
        ConsentEvent.objects.bulk_create(
            (
                ConsentEvent(
                    contributor=one,
                    purpose=purpose,
                    status="ConsentGiven",
                    method="paper",
                    at=now,
                    expires_at=now + timedelta(days=400),
                )
                for one in people
            ),
            batch_size=2000,
        )
    version = Version.objects.create(
        dataset=dataset,
        number=1,
        status="published",
        purposes=["teaching"],
        policy=policies.current(dataset),
        proposed_by=dataset.created_by,
        frozen_at=now,
        published_at=now,
        members_root="a" * 64,
    )
    for start in range(0, n, 20000):
        rows = [
            Sample(
                uid=f"{i:032x}",
                dataset=dataset,
                source="bench",
                key=str(i),
                content_hash="c" * 64,
                contributor=people[i % len(people)],
                protocol_id=dataset.default_protocol_id,
                data={},
            )
            for i in range(start, min(n, start + 20000))
        ]
        made = Sample.objects.bulk_create(rows, batch_size=2000)
        Member.objects.bulk_create(
            (Member(version=version, sample=s, uid=s.uid, content_hash="c" * 64, split="train") for s in made),
            batch_size=2000,
        )
    VersionContributor.objects.bulk_create(
        (VersionContributor(version=version, contributor=one, samples=SAMPLES_OF_ONE) for one in people),
        batch_size=2000,
    )
    keeper = dataset.created_by
    party = Party.objects.create(community=dataset.community, name="School", kind="non-profit")
    agreement = Agreement.objects.create(
        party=party,
        dataset=dataset,
        purpose="teaching",
        policy=policies.current(dataset),
        signed_by=keeper,
        in_force_at=now,
        expires_at=now + timedelta(days=30),
    )
    _, secret = agreements.issue_token(agreement, by=keeper, label="bench")
    token = agreements.token_of(secret)
    return Version.objects.select_related("dataset__community").get(pk=version.pk), token, people


if __name__ == "__main__":
    main(__doc__, measure, rows="10000,1000000")
