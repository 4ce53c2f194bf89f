"""Mails a second from a folder of mails to visible tickets, in an empty and in a full installation.

The product's own poller takes the mails from the folder, with its worker and its job engine
running, on SQLite and, where GUICHE_TEST_PG names a server, on PostgreSQL. Beside it a bare
loop writes what a mail leaves behind (delivery, ticket, message, two events), one
transaction a mail. `--size` is the number of mails; a full installation has a hundred times
as many tickets.

GUICHE_BENCH_PEERS names other products to be measured in the same run, as JSON: a name and
the command, in parts, that takes in every mail of the folder `{folder}` and then ends. Each
gets the same mails; what it takes to start, seen on an empty folder, is not held against it.
One whose name ends in `_full` is compared with us when we are full, any other when empty.

No folder is deleted before the end: for minutes after many files went, ext4 needs twenty
times as long to make a new one, and whoever is measured next would pay for it.
"""

import json
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from functools import partial
from pathlib import Path
from threading import Event as Signal
from typing import Any, NamedTuple
from uuid import uuid4

from sqlalchemy import create_engine, func, insert, select, text

from bench.figures import Figures, run
from bench.places import NOON, databases, measured, new_id, services_at, settings_at
from helpdesk.bootstrap import build_services
from helpdesk.events.model import Event
from helpdesk.inbox.model import Blob, Inbound, MailIndex
from helpdesk.inbox.poller import MailPoller
from helpdesk.inbox.threading import id_hash
from helpdesk.jobs.engine import Worker, prepare_tables
from helpdesk.mailboxes.door import MailboxDoor
from helpdesk.services import Services
from helpdesk.tickets.model import Message, Participant, Ticket

FULL = 100  # tickets in a full installation for each mail
PORTION = 1000
TEXT = "Olá, não entendi a cobrança deste mês.\n" * 40


class Mail(NamedTuple):
    uidvalidity: int
    uid: int
    raw: bytes
    key: str


class Folder:
    """A maildir as the poller sees a mailbox: what is new, oldest first, and then is marked."""

    fetching: tuple[int, int] | None = None

    def __init__(self, root: Path) -> None:
        self._new, self._cur = root / "new", root / "cur"

    def new_messages(self, cursor: tuple[int, int]) -> Iterator[Mail]:
        for path in sorted(self._new.iterdir()):
            uid = int(path.name)
            if uid > cursor[1]:
                yield Mail(1, uid, path.read_bytes(), f"1:{uid}")

    def flag_seen(self, uidvalidity: int, uid: int) -> None:  # noqa: ARG002
        name = f"{uid:08d}"
        (self._new / name).rename(self._cur / f"{name}:2,S")

    def move(self, uidvalidity: int, uid: int, folder: str) -> None:  # noqa: ARG002
        self.flag_seen(uidvalidity, uid)

    def idle(self, timeout: float, stop: Signal | None = None) -> bool:  # noqa: ARG002
        return False


def mails(count: int) -> Iterator[bytes]:
    """Yield plain mails of about 2 kB, one in three an answer to the one before."""
    before = ""
    for number in range(count):
        mail = EmailMessage()
        mail["From"] = f"Cliente {number} <cliente{number - number % 3}@exemplo.com.br>"
        mail["To"] = "suporte@sabia.example"
        mail["Subject"] = f"Cobrança {number}"
        mail["Message-ID"] = f"<{number}@exemplo.com.br>"
        if number % 3 == 1:
            mail["In-Reply-To"] = before
        mail.set_content(TEXT)
        before = mail["Message-ID"]
        yield mail.as_bytes()


def maildir(scratch: Path, count: int) -> Path:
    """Return a new folder in `scratch` with so many mails that nobody has seen."""
    root = Path(tempfile.mkdtemp(dir=scratch))
    for part in ("new", "cur", "tmp"):
        (root / part).mkdir()
    for number, raw in enumerate(mails(count), start=1):
        (root / "new" / f"{number:08d}").write_bytes(raw)
    root.chmod(0o755)
    return root


def ingest(scratch: Path, url: str, size: int) -> float:
    """Take in a maildir with everything running; the clock stops when the last is visible."""
    folder = maildir(scratch, size)
    settings = settings_at(url, Path(tempfile.mkdtemp(dir=scratch)))
    prepare_tables(url)
    services = build_services(settings)
    worker = Worker(services, settings)
    worker.start()
    before = heard(services)
    door = MailboxDoor("INBOX", lambda: opened(folder), _place)
    poller = MailPoller(services, door, Signal(), address=settings.mail_address)
    begin = time.perf_counter()
    poller.fetch(Folder(folder))
    while heard(services) < before + size:
        time.sleep(0.01)
    seconds = time.perf_counter() - begin
    worker.stop()
    services.db.close()
    return seconds


def heard(services: Services) -> int:
    """Return how many deliveries are read: each is a message in a ticket."""
    with services.reading() as session:
        read = select(func.count()).select_from(Inbound).where(Inbound.state == "read")
        return session.scalars(read).one()


def _place(uidvalidity: int, uid: int) -> tuple[int, int]:
    return uidvalidity, uid


@contextmanager
def opened(root: Path) -> Iterator[Folder]:
    yield Folder(root)


def insert_barely(url: str, size: int) -> float:
    """Write what `ingest` leaves behind and nothing else, one transaction a mail."""
    services = services_at(url)
    begin = time.perf_counter()
    for number in range(size):
        rows = traces(number)
        with services.begin() as tx:
            for model, row in rows:
                tx.session.connection().execute(insert(model.__table__), row)
    seconds = time.perf_counter() - begin
    services.db.close()
    return seconds


def fill(url: str, size: int) -> float:
    """Write so many tickets with their customers' addresses, as if they had come before."""
    services = services_at(url)
    for begin in range(0, size, PORTION):
        by_table: dict[Any, list[dict[str, Any]]] = {}
        for number in range(begin, min(begin + PORTION, size)):
            for model, row in traces(number):
                by_table.setdefault(model, []).append(row)
        with services.begin() as tx:
            for model, rows in by_table.items():
                tx.session.connection().execute(insert(model.__table__), rows)
    if services.db.has_server:
        _come_to_rest(url)
    services.db.close()
    os.sync()
    return 0.0


def _come_to_rest(url: str) -> None:
    """Have PostgreSQL do what it would have done long ago after so many rows.

    Else it does so while we measure, or not, as chance will have it.
    """
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text("VACUUM ANALYZE"))
        connection.execute(text("CHECKPOINT"))
    engine.dispose()


def traces(number: int) -> list[tuple[Any, dict[str, Any]]]:
    """Return the rows of one mail that opened a ticket, in the order of their keys."""
    digest, ticket, message = uuid4().hex, new_id(), new_id()
    sender = f"antes{number}@exemplo.com.br"
    header_id = f"antes.{number}@exemplo.com.br"
    rows: list[tuple[Any, dict[str, Any]]] = [
        (
            Blob,
            {"sha256": digest, "size": 2000, "media_type": "message/rfc822", "created_at": NOON},
        ),
        (
            Ticket,
            {
                "id": ticket, "number": 10_000_000 + number, "subject": "Cobrança",
                "status": "new", "category": "open", "priority": "normal",
                "customer_name": sender, "next_due_at": NOON, "due_metric": "",
                "due_target_s": 0, "last_seq": 2, "last_hash": "", "snippet": "x",
                "last_channel": "email", "first_channel": "email", "last_message_at": NOON,
                "chat_key": "", "spam": False, "created_at": NOON,
            },
        ),
        (
            Message,
            {
                "id": message, "ticket_id": ticket, "seq": 2, "channel": "email",
                "direction": "in", "visibility": "public", "author_kind": "customer",
                "author_name": "x", "author_handle": sender, "body": TEXT, "reply_text": TEXT,
                "language": "", "trust": "", "auto": "", "media_url": "", "media_seconds": 0,
                "at": NOON,
            },
        ),
        (
            Inbound,
            {
                "id": new_id(), "source": "email:antes", "external_key": str(number),
                "channel": "email", "received_at": NOON, "not_before": NOON, "headers": {},
                "url": "", "blob": digest, "content_hash": digest, "state": "read",
                "attempts": 1, "reason": "", "detail": "",
            },
        ),
        (
            MailIndex,
            {
                "id": new_id(), "mailbox": "email:suporte@sabia.example",
                "message_id_hash": id_hash(header_id), "header_id": header_id,
                "message_id": message, "ticket_id": ticket,
            },
        ),
        (Participant, {"id": new_id(), "ticket_id": ticket, "kind": "email", "value": sender}),
    ]  # fmt: skip
    for seq in (1, 2):
        event: dict[str, Any] = {
            "id": new_id(), "ticket_id": ticket, "seq": seq, "kind": "x",
            "actor_kind": "system", "at": NOON, "data": {}, "prev_hash": "", "hash": "",
        }  # fmt: skip
        rows.append((Event, event))
    return rows


def measure(size: int) -> Figures:
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        scratch.chmod(0o755)  # other products read their mails there
        return _measure(scratch, size)


def _measure(scratch: Path, size: int) -> Figures:
    figures: Figures = {"size": float(size), "full_tickets": float(FULL * size)}
    work = partial(ingest, scratch)
    for name, make in databases():
        for url in make():
            seconds, _ = measured(insert_barely, url, size)
            figures[f"{name}_bare_per_s"] = size / seconds
        for url in make():
            seconds, _ = measured(work, url, size)
            figures[f"{name}_empty_per_s"] = size / seconds
        for url in make():
            measured(fill, url, FULL * size)
            seconds, _ = measured(work, url, size)
            figures[f"{name}_full_per_s"] = size / seconds
        empty, full = figures[f"{name}_empty_per_s"], figures[f"{name}_full_per_s"]
        figures[f"{name}_ratio_to_bare"] = empty / figures[f"{name}_bare_per_s"]
        figures[f"{name}_full_to_empty"] = full / empty
    for name, command in json.loads(os.environ.get("GUICHE_BENCH_PEERS", "{}")).items():
        figures[f"{name}_per_s"] = _peer(scratch, command, size)
        filled = "full" if name.endswith("_full") else "empty"
        for ours, _ in databases():
            ratio = figures[f"{ours}_{filled}_per_s"] / figures[f"{name}_per_s"]
            figures[f"{ours}_{filled}_to_{name}"] = ratio
    return figures


def _peer(scratch: Path, command: list[str], size: int) -> float:
    """Return another product's mails a second, without the time it takes to start and end."""
    return size / (_seconds(scratch, command, size) - _seconds(scratch, command, 0))


def _seconds(scratch: Path, command: list[str], size: int) -> float:
    folder = maildir(scratch, size)
    parts = [part.replace("{folder}", str(folder / "new")) for part in command]
    begin = time.perf_counter()
    subprocess.run(parts, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - begin


if __name__ == "__main__":
    run(__doc__ or "", measure, size=1000)
