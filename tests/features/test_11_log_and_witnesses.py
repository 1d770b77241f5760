"""Feature 11: a tamper-evident log with outside witnesses.

*Test:* UPDATE or DELETE of an event row fails at the database; forced edit -> ``verify`` names the first bad leaf;
fork -> witness refuses to cosign.
"""

import importlib.util
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction

from governance import log, witnesses
from governance.acts import record
from governance.models import Checkpoint, Community, Cosignature, Event, Leaf, Node
from governance.roles import Machine
from tests.emptying import emptying_allowed
from tests.factories import make_community, make_keeper

CLOCK = Machine("tests")
CLIENTS = Path(__file__).resolve().parents[2] / "clients"
NAME = "archive.example.org"
TABLES = [model._meta.db_table for model in (Event, Leaf, Node, Checkpoint, Cosignature)]


def client(name: str) -> ModuleType:
    """The command as a stranger has it: one file."""
    spec = importlib.util.spec_from_file_location(name, CLIENTS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


witness_command, verifier = client("wellhouse_witness"), client("verify_proof")


@pytest.fixture
def community(transactional_db: None) -> Community:
    return make_community()


@pytest.fixture
def witness(community: Community, tmp_path: Path, live_server) -> "Visitor":
    return Visitor(community, tmp_path, live_server.url)


class Visitor:
    """A partner with a key and a memory of their own."""

    def __init__(self, community: Community, folder: Path, url: str) -> None:
        self.key = Ed25519PrivateKey.generate()
        self.state, self.url = folder / "state.json", url
        self.vkey = witness_command.vkey_of(NAME, self.key)
        self.row = witnesses.add(community, vkey=self.vkey, by=make_keeper(community))

    def visit(self) -> str:
        return witness_command.visit(self.url, state=self.state, key=self.key, name=NAME, log_key=log.vkey())


def write(community: Community, count: int, start: int = 0) -> list[Event]:
    return [record(CLOCK, "community.change", community, {"number": start + n}) for n in range(count)]


@contextmanager
def somebody_with_the_database() -> Iterator[None]:
    """Whoever owns the database can take the triggers away."""
    if connection.vendor == "sqlite":
        with emptying_allowed():
            yield
        return
    with connection.cursor() as cursor:
        for table in TABLES:
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER ALL")
        yield
        for table in TABLES:
            cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER ALL")


def cut_off_after(size: int, *, cosignatures_too: bool = False) -> None:
    """Take the end of the log away, with everything in the house that says it was there."""
    with somebody_with_the_database():
        events = list(Leaf.objects.filter(index__gte=size).values_list("event_id", flat=True))
        Leaf.objects.filter(index__gte=size).delete()
        Event.objects.filter(pk__in=events).delete()
        Checkpoint.objects.filter(size__gt=size).delete()
        if cosignatures_too:
            Cosignature.objects.filter(size__gt=size).delete()


@pytest.mark.parametrize("model", [Event, Leaf, Node, Checkpoint, Cosignature])
@pytest.mark.parametrize("verb", ["update", "delete", "raw update", "raw delete", "truncate"])
def test_update_or_delete_of_a_row_fails_at_the_database(witness: Visitor, model: type, verb: str) -> None:
    write(witness.row.community, 300)
    log.seal()
    witness.visit()
    table, before = model._meta.db_table, model.objects.count()
    column = "hash" if model in (Event, Leaf, Node) else "note"
    raw = {"raw update": f"UPDATE {table} SET {column} = ''", "raw delete": f"DELETE FROM {table}"}
    raw["truncate"] = f"TRUNCATE {table} CASCADE" if connection.vendor == "postgresql" else raw["raw delete"]

    def change() -> None:
        if verb == "update":
            model.objects.update(**{column: ""})
        elif verb == "delete":
            model.objects.all()._raw_delete("default")
        else:
            connection.cursor().execute(raw[verb])

    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        change()

    assert model.objects.count() == before > 0


def test_verify_names_the_first_bad_leaf_after_a_forced_edit(
    community: Community, capsys: pytest.CaptureFixture[str]
) -> None:
    events = write(community, 600)
    log.seal()
    with somebody_with_the_database():
        for place in (417, 500):
            Event.objects.filter(pk=events[place].pk).update(body='{"forged":true}')

    with pytest.raises(SystemExit) as end:
        call_command("verify", "--format", "json")

    found = json.loads(capsys.readouterr().out)
    assert end.value.code == 1
    assert (found["ok"], found["first_bad_leaf"], found["kind"]) == (False, 417, "event-changed")


def test_a_witness_cosigns_a_log_that_only_grew(witness: Visitor, community: Community) -> None:
    write(community, 300)
    log.seal()
    first = witness.visit()
    write(community, 400, 300)
    log.seal()
    second = witness.visit()

    assert [row.size for row in Cosignature.objects.order_by("size")] == [
        int(first.split("\n")[1]),
        int(second.split("\n")[1]),
    ]
    assert verifier.is_cosigned(log.cosigned(log.newest_checkpoint()), witness.vkey)
    assert log.verify().ok


def test_a_witness_refuses_to_cosign_a_fork_and_keeps_the_evidence(witness: Visitor, community: Community) -> None:
    write(community, 300)
    log.seal()
    witness.visit()
    cut_off_after(200, cosignatures_too=True)
    with somebody_with_the_database():
        Node.objects.all().delete()
    write(community, 150, 9000)
    log.seal()

    with pytest.raises(witness_command.Refused, match="another than the one seen before"):
        witness.visit()

    assert log.verify().ok  # the house itself would notice nothing
    assert not Cosignature.objects.exists()
    evidence = json.loads(next(witness.state.parent.glob("*.evidence-*")).read_text())
    assert "\n" in evidence["seen_before"] and log.newest_checkpoint().note in evidence["answered_now"]
    assert json.loads(witness.state.read_text())["checkpoint"] == evidence["seen_before"]


def test_a_witness_refuses_a_log_that_became_shorter(witness: Visitor, community: Community) -> None:
    write(community, 200)
    log.seal()
    write(community, 100)
    log.seal()
    witness.visit()
    cut_off_after(log.newest_checkpoint().size - 100, cosignatures_too=True)

    with pytest.raises(witness_command.Refused, match="became shorter"):
        witness.visit()

    assert log.verify().ok


def test_verify_notices_an_end_cut_off_together_with_its_checkpoint(witness: Visitor, community: Community) -> None:
    write(community, 20)
    kept = log.seal()
    write(community, 20)
    log.seal()
    witness.visit()
    cut_off_after(kept.size)

    found = log.verify()

    assert (found.ok, found.first_bad_leaf, found.kind) == (False, kept.size, "end-missing")


def test_verify_holds_the_log_against_a_checkpoint_that_was_kept_elsewhere(
    community: Community, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(community, 20)
    first = log.seal()
    write(community, 20)
    file = tmp_path / "kept.txt"
    file.write_text(log.seal().note)
    call_command("verify", "--checkpoint", str(file), "--format", "json")
    assert json.loads(capsys.readouterr().out)["ok"]
    cut_off_after(first.size)

    with pytest.raises(SystemExit):
        call_command("verify", "--checkpoint", str(file), "--format", "json")

    found = json.loads(capsys.readouterr().out)
    assert (found["first_bad_leaf"], found["kind"]) == (first.size, "end-missing")
