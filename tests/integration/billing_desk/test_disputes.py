"""A dispute opens its ticket with the deadline in it, and the conversation is its evidence."""

from datetime import UTC, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from babel import Locale
from sqlalchemy import select

from billing_core.disputes import record_dispute
from billing_core.domain.money import Money
from billing_core.gateways.sandbox import Sandbox
from billing_core.payments import record_capture
from billing_core.ports import DisputeNotice
from billing_core.refunds import (
    RefundAsk,
    RefundOutcome,
    promise_refund,
    release_refund,
    send_refund,
    settle_refund,
)
from billing_core.store.dispute import Dispute, DisputeAnswer
from helpdesk.billing_desk.disputes import (
    accept,
    answer_disputes,
    contest,
    tell_of_contradiction,
    tell_of_dispute,
)
from helpdesk.billing_desk.evidence import LONGEST, evidence_for
from helpdesk.db import transaction_is_open
from helpdesk.errors import Forbidden, NotFound
from helpdesk.events.model import Event
from helpdesk.services import Services
from helpdesk.tickets.dispute_words import dispute_words
from helpdesk.tickets.model import Ticket
from helpdesk.tickets.queries import lock_ticket
from helpdesk.tickets.service import CustomerMessage, NewTicket, add_customer_message, open_ticket
from helpdesk.web.formats import Formats
from tests.conftest import drain
from tests.integration.billing_desk.world import Desk, GatewayInMemory, brl, build

DUE = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)


def told(desk: Desk, state: str = "needs_response", **more: object) -> UUID:
    ref = desk.payment().gateway_ref
    notice = DisputeNotice("dp_1", ref, state, "fraudulent", brl(6000), DUE)
    with desk.services.begin() as tx:
        dispute_id = record_dispute(tx, "sandbox", notice, **more)  # type: ignore[arg-type]
    assert dispute_id is not None
    drain(desk.services)
    return dispute_id


def events(desk: Desk) -> list[Event]:
    with desk.services.reading() as session:
        return list(
            session.scalars(
                select(Event).where(Event.kind.like("dispute.%")).order_by(Event.at, Event.seq)
            )
        )


def ticket_of(desk: Desk) -> Ticket:
    with desk.services.reading() as session:
        return session.get_one(Ticket, events(desk)[0].ticket_id)


def test_a_dispute_opens_one_ticket_with_its_deadline_in_words(desk_on_both: Desk) -> None:
    desk = desk_on_both
    dispute_id = told(desk)
    ticket = ticket_of(desk)
    assert ticket.subject == "Contestação de R$\xa060,00: responder até 26 de novembro, 09:00"
    assert (ticket.priority, ticket.money_at_stake_minor) == ("high", 6000)
    assert (ticket.customer_id, ticket.related_id) == (desk.customer_id, desk.ticket_id)
    assert tell_of_dispute(desk.services, dispute_id) == ticket.id
    assert [event.kind for event in events(desk)] == ["dispute.opened"]
    told(desk, "lost")
    assert [event.kind for event in events(desk)] == ["dispute.opened", "dispute.changed"]
    assert {event.ticket_id for event in events(desk)} == {ticket.id}
    assert events(desk)[-1].data["state"] == "lost"


def test_a_dispute_of_somebody_unknown_is_still_a_ticket(desk: Desk) -> None:
    with desk.services.begin() as tx:
        record_capture(
            tx, customer_id=tx.new_id(), amount=brl(500), gateway="sandbox", gateway_ref="ch_x"
        )
        record_dispute(
            tx, "sandbox", DisputeNotice("dp_2", "ch_x", "won", "general", brl(500), None)
        )
    drain(desk.services)
    ticket = ticket_of(desk)
    assert ticket.subject == "Contestação de R$\xa05,00"
    assert (ticket.customer_id, ticket.priority) == (None, "normal")


def say(desk: Desk, text: str) -> None:
    with desk.services.begin() as tx:
        ticket = lock_ticket(tx, desk.ticket_id)
        add_customer_message(
            tx,
            ticket,
            CustomerMessage(
                channel="email",
                author_name="Mariana",
                author_handle="m@example.com",
                body=text,
                reply_text=text,
                customer_id=desk.customer_id,
            ),
        )


def test_the_conversation_and_the_invoice_are_the_evidence(desk: Desk) -> None:
    say(desk, "Assisti ontem, obrigada!")
    with desk.services.begin() as tx:
        refund_id = promise_refund(
            tx, RefundAsk(payment_id=desk.payment_id, amount=brl(1000), reason="x"), held=False
        )
    send_refund(desk.services.begin, desk.gateway, refund_id)
    dispute_id = told(desk)
    with desk.services.reading() as session:
        found = evidence_for(session, desk.ana, desk.ticket_id, dispute_id)
    assert set(found) == {"customer", "charge", "refunds", "communication"}
    assert "customer:\nAssisti ontem, obrigada!" in found["communication"]
    assert "Charged BRL 100.00" in found["charge"]
    assert "1 x Plus" in found["charge"]
    assert "Refunded BRL 10.00" in found["refunds"]
    say(desk, "x" * (LONGEST + 5))
    with desk.services.reading() as session:
        found = evidence_for(session, desk.ana, desk.ticket_id, dispute_id)
    assert len(found["communication"]) == LONGEST


def test_money_without_an_invoice_has_its_charge_as_evidence(desk: Desk) -> None:
    with desk.services.begin() as tx:
        record_capture(
            tx,
            customer_id=desk.customer_id,
            amount=brl(500),
            gateway="sandbox",
            gateway_ref="ch_x",
        )
        notice = DisputeNotice("dp_2", "ch_x", "needs_response", "general", brl(500), DUE)
        dispute_id = record_dispute(tx, "sandbox", notice)
        assert dispute_id is not None
        found = evidence_for(tx.session, desk.ana, desk.ticket_id, dispute_id)
    assert "Invoice" not in found["charge"]
    assert "refunds" not in found


def test_another_customers_dispute_is_nobodys_business(desk: Desk) -> None:
    dispute_id = told(desk)
    with desk.services.begin() as tx:
        other = open_ticket(tx, NewTicket(subject="x", channel="email"))
    for act in (contest, accept):
        with pytest.raises(NotFound):
            act(desk.services, desk.paula, other.id, dispute_id)


def test_accepting_takes_somebody_who_may_approve(desk: Desk) -> None:
    dispute_id = told(desk)
    with pytest.raises(Forbidden):
        accept(desk.services, desk.ana, desk.ticket_id, dispute_id)
    answer_id = accept(desk.services, desk.paula, desk.ticket_id, dispute_id)
    with desk.services.reading() as session:
        assert session.get_one(DisputeAnswer, answer_id).given_by == desk.paula.id


def test_the_sweep_sends_the_answer_and_hears_the_decision(services: Services) -> None:
    box = Sandbox(
        services.db.separate_engine(), services.clock, transaction_is_open=transaction_is_open
    )
    services.gateways["sandbox"] = box  # type: ignore[index]
    desk = build(services, box)  # type: ignore[arg-type]
    say(desk, "Assisti ontem")
    event = box.open_dispute(box.charges()[0].key, brl(6000), respond_by=DUE)
    assert event.dispute is not None
    with services.begin() as tx:
        dispute_id = record_dispute(tx, "sandbox", event.dispute)
    assert dispute_id is not None
    contest(services, desk.ana, desk.ticket_id, dispute_id)
    answer_disputes(services)
    assert state(services, dispute_id) == "under_review"
    box.decide_dispute(event.dispute.ref, won=True)
    answer_disputes(services)
    assert state(services, dispute_id) == "under_review"  # it was asked about a moment ago
    services.clock.forward(hours=7)  # type: ignore[attr-defined]
    answer_disputes(services)
    assert state(services, dispute_id) == "won"


def state(services: Services, dispute_id: UUID) -> str:
    with services.reading() as session:
        return session.get_one(Dispute, dispute_id).state


def test_an_answer_that_is_refused_is_told_and_others_have_their_turn(
    desk: Desk, gateway: GatewayInMemory
) -> None:
    dispute_id = told(desk)
    say(desk, "Assisti ontem")
    contest(desk.services, desk.ana, desk.ticket_id, dispute_id)
    answer_disputes(desk.services)  # this gateway knows no disputes
    drain(desk.services)
    assert events(desk)[-1].data["answer_failed"] == "no_such_dispute"
    desk.services.gateways.clear()  # type: ignore[attr-defined]
    desk.services.clock.forward(hours=7)  # type: ignore[attr-defined]
    answer_disputes(desk.services)  # of a gateway that is not set up: logged, not raised
    assert gateway.calls == 1


def in_english(sentence: str, /, **values: object) -> str:
    return sentence % values


@pytest.mark.parametrize(
    ("now", "code", "what"),
    [
        ("needs_response", "dispute_waits", "R$ 60.00, answer by 26 Nov 09:00"),
        ("under_review", "dispute_open", "R$ 60.00"),
        ("won", "dispute_kept", "R$ 60.00"),
        ("expired", "dispute_lost", "R$ 60.00"),
    ],
)
def test_the_timeline_says_how_it_stands(now: str, code: str, what: str) -> None:
    formats = Formats(Locale.parse("en"), ZoneInfo("America/Sao_Paulo"), DUE, in_english)
    waits = DUE.isoformat() if now == "needs_response" else None
    data = {
        "state": now,
        "amount_minor": 6000,
        "currency": "BRL",
        "respond_by": waits,
        "answer_failed": "",
    }
    said = dispute_words(data, formats)
    assert said[0] == code
    assert said[1].startswith(formats.money(Money(6000, "BRL")))
    assert ("answer by" in said[1]) == ("answer by" in what)
    refused = dispute_words(data | {"answer_failed": "late"}, formats)[0]
    assert (refused == "dispute_refused") == (now == "needs_response")


def contradicted(desk: Desk) -> UUID:
    with desk.services.begin() as tx:
        refund_id = promise_refund(
            tx, RefundAsk(payment_id=desk.payment_id, amount=brl(1000), reason="x"), held=True
        )
        release_refund(tx, refund_id, "refused")
    settle_refund(desk.services.begin, refund_id, RefundOutcome("succeeded"))
    return refund_id


@pytest.mark.parametrize("at_work", [True, False])
def test_money_our_books_cannot_match_is_never_silent(desk: Desk, at_work: bool) -> None:
    if not at_work:
        with desk.services.begin() as tx:
            lock_ticket(tx, desk.ticket_id).category = "closed"
    refund_id = contradicted(desk)
    drain(desk.services)
    tell_of_contradiction(desk.services, refund_id)
    with desk.services.reading() as session:
        [event] = session.scalars(select(Event).where(Event.kind == "money.contradicted"))
    assert (event.ticket_id == desk.ticket_id) is at_work
    assert event.data["amount_minor"] == 1000
