"""Fetching from addresses that strangers write."""

import socket
import threading

import pytest

from helpdesk.web import fetch
from helpdesk.web.fetch import Fetcher, FetchRefused, is_public, read_url

PUBLIC = "93.184.215.14"
FINE = b"HTTP/1.1 200 OK\r\nContent-Type: image/png; x=y\r\nContent-Length: 3\r\n\r\npng"


class Network:
    """Plays names and hosts; remembers whom it was asked to call."""

    def __init__(self, answer: bytes = FINE, addresses: tuple[list[str], ...] = ([PUBLIC],)):
        self.answer, self.addresses = answer, list(addresses)
        self.dialled: list[tuple[str, int]] = []
        self.asked = b""

    def resolve(self, host: str, port: int) -> list[str]:
        return self.addresses.pop(0) if len(self.addresses) > 1 else self.addresses[0]

    def dial(self, address: str, port: int, timeout_s: float) -> socket.socket:
        assert timeout_s <= 5
        self.dialled.append((address, port))
        ours, theirs = socket.socketpair()
        ours.settimeout(timeout_s)
        threading.Thread(target=self._serve, args=(theirs,), daemon=True).start()
        return ours

    def _serve(self, line: socket.socket) -> None:
        with line:
            self.asked = line.recv(65536)
            try:
                line.sendall(self.answer)
            except OSError:
                return

    def fetcher(self) -> Fetcher:
        return Fetcher(resolve=self.resolve, dial=self.dial, secure=lambda line, host: line)


@pytest.fixture
def network() -> Network:
    return Network()


def test_x12_a_public_https_address_is_fetched(network: Network) -> None:
    found = network.fetcher().fetch("https://pictures.example/a.png?b=1")
    assert (found.content, found.media_type) == (b"png", "image/png")
    assert network.dialled == [(PUBLIC, 443)]
    assert network.asked.startswith(b"GET /a.png?b=1 HTTP/1.1\r\n")
    assert b"\r\nHost: pictures.example\r\n" in network.asked
    assert b"Cookie" not in network.asked


@pytest.mark.parametrize(
    "address",
    [
        "169.254.169.254", "127.0.0.1", "127.255.0.1", "0.0.0.0", "10.1.2.3", "172.16.0.1",
        "192.168.1.1", "100.64.0.1", "192.0.2.1", "198.18.0.1", "224.0.0.1", "240.0.0.1",
        "255.255.255.255", "::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "ff02::1",
        "::ffff:127.0.0.1", "::ffff:169.254.169.254", "64:ff9b::7f00:1", "2002:7f00:1::",
        "2001:db8::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2", "not an address", "",
    ],
)  # fmt: skip
def test_x12_an_address_inside_is_never_called(address: str) -> None:
    assert not is_public(address)
    network = Network(addresses=([address],))
    with pytest.raises(FetchRefused, match="not a public host"):
        network.fetcher().fetch("https://pictures.example/")
    assert network.dialled == []


@pytest.mark.parametrize("address", [PUBLIC, "8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8"])
def test_an_address_outside_may_be_called(address: str) -> None:
    assert is_public(address)


def test_x12_one_address_inside_spoils_the_public_one_beside_it() -> None:
    network = Network(addresses=([PUBLIC, "10.0.0.1"],))
    with pytest.raises(FetchRefused):
        network.fetcher().fetch("https://pictures.example/")


def test_x12_a_name_that_moves_is_called_where_it_was_checked() -> None:
    network = Network(addresses=([PUBLIC], ["127.0.0.1"]))
    network.fetcher().fetch("https://rebinding.example/")
    assert network.dialled == [(PUBLIC, 443)]


@pytest.mark.parametrize(
    "url",
    [
        "http://pictures.example/", "file:///etc/passwd", "ftp://pictures.example/", "//a.example",
        "gopher://a.example/", "https://", "https:///a", "https://user:word@a.example/",
        "https://a.example@b.example/", "https://a.example\\@b.example/", "https://a.example:22/",
        "https://a.example:80/", "https://a.example:x/", "https://[::1/", "https://a.example/ b",
        "https://a.example/\r\nHost: b.example", "https://é.example/", "", "javascript:x()",
        "https://a.example/" + "a" * 3000,
    ],
)  # fmt: skip
def test_x12_a_strange_address_is_refused_before_any_look_up(url: str) -> None:
    network = Network()
    with pytest.raises(FetchRefused):
        network.fetcher().fetch(url)
    assert network.dialled == []


@pytest.mark.parametrize(
    "host", ["2130706433", "0x7f000001", "0177.0.0.1", "127.1", "[::1]", "localhost"]
)
def test_x12_other_spellings_of_this_machine_are_refused(host: str) -> None:
    network = Network()

    def resolve(name: str, port: int) -> list[str]:
        found = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM, flags=0)
        return [str(address[0]) for *_, address in found]

    fetcher = Fetcher(resolve=resolve, dial=network.dial, secure=lambda line, name: line)
    with pytest.raises(FetchRefused):
        fetcher.fetch(f"https://{host}/")
    assert network.dialled == []


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "307 Again", "404 None", "500 Oh"])
def test_x12_no_redirect_is_followed(status: str) -> None:
    answer = f"HTTP/1.1 {status}\r\nLocation: https://127.0.0.1/\r\nContent-Length: 0\r\n\r\n"
    network = Network(answer.encode())
    with pytest.raises(FetchRefused, match=status[:3]):
        network.fetcher().fetch("https://pictures.example/")
    assert len(network.dialled) == 1


def test_x12_too_much_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "LARGEST", 2)
    with pytest.raises(FetchRefused, match="more than 2"):
        Network().fetcher().fetch("https://pictures.example/")


@pytest.mark.parametrize(
    "answer", [b"", b"hello", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx"]
)
def test_x12_an_answer_that_is_none_is_refused_by_name(answer: bytes) -> None:
    with pytest.raises(FetchRefused):
        Network(answer).fetcher().fetch("https://pictures.example/")


def test_x12_an_answer_that_trickles_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    moments = iter(range(0, 1000, 3))  # each look at the clock finds it three seconds later
    monkeypatch.setattr("helpdesk.web.fetch.time.monotonic", lambda: float(next(moments)))
    monkeypatch.setattr(fetch, "AT_ONCE", 1)
    with pytest.raises(FetchRefused, match="slowly"):
        Network().fetcher().fetch("https://pictures.example/")


def test_a_port_of_the_list_is_kept() -> None:
    assert read_url("https://a.example:8443/x").port == 8443
