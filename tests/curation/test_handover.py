"""A community leaves one house and comes into another, whole or not at all."""

import io
import json
import zipfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from curation import arrivals, handover, membership, versions
from curation.models import HandOver, Version
from governance import charters, collective, communities, log, people, signing, votes, withdrawals
from governance.kernel.errors import Conflict, Gone, Invalid
from governance.models import Community, Event, Person, Proposal, Sample
from tests.curation.lines import Line, make_line, proposed, work
from tests.emptying import emptying_allowed
from tests.factories import make_keeper, make_person

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def line() -> Line:
    """A line with a bit of everything: an old charter, a version with files, words taken back, a decision of all."""
    line = make_line(600)
    charters.change(line.community, body={"text": "We decide slowly."}, by=line.keeper)
    version = proposed(line)
    versions.approve(version, by=line.keeper)
    work()
    version.refresh_from_db()
    assert version.status == Version.Status.PUBLISHED
    line.community.refresh_from_db()
    return line


def pack(community: Community, tmp_path: Path) -> Path:
    target = tmp_path / "archive.zip"
    with target.open("wb") as file:
        handover.write(community, file)
    return target


def counts(community: Community) -> dict[str, int]:
    taken = [
        m for m in handover.kinds() if m._meta.label not in handover.STAYS and m._meta.label not in handover.SHARED
    ]
    return {model._meta.label: handover.rows_of(model, community).count() for model in taken}


def move_house(settings: Any, tmp_path: Path) -> None:
    """Be another house from here on: no row, no file, another signing key."""
    with emptying_allowed():
        call_command("flush", verbosity=0, interactive=False)
    settings.FILES_ROOT = tmp_path / "other" / "files"
    settings.KEYS_ROOT = tmp_path / "other" / "keys"
    settings.SIGNING_KEY_FILE = tmp_path / "other" / "keys" / "signing.pem"


def test_every_kind_of_row_is_exported_or_named_with_the_reason_why_it_stays() -> None:
    assert handover.unplaced() == []
    known = {model._meta.label for model in apps.get_models()}
    assert set(handover.STAYS) <= known and set(handover.SHARED) <= known
    assert all(len(why) > 20 for why in handover.STAYS.values())


def test_a_community_comes_into_another_house_whole(line: Line, tmp_path: Path, settings: Any) -> None:
    community = line.community
    second = make_keeper(community)
    asked = collective.propose(line.dataset, purposes=["teaching"], by=line.keeper)
    votes.cast(asked, by=second, choice="yes")
    withdrawals.open(line.teller, by=line.keeper, channel="steward", purposes=["language-research"])
    work()
    version = Version.objects.get(number=1)
    root, uids = version.members_root, set(Sample.objects.values_list("uid", flat=True))
    old_keys, slug = dict(signing.public_keys()), community.slug
    token = line.dataset.collective_decisions.get().token
    archive = pack(community, tmp_path)
    before = counts(community)
    old_files = {path.name for path in Path(settings.FILES_ROOT).glob("versions/??/??/*")}
    move_house(settings, tmp_path)

    came = arrivals.bring(archive, trusted=old_keys)

    here = Community.objects.get(slug=slug)
    assert counts(here) == before
    assert (
        before["governance.Sample"] == 600
        and before["curation.Member"] == 600
        and before["annotations.Annotation"] == 1200
    )
    assert came.rows == sum(before.values()) + len(came.codes)
    assert set(Sample.objects.values_list("uid", flat=True)) == uids
    moved = Version.objects.get(number=1)
    rows = moved.members.order_by("uid").values_list("uid", "content_hash", "label", "split")
    assert moved.members_root == root == membership.members_root(rows)
    assert {path.name for path in Path(settings.FILES_ROOT).glob("versions/??/??/*")} == old_files != set()
    assert charters.body_of(here) == {"text": "We decide slowly."}
    assert collective.verify(token, came.arrival.keys)["outcome"] == "given"
    with pytest.raises(Invalid):
        collective.verify(token)
    assert Event.objects.filter(verb="handover.arrive", object_id=here.public_id).count() == 1


def test_nobodys_password_travels_and_everybody_gets_a_code(line: Line, tmp_path: Path, settings: Any) -> None:
    line.keeper.set_password("a quiet harbour")
    line.keeper.save()
    archive = pack(line.community, tmp_path)
    with zipfile.ZipFile(archive) as opened:
        everything = b"".join(opened.read(name) for name in opened.namelist() if name.startswith("tables/"))
    move_house(settings, tmp_path)

    came = arrivals.bring(archive)
    codes = {username: code for username, _name, code in came.codes}
    keeper = people.use_recovery(codes[line.keeper.username], password="another quiet harbour")

    assert b"pbkdf2" not in everything and b'"password"' not in everything
    assert keeper.check_password("another quiet harbour")
    assert communities.keepers(Community.objects.get()).filter(pk=keeper.pk).exists()
    assert set(codes) == set(Person.objects.filter(memberships__isnull=False).values_list("username", flat=True))


def test_the_old_log_still_verifies_against_the_old_key(line: Line, tmp_path: Path, settings: Any) -> None:
    events = Event.objects.filter(community=line.community.public_id).count()
    archive = pack(line.community, tmp_path)
    old = signing.public_keys()
    move_house(settings, tmp_path)

    with zipfile.ZipFile(archive) as opened:
        proven = arrivals.check_log(opened)
        size, _root = log.read_note(
            opened.read("log/checkpoint.txt").decode(),
            [signing.raw_of(signing.load_public(pem)) for pem in old.values()],
        )

    assert proven == events > 10
    assert size >= events


@pytest.mark.parametrize(
    "path", ["tables/governance.Sample.jsonl", "log/events.jsonl", "log/leaves.txt", "manifest.json"]
)
def test_one_changed_byte_and_nothing_comes_in(path: str, tmp_path: Path, settings: Any) -> None:
    community = make_line(3).community
    archive, bent = pack(community, tmp_path), tmp_path / "bent.zip"
    with zipfile.ZipFile(archive) as source, zipfile.ZipFile(bent, "w") as target:
        for name in source.namelist():
            raw = source.read(name)
            if name == path:
                at = raw.rindex(b"0")
                raw = raw[:at] + b"1" + raw[at + 1 :]
            target.writestr(name, raw)
    move_house(settings, tmp_path)

    with pytest.raises(Invalid) as refusal:
        arrivals.bring(bent)

    assert refusal.value.code in {"archive-changed", "signature-wrong"}
    assert not Community.objects.exists() and not Person.objects.exists()


def test_a_row_that_is_missing_is_never_silent(tmp_path: Path, settings: Any) -> None:
    community = make_line(3).community
    archive = pack(community, tmp_path)
    with zipfile.ZipFile(archive) as opened:
        manifest = json.loads(opened.read("manifest.json"))

    counted = {table["kind"]: table["rows"] for table in manifest["tables"]}
    assert {kind: n for kind, n in counted.items() if kind not in handover.SHARED} == counts(community)
    assert manifest["stays"] == dict(handover.STAYS)
    assert manifest["missing_files"] == []


def test_a_community_that_is_here_is_not_overwritten(tmp_path: Path) -> None:
    community = make_line(3).community
    archive = pack(community, tmp_path)
    community.name = "Changed since"
    community.save()

    with pytest.raises(Conflict) as refusal:
        arrivals.bring(archive)

    assert refusal.value.code == "community-here"
    assert Community.objects.get().name == "Changed since"


def test_a_name_that_is_taken_gets_a_number_and_is_told(tmp_path: Path, settings: Any) -> None:
    line = make_line(3)
    archive = pack(line.community, tmp_path)
    name = line.keeper.username
    move_house(settings, tmp_path)
    make_person(username=name)

    came = arrivals.bring(archive)

    assert came.renamed == {name: f"{name}-2"}


def test_nothing_of_another_community_is_in_it(tmp_path: Path) -> None:
    ours, theirs = make_line(3), make_line(3)
    archive = pack(ours.community, tmp_path)

    with zipfile.ZipFile(archive) as opened:
        everything = b"".join(opened.read(name) for name in opened.namelist())

    for secret in (theirs.community.public_id, theirs.keeper.public_id, theirs.dataset.key, theirs.teller.public_id):
        assert secret.encode() not in everything
    assert ours.keeper.public_id.encode() in everything


def test_with_two_keepers_it_needs_the_second_and_the_log_says_who_fetched_it(tmp_path: Path) -> None:
    line = make_line(3)
    second = make_keeper(line.community)
    asked = handover.ask(line.community, by=line.keeper)
    assert isinstance(asked, Proposal) and not HandOver.objects.exists()

    votes.cast(asked, by=second, choice="yes")
    work()
    row = HandOver.objects.get()
    client = Client()
    client.force_login(second)
    where = f"/communities/{line.community.slug}/hand-over/"
    page, file = client.get(where), client.get(f"{where}{row.public_id}/archive.zip")
    client.force_login(line.steward)
    refused = client.get(f"{where}{row.public_id}/archive.zip"), client.get(where)

    assert row.status == "done" and row.rows and row.sha256
    assert page.status_code == 200 and row.sha256[:16] in page.content.decode()
    assert zipfile.is_zipfile(io.BytesIO(b"".join(file.streaming_content)))  # type: ignore[attr-defined]  # a file response
    assert [answer.status_code for answer in refused] == [404, 403]
    assert Event.objects.filter(verb="handover.fetch", actor=second.ref).exists()


def test_an_archive_is_removed_after_a_week(tmp_path: Path) -> None:
    line = make_line(3)
    row = handover.ask(line.community, by=line.keeper)
    assert isinstance(row, HandOver)
    work()
    row.refresh_from_db()

    gone = handover.remove_archives(now=timezone.now() + timedelta(days=8))

    row.refresh_from_db()
    assert gone == 1 and not handover.path_of(row).exists()
    with pytest.raises(Gone):
        handover.fetch(row, by=line.keeper)


def test_the_command_brings_it_in_and_prints_codes_once(tmp_path: Path, settings: Any) -> None:
    line = make_line(3)
    archive = pack(line.community, tmp_path)
    move_house(settings, tmp_path)
    out = io.StringIO()

    call_command("handover_import", str(archive), "--format", "json", stdout=out)

    said = json.loads(out.getvalue())
    assert said["community"] == line.community.slug
    assert {one["username"] for one in said["codes"]} >= {line.keeper.username}
    with pytest.raises(SystemExit):
        call_command("handover_import", str(archive), stdout=io.StringIO())
