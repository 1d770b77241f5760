"""Fetching: only open addresses, one deadline, one limit, no redirects. The other side is a real server on this machine."""

import ipaddress
import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from governance.kernel import fetching
from governance.kernel.errors import Invalid, NotAllowed, Refusal, Unavailable

Answer = Callable[[socket.socket], None]


@pytest.fixture
def open_here(settings: object) -> None:
    settings.FETCH_ALLOWED_NETWORKS = ["127.0.0.1/32"]


@pytest.fixture
def server() -> Iterator[Callable[[Answer], str]]:
    """A server that lets a function answer each connection after the head was read; what it heard is kept in ``heard``."""
    listening = socket.create_server(("127.0.0.1", 0))
    listening.settimeout(10)
    threads: list[threading.Thread] = []

    def start(answer: Answer) -> str:
        def serve() -> None:
            try:
                connection, _address = listening.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(10)
                start.heard.append(hear(connection))
                try:
                    answer(connection)
                except OSError:
                    pass

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        threads.append(thread)
        return f"http://127.0.0.1:{listening.getsockname()[1]}/hook?a=1"

    start.heard = []
    yield start
    listening.close()
    for thread in threads:
        thread.join(5)


def hear(connection: socket.socket) -> bytes:
    """Read one request to its end."""
    heard = b""
    while b"\r\n\r\n" not in heard:
        heard += connection.recv(65536)
    head, _gap, body = heard.partition(b"\r\n\r\n")
    lengths = [int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length")]
    while len(body) < sum(lengths):
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


def say(text: str) -> Answer:
    return lambda connection: connection.sendall(text.encode())


def test_it_brings_back_what_was_said(server: Callable, open_here: None) -> None:
    url = server(say("HTTP/1.1 202 Accepted\r\nX-Tide: low\r\nContent-Length: 3\r\n\r\nyes"))

    came = fetching.fetch(url, method="POST", headers={"X-Id": "7"}, content=b"body")

    assert (came.status, came.is_ok, came.headers["x-tide"], came.content) == (202, True, "low", b"yes")
    assert server.heard[0].startswith(b"POST /hook?a=1 HTTP/1.1\r\n")
    assert b"X-Id: 7" in server.heard[0] and server.heard[0].endswith(b"\r\n\r\nbody")


def test_a_refusal_of_the_other_side_is_an_answer(server: Callable, open_here: None) -> None:
    assert not fetching.fetch(server(say("HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n"))).is_ok


def test_this_machine_is_not_asked_without_permission(server: Callable) -> None:
    with pytest.raises(NotAllowed) as refusal:
        fetching.fetch(server(say("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")))

    assert refusal.value.code == "address-not-public"
    assert server.heard == []


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "0x7f.1",
        "2130706433",
        "0177.0.0.1",
        "127.1",
        "0.0.0.0",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:10.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "[fe80::1]",
        "[fd00::1]",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "192.0.0.1",
        "198.18.0.1",
        "224.0.0.1",
        "255.255.255.255",
        "168.63.129.16",
        "[fec0::1]",
    ],
)
def test_an_address_that_is_not_public_is_refused_however_it_is_written(host: str) -> None:
    with pytest.raises(Refusal) as refusal:
        fetching.fetch(f"http://{host}:9/", timeout=3)

    assert refusal.value.code == "address-not-public"


def test_a_name_with_one_private_address_among_public_ones_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = [(2, 1, 6, "", ("8.8.8.8", 80)), (2, 1, 6, "", ("10.0.0.7", 80))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *a, **k: answers)

    with pytest.raises(NotAllowed) as refusal:
        fetching.fetch("http://two-faced.example/")

    assert refusal.value.code == "address-not-public"


def test_a_name_is_looked_up_once_and_what_was_checked_is_dialled(
    server: Callable, open_here: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = server(say("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"))
    port = int(url.split(":")[2].split("/")[0])
    asked: list[str] = []

    def look_up(host: str, *rest: object, **more: object) -> list[object]:
        if host == "turning.example":
            asked.append(host)
            return [(2, 1, 6, "", ("127.0.0.1" if len(asked) == 1 else "10.9.9.9", port))]
        return real(host, *rest, **more)

    real = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", look_up)

    came = fetching.fetch(f"http://turning.example:{port}/", timeout=5)

    assert came.content == b"ok" and asked == ["turning.example"]
    assert f"Host: turning.example:{port}".encode() in server.heard[0]


@pytest.mark.parametrize(
    "url",
    [
        "",
        "ftp://example.org/",
        "file:///etc/passwd",
        "gopher://example.org/",
        "//example.org/",
        "example.org",
        "http://",
        "https://name:secret@example.org/",
        "https://@example.org/",
        "https://example.org:0/",
        "https://example.org:99999/",
        "https://exa mple.org/",
        "https://example.org/\r\nX: 1",
        "https://ex\u00e4mple.org/",
        "https://[::1/",
        "https://example.org/" + "a" * 2048,
    ],
)
def test_what_is_no_whole_address_is_refused_before_anything_is_looked_up(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", lambda *a, **k: pytest.fail("looked up"))

    with pytest.raises(Invalid) as refusal:
        fetching.fetch(url)

    assert refusal.value.code == "address-unusable"


def test_production_insists_on_https(settings: object) -> None:
    settings.PRODUCTION = True

    with pytest.raises(Invalid) as refusal:
        fetching.fetch("http://example.org/")

    assert refusal.value.code == "address-unusable"


def test_no_redirect_is_followed(server: Callable, open_here: None) -> None:
    url = server(say("HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n"))

    assert fetching.fetch(url).status == 302


def test_reading_stops_at_the_limit(server: Callable, open_here: None) -> None:
    def pour(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        for _turn in range(1000):
            connection.sendall(b"x" * 65536)

    with pytest.raises(Unavailable) as refusal:
        fetching.fetch(server(pour), limit=100_000)

    assert refusal.value.code == "fetch-too-large"


@pytest.mark.parametrize("head", [b"", b"HTTP/1.1 200 OK\r\n\r\n"], ids=["in its head", "in its body"])
def test_a_server_that_drips_cannot_hold_a_worker(server: Callable, open_here: None, head: bytes) -> None:
    ended = threading.Event()

    def drip(connection: socket.socket) -> None:
        connection.sendall(head)
        for letter in b"HTTP/1.1 200 OK and so on, and so on, and so on, and so on":
            if ended.wait(0.05):
                return
            connection.sendall(bytes([letter]))

    began = time.monotonic()
    with pytest.raises(Unavailable) as refusal:
        fetching.fetch(server(drip), timeout=0.5)
    ended.set()

    assert refusal.value.code == "fetch-too-slow"
    assert time.monotonic() - began < 2


@pytest.mark.parametrize("said", ["", "garbage\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"])
def test_a_server_that_hangs_up_or_talks_nonsense_is_tried_later(server: Callable, open_here: None, said: str) -> None:
    with pytest.raises(Unavailable) as refusal:
        fetching.fetch(server(say(said)))

    assert refusal.value.code == "fetch-failed"


def test_a_name_that_nobody_knows_is_tried_later(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*rest: object, **more: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)

    with pytest.raises(Unavailable) as refusal:
        fetching.fetch("https://nowhere.example/")

    assert refusal.value.code == "fetch-failed"


def test_no_proxy_of_the_environment_is_used(
    server: Callable, open_here: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")

    assert fetching.fetch(server(say("HTTP/1.1 204 No\r\n\r\n"))).status == 204


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"])
def test_open_addresses_are_open(address: str) -> None:
    assert fetching.is_public(ipaddress.ip_address(address))
