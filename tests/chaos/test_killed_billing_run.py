"""A billing run killed anywhere is finished by the next: each period billed once, each charge made once."""

import random
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from uuid import UUID

import pytest
from sqlalchemy import select

from billing_core.attempts import attempts_to_reconcile
from billing_core.domain.dunning import Policy
from billing_core.dunning import set_policy
from billing_core.invoicing import run_billing
from billing_core.payments import reconcile_attempt
from billing_core.store.dunning import DunningStep
from billing_core.store.invoice import Invoice, InvoiceLine
from billing_core.store.payment import OPEN_ATTEMPTS, Payment, PaymentAttempt
from billing_core.store.sandbox import SandboxCharge
from billing_core.store.subscription import Subscription
from tests.e2e.installation import ROOT
from tests.integration.billing.conftest import Company

SUBSCRIPTIONS = 7
BATCH = 3
LONGEST_S = 120  # only a failure takes so long


@pytest.fixture
def crowd(database_url: str) -> Iterator[Company]:
    """Subscriptions that began on one day and have paid their first month."""
    company = Company(database_url).open()
    with company.begin() as tx:
        set_policy(tx, Policy(card_days=(1, 2), deadline_days=3, ending="past_due"))
    price_id = company.price()
    for _ in range(SUBSCRIPTIONS):
        company.paying(price_id)
    yield company
    company.close()


def start_run(company: Company, *, kill_at: int) -> subprocess.Popen[str]:
    url = company.engine.url.render_as_string(hide_password=False)
    return subprocess.Popen(
        [
            sys.executable,
            "-m",
            "tests.chaos.mortal_billing_run",
            url,
            company.at.isoformat(),
            str(BATCH),
            str(kill_at),
        ],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def end_of(process: subprocess.Popen[str]) -> int | None:
    """Wait for a run; return how many moments it had, or None when it was killed."""
    said, complaint = process.communicate(timeout=LONGEST_S)
    if process.returncode == -signal.SIGKILL:
        return None
    assert process.returncode == 0, complaint[-3000:]
    return int(said)


def next_month(company: Company, dice: random.Random) -> None:
    """Move on to where everybody is due again; sometimes two periods are."""
    company.forward(days=dice.choice([31, 31, 62]))
    company.gateway.behave_well()
    company.gateway.behave(
        "decline", on="charge", code="insufficient_funds", times=dice.randint(0, SUBSCRIPTIONS)
    )


def finish(company: Company) -> None:
    """What the schedule does after a crash: the next run, and a question for each silent charge."""
    company.gateway.behave_well()
    for _ in range(2):
        run = run_billing(company.begin, company.gateways, batch=BATCH)
        assert run.faults == run.dunning.faults == []
        company.forward(minutes=2)
        with company.begin() as tx:
            silent = attempts_to_reconcile(tx.session, company.at)
        for id in silent:
            reconcile_attempt(company.begin, company.gateways, id)


def check(company: Company) -> None:
    """Compare every period, every charge and the books, on both sides."""
    with company.begin() as tx:
        session = tx.session
        for subscription in session.scalars(select(Subscription)):
            assert subscription.next_bill_at is not None
            assert subscription.next_bill_at > company.at, "somebody is left unbilled"
            periods = session.execute(
                select(InvoiceLine.period_start, InvoiceLine.period_end)
                .where(InvoiceLine.subscription_id == subscription.id, InvoiceLine.holds_slot)
                .order_by(InvoiceLine.period_start)
            ).all()
            ends = [end for _, end in periods]
            assert [start for start, _ in periods][1:] == ends[:-1], "a period twice, or none"
            assert ends[-1] == subscription.current_period_end
        attempts = session.scalars(select(PaymentAttempt)).all()
        assert [one.id for one in attempts if one.state in OPEN_ATTEMPTS] == []
        theirs = session.scalars(select(SandboxCharge)).all()
        taken = Counter(one.reference for one in theirs if one.state == "succeeded")
        invoices = session.scalars(select(Invoice)).all()
        assert taken == Counter(str(one.id) for one in invoices if one.state == "paid")
        assert {one.key for one in theirs} == {one.key for one in attempts}
        assert {one.ref: one.amount_minor for one in theirs if one.state == "succeeded"} == {
            one.gateway_ref: one.captured_minor for one in session.scalars(select(Payment))
        }
        _check_steps(session.scalars(select(DunningStep)).all(), attempts)
    assert company.faults() == []


def _check_steps(steps: Sequence[DunningStep], attempts: Sequence[PaymentAttempt]) -> None:
    """Each step made one attempt at most, and nothing but a first try or a step made any."""
    tried = Counter(one.invoice_id for one in attempts)
    stepped = Counter(one.invoice_id for one in steps if one.outcome == "started")
    firsts: dict[UUID, int] = {id: times - stepped[id] for id, times in tried.items()}
    assert set(firsts.values()) <= {1}, firsts


def say(what: str) -> None:
    """Shown where a test fails, so that it can be replayed."""
    sys.stdout.write(f"{what}\n")


def roll(name: str) -> random.Random:
    seed = random.SystemRandom().randrange(10**6)
    say(f"{name}: seed {seed}")
    return random.Random(seed)


def test_a_run_killed_anywhere_bills_each_period_once(crowd: Company, full: bool) -> None:
    dice = roll("killed")
    next_month(crowd, dice)
    whole = end_of(start_run(crowd, kill_at=0))
    assert whole is not None
    finish(crowd)
    check(crowd)
    killed = 0
    for _ in range(50 if full else 6):
        next_month(crowd, dice)
        moment = dice.randint(1, whole)
        say(f"killed at moment {moment} of about {whole}")
        killed += end_of(start_run(crowd, kill_at=moment)) is None
        finish(crowd)
        check(crowd)
    assert killed, "no run was killed at all"


def test_two_runs_at_once_killed_or_not_bill_each_period_once(crowd: Company, full: bool) -> None:
    dice = roll("two at once")
    for number in range(20 if full else 3):
        next_month(crowd, dice)
        moments = [0, 0] if number == 0 else [dice.choice([0, dice.randint(1, 150)]) for _ in "ab"]
        say(f"killed at moments {moments}")
        for process in [start_run(crowd, kill_at=moment) for moment in moments]:
            end_of(process)
        finish(crowd)
        check(crowd)
