"""Watching a mailbox: every mail is a committed row before the server hears that it was read.

One supervised thread per mailbox. Whatever goes wrong, it comes back after a growing pause
and goes on from the cursor; `mailbox_health` tells how long ago it last succeeded and why
it does not. A mail that the server cannot hand over, or that we cannot store, is set aside
with a note after some tries: it never holds up those behind it.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from functools import partial
from threading import Event
from typing import Any, Final, Generic, TypeVar
from uuid import UUID

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from channels.port import ChannelError, Delivery
from helpdesk.db import UnitOfWork, put_row
from helpdesk.inbox.batches import Batch, Part, file_part, store_batch, understand_batch
from helpdesk.inbox.model import MailboxCursor
from helpdesk.inbox.queries import mailbox_cursor
from helpdesk.inbox.service import ingest_mail, read_leased, read_one, store_unreadable
from helpdesk.mailboxes.door import Mail, Mailbox, MailboxDoor
from helpdesk.mailboxes.health import note_fetch_fault, note_fetched
from helpdesk.services import Services

log = structlog.get_logger()

FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 300.0
MOST_TRIES: Final = 8  # about four minutes with the pauses between them

AT_ONCE: Final = 100  # mails that are stored together
LARGEST_BATCH: Final = 8 * 1024 * 1024  # bytes; a mail that is larger stands alone

K = TypeVar("K")


def in_batches(mails: Iterable[Mail]) -> Iterator[list[Mail]]:
    """Yield the mails some at a time; those before a fault come before it is raised."""
    batch: list[Mail] = []
    try:
        for mail in mails:
            batch.append(mail)
            if len(batch) == AT_ONCE or sum(len(one.raw) for one in batch) >= LARGEST_BATCH:
                yield batch
                batch = []
    except Exception:
        if batch:
            yield batch
        raise
    if batch:
        yield batch


class _SameThread(Executor):
    """Does what it is given before it returns."""

    def submit(self, do: Callable[..., Any], /, *what: Any, **named: Any) -> Future[Any]:
        done: Future[Any] = Future()
        try:
            done.set_result(do(*what, **named))
        except Exception as fault:
            done.set_exception(fault)
        return done


class MailPoller(Generic[K]):
    """Brings mail from one folder of `address` into the inbox until it is told to stop."""

    def __init__(
        self, services: Services, door: MailboxDoor[K], stop: Event, *, address: str
    ) -> None:
        self._services, self._door, self._stop = services, door, stop
        self._address, self._source = address, f"email:{address}"
        self._tries: Counter[tuple[int, int]] = Counter()
        self._taking: tuple[int, int] | None = None  # fetched, and not yet stored
        self._filed: Future[None] = Future()  # the last that the filer was given
        self._filed.set_result(None)

    def run(self) -> None:
        """Watch until `stop` is set. Never raises."""
        pause = FIRST_PAUSE_S
        while not self._stop.is_set():
            box: Mailbox[K] | None = None
            try:
                with self._door.enter() as box:
                    while not self._stop.is_set():
                        self.fetch(box)
                        pause = FIRST_PAUSE_S
                        box.idle(self._services.settings.inbox_poll_s, self._stop)
            except ChannelError as fault:
                log.warning("mailbox fails", address=self._address, why=str(fault), pause_s=pause)
                self._note(fault.code, str(fault))
                self._blame(box.fetching if box is not None else None)
            except Exception as fault:
                log.exception("watching failed", address=self._address, pause_s=pause)
                self._note("defect", type(fault).__name__)
                # A database that is away says nothing about the mail in our hands.
                self._blame(None if isinstance(fault, SQLAlchemyError) else self._taking)
            self._stop.wait(pause)
            pause = min(pause * 2, LONGEST_PAUSE_S)

    def fetch(self, mailbox: Mailbox[K]) -> int:
        """Take in what is new, oldest first; return how many mails were new to us.

        Stored, then counted by the cursor, then flagged: a crash in between costs a
        second look and never a mail.
        """
        new = 0
        self._taking = None
        self._pass_over_stuck()
        with self._services.reading() as session:
            cursor = self._door.cursor(*self._cursor(session))
        with self._filer() as filer:
            for batch in in_batches(mailbox.new_messages(cursor)):
                new += self._take_in(mailbox, batch, filer)
                if self._stop.is_set():
                    return new
        self._tries.clear()
        with self._services.begin() as tx:
            self._move_cursor(tx, *self._cursor(tx.session))
            note_fetched(tx, self._address)
        return new

    def _filer(self) -> Executor:
        """Return who files what is understood.

        While a server does that, we go on with the next mails. SQLite does it in this
        process, where a second thread would only be in the way.
        """
        if self._services.db.has_server:
            return ThreadPoolExecutor(1, thread_name_prefix="mail-filer")
        return _SameThread()

    def _take_in(self, mailbox: Mailbox[K], batch: Sequence[Mail], filer: Executor) -> int:
        """Store and mark some mails and have them filed, in order; return how many were new to us.

        A mailbox that is gone keeps nobody from reading what we have.
        """
        together = self._store(batch)
        if together is None:
            self._filed.result()
            return sum(self._take_in_alone(mailbox, mail) for mail in batch)
        for row_id in together.forgotten:
            self._hand_to(filer, self._read, row_id, partial(read_one, self._services, row_id))
        for part in understand_batch(self._services, together.unread):
            self._hand_to(filer, self._file, part)
        for mail in batch:
            self._mark(mailbox, mail)
        return together.new

    def _hand_to(self, filer: Executor, do: Callable[..., None], *what: Any) -> None:
        """Give the filer one more thing once it has done all before."""
        self._filed.result()
        self._filed = filer.submit(do, *what)

    def _file(self, part: Part) -> None:
        for one in file_part(self._services, part):
            self._read(one.row.id, partial(read_leased, self._services, one.row, one.delivery))

    def _store(self, batch: Sequence[Mail]) -> Batch | None:
        """Store some mails and count them; None where that failed and each is to be tried alone."""
        last = batch[-1]

        def count(tx: UnitOfWork) -> None:
            self._move_cursor(tx, last.uidvalidity, last.uid)

        try:
            return store_batch(self._services, self._source, batch, also=count)
        except Exception as fault:
            log.warning("mails not stored together", address=self._address, why=repr(fault))
            return None

    def _take_in_alone(self, mailbox: Mailbox[K], mail: Mail) -> int:
        self._taking = (mail.uidvalidity, mail.uid)
        row_id, new = ingest_mail(
            self._services, mail.raw, key=mail.key, source=self._source, wake=False
        )
        self._taking = None
        with self._services.begin() as tx:
            self._move_cursor(tx, mail.uidvalidity, mail.uid)
        self._read(row_id, partial(read_one, self._services, row_id))
        self._mark(mailbox, mail)
        return new

    def _read(self, row_id: UUID, read: Callable[[], None]) -> None:
        """Read at once what was stored; what cannot be read now waits for the sweep."""
        try:
            read()
        except Exception:
            log.exception("reading failed", inbound_id=str(row_id))

    def _mark(self, mailbox: Mailbox[K], mail: Mail) -> None:
        if self._door.done_folder:
            mailbox.move(mail.uidvalidity, mail.uid, self._door.done_folder)
        else:
            mailbox.flag_seen(mail.uidvalidity, mail.uid)

    def _blame(self, position: tuple[int, int] | None) -> None:
        if position is not None:
            self._tries[position] += 1

    def _pass_over_stuck(self) -> None:
        """Set the mail aside at which the watch broke time and again, and go on behind it."""
        for (uidvalidity, uid), tries in list(self._tries.items()):
            if tries < MOST_TRIES:
                continue
            note = f"Mail {uidvalidity}:{uid} of {self._address}, folder {self._door.folder}.\n"
            store_unreadable(
                self._services,
                source=self._source,
                channel="email",
                delivery=Delivery(note.encode(), {"content-type": "text/plain"}),
                why="the mail could not be fetched; it is still in the mailbox",
            )
            with self._services.begin() as tx:
                self._move_cursor(tx, uidvalidity, uid)
            del self._tries[uidvalidity, uid]

    def _note(self, code: str, detail: str) -> None:
        """Say on the admin's screen what is wrong; the log has said it already."""
        try:
            with self._services.begin() as tx:
                note_fetch_fault(tx, self._address, code, detail)
        except SQLAlchemyError:
            log.warning("fault of a mailbox not noted", address=self._address)

    def _cursor(self, session: Session) -> tuple[int, int]:
        return mailbox_cursor(session, self._source, self._door.folder)

    def _move_cursor(self, tx: UnitOfWork, uidvalidity: int, uid: int) -> None:
        place = {"mailbox": self._source, "folder": self._door.folder}
        facts = {"uidvalidity": uidvalidity, "last_uid": uid, "last_ok_at": tx.at}
        put_row(tx, MailboxCursor, place, facts)
