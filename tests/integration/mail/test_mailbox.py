"""Reading a real mailbox: everything once, in order, and nothing touched by looking."""

import threading
from dataclasses import replace

import pytest
from imapclient import IMAPClient

from channels.email.client import (
    Cursor,
    ImapMailbox,
    LoginRefused,
    MailboxChanged,
    MailboxUnreachable,
)
from tests.integration.mail.conftest import mailbox_settings
from tests.servers.dovecot import Dovecot

pytestmark = pytest.mark.imap


def mail(number: int) -> bytes:
    return b"From: ana@cliente.example\r\nSubject: %d\r\n\r\nOl\xc3\xa1\r\n" % number


def subjects(box: ImapMailbox, cursor: Cursor) -> list[bytes]:
    return [
        found.raw.split(b"Subject: ")[1].split(b"\r\n")[0] for found in box.new_messages(cursor)
    ]


def flags(server: Dovecot, folder: str = "INBOX") -> dict[int, tuple[bytes, ...]]:
    with IMAPClient(server.host, port=server.port, ssl=False) as client:
        client.login(server.user, server.password)
        if not client.folder_exists(folder):
            return {}
        client.select_folder(folder, readonly=True)
        found = client.fetch(client.search(), ["FLAGS"])
        return {uid: values[b"FLAGS"] for uid, values in found.items()}


def test_mail_comes_whole_in_order_and_unmarked(dovecot: Dovecot, mailbox: ImapMailbox) -> None:
    for number in range(3):
        dovecot.deliver(mail(number))
    found = list(mailbox.new_messages(Cursor()))
    assert [one.raw for one in found] == [mail(0), mail(1), mail(2)]
    assert [one.uid for one in found] == [1, 2, 3]
    assert found[0].key == f"{found[0].uidvalidity}:1"
    assert not any(b"\\Seen" in one for one in flags(dovecot).values())


def test_the_cursor_passes_over_what_was_read_also_the_last_mail(
    dovecot: Dovecot, mailbox: ImapMailbox
) -> None:
    dovecot.deliver(mail(0))
    dovecot.deliver(mail(1))
    *_, last = mailbox.new_messages(Cursor())
    cursor = Cursor(last.uidvalidity, last.uid)
    assert subjects(mailbox, cursor) == []
    dovecot.deliver(mail(2))
    assert subjects(mailbox, cursor) == [b"2"]


def test_a_mailbox_made_anew_is_read_from_the_start(dovecot: Dovecot, mailbox: ImapMailbox) -> None:
    dovecot.deliver(mail(0))
    dovecot.deliver(mail(1))
    *_, last = mailbox.new_messages(Cursor())
    mailbox.close()
    dovecot.forget_numbers()
    mailbox.connect()
    again = list(mailbox.new_messages(Cursor(last.uidvalidity, last.uid)))
    assert [one.raw for one in again] == [mail(0), mail(1)]
    assert again[0].uidvalidity != last.uidvalidity
    with pytest.raises(MailboxChanged):
        mailbox.flag_seen(last.uidvalidity, last.uid)


def test_only_the_mail_that_was_committed_is_marked(dovecot: Dovecot, mailbox: ImapMailbox) -> None:
    dovecot.deliver(mail(0))
    dovecot.deliver(mail(1))
    first, _ = mailbox.new_messages(Cursor())
    mailbox.flag_seen(first.uidvalidity, first.uid)
    mailbox.flag_seen(first.uidvalidity, first.uid)
    seen = flags(dovecot)
    assert b"\\Seen" in seen[1]
    assert b"\\Seen" not in seen[2]


def test_marking_while_reading_does_not_disturb_the_reading(
    dovecot: Dovecot, mailbox: ImapMailbox
) -> None:
    for number in range(4):
        dovecot.deliver(mail(number))
    uids = []
    for found in mailbox.new_messages(Cursor()):
        uids.append(found.uid)
        mailbox.move(found.uidvalidity, found.uid, "Lido")
    assert uids == [1, 2, 3, 4]
    assert flags(dovecot) == {}
    assert len(flags(dovecot, "Lido")) == 4


def test_a_mail_too_large_comes_cut_so_that_a_person_sees_it(dovecot: Dovecot) -> None:
    dovecot.deliver(mail(0) + b"x" * 5000)
    dovecot.deliver(mail(1))
    settings = replace(mailbox_settings(dovecot), largest=1000)
    with ImapMailbox(settings) as box:
        sizes = [len(found.raw) for found in box.new_messages(Cursor())]
    assert sizes == [1001, len(mail(1))]


def test_waiting_ends_when_mail_comes(dovecot: Dovecot, mailbox: ImapMailbox) -> None:
    list(mailbox.new_messages(Cursor()))
    bell = threading.Timer(0.3, dovecot.deliver, [mail(0)])
    bell.start()
    try:
        assert mailbox.idle(30)
    finally:
        bell.join()
    assert subjects(mailbox, Cursor()) == [b"0"]


def test_mail_that_came_before_the_waiting_began_is_noticed(
    dovecot: Dovecot, mailbox: ImapMailbox
) -> None:
    list(mailbox.new_messages(Cursor()))
    dovecot.deliver(mail(0))
    assert mailbox.idle(30)


def test_mail_left_unread_by_a_caller_who_stopped_early_is_noticed(
    dovecot: Dovecot, mailbox: ImapMailbox
) -> None:
    dovecot.deliver(mail(0))
    dovecot.deliver(mail(1))
    next(iter(mailbox.new_messages(Cursor())))
    assert mailbox.idle(30)


def test_waiting_without_mail_ends_with_false(dovecot: Dovecot, mailbox: ImapMailbox) -> None:
    dovecot.deliver(mail(0))
    list(mailbox.new_messages(Cursor()))
    assert not mailbox.idle(0.2)


def test_waiting_ends_soon_when_told_to_stop(mailbox: ImapMailbox) -> None:
    list(mailbox.new_messages(Cursor()))
    stop = threading.Event()
    answers: list[bool] = []
    waiting = threading.Thread(target=lambda: answers.append(mailbox.idle(600, stop)))
    waiting.start()
    stop.set()
    waiting.join(20)
    assert answers == [False]


def test_the_connection_serves_again_after_waiting(dovecot: Dovecot, mailbox: ImapMailbox) -> None:
    list(mailbox.new_messages(Cursor()))
    mailbox.idle(0.2)
    dovecot.deliver(mail(7))
    assert subjects(mailbox, Cursor()) == [b"7"]


def test_a_wrong_password_is_named_as_such(dovecot: Dovecot) -> None:
    box = ImapMailbox(replace(mailbox_settings(dovecot), password="wrong"))
    with pytest.raises(LoginRefused):
        box.connect()


def test_a_server_that_is_not_there_is_unreachable(dovecot: Dovecot) -> None:
    box = ImapMailbox(replace(mailbox_settings(dovecot), port=1))
    with pytest.raises(MailboxUnreachable):
        box.connect()
    with pytest.raises(MailboxUnreachable):
        list(box.new_messages(Cursor()))


def test_a_broken_connection_is_given_up_and_can_be_made_again(
    dovecot: Dovecot, mailbox: ImapMailbox
) -> None:
    dovecot.deliver(mail(0))
    client = mailbox._client
    assert client is not None
    client.shutdown()
    with pytest.raises(MailboxUnreachable):
        list(mailbox.new_messages(Cursor()))
    mailbox.connect()
    assert subjects(mailbox, Cursor()) == [b"0"]
