"""Feature 2, withdrawal in one transaction: the response is sent after the hold is committed.

Real requests over real sockets, on whichever database the tests run; no worker and no clock is running.
"""

import threading
import time
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import pytest
from django.test import Client

from curation.models import Succession
from governance import consents, holds
from governance.kernel import jobs
from tests.curation.made import open_dataset, published
from tests.curation.test_pulls import grant

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def files(settings, tmp_path: Path) -> None:
    settings.FILES_ROOT = tmp_path / "files"


def test_no_pull_that_starts_after_the_answer_to_a_withdrawal_succeeds(live_server) -> None:
    version = published(open_dataset())
    teller = version.contributors.get().contributor
    code = consents.issue_receipt(teller, by=version.dataset.created_by)
    _token, secret = grant(version)
    address = (
        f"{live_server.url}/datasets/{version.dataset.path}/resolve/{version.tag}/data/train-00000-of-00001.parquet"
    )
    seen: list[tuple[float, int]] = []
    stop = threading.Event()

    def pull_on() -> None:
        while not stop.is_set():
            start = time.monotonic()
            try:
                with urlopen(Request(address, headers={"Authorization": f"Bearer {secret}"})) as answer:
                    answer.read()
                    seen.append((start, answer.status))
            except HTTPError as refused:
                seen.append((start, refused.code))

    pullers = [threading.Thread(target=pull_on) for _ in range(3)]
    for puller in pullers:
        puller.start()
    until(lambda: len([status for _start, status in seen if status == 200]) >= 6)

    with urlopen(withdraw(live_server.url, code)) as answer:
        answered = time.monotonic()
        assert answer.status == 200
    many = len(seen)
    until(lambda: len(seen) >= many + 12)
    stop.set()
    for puller in pullers:
        puller.join(30)

    assert [status for start, status in seen if start < answered].count(200) >= 6
    assert {status for start, status in seen if start > answered} == {410}


def test_with_no_worker_running_the_hold_works_and_the_work_waits(client: Client) -> None:
    version = published(open_dataset())
    teller = version.contributors.get().contributor
    code = consents.issue_receipt(teller, by=version.dataset.created_by)
    _token, secret = grant(version)
    address = f"/datasets/{version.dataset.path}/resolve/{version.tag}/README.md"
    before = client.get(address, headers={"authorization": f"Bearer {secret}"}).status_code

    client.post("/withdraw/", {"do": "code", "code": code})

    after = client.get(address, headers={"authorization": f"Bearer {secret}"})
    assert (before, after.status_code) == (200, 410)
    assert holds.open_in(version.community).count() == 1
    assert list(jobs.waiting_or_running(Succession)) == [Succession.objects.get()]


def withdraw(base: str, code: str) -> Request:
    """The form of somebody without an account, as a browser sends it."""
    with urlopen(f"{base}/withdraw/") as page:
        cookie = page.headers["Set-Cookie"].split(";")[0]
        token = page.read().decode().split('name="csrfmiddlewaretoken" value="')[1].split('"')[0]
    body = urlencode({"do": "code", "code": code, "csrfmiddlewaretoken": token}).encode()
    return Request(f"{base}/withdraw/", data=body, headers={"Cookie": cookie, "Referer": f"{base}/withdraw/"})


def until(happened) -> None:
    deadline = time.monotonic() + 60
    while not happened():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)
