"""The money beside the conversation: panel, slips, marked amounts, in the reader's words."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from babel.core import Locale
from sqlalchemy import select

from billing_core.domain.money import Money
from billing_core.payments import record_capture
from billing_core.store.invoice import Invoice
from billing_core.store.payment import Payment
from helpdesk.billing_desk import approvals, service
from helpdesk.customers.findings import note_duplicates
from helpdesk.customers.screen import PanelScreen
from helpdesk.services import Services
from helpdesk.staff.agent import Agent
from helpdesk.staff.policy import GRANTS
from helpdesk.tickets.panel import panel_screen
from helpdesk.tickets.queries import lock_ticket
from helpdesk.tickets.screen import MessageItem, MoneySlip, TimelineScreen
from helpdesk.tickets.service import add_customer_message
from helpdesk.tickets.timeline import Writer, timeline_screen
from helpdesk.web.formats import Formats
from tests.conftest import TestClock
from tests.integration.billing_desk.world import Desk, GatewayInMemory, build
from tests.integration.tickets.desk import read_ticket, said


@pytest.fixture
def desk(make_services: Callable[..., Services], database_url: str) -> Desk:
    gateway = GatewayInMemory()
    return build(make_services(database_url, gateways={gateway.name: gateway}), gateway)


def english(services: Services) -> Formats:
    def say(message: str, /, **values: Any) -> str:
        return message % values if values else message

    return Formats(Locale("en"), ZoneInfo("America/Sao_Paulo"), services.clock(), say)


def panel(desk: Desk, agent: Agent) -> PanelScreen:
    with desk.services.reading() as session:
        ticket = read_ticket(desk.services, desk.ticket_id)
        return panel_screen(session, ticket, agent, english(desk.services))


def timeline(desk: Desk, after: int = 0) -> TimelineScreen:
    with desk.services.reading() as session:
        ticket = read_ticket(desk.services, desk.ticket_id)
        writer = Writer(english(desk.services), "Sabiá")
        return timeline_screen(session, ticket, writer, after=after)


def slips(screen: TimelineScreen) -> list[tuple[str, str]]:
    return [(item.title, item.state) for item in screen.items if isinstance(item, MoneySlip)]


def charge_again(desk: Desk) -> None:
    """Take the same money a second time, and have the ticket told."""
    with desk.services.begin() as tx:
        first = tx.session.get_one(Payment, desk.payment_id)
        record_capture(
            tx,
            customer_id=desk.customer_id,
            amount=Money(100_00, "BRL"),
            gateway="sandbox",
            gateway_ref="twice",
            payment_method_id=first.payment_method_id,
        )
    with desk.services.begin() as tx:
        note_duplicates(tx, lock_ticket(tx, desk.ticket_id))


def test_the_panel_says_what_is_paid_what_comes_and_why(desk: Desk) -> None:
    shown = panel(desk, desk.ana)
    assert shown.customer is not None
    assert (shown.customer.person.name, shown.customer.paid) == (
        "Mariana Alves Prado", Money(100_00, "BRL"),
    )  # fmt: skip
    assert shown.subscription is not None
    assert (shown.subscription.plan, shown.subscription.state) == ("Plus", "active")
    assert shown.subscription.cycle == "monthly, on day 17"
    assert shown.next_charge is not None
    assert shown.next_charge.explanation == "Plus, 17 Dec to 16 Jan 2027."
    (bill,) = shown.invoices
    assert (bill.state, bill.explanation) == ("paid", "Plus, 17 Nov to 16 Dec: R$100.00.")
    assert f"reissue/new?invoice={bill.id}" in bill.fix_url
    assert shown.acts == ("refund", "plan", "credit", "reissue")
    assert shown.alert is None


def test_a_doubled_charge_is_the_alert_and_a_slip_and_opens_its_own_refund(
    desk: Desk, clock: TestClock
) -> None:
    clock.forward(minutes=3)
    charge_again(desk)
    alert = panel(desk, desk.ana).alert
    assert alert is not None
    assert alert.amount == Money(100_00, "BRL")
    assert alert.url.startswith(f"/tickets/{desk.ticket_id}/money/refund/new?payment=")
    (slip,) = [item for item in timeline(desk).items if isinstance(item, MoneySlip)]
    assert (slip.title, slip.state, slip.args["seconds"]) == ("duplicate", "detected", 180)
    assert [row.warn for row in slip.rows] == [False, True]


def test_each_step_of_an_act_changes_one_slip_in_its_place(desk: Desk) -> None:
    preview = service.open_preview(desk.services, desk.ana, desk.ticket_id, desk.refund(60_00))
    desk.change_staff(desk.ana, act_limit_minor=1)
    act_id = service.confirm(desk.services, desk.ana, preview.id, one_time_key=str(uuid4()))
    first = timeline(desk)
    assert slips(first) == [("refund", "previewed"), ("refund", "awaiting")]
    approvals.approve(desk.services, desk.paula, act_id, request_hash=desk.act(act_id).request_hash)
    news = timeline(desk, after=first.last_seq)
    assert slips(news)[0][0] == "refund"
    assert slips(news)[0][1] != "awaiting"
    again = next(item for item in news.items if isinstance(item, MoneySlip))
    before = [item for item in first.items if isinstance(item, MoneySlip)][-1]
    assert (again.id, again.seq) == (before.id, before.seq)
    assert (again.by, again.approver) == ("Ana Lima", "Paula Dias")
    assert news.last_seq == read_ticket(desk.services, desk.ticket_id).last_seq


def test_an_amount_that_was_charged_leads_to_its_charge(desk: Desk) -> None:
    with desk.services.begin() as tx:
        add_customer_message(
            tx, lock_ticket(tx, desk.ticket_id), said("Why R$ 100,00 and not R$ 40,00?")
        )
        invoice_id = tx.session.scalars(select(Invoice.id)).one()
    message = next(item for item in timeline(desk).items if isinstance(item, MessageItem))
    assert [(run.text, run.charge_id) for run in message.body] == [
        ("Why ", ""), ("R$ 100,00", str(invoice_id)), (" and not R$ 40,00?", ""),
    ]  # fmt: skip


def test_who_may_not_read_billing_gets_the_customer_and_no_amount(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(GRANTS, "agent", GRANTS["agent"] - {"billing.read"})
    shown = panel(desk, desk.ana)
    assert shown.customer is not None
    assert (shown.customer.paid, shown.invoices, shown.subscription, shown.failed) == (
        None, (), None, False,
    )  # fmt: skip
