"""Watching the mailbox: every mail is a committed row before the server hears that it was read.

One supervised thread per mailbox. Whatever goes wrong, it comes back after a growing pause
and goes on from the cursor; `mailbox_cursor.last_ok_at` tells how long ago it last succeeded.
"""

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from threading import Event
from typing import Generic, Protocol, TypeVar
from uuid import UUID

import structlog
from sqlalchemy.orm import Session

from channels.port import ChannelError
from helpdesk.db import UnitOfWork
from helpdesk.inbox.model import MailboxCursor
from helpdesk.inbox.queries import mailbox_cursor
from helpdesk.inbox.service import ingest_mail, mail_source, read_one
from helpdesk.services import Services

log = structlog.get_logger()

FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 300.0

C = TypeVar("C", contravariant=True)
K = TypeVar("K")


class Mail(Protocol):
    """One mail as the server holds it."""

    @property
    def uidvalidity(self) -> int: ...
    @property
    def uid(self) -> int: ...
    @property
    def raw(self) -> bytes: ...
    @property
    def key(self) -> str: ...


class Mailbox(Protocol[C]):
    """An open folder. Everything may raise `ChannelError`."""

    def new_messages(self, cursor: C) -> Iterable[Mail]: ...
    def flag_seen(self, uidvalidity: int, uid: int) -> None: ...
    def idle(self, timeout: float, stop: Event | None = None) -> bool: ...


class MailboxDoor(Generic[K]):
    """How a mailbox is entered, what its folder is called and how its cursor is made."""

    def __init__(
        self,
        folder: str,
        enter: Callable[[], AbstractContextManager[Mailbox[K]]],
        cursor: Callable[[int, int], K],
    ) -> None:
        self.folder, self.enter, self.cursor = folder, enter, cursor


class MailPoller(Generic[K]):
    """Brings mail from one folder into the inbox until it is told to stop."""

    def __init__(self, services: Services, door: MailboxDoor[K], stop: Event) -> None:
        self._services, self._door, self._stop = services, door, stop

    def run(self) -> None:
        """Watch until `stop` is set. Never raises."""
        pause = FIRST_PAUSE_S
        while not self._stop.is_set():
            try:
                with self._door.enter() as mailbox:
                    while not self._stop.is_set():
                        self.fetch(mailbox)
                        pause = FIRST_PAUSE_S
                        mailbox.idle(self._services.settings.inbox_poll_s, self._stop)
            except ChannelError as fault:
                log.warning("mailbox does not answer", why=str(fault), pause_s=pause)
            except Exception:
                log.exception("watching the mailbox failed", pause_s=pause)
            self._stop.wait(pause)
            pause = min(pause * 2, LONGEST_PAUSE_S)

    def fetch(self, mailbox: Mailbox[K]) -> int:
        """Take in what is new, oldest first; return how many mails were new to us.

        Stored, then counted by the cursor, then flagged: a crash in between costs a
        second look and never a mail.
        """
        new = 0
        with self._services.reading() as session:
            cursor = self._door.cursor(*self._cursor(session))
        for mail in mailbox.new_messages(cursor):
            row_id, fresh = ingest_mail(self._services, mail.raw, key=mail.key, wake=False)
            with self._services.begin() as tx:
                self._move_cursor(tx, mail.uidvalidity, mail.uid)
            self._read(row_id)
            mailbox.flag_seen(mail.uidvalidity, mail.uid)
            new += fresh
            if self._stop.is_set():
                return new
        with self._services.begin() as tx:
            self._move_cursor(tx, *self._cursor(tx.session))
        return new

    def _read(self, row_id: UUID) -> None:
        """Read at once what was stored; what cannot be read now waits for the sweep."""
        try:
            read_one(self._services, row_id)
        except Exception:
            log.exception("reading failed", inbound_id=str(row_id))

    def _cursor(self, session: Session) -> tuple[int, int]:
        return mailbox_cursor(session, mail_source(self._services), self._door.folder)

    def _move_cursor(self, tx: UnitOfWork, uidvalidity: int, uid: int) -> None:
        tx.session.merge(
            MailboxCursor(
                mailbox=mail_source(self._services),
                folder=self._door.folder,
                uidvalidity=uidvalidity,
                last_uid=uid,
                last_ok_at=tx.at,
            )
        )
