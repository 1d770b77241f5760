"""``make demo``: one command from nothing to a running demo, described for scripts while it runs and not a moment longer."""

import json
import os
import signal
import stat
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT, until
from tests.servers import _free_port

pytestmark = [pytest.mark.faults, pytest.mark.slow]
KEYS = {
    "base_url",
    "sign_in",
    "dataset",
    "revision",
    "token",
    "denied_token",
    "signed_query",
    "withdraw_command",
    "restore_command",
    "campaign",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where this demo keeps its data; its socket's path must stay short."""
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="module")
def demo(folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The demo, made from nothing and running."""
    process = start(folder)
    yield process
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)


def start(folder: Path) -> subprocess.Popen[bytes]:
    outside = ("DATABASE_URL", "REDIS_URL", "CELERY_BROKER_URL", "PUBLIC_URL")
    environment = {name: value for name, value in os.environ.items() if name not in outside}
    environment |= {"WELLHOUSE_VAR": str(folder), "PORT": str(_free_port()), "LOG_LEVEL": "ERROR"}
    environment["DJANGO_SETTINGS_MODULE"] = "curation.config.settings"
    with (folder / "demo.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "curation.demo"],
            cwd=ROOT,
            env=environment,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    described = folder / "demo.json"
    until(lambda: described.exists() or process.poll() is not None, 400, "")
    assert process.poll() is None, (folder / "demo.log").read_text()
    return process


def status_of(url: str) -> int:
    try:
        return int(urllib.request.urlopen(url, timeout=20).status)
    except urllib.error.HTTPError as refusal:
        return refusal.code


def test_the_demo_is_described_withdrawn_restored_and_leaves_no_description(
    demo: subprocess.Popen[bytes], folder: Path
) -> None:
    described = json.loads((folder / "demo.json").read_text())
    address = f"{described['base_url']}/datasets/{described['dataset']}/resolve/{described['revision']}/README.md"
    signed = f"{address}?{described['signed_query']}"
    elsewhere = {"cwd": "/", "env": {"HOME": "/nonexistent", "PATH": os.environ["PATH"]}, "shell": True, "check": True}

    assert set(described) >= KEYS
    assert set(described["sign_in"]) == {"contributor", "reviewer", "steward", "keeper"}
    assert stat.S_IMODE((folder / "demo.json").stat().st_mode) == 0o600
    assert (status_of(signed), status_of(address)) == (200, 401)
    subprocess.run(described["withdraw_command"], **elsewhere)  # type: ignore[call-overload]  # arguments of both runs
    assert status_of(signed) == 410
    subprocess.run(described["restore_command"], **elsewhere)  # type: ignore[call-overload]
    assert status_of(signed) == 200

    os.killpg(demo.pid, signal.SIGINT)

    assert demo.wait(30) == 0
    assert not (folder / "demo.json").exists()


def test_the_second_start_makes_nothing_anew(demo: subprocess.Popen[bytes], folder: Path) -> None:
    assert demo.wait(30) == 0
    secrets = (folder / "demo-secrets.json").read_text()

    began = time.monotonic()
    again = start(folder)
    took = time.monotonic() - began
    os.killpg(again.pid, signal.SIGTERM)

    assert again.wait(30) == 0
    assert (folder / "demo-secrets.json").read_text() == secrets
    assert took < 60
