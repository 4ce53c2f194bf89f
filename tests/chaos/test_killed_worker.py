"""A worker that dies between the gateway's success and our commit moves money once."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID, uuid4

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from billing_core.domain.money import Money
from billing_core.ledger import verify_ledger
from billing_core.refunds import RefundAsk
from billing_core.store.ledger import LedgerEntry
from billing_core.store.payment import Payment, Refund
from billing_core.store.sandbox import SandboxRefund
from helpdesk.billing_desk.acts import Request
from helpdesk.billing_desk.model import MoneyAct
from helpdesk.billing_desk.service import confirm, open_preview
from helpdesk.bootstrap import build_services
from helpdesk.cli import migrate_all
from helpdesk.events.model import Event
from helpdesk.services import Services
from helpdesk.settings import Settings
from helpdesk.staff.agent import Agent
from helpdesk.staff.model import Staff
from helpdesk.tickets.service import NewTicket, open_ticket
from tests.e2e.installation import ROOT, found_company

HOLD_S = 0.4  # how long the gateway's answer is kept from the worker
PATIENCE_S = 90  # for a worker that starts and resumes; only a failure takes so long
AMOUNT = Money(1_00, "BRL")


@contextmanager
def worker(env: dict[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("ab") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.chaos.slow_worker", str(HOLD_S)],
            cwd=ROOT,
            env=env,
            stdout=out,
            stderr=out,
        )
        try:
            yield process
        finally:
            process.kill()
            process.wait()


def until(true: Callable[[], bool], process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not true():
        assert process.poll() is None, f"the worker ended by itself\n{log.read_text()[-3000:]}"
        assert time.monotonic() < deadline, f"nothing happened\n{log.read_text()[-3000:]}"
        time.sleep(0.01)


def supervisor_of(session: Session) -> Agent:
    row = session.scalars(select(Staff).where(Staff.role == "supervisor")).one()
    return Agent(row.id, row.name, row.email, row.role, None, "en", "auto", row.id)


def ask_for_a_refund(services: Services, ticket_id: UUID, payment_id: UUID) -> UUID:
    """Preview and confirm; the job exists with the commit."""
    with services.reading() as session:
        agent = supervisor_of(session)
    ask = RefundAsk(payment_id=payment_id, amount=AMOUNT, reason="duplicate")
    preview = open_preview(services, agent, ticket_id, Request(ask))
    return confirm(services, agent, preview.id, one_time_key=str(uuid4()))


def test_a_worker_killed_after_the_gateways_success_refunds_once(
    database_url: str, tmp_path: Path, full: bool
) -> None:
    rounds = 10 if full else 3
    seed = random.SystemRandom().randrange(10**6)
    dice = random.Random(seed)
    env = {name: value for name, value in os.environ.items() if not name.startswith("GUICHE_")} | {
        "PYTHONPATH": str(ROOT),
        "GUICHE_DATA_DIR": str(tmp_path),
        "GUICHE_DATABASE_URL": database_url,
        "GUICHE_SECRET_KEY": "a secret key that only tests use, 32+",
        "GUICHE_SIMPLE_PASSWORDS": "yes",
    }
    settings = Settings.from_env(env)
    migrate_all(settings)
    founded, customer_id = found_company(settings)
    founded.db.close()
    services = build_services(settings)  # its jobs are durable: a real worker takes them
    log = tmp_path / "worker.log"
    with services.begin() as tx:
        new = NewTicket(subject="twice", channel="email", customer_id=customer_id)
        ticket_id = open_ticket(tx, new).id
        payment_id = tx.session.scalars(
            select(Payment.id).order_by(Payment.captured_at.desc()).limit(1)
        ).one()

    def sent(act_id: UUID) -> int:
        with services.reading() as session:
            key = session.scalars(select(Refund.id).where(Refund.money_act_id == act_id)).one()
            return session.scalars(select(func.count()).where(SandboxRefund.key == str(key))).one()

    def state(act_id: UUID) -> str:
        with services.reading() as session:
            return session.get_one(MoneyAct, act_id).state

    acts = []
    for _ in range(rounds):
        act_id = ask_for_a_refund(services, ticket_id, payment_id)
        acts.append(act_id)
        with worker(env, log) as process:
            until(lambda: sent(act_id) == 1, process, log)  # noqa: B023 - used at once
            time.sleep(dice.uniform(0, HOLD_S * 1.2))  # sometimes just after the commit
            process.send_signal(signal.SIGKILL)
            process.wait()
    with worker(env, log) as process:
        until(lambda: all(state(act_id) == "succeeded" for act_id in acts), process, log)

    with services.reading() as session:
        assert session.get_one(Payment, payment_id).refunded_minor == AMOUNT.minor * rounds, seed
        assert session.get_one(Payment, payment_id).reserved_minor == 0
        for act_id in acts:
            refund = session.scalars(select(Refund).where(Refund.money_act_id == act_id)).one()
            at_gateway = select(func.count()).where(SandboxRefund.key == str(refund.id))
            assert session.scalars(at_gateway).one() == 1, seed
            booked = select(func.count()).where(
                LedgerEntry.source_id == refund.id, LedgerEntry.reason == "refunded"
            )
            assert session.scalars(booked).one() == 1, seed
            assert timeline(session, ticket_id, act_id) == [
                "money.requested",
                "money.sending",
                "money.succeeded",
            ], seed
        assert verify_ledger(session) == []
    services.db.close()


def timeline(session: Session, ticket_id: UUID, act_id: UUID) -> list[str]:
    events = session.scalars(select(Event).where(Event.ticket_id == ticket_id).order_by(Event.seq))
    return [event.kind for event in events if event.data.get("act_id") == str(act_id)]
