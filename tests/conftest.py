"""What every test can ask for: the databases, a broker, a real worker process, a browser, the shared data."""

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connection, connections
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

from curation.supervisor import die_with_parent
from tests.emptying import allow_emptying

ROOT = Path(__file__).resolve().parents[1]
CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

allow_emptying()

# How long an example takes says how busy the machine is, not whether the law holds; both databases are tested at once.
hypothesis_settings.register_profile("house", deadline=None, suppress_health_check=[HealthCheck.too_slow])
hypothesis_settings.load_profile("house")


def pytest_report_header() -> str:
    return (
        f"database: {os.environ.get('WELLHOUSE_TEST_DATABASE', 'sqlite')}, broker: {settings.REDIS_URL.split('@')[-1]}"
    )


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--quick", action="store_true", help="only tests that need no database: the minute before a commit"
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip, with the reason, what would mean nothing on this database or cannot run on this machine."""
    if config.getoption("--quick"):
        fixtures = {"db", "transactional_db", "live_server", "django_db_setup"}
        slow = [i for i in items if i.get_closest_marker("django_db") or fixtures & set(getattr(i, "fixturenames", ()))]
        config.hook.pytest_deselected(items=slow)
        items[:] = [item for item in items if item not in set(slow)]
    if settings.DATABASES["default"]["ENGINE"].endswith("sqlite3"):
        reason = "a claim about races: run it with WELLHOUSE_TEST_DATABASE=postgres"
        for item in items:
            if item.get_closest_marker("postgres"):
                item.add_marker(pytest.mark.skip(reason=reason))
    if chromium() is None:
        if os.environ.get("WELLHOUSE_BROWSER") == "required":
            raise pytest.UsageError("NO CHROMIUM: WELLHOUSE_BROWSER=required, and none could be installed here.")
        reason = "NO CHROMIUM: browser tests did not run. Install it: sudo apt-get install -y chromium"
        for item in items:
            if item.get_closest_marker("browser"):
                item.add_marker(pytest.mark.skip(reason=reason))


def chromium() -> str | None:
    """Return the path of the browser, or None where there is none."""
    names = ("chromium", "chromium-browser", "google-chrome", "chrome")
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, names)), None)


@pytest.fixture(scope="session")
def shared() -> Path:
    """Return the folder of shared data and suites; skip where it is absent."""
    folder = Path(os.environ.get("WELLHOUSE_SHARED") or ROOT.parent / "shared")
    if not folder.is_dir():
        pytest.skip("NO SHARED DATA: set WELLHOUSE_SHARED to the folder that holds data/ and suites/")
    return folder


@pytest.fixture(scope="session")
def redis_url() -> str:
    """Return the address of a real Redis-protocol server of this test run."""
    return str(settings.REDIS_URL)


@pytest.fixture(scope="session")
def browser_type_launch_args() -> dict[str, Any]:
    """Start the machine's own Chromium; Playwright downloads none."""
    return {"executable_path": chromium(), "headless": True, "args": CHROMIUM_FLAGS}


@dataclass
class Process:
    """A process beside the tests, on the same database and broker, and what it has said so far."""

    popen: subprocess.Popen[str]
    lines: list[str]

    def wait_for(self, text: str, seconds: float = 60) -> None:
        """Return once it has said ``text``."""
        until(lambda: any(text in line for line in self.lines) or self.popen.poll() is not None, seconds, str(self))
        assert any(text in line for line in self.lines), str(self)

    def end(self, number: int = 15) -> None:
        """Send a signal and wait; safe more than once."""
        if self.popen.poll() is None:
            self.popen.send_signal(number)
        try:
            self.popen.wait(20)
        except subprocess.TimeoutExpired:
            pass
        self.kill_all()

    def kill_all(self) -> None:
        """Kill it and every process that it made, as a crash of the machine would."""
        try:
            os.killpg(self.popen.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.popen.wait(20)

    def __str__(self) -> str:
        return f"{' '.join(map(str, self.popen.args))}\n" + "\n".join(self.lines[-40:])  # type: ignore[arg-type]  # a list


def until(happened: Callable[[], object], seconds: float = 30, saying: str = "") -> None:
    """Return as soon as something is so; fail when it takes too long."""
    deadline = time.monotonic() + seconds
    while not happened():
        if time.monotonic() > deadline:
            pytest.fail(f"waited {seconds} seconds in vain. {saying}")
        time.sleep(0.05)


def child_environment(**more: str) -> dict[str, str]:
    """Return the environment of a product process that works on the tests' database."""
    name = connection.settings_dict["NAME"]
    if connection.vendor == "sqlite":
        address = f"sqlite:///{name}"
    else:
        base, _, query = os.environ["DATABASE_URL"].partition("?")
        address = base.rsplit("/", 1)[0] + f"/{name}" + (f"?{query}" if query else "")
    fixed = {"DATABASE_URL": address, "DJANGO_SETTINGS_MODULE": "curation.config.settings", "PYTHONUNBUFFERED": "1"}
    return {**os.environ, **fixed, "PYTHONPATH": str(ROOT), **more}


def start_process(*command: str, **environment: str) -> Process:
    """Start a product process (its arguments after ``python``) that ends with the tests at the latest."""
    popen = subprocess.Popen(
        [sys.executable, *command],
        cwd=ROOT,
        env=child_environment(**environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        process_group=0,
        preexec_fn=die_with_parent(),
    )
    process = Process(popen, [])
    assert popen.stdout
    threading.Thread(target=lambda: process.lines.extend(map(str.rstrip, popen.stdout)), daemon=True).start()  # type: ignore[arg-type]  # not None
    return process


def start_worker(**environment: str) -> Process:
    """Start a Celery worker as the product does and return once it takes messages."""
    flags = ["--pool", "prefork", "--concurrency", "2", "--without-gossip", "--without-mingle"]
    worker = start_process(
        "-m", "celery", "--quiet", "--skip-checks", "-A", "curation.config.celery", "worker", *flags, **environment
    )
    worker.wait_for(" ready.")
    return worker


@pytest.fixture(scope="module")
def _one_worker(django_db_setup: None, django_db_blocker: Any) -> Iterator[Process]:
    with django_db_blocker.unblock():
        worker = start_worker()
    yield worker
    worker.end()


@pytest.fixture
def celery_worker_process(transactional_db: None, _one_worker: Process) -> Process:
    """Return a real, separate worker process on the tests' database; the test sees only what is committed."""
    assert _one_worker.popen.poll() is None, str(_one_worker)
    return _one_worker


@pytest.fixture
def in_threads(transactional_db: None) -> Callable[..., list[Any]]:
    """Return a function that calls ``work(0..n-1)`` at the same moment in n threads, each with its own connection.

    It returns what each call returned, or the exception that it raised, in order.
    """

    def run(work: Callable[[int], Any], n: int) -> list[Any]:
        answers: list[Any] = [None] * n
        gate = threading.Barrier(n)

        def one(i: int) -> None:
            try:
                gate.wait(30)
                answers[i] = work(i)
            except BaseException as error:
                answers[i] = error
            finally:
                connections.close_all()

        threads = [threading.Thread(target=one, args=(i,)) for i in range(n)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(120)
        return answers

    return run
