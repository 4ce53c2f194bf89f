"""The door for mail servers lets so many in at once, and no way of leaving keeps a place."""

import smtplib
import socket
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from channels.email.door import DoorSettings, MailDoor

ANA, SUPPORT = "ana@cliente.example", "suporte@sabia.example"
MAIL = b"Subject: oi\r\n\r\nOi.\r\n"
PATIENCE = 20.0  # seconds, for a test that fails

Open = Callable[..., MailDoor]


@pytest.fixture
def stored() -> list[bytes]:
    return []


@pytest.fixture(params=[True, False], ids=["lmtp", "smtp"])
def open_door(request: pytest.FixtureRequest, stored: list[bytes]) -> Iterator[Open]:
    """Return a function that opens a door; say only what the test is about."""
    with ExitStack() as doors:

        def opened(
            *,
            most_at_once: int = 2,
            silence: float = PATIENCE,
            take: Callable[..., None] | None = None,
        ) -> MailDoor:
            settings = DoorSettings(
                port=0, lmtp=request.param, most_at_once=most_at_once, silence=silence
            )
            store = take or (lambda raw, _to: stored.append(raw))
            return doors.enter_context(MailDoor(settings, accepts=lambda _one: True, take=store))

        yield opened


def caller(door: MailDoor) -> smtplib.SMTP:
    kind = smtplib.LMTP if door.settings.lmtp else smtplib.SMTP
    return kind("127.0.0.1", door.port, timeout=PATIENCE)


def line(door: MailDoor, *, narrow: bool = False) -> socket.socket:
    """Open a connection; a narrow one takes hardly anything that it does not read at once."""
    opened = socket.socket()
    opened.settimeout(PATIENCE)
    if narrow:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    opened.connect(("127.0.0.1", door.port))
    return opened


def said(opened: socket.socket) -> bytes:
    """Return all that comes until the door closes the connection."""
    heard = b""
    while piece := opened.recv(65536):
        heard += piece
    return heard


def come_back(door: MailDoor) -> smtplib.SMTP:
    """Come again until there is a place, as mail servers do."""
    give_up = time.monotonic() + PATIENCE
    while True:
        try:
            return caller(door)
        except smtplib.SMTPConnectError as refused:
            if refused.smtp_code != 421 or time.monotonic() > give_up:
                raise
            time.sleep(0.01)  # the door hears of a broken line when it hears of it


def greeting(door: MailDoor) -> bytes:
    """Be a new connection; return the first three figures that it is told."""
    with line(door) as opened:
        return opened.recv(3, socket.MSG_WAITALL)


def all_places_are_free(door: MailDoor) -> bool:
    """Whether exactly as many as are allowed find a place at once."""
    with ExitStack() as held:
        for _ in range(door.settings.most_at_once):
            held.enter_context(come_back(door))
        return greeting(door) == b"421"


def test_one_too_many_is_told_to_come_again_and_those_inside_go_on(
    open_door: Open, stored: list[bytes]
) -> None:
    door = open_door(most_at_once=2)
    with caller(door) as first, caller(door):
        with line(door) as third:
            assert said(third) == (
                b"421 4.3.2 guiche has too many connections, try again later\r\n"
            )
        with pytest.raises(smtplib.SMTPConnectError) as refused:
            caller(door)
        assert refused.value.smtp_code == 421
        first.sendmail(ANA, [SUPPORT], MAIL)
    assert len(stored) == 1
    with come_back(door) as again:
        again.sendmail(ANA, [SUPPORT], MAIL)
    assert len(stored) == 2


def test_being_refused_takes_no_place_and_gives_none_away(open_door: Open) -> None:
    door = open_door(most_at_once=1)
    with caller(door) as inside:
        assert {greeting(door) for _ in range(100)} == {b"421"}
        assert inside.noop()[0] == 250
    assert all_places_are_free(door)


def test_many_who_come_at_the_same_moment_share_the_places(open_door: Open) -> None:
    door = open_door(most_at_once=3)
    with ExitStack() as held:
        crowd = [held.enter_context(line(door)) for _ in range(40)]
        told = [one.recv(3, socket.MSG_WAITALL) for one in crowd]
    assert sorted(told) == [b"220"] * 3 + [b"421"] * 37


def test_the_places_are_fifty_unless_told_otherwise() -> None:
    assert DoorSettings().most_at_once == 50


def goodbye(door: MailDoor) -> None:
    with come_back(door) as client:
        client.sendmail(ANA, [SUPPORT], MAIL)


def without_a_word(door: MailDoor) -> None:
    come_back(door).close()


def broken_inside_the_content(door: MailDoor) -> None:
    client = come_back(door)
    begin_content(client)
    client.send(b"Subject: o")
    break_off(client)


def broken_while_it_is_stored(door: MailDoor) -> None:
    client = come_back(door)
    begin_content(client)
    client.send(MAIL + b".\r\n")
    break_off(client)


def one_side_closed(door: MailDoor) -> None:
    client = come_back(door)
    assert client.sock is not None
    client.sock.shutdown(socket.SHUT_WR)
    said(client.sock)
    client.close()


def nonsense(door: MailDoor) -> None:
    client = come_back(door)
    client.send(b"NONSENSE\r\n" * 5)
    assert client.sock is not None
    said(client.sock)
    client.close()


def begin_content(client: smtplib.SMTP) -> None:
    client.ehlo_or_helo_if_needed()
    client.mail(ANA)
    client.rcpt(SUPPORT)
    assert client.docmd("DATA")[0] == 354


def break_off(client: smtplib.SMTP) -> None:
    """Reset the connection instead of closing it."""
    assert client.sock is not None
    client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


@pytest.mark.parametrize(
    "leave",
    [
        goodbye,
        without_a_word,
        broken_inside_the_content,
        broken_while_it_is_stored,
        one_side_closed,
        nonsense,
    ],
)
def test_a_place_is_free_again_however_its_conversation_ends(
    open_door: Open, leave: Callable[[MailDoor], None]
) -> None:
    door = open_door(most_at_once=2)
    for _ in range(5):  # more often than there are places
        leave(door)
    assert all_places_are_free(door)


def test_a_place_is_free_again_when_a_mail_cannot_be_stored(open_door: Open) -> None:
    def away(_raw: bytes, _to: tuple[str, ...]) -> None:
        raise OSError("disk full")

    door = open_door(most_at_once=1, take=away)
    for _ in range(3):
        with come_back(door) as client, pytest.raises(smtplib.SMTPDataError):
            client.sendmail(ANA, [SUPPORT], MAIL)
    assert all_places_are_free(door)


@pytest.mark.parametrize("inside_the_content", [False, True])
def test_silence_ends_a_conversation_and_frees_its_place(
    open_door: Open, inside_the_content: bool, stored: list[bytes]
) -> None:
    door = open_door(most_at_once=1, silence=1.0)
    client = caller(door)
    if inside_the_content:
        begin_content(client)
        client.send(b"Subject: half a mail\r\n")
    assert client.sock is not None
    assert said(client.sock) == b""
    # Its place is given back before its connection is closed: nobody has to wait for it.
    assert greeting(door) == b"220"
    client.close()
    assert stored == []


def test_who_never_reads_our_answers_loses_the_place_as_well(open_door: Open) -> None:
    door = open_door(most_at_once=1, silence=1.0)
    with line(door, narrow=True) as deaf:
        deaf.sendall(b"HELP\r\n" * 150_000)  # some 15 MB of answers, more than a line can hold
        come_back(door).close()
