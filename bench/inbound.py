"""Mails a second from the raw bytes to the visible ticket, beside a bare loop of inserts.

The bare loop writes what a mail leaves behind (delivery, ticket, message, two events) with
the same engine and one transaction a mail, and nothing else.
"""

import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path
from uuid import uuid4

from sqlalchemy import insert

from bench.figures import Figures, run, timed
from helpdesk.bootstrap import build_services
from helpdesk.db import transaction_is_open
from helpdesk.events.model import Event
from helpdesk.inbox.model import Blob, Inbound
from helpdesk.inbox.service import ingest_mail
from helpdesk.jobs.recorded import RecordedJobs
from helpdesk.migrations.runner import migrate
from helpdesk.services import Services
from helpdesk.settings import Settings
from helpdesk.tickets.model import Message, Ticket

NOON = datetime(2026, 11, 17, 15, tzinfo=UTC)


def services_in(folder: Path) -> tuple[Services, RecordedJobs]:
    jobs = RecordedJobs()
    settings = Settings(
        data_dir=folder,
        database_url=f"sqlite:///{folder / 'guiche.sqlite'}",
        secret_key="a secret key that only benchmarks use",
        mail_address="suporte@sabia.example",
        simple_passwords=True,
    )
    services = build_services(settings, clock=lambda: NOON, jobs=lambda _engine: jobs)
    migrate(services.db.engine)
    return services, jobs


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
        mail.set_content("Olá, não entendi a cobrança deste mês.\n" * 40)
        before = mail["Message-ID"]
        yield mail.as_bytes()


def bare_loop(services: Services, count: int) -> None:
    body = "Olá, não entendi a cobrança deste mês.\n" * 40
    assert not transaction_is_open()
    for number in range(count):
        with services.begin() as tx:
            digest, ticket, message = uuid4().hex, tx.new_id(), tx.new_id()
            execute = tx.session.connection().execute
            execute(
                insert(Blob).values(
                    sha256=digest, size=2000, media_type="message/rfc822", created_at=tx.at
                )
            )
            execute(
                insert(Inbound).values(
                    id=tx.new_id(), source="bare", external_key=str(number), channel="email",
                    received_at=tx.at,
                    not_before=tx.at, headers={}, url="", blob=digest, content_hash=digest,
                    state="read", attempts=1, reason="",
                )
            )  # fmt: skip
            execute(
                insert(Ticket).values(
                    id=ticket, number=10_000_000 + number, subject="x", status="new",
                    category="open", priority="normal", customer_name="x", next_due_at=tx.at,
                    due_metric="", due_target_s=0, last_seq=2, last_hash="", snippet="x",
                    last_channel="email", first_channel="email", last_message_at=tx.at,
                    chat_key="", spam=False, created_at=tx.at,
                )
            )  # fmt: skip
            execute(
                insert(Message).values(
                    id=message, ticket_id=ticket, seq=2, channel="email", direction="in",
                    visibility="public", author_kind="customer", author_name="x",
                    author_handle="", body=body, reply_text=body, language="", trust="",
                    auto="", media_url="", media_seconds=0, at=tx.at,
                )
            )  # fmt: skip
            for seq in (1, 2):
                execute(
                    insert(Event).values(
                        id=tx.new_id(), ticket_id=ticket, seq=seq, kind="x", actor_kind="system",
                        at=tx.at, data={}, prev_hash="", hash="",
                    )
                )  # fmt: skip


def measure(size: int) -> Figures:
    figures: Figures = {"size": float(size)}
    with tempfile.TemporaryDirectory() as folder:
        services, jobs = services_in(Path(folder))
        with timed(figures, "bare_s"):
            bare_loop(services, size)
        letters = list(mails(size))
        with timed(figures, "inbound_s"):
            for letter in letters:
                ingest_mail(services, letter)
                jobs.drain(services)
        services.db.close()
    figures["bare_per_s"] = size / figures["bare_s"]
    figures["inbound_per_s"] = size / figures["inbound_s"]
    figures["ratio"] = figures["inbound_per_s"] / figures["bare_per_s"]
    return figures


if __name__ == "__main__":
    run(__doc__ or "", measure, size=500)
