"""The real, unmodified clients against a real server process: what they get, and what they are told when they get nothing."""

import json
import os
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from curation import pulls, takedowns
from curation.models import Pull, Version
from governance import withdrawals
from tests.conftest import start_process, until
from tests.curation.made import open_dataset, published
from tests.curation.test_pulls import grant
from tests.factories import make_person

pytestmark = [pytest.mark.pull, pytest.mark.django_db(transaction=True)]

SHARD = "data/test-00000-of-00001.parquet"
LOAD = """
import json, os, datasets
d = datasets.load_dataset(os.environ["REPO"], revision=os.environ.get("REV", "v1"))
train = d["train"]
print("@@" + json.dumps({"rows": {k: v.num_rows for k, v in d.items()}, "names": train.features["label"].names,
                         "columns": train.column_names}))
"""
STREAM = """
import json, os, datasets
d = datasets.load_dataset(os.environ["REPO"], revision="v1", streaming=True)
print("@@" + json.dumps({k: sum(1 for _ in v) for k, v in d.items()}))
"""
SNAPSHOT = """
import json, os, pathlib
from huggingface_hub import HfApi, snapshot_download
folder = snapshot_download(os.environ["REPO"], repo_type="dataset", revision="v1")
checked = HfApi().verify_repo_checksums(os.environ["REPO"], repo_type="dataset", revision="v1")
print("@@" + json.dumps({"folder": folder, "bad": [len(checked.mismatches), len(checked.missing_paths)],
  "files": sorted(p.relative_to(folder).as_posix() for p in pathlib.Path(folder).rglob("*") if p.is_file())}))
"""
DOWNLOAD = """
import hashlib, json, os
from huggingface_hub import hf_hub_download
path = hf_hub_download(os.environ["REPO"], os.environ["SHARD"], repo_type="dataset", revision="v1")
print("@@" + json.dumps(hashlib.sha256(open(path, "rb").read()).hexdigest()))
"""
PANDAS = """
import json, os
import pandas as pd
print("@@" + json.dumps(len(pd.read_parquet(f"hf://datasets/{os.environ['REPO']}@v1/{os.environ['SHARD']}"))))
"""
REFUSED = """
import json, os, traceback
import datasets
from huggingface_hub import hf_hub_download, snapshot_download
repo, told = os.environ["REPO"], {}
calls = {
    "load": lambda: datasets.load_dataset(repo, revision="v1"),
    "stream": lambda: datasets.load_dataset(repo, revision="v1", streaming=True),
    "snapshot": lambda: snapshot_download(repo, repo_type="dataset", revision="v1"),
    "download": lambda: hf_hub_download(repo, os.environ["SHARD"], repo_type="dataset", revision="v1"),
}
for name, call in calls.items():
    try:
        call()
    except Exception:
        told[name] = traceback.format_exc()
print("@@" + json.dumps(told))
"""
CROISSANT = """
import json, os, urllib.request
import mlcroissant as mlc
os.environ |= {"CROISSANT_BASIC_AUTH_USERNAME": "pull", "CROISSANT_BASIC_AUTH_PASSWORD": os.environ["HF_TOKEN"]}
address = f"{os.environ['HF_ENDPOINT']}/datasets/{os.environ['REPO']}/resolve/v1/croissant.json"
request = urllib.request.Request(address, headers={"Authorization": "Bearer " + os.environ["HF_TOKEN"]})
d = mlc.Dataset(jsonld=json.load(urllib.request.urlopen(request)))
print("@@" + json.dumps({r: sum(1 for _ in d.records(r)) for r in ("train", "validation", "test")}))
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def address(settings, tmp_path: Path) -> Iterator[str]:
    """The product's own web server on the tests' database."""
    settings.FILES_ROOT = tmp_path / "files"
    settings.PUBLIC_URL = f"http://127.0.0.1:{free_port()}"
    bind = settings.PUBLIC_URL.removeprefix("http://")
    server = start_process(
        "-m", "gunicorn", "-c", "curation/config/gunicorn.py", "curation.config.wsgi",
        WEB_BIND=bind, PUBLIC_URL=settings.PUBLIC_URL, STORAGE_URL=f"file://{settings.FILES_ROOT}",
    )  # fmt: skip
    until(lambda: _answers(f"{settings.PUBLIC_URL}/api/agent-harnesses"), 60, str(server))
    yield settings.PUBLIC_URL
    server.end()


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


@pytest.fixture
def version(address: str) -> Version:
    return published(open_dataset())


Client = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def client_of(address: str, version: Version, tmp_path: Path) -> Callable[[str], Client]:
    """Give a client of one token: a function that runs code in a process with a cache that lasts for the test."""

    def of(secret: str) -> Client:
        home = tmp_path / f"home-{secret[-6:]}"
        home.mkdir(exist_ok=True)
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("HF_", "DJANGO", "PYTEST"))}
        clean |= {
            "HF_ENDPOINT": address,
            "HF_TOKEN": secret,
            "HF_HOME": str(home),
            "HOME": str(home),
            "HF_UPDATE_DOWNLOAD_COUNTS": "0",
            "HF_HUB_DISABLE_UPDATE_CHECK": "1",
            "REPO": version.dataset.path,
            "SHARD": SHARD,
        }

        def run(code: str) -> subprocess.CompletedProcess[str]:
            return subprocess.run(
                [sys.executable, "-c", code], env=clean, cwd=home, capture_output=True, text=True, timeout=120
            )

        return run

    return of


def said(done: subprocess.CompletedProcess[str]) -> Any:
    lines = [line for line in done.stdout.splitlines() if line.startswith("@@")]
    assert lines, done.stderr[-3000:]
    return json.loads(lines[-1][2:])


def test_every_client_gets_the_version_for_the_agreed_purpose(version: Version, client_of) -> None:
    token, secret = grant(version)
    client = client_of(secret)

    loaded = said(client(LOAD))
    assert loaded["rows"] == {"train": 24, "validation": 3, "test": 3}
    assert loaded["names"] == version.labels
    assert loaded["columns"] == ["sample_id", "text", "label", "n_votes", "agreement"]
    assert said(client(STREAM)) == {"train": 24, "validation": 3, "test": 3}
    assert said(client(DOWNLOAD)) == version.files.get(path=SHARD).sha256
    assert said(client(PANDAS)) == 3
    assert said(client(CROISSANT)) == {"train": 24, "validation": 3, "test": 3}
    snapshot = said(client(SNAPSHOT))
    assert Path(snapshot["folder"]).name == version.commit
    assert snapshot["bad"] == [0, 0]
    assert snapshot["files"] == sorted(f.path for f in version.files.all())
    pull = Pull.objects.get()
    assert pull.token == token
    assert pull.files.filter(path=SHARD).exists()


def refused_everywhere(client: Client, sentence: str) -> None:
    """No call of any client goes on; what the server said reaches whoever reads its output."""
    told = said(client(REFUSED))
    assert {name for name, text in told.items() if sentence in text} == {"load", "stream", "snapshot", "download"}, told
    done = client(PANDAS)
    assert done.returncode != 0, f"went on silently: {done.stdout}"
    assert sentence in done.stderr, done.stderr[-2000:]


def test_a_wrong_purpose_reaches_every_client_as_a_sentence(version: Version, client_of) -> None:
    _, secret = grant(version, purpose="speech-synthesis")

    refused_everywhere(client_of(secret), f"{version} was refused: ")


def test_no_token_and_an_unknown_one_are_told_apart(version: Version, client_of) -> None:
    refused_everywhere(client_of("wh_pull_nobody"), "We do not know this token")


def test_a_withdrawal_stops_clients_with_a_full_cache(version: Version, client_of) -> None:
    _, secret = grant(version)
    client = client_of(secret)
    said(client(LOAD))
    said(client(SNAPSHOT))
    teller = version.contributors.get().contributor

    withdrawals.open(teller, by=make_person(version.community, "steward"), channel="steward")

    refused_everywhere(client, f"{version} was withdrawn on ")


def test_a_case_stops_clients_and_its_end_lets_them_on(version: Version, client_of) -> None:
    _, secret = grant(version)
    client = client_of(secret)
    said(client(LOAD))
    keeper = version.dataset.created_by

    case = takedowns.open(version, by=keeper, reason="It quotes a letter.")
    refused_everywhere(client, f"{version} is closed while the community looks into a complaint")
    takedowns.close(case, by=keeper, upheld=False)

    assert said(client(LOAD))["rows"]["train"] == 24


def test_a_signed_address_works_where_no_header_can_be_sent(version: Version, address: str) -> None:
    token, _ = grant(version)
    where = f"{address}/datasets/{version.dataset.path}/resolve/v1/{SHARD}?{pulls.signed_query(token, version)}"

    with urllib.request.urlopen(urllib.request.Request(where, headers={"Range": "bytes=-4"})) as answer:
        assert (answer.status, answer.read()) == (206, b"PAR1")
