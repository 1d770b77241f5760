"""Fetching: the one way in which this house asks another one, at an address that a person gave.

An address from outside could point at our own database, at the cloud's metadata or at the neighbour's printer. So every
request is guarded: http or https only, nothing in the address but a public host; the name is looked up once and exactly
the address that was checked is dialled (a second lookup could answer differently); a private, loopback, link-local or
otherwise not public address is refused, also when it is wrapped in IPv6 or written oddly; no redirect is followed; the
whole exchange has one deadline, so that a server which drips a byte a second cannot hold a worker; and reading stops at a
limit. ``settings.FETCH_ALLOWED_NETWORKS`` names networks that are open all the same (a witness in the same building, a
test's own server). In production plain http is for those only.

The lookup of the name itself is the system's and ends by the system's own clock, not by ours.
"""

import ipaddress
import socket
import ssl
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpcore
from django.conf import settings

from governance.kernel.errors import Invalid, NotAllowed, Unavailable
from governance.kernel.words import _

SECONDS = 10.0
LIMIT = 1_000_000
LONGEST = 2048
SERVICE = ipaddress.ip_address("168.63.129.16")
"""Public by its number, and in one large cloud the machine's own host."""
NAT64 = ipaddress.ip_network("64:ff9b::/96")
"""Well-known prefix of RFC 6052: the last four bytes are an IPv4 address."""

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True)
class Fetched:
    """What came back: the status as it is (a 404 or 500 is an answer too), headers in lower case, at most ``limit`` bytes."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def is_ok(self) -> bool:
        """Whether the other side says that it worked."""
        return 200 <= self.status < 300


def fetch(
    url: str,
    *,
    method: str = "GET",
    headers: Mapping[str, str] | None = None,
    content: bytes = b"",
    timeout: float = SECONDS,
    limit: int = LIMIT,
) -> Fetched:
    """Ask ``url`` once; ``timeout`` is seconds for everything together, ``limit`` bytes of the answer's body.

    Raises ``Invalid`` (``address-unusable``), ``NotAllowed`` (``address-not-public``) and ``Unavailable``
    (``fetch-failed``, ``fetch-too-slow``, ``fetch-too-large``).
    """
    check(url)
    backend = _Guarded(time.monotonic() + timeout)
    sent = {"accept-encoding": "identity", "user-agent": "wellhouse", **(headers or {})}
    context = ssl.create_default_context()
    try:
        with (
            httpcore.ConnectionPool(ssl_context=context, network_backend=backend) as pool,
            pool.stream(method, url, headers=list(sent.items()), content=content or None) as answer,
        ):
            body = _read(answer.iter_stream(), limit)
            told = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in answer.headers}
            return Fetched(answer.status, told, body)
    except (httpcore.TimeoutException, _TooSlow) as error:
        raise Unavailable("fetch-too-slow", _("The other side took too long. It is tried again later.")) from error
    except (httpcore.NetworkError, httpcore.ProtocolError, OSError) as error:
        raise Unavailable("fetch-failed", _("The other side could not be reached. It is tried again later.")) from error


def check(url: str) -> None:
    """Raise ``Invalid`` (``address-unusable``) for an address that could never be asked; looks nothing up."""
    good = isinstance(url, str) and len(url) <= LONGEST and url.isascii() and url.isprintable() and " " not in url
    try:
        parts = urlsplit(url) if good else None
        port_is_good = parts is not None and parts.port != 0
    except ValueError:
        parts, port_is_good = None, False
    if (
        parts is None
        or not port_is_good
        or parts.scheme not in {"http", "https"}
        or not parts.hostname
        or "@" in parts.netloc
    ):
        raise Invalid(
            "address-unusable", _("Give a whole address that begins with https:// and holds no name and no password.")
        )
    if parts.scheme == "http" and settings.PRODUCTION and not settings.FETCH_ALLOWED_NETWORKS:
        raise Invalid(
            "address-unusable", _("Give an address that begins with https://, so that nobody can read along.")
        )


def is_public(address: Address) -> bool:
    """Say whether anybody may reach ``address`` from anywhere; what is wrapped in IPv6 is judged by what it wraps."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if inner is None and address in NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(inner)
        if address.teredo is not None or address.is_site_local:
            return False
    return address.is_global and not address.is_multicast and address != SERVICE


def _is_open(address: Address) -> bool:
    networks = [ipaddress.ip_network(network) for network in settings.FETCH_ALLOWED_NETWORKS]
    plain = (address.ipv4_mapped or address) if isinstance(address, ipaddress.IPv6Address) else address
    return is_public(address) or any(plain in network for network in networks)


def _read(parts: Iterable[bytes], limit: int) -> bytes:
    body = bytearray()
    for part in parts:
        body += part
        if len(body) > limit:
            raise Unavailable("fetch-too-large", _("The other side sent more than was asked for."), retry_after=3600)
    return bytes(body)


class _TooSlow(Exception):
    """The deadline of the whole exchange has passed."""


class _Guarded(httpcore.SyncBackend):
    """Dials only addresses that were looked up here and found public, and only until the deadline."""

    def __init__(self, deadline: float) -> None:
        super().__init__()
        self.deadline = deadline

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        """Look ``host`` up once; refuse when any of its addresses is not public; connect to the first that answers."""
        found = [entry[4][0] for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
        addresses = list(dict.fromkeys(ipaddress.ip_address(str(one).partition("%")[0]) for one in found))
        if not addresses or not all(_is_open(address) for address in addresses):
            raise NotAllowed("address-not-public", _("This address is not on the open internet, so it is not asked."))
        failed: httpcore.NetworkError | httpcore.TimeoutException | None = None
        for address in addresses:
            try:
                stream = super().connect_tcp(str(address), port, left(self.deadline), local_address, socket_options)
                return _Timed(stream, self.deadline)
            except (httpcore.NetworkError, httpcore.TimeoutException) as error:
                failed = error
        raise failed or httpcore.ConnectError("no address")

    def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None
    ) -> httpcore.NetworkStream:
        """No way out through a file of this machine."""
        raise NotAllowed("address-not-public", _("This address is not on the open internet, so it is not asked."))


class _Timed(httpcore.NetworkStream):
    """A connection each of whose steps ends at the same deadline."""

    def __init__(self, stream: httpcore.NetworkStream, deadline: float) -> None:
        self.stream, self.deadline = stream, deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Read what is there, until the deadline."""
        return self.stream.read(max_bytes, left(self.deadline))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Write all of ``buffer``, until the deadline."""
        self.stream.write(buffer, left(self.deadline))

    def close(self) -> None:
        """Hang up."""
        self.stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        """Go on in TLS, for the name that was asked for and not for the address that was dialled."""
        return _Timed(self.stream.start_tls(ssl_context, server_hostname, left(self.deadline)), self.deadline)

    def get_extra_info(self, info: str) -> object:
        """What the connection knows about itself."""
        return self.stream.get_extra_info(info)


def left(deadline: float) -> float:
    """The seconds until ``deadline`` (of ``time.monotonic``); raises when it has passed."""
    seconds = deadline - time.monotonic()
    if seconds <= 0:
        raise _TooSlow
    return seconds
