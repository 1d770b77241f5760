"""The log: sealed in order, refusing change, and telling where somebody changed it anyway."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction

from governance import log, signing
from governance.acts import record
from governance.kernel.digests import root_of
from governance.kernel.errors import Invalid
from governance.models import Checkpoint, Community, Event, Leaf
from governance.roles import Machine
from tests.emptying import emptying_allowed
from tests.factories import make_community

CLOCK = Machine("tests")


@pytest.fixture
def community(transactional_db: None) -> Community:
    return make_community()


def write(community: Community, count: int) -> list[Event]:
    return [record(CLOCK, "community.change", community, {"number": n}) for n in range(count)]


@contextmanager
def somebody_with_the_database() -> Iterator[None]:
    """Whoever owns the database can take the triggers away."""
    if connection.vendor == "sqlite":
        with emptying_allowed():
            yield
        return
    tables = ("governance_event", "governance_leaf", "governance_checkpoint")
    with connection.cursor() as cursor:
        for table in tables:
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER ALL")
        yield
        for table in tables:
            cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER ALL")


def run(*arguments: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, object]]:
    try:
        call_command(*arguments, "--format", "json")
        code = 0
    except SystemExit as end:
        code = int(end.code or 0)
    return code, json.loads(capsys.readouterr().out)


def test_an_empty_log_is_whole(community: Community) -> None:
    assert log.seal() is None
    assert log.verify().ok


def test_sealing_gives_each_event_one_place_and_signs_the_root(community: Community) -> None:
    first = write(community, 3)
    log.seal()
    second = write(community, 4)
    checkpoint = log.seal()

    bodies = [leaf.event.body.encode() for leaf in Leaf.objects.select_related("event").order_by("index")]
    assert [leaf.event_id for leaf in Leaf.objects.order_by("index")] == [event.pk for event in [*first, *second]]
    assert (checkpoint.size, checkpoint.root) == (7, root_of(bodies))
    assert log.read_note(checkpoint.note, [signing.public_raw()]) == (7, bytes.fromhex(checkpoint.root))
    assert log.seal() == checkpoint
    assert Checkpoint.objects.count() == 2


def test_sealing_goes_on_from_the_leaves_when_a_checkpoint_is_lost(community: Community) -> None:
    write(community, 5)
    log.seal()
    with somebody_with_the_database():
        Checkpoint.objects.all().delete()
    write(community, 1)

    checkpoint = log.seal()

    bodies = [leaf.event.body.encode() for leaf in Leaf.objects.select_related("event").order_by("index")]
    assert checkpoint.root == root_of(bodies)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE governance_event SET actor = 'somebody else'",
        "DELETE FROM governance_event",
        "UPDATE governance_leaf SET hash = ''",
        "DELETE FROM governance_leaf",
        "UPDATE governance_checkpoint SET size = 0",
        "DELETE FROM governance_checkpoint",
    ],
)
def test_the_database_itself_refuses_to_change_the_log(community: Community, statement: str) -> None:
    write(community, 2)
    log.seal()

    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)

    assert log.verify().ok


def test_a_row_cannot_be_replaced_either(community: Community) -> None:
    event = write(community, 1)[0]
    if connection.vendor == "sqlite":
        statement = "INSERT OR REPLACE INTO governance_event SELECT * FROM governance_event WHERE id = %s"
        arguments = [event.pk]
    else:
        statement, arguments = "TRUNCATE governance_leaf, governance_event CASCADE", []

    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, arguments)


@pytest.mark.parametrize(
    ("tamper", "leaf", "kind"),
    [
        (lambda e: Event.objects.filter(pk=e[3]).update(body='{"forged":true}'), 3, "event-changed"),
        (lambda e: Event.objects.filter(pk=e[3]).update(hash="0" * 64), 3, "event-changed"),
        (lambda e: Event.objects.filter(pk=e[2]).update(actor="person:other"), 2, "columns-changed"),
        (lambda e: Event.objects.filter(pk=e[5]).update(verb="nothing.happened"), 5, "columns-changed"),
        (lambda e: Leaf.objects.filter(index=4).update(hash="ab" * 32), 4, "event-changed"),
        (lambda e: Leaf.objects.filter(index=1).delete(), 1, "leaf-missing"),
        (lambda e: Leaf.objects.filter(index__gte=8).delete(), 8, "leaf-missing"),
        (lambda e: Checkpoint.objects.filter(size=10).update(root="00" * 32), 6, "root-changed"),
        (
            lambda e: Checkpoint.objects.filter(size=10).update(note="forged\n10\nAAAA\n\n— forged AAAA\n"),
            9,
            "signature-wrong",
        ),
    ],
)
def test_verify_names_the_first_bad_leaf(
    community: Community, capsys: pytest.CaptureFixture[str], tamper: object, leaf: int, kind: str
) -> None:
    events = [event.pk for event in write(community, 6)]
    log.seal()
    write(community, 4)
    log.seal()
    with somebody_with_the_database():
        tamper(events)

    code, found = run("verify", capsys=capsys)

    assert code == 1
    assert (found["ok"], found["first_bad_leaf"], found["kind"]) == (False, leaf, kind)
    assert set(found) == {"ok", "size", "root", "first_bad_leaf", "kind"}


def test_a_forger_who_mends_every_hash_is_caught_by_the_signed_root(community: Community) -> None:
    events = write(community, 6)
    log.seal()
    write(community, 4)
    log.seal()
    other = record(CLOCK, "community.change", community, {"number": "forged"})
    with somebody_with_the_database():
        Leaf.objects.filter(index=7).update(event=other, hash=log.leaf_hash(other.body.encode()).hex())

    found = log.verify()

    assert len(events) == 6
    assert (found.ok, found.first_bad_leaf, found.kind) == (False, 6, "root-changed")


def test_an_event_without_a_place_is_looked_at_too(community: Community) -> None:
    write(community, 2)
    log.seal()
    late = write(community, 1)[0]
    with somebody_with_the_database():
        Event.objects.filter(pk=late.pk).update(hash="0" * 64)

    assert log.verify().kind == "unsealed-changed"


def test_verify_says_that_a_whole_log_is_whole(community: Community, capsys: pytest.CaptureFixture[str]) -> None:
    write(community, 5)
    checkpoint = log.seal()

    code, found = run("verify", capsys=capsys)

    assert code == 0
    assert found == {"ok": True, "size": 5, "root": checkpoint.root, "first_bad_leaf": None, "kind": None}


def test_a_proof_can_be_checked_without_the_database(
    community: Community, capsys: pytest.CaptureFixture[str], tmp_path: Path, django_db_blocker: object
) -> None:
    write(community, 6)
    event = write(community, 1)[0]
    file, key = tmp_path / "proof.json", tmp_path / "key.pem"
    bundle = log.proof(event)
    file.write_text(json.dumps(bundle))
    key.write_text(signing.public_keys()[signing.current_keyid()])

    with django_db_blocker.block():
        code, found = run("verify", "--proof", str(file), "--public-key", str(key), capsys=capsys)

    assert code == 0
    assert found["ok"] and found["size"] == 7
    assert bundle["leaf_index"] == 6


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({"event": '{"forged":1}'}, "event-changed"),
        ({"leaf_index": 1}, "event-changed"),
        ({"root": "00" * 32}, "root-changed"),
        ({"checkpoint": "x\n7\nAAAA\n\n— x AAAA\n"}, "signature-wrong"),
    ],
)
def test_a_forged_proof_is_found_out(
    community: Community, capsys: pytest.CaptureFixture[str], tmp_path: Path, change: dict[str, object], kind: str
) -> None:
    event = write(community, 7)[2]
    file = tmp_path / "proof.json"
    file.write_text(json.dumps({**log.proof(event), **change}))

    code, found = run("verify", "--proof", str(file), capsys=capsys)

    assert code == 1
    assert found["kind"] == kind


def test_a_proof_signed_by_another_house_is_found_out(community: Community, settings: object, tmp_path: Path) -> None:
    bundle = log.proof(write(community, 1)[0])
    settings.SIGNING_KEY_FILE = str(tmp_path / "other.pem")

    assert not log.check_proof(bundle, [signing.public_raw()]).ok


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": "wellhouse/proof/1", "leaf_index": "x"}', "\ufeff{"])
def test_what_is_no_proof_is_unusable_input(capsys: pytest.CaptureFixture[str], tmp_path: Path, text: str) -> None:
    file = tmp_path / "proof.json"
    file.write_text(text)

    code, found = run("verify", "--proof", str(file), capsys=capsys)

    assert code == 2
    assert found["error"]["code"] == "proof-unreadable"
    assert run("verify", "--proof", str(tmp_path / "absent"), capsys=capsys)[0] == 2


def test_a_note_can_be_read_by_whoever_has_the_verifier_key(community: Community) -> None:
    write(community, 1)
    note = log.seal().note
    name, key_hash, _key = log.vkey().split("+", 2)

    assert note.split("\n")[0] == name
    assert len(key_hash) == 8
    with pytest.raises(Invalid, match="No key"):
        log.read_note(note.replace("\n1\n", "\n2\n"), [signing.public_raw()])


def test_a_proof_is_read_whatever_signs_the_key_is_spelled_with(
    community: Community, settings: object, tmp_path: Path
) -> None:
    event = write(community, 1)[0]
    for number in range(200):
        settings.SIGNING_KEY_FILE = str(tmp_path / f"{number}.pem")
        if log.vkey().count("+") > 3:
            break

    bundle = log.proof(event)

    assert str(bundle["key"]).count("+") > 3
    assert log.check_proof(bundle).ok
