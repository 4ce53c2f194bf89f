"""What a person does by a command: shown first, answered for, written down."""

from uuid import UUID

import pytest
from sqlalchemy import select

from billing_core.store.catalog import Price
from billing_core.store.invoice import Invoice
from billing_core.store.payment import Payment
from billing_core.store.reconciliation import ReconciliationItem
from billing_core.store.subscription import Subscription, SubscriptionItem
from helpdesk.events.model import Event
from helpdesk.services import Services
from tests.browser import hire
from tests.commands import Say, say
from tests.conftest import TestClock

from .conftest import Sold
from .test_commands import sold

__all__ = ["say", "sold"]

BOSS = "patricia@sabia.exemplo"


@pytest.fixture
def boss(sold: Sold) -> str:
    """The address of somebody who may approve."""
    hire(sold.services, email=BOSS, role="supervisor")
    hire(sold.services, email="ana@sabia.exemplo", role="agent")
    return BOSS


def subscription(sold: Sold) -> Subscription:
    with sold.services.reading() as session:
        return session.get_one(Subscription, sold.subscription_id)


def by_command(services: Services) -> list[dict[str, object]]:
    with services.reading() as session:
        return list(session.scalars(select(Event.data).where(Event.kind == "money.by_command")))


def test_an_act_is_shown_and_done_only_when_somebody_answers_for_it(
    sold: Sold, say: Say, boss: str
) -> None:
    asked = ("billing", "cancel", str(sold.subscription_id), "--reason", "moves away")
    status, out, _ = say(sold.services, *asked)
    assert (status, "nothing is done yet" in out) == (0, True)
    assert "subscription.state" in out
    for nobody in ("", "nobody@sabia.exemplo", "ana@sabia.exemplo"):
        status, _, err = say(sold.services, *asked, "--yes", "--by", nobody)
        assert (status, "may not answer" in err) == (1, True)
    assert subscription(sold).cancel_at_period_end is False
    assert say(sold.services, *asked, "--yes", "--by", boss)[:2] == (
        0,
        out.rpartition("nothing")[0] + "done\n",
    )
    assert subscription(sold).cancel_at_period_end is True
    [told] = by_command(sold.services)
    assert told == {"act": "cancel", "id": str(sold.subscription_id), "reason": "moves away"}
    assert (
        say(sold.services, "billing", "uncancel", str(sold.subscription_id), "--by", boss)[0] == 0
    )
    assert subscription(sold).cancel_at_period_end is False


def test_a_subscription_is_paused_and_resumed(
    sold: Sold, say: Say, boss: str, clock: TestClock
) -> None:
    id, answers = str(sold.subscription_id), ("--yes", "--by", boss)
    clock.forward(days=1)
    assert say(sold.services, "billing", "pause", id, "--now", *answers)[0] == 0
    assert subscription(sold).state == "paused"
    status, _, err = say(sold.services, "billing", "pause", id, *answers)
    assert (status, err.startswith("guiche: NothingToChange")) == (1, True)
    clock.forward(days=1)
    status, out, _ = say(sold.services, "billing", "resume", id, *answers)
    assert (status, "Família" in out) == (0, True)
    assert subscription(sold).state == "active"


@pytest.mark.parametrize(("command", "state"), [("void", "void"), ("write-off", "uncollectible")])
def test_an_open_invoice_is_dropped_or_given_up(
    sold: Sold, say: Say, boss: str, clock: TestClock, command: str, state: str
) -> None:
    sold.services.gateways["sandbox"].behave("decline", on="charge")  # type: ignore[attr-defined]
    clock.forward(days=31)
    say(sold.services, "billing", "run")
    with sold.services.reading() as session:
        invoice_id = session.scalars(select(Invoice.id).where(Invoice.state == "open")).one()
    assert "retry" in say(sold.services, "billing", "dunning", str(invoice_id))[1]
    done = say(sold.services, "billing", command, str(invoice_id), "--yes", "--by", boss)
    assert done[0] == 0
    with sold.services.reading() as session:
        assert session.get_one(Invoice, invoice_id).state == state


def test_what_is_sold_discounted_and_taxed(sold: Sold, say: Say, boss: str) -> None:
    services, by = sold.services, ("--by", boss)
    with services.reading() as session:
        price_id = session.scalars(select(SubscriptionItem.price_id)).one()
        plan_id = session.get_one(Price, price_id).plan_id
    assert say(services, "billing", "tax", "servicos", "ISS=5", "PIS=0.65", *by)[0] == 0
    assert say(services, "billing", "tax", "simples", "6", *by)[0] == 0
    assert say(services, "billing", "tax", "simples", "a lot", *by)[0] == 1
    made = say(
        services, "billing", "price", str(plan_id), "139.90", "BRL", "--tax", "servicos", *by
    )
    assert made[0] == 0
    assert made[1].split(";")[0] in say(services, "billing", "prices", "--currency", "BRL")[1]
    assert say(services, "billing", "coupon", "DEZ", "10", "--periods", "3", *by)[0] == 0
    assert say(services, "billing", "coupon", "VINTE", "20.00BRL", *by)[0] == 0
    redeem = ("billing", "redeem", str(sold.subscription_id))
    assert say(services, *redeem, "DEZ", *by)[0] == 0
    status, _, err = say(services, *redeem, "VINTE", *by)
    assert (status, "AnotherCouponIsOn" in err) == (1, True)
    _, out, _ = say(services, "billing", "preview", str(sold.subscription_id))
    assert "BRL 116.91" in out
    _, out, _ = say(services, "billing", "account", str(sold.customer_id))
    assert "credit BRL 0.00, paid in all BRL 129.90" in out


def test_an_invoice_that_was_paid_at_once_has_no_dunning(sold: Sold, say: Say) -> None:
    with sold.services.reading() as session:
        invoice_id = session.scalars(select(Invoice.id)).one()
    assert say(sold.services, "billing", "dunning", str(invoice_id))[::2] == (
        1,
        "guiche: its payment never failed\n",
    )


def test_a_customer_lives_by_a_clock_through_years(
    sold: Sold, say: Say, clock: TestClock, capsys: pytest.CaptureFixture[str]
) -> None:
    _, out, _ = say(sold.services, "billing", "clock", "new", "demo")
    id = out.strip()
    assert say(sold.services, "billing", "clock", "join", id, str(sold.customer_id))[0] == 0
    status, out, _ = say(
        sold.services, "billing", "clock", "advance", id, "2028-11-18T12:00:00+00:00"
    )
    assert (status, "24 invoices, 24 paid" in out) == (0, True)
    status, _, err = say(
        sold.services, "billing", "clock", "advance", id, "2027-01-01T00:00:00+00:00"
    )
    assert (status, "ClockBehind" in err) == (1, True)
    with pytest.raises(SystemExit):
        say(sold.services, "billing", "clock", "advance", id, "2029-01-01")
    assert "needs its offset" in capsys.readouterr().err


def test_a_customer_at_fault_is_named_when_her_clock_moves(sold: Sold, say: Say) -> None:
    id = say(sold.services, "billing", "clock", "new", "demo")[1].strip()
    say(sold.services, "billing", "clock", "join", id, str(sold.customer_id))
    with sold.services.begin() as tx:
        tx.session.get_one(Subscription, sold.subscription_id).time_zone = "Nowhere/At_All"
    status, out, err = say(
        sold.services, "billing", "clock", "advance", id, "2026-12-18T12:00:00+00:00"
    )
    assert (status, str(sold.subscription_id) in out) == (1, True)
    assert "need a person" in err


def test_a_difference_is_listed_booked_or_explained(sold: Sold, say: Say, boss: str) -> None:
    services = sold.services
    sandbox = services.gateways["sandbox"]
    [charge] = sandbox.charges()  # type: ignore[attr-defined]
    for minor in (700, 300):
        amount = type(charge.amount)(minor, "BRL")
        sandbox.refund_outside(charge.key, amount)  # type: ignore[attr-defined]
    assert say(services, "reconcile", "list")[1] == "nothing differs\n"
    assert say(services, "reconcile", "--day", "2026-11-17")[0] == 1
    with services.reading() as session:
        payment_id = session.scalars(select(Payment.id)).one()
        query = select(ReconciliationItem.id).where(ReconciliationItem.state == "missing_here")
        first, second = session.scalars(query.order_by(ReconciliationItem.theirs_minor.desc()))
    assert str(first) in say(services, "reconcile", "list")[1]
    book = ("reconcile", "book", str(first), str(payment_id), "--note", "asked the bank")
    status, out, _ = say(services, *book)
    assert (status, "nothing is done yet" in out) == (0, True)
    assert say(services, *book, "--yes", "--by", boss)[0] == 0
    resolve = ("reconcile", "resolve", str(second), "--note", "a fee", "--by", boss)
    assert say(services, *resolve)[0] == 0
    assert say(services, "reconcile", "list")[1] == "nothing differs\n"
    with services.reading() as session:
        assert session.get_one(Payment, payment_id).refunded_minor == 700
    assert [one["act"] for one in by_command(services)] == ["book", "resolve"]


def test_a_gateway_that_is_not_set_up_is_not_asked(sold: Sold, say: Say, boss: str) -> None:
    services = sold.services
    sandbox = services.gateways["sandbox"]
    [charge] = sandbox.charges()  # type: ignore[attr-defined]
    sandbox.refund_outside(charge.key, type(charge.amount)(700, "BRL"))  # type: ignore[attr-defined]
    say(services, "reconcile", "--day", "2026-11-17")
    with services.begin() as tx:
        payment_id = tx.session.scalars(select(Payment.id)).one()
        [item] = tx.session.scalars(
            select(ReconciliationItem).where(ReconciliationItem.state == "missing_here")
        )
        item.gateway = "elsewhere"
        item_id: UUID = item.id
    book = (
        "reconcile",
        "book",
        str(item_id),
        str(payment_id),
        "--note",
        "x",
        "--yes",
        "--by",
        boss,
    )
    assert say(services, *book)[::2] == (1, "guiche: no gateway elsewhere\n")
