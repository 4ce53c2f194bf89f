"""The one way to fetch from an address that somebody else wrote: never from our own network.

An address is resolved once, every answer is checked, and the connection goes to the address
that was checked: a name that resolves to another one a moment later gains nothing.
"""

import http.client
import ipaddress
import socket
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final
from urllib.parse import SplitResult, urlsplit

PORTS: Final = frozenset({443, 8443})
LARGEST: Final = 2 * 1024 * 1024  # bytes
TIMEOUT_S: Final = 5.0
AT_ONCE: Final = 65536
LONGEST_URL: Final = 2000
NAT64: Final = ipaddress.ip_network("64:ff9b::/96")  # holds an IPv4 address at its end

Resolve = Callable[[str, int], list[str]]
Dial = Callable[[str, int, float], socket.socket]
Secure = Callable[[socket.socket, str], socket.socket]


class FetchRefused(Exception):
    """Nothing was fetched. The reason is for an administrator, never for who wrote the address."""


@dataclass(frozen=True, slots=True)
class Fetched:
    content: bytes
    media_type: str  # as the other side claims it


class Fetcher:
    """Fetches over https. What touches the network is handed in, so that tests need none."""

    def __init__(
        self,
        *,
        resolve: Resolve | None = None,
        dial: Dial | None = None,
        secure: Secure | None = None,
    ) -> None:
        self._resolve, self._dial = resolve or resolve_name, dial or dial_address
        self._secure = secure or secure_socket

    def fetch(self, url: str) -> Fetched:
        """Return what stands at an https address: no redirects, 5 s, 2 MB.

        Raises `FetchRefused` with the reason.
        """
        parts = read_url(url)
        host, port = parts.hostname or "", parts.port or 443
        address = self._checked(host, port)
        try:
            plain = self._dial(address, port, TIMEOUT_S)
            try:
                return self._exchange(self._secure(plain, host), parts)
            finally:
                plain.close()
        except (OSError, http.client.HTTPException) as error:
            raise FetchRefused(f"{host} does not answer: {type(error).__name__}") from error

    def _checked(self, host: str, port: int) -> str:
        """Return the address to connect to. One that is not public spoils all of them."""
        try:
            addresses = self._resolve(host, port)
        except OSError as error:
            raise FetchRefused(f"{host} has no address") from error
        inside = [one for one in addresses if not is_public(one)]
        if inside or not addresses:
            raise FetchRefused(f"{host} is not a public host: {', '.join(inside) or 'no address'}")
        return addresses[0]

    def _exchange(self, line: socket.socket, parts: SplitResult) -> Fetched:
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port or 443)
        connection.sock = line
        try:
            connection.request("GET", target, headers={"Host": parts.netloc, "Accept": "*/*"})
            answer = connection.getresponse()
            if answer.status != 200:
                raise FetchRefused(f"the answer is {answer.status}; redirects are not followed")
            content = _read(answer, line)
        finally:
            connection.close()
        return Fetched(content, answer.headers.get_content_type())


def _read(answer: http.client.HTTPResponse, line: socket.socket) -> bytes:
    """Return the whole answer, if it is small, complete, and comes at once."""
    deadline = time.monotonic() + TIMEOUT_S
    content = bytearray()
    while chunk := answer.read1(AT_ONCE):
        content += chunk
        if len(content) > LARGEST:
            raise FetchRefused(f"more than {LARGEST} bytes")
        left = deadline - time.monotonic()
        if left <= 0:
            raise FetchRefused("the answer comes too slowly")
        line.settimeout(left)
    if answer.length:
        raise FetchRefused("the answer ended in the middle")
    return bytes(content)


def read_url(url: str) -> SplitResult:
    """Return the parts of an address that may be asked. Raises `FetchRefused`."""
    if len(url) > LONGEST_URL or not url.isascii() or any(sign <= " " for sign in url):
        raise FetchRefused("this is not an address")
    try:
        parts = urlsplit(url)
        port = parts.port or 443
    except ValueError as error:
        raise FetchRefused("this is not an address") from error
    if parts.scheme != "https" or not parts.hostname:
        raise FetchRefused("only https is fetched")
    if parts.username is not None or parts.password is not None or "\\" in url:
        raise FetchRefused("an address with a user or a backslash is not fetched")
    if port not in PORTS:
        raise FetchRefused(f"port {port} is not asked")
    return parts


def is_public(address: str) -> bool:
    """Say whether an IP address is one of the open network's, however it is dressed up."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(found, ipaddress.IPv6Address):
        inner = found.ipv4_mapped or found.sixtofour
        if found in NAT64:
            inner = ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)
        if inner is not None:
            found = inner
        elif found.teredo is not None:
            return False
    return found.is_global and not found.is_multicast and not found.is_reserved


def resolve_name(host: str, port: int) -> list[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def dial_address(address: str, port: int, timeout_s: float) -> socket.socket:
    return socket.create_connection((address, port), timeout=timeout_s)


def secure_socket(plain: socket.socket, host: str) -> socket.socket:
    """Speak TLS on an open line; the certificate must be the host's."""
    return ssl.create_default_context().wrap_socket(plain, server_hostname=host)
