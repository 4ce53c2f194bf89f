"""A payer's objection becomes a conversation with its deadline, and is answered from there."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

import structlog
from babel.dates import format_datetime
from babel.numbers import format_currency
from sqlalchemy import select

from billing_core import disputes
from billing_core.domain.dispute import ANSWERABLE, stage_of
from billing_core.domain.money import Money, minor_units
from billing_core.errors import BillingError
from billing_core.events import (
    DisputeAnswerFailed,
    DisputeChanged,
    DisputeOpened,
    RefundContradicted,
)
from billing_core.store.dispute import Dispute, DisputeAnswer
from billing_core.store.invoice import Invoice
from billing_core.store.locks import lock_payment
from billing_core.store.payment import Payment, Refund
from helpdesk.billing_desk.evidence import disputed_of, evidence_for
from helpdesk.customers.findings import ticket_at_work
from helpdesk.customers.own_tickets import open_about
from helpdesk.db import UnitOfWork
from helpdesk.errors import Forbidden
from helpdesk.events.model import Event
from helpdesk.events.reactions import Reactions
from helpdesk.events.service import Actor, append_event, audit
from helpdesk.services import Services
from helpdesk.staff.policy import may
from helpdesk.tickets.model import Ticket
from helpdesk.tickets.queries import lock_ticket

if TYPE_CHECKING:
    from helpdesk.web.access import Agent

log = structlog.get_logger()

OPENED, CHANGED, CONTRADICTED = "dispute.opened", "dispute.changed", "money.contradicted"

SILENCE = timedelta(minutes=5)  # before an answer is sent again
NEWS = timedelta(hours=6)  # before a gateway is asked how an open dispute stands

_SUBJECTS: Final = {
    "pt_BR": ("Contestação de {amount}: responder até {until}", "Contestação de {amount}"),
    "en": ("Dispute of {amount}: answer by {until}", "Dispute of {amount}"),
}
_RETURNS: Final = {
    "pt_BR": (
        "Devolução especial de Pix (MED) de {amount}: responder até {until}",
        "Devolução especial de Pix (MED) de {amount}",
    ),
    "en": (
        "Special return of a Pix (MED) of {amount}: answer by {until}",
        "Special return of a Pix (MED) of {amount}",
    ),
}


def connect(reactions: Reactions) -> None:
    reactions.on(DisputeOpened, hear_of_dispute)
    reactions.on(DisputeChanged, hear_of_dispute)
    reactions.on(DisputeAnswerFailed, hear_of_dispute)
    reactions.on(RefundContradicted, hear_of_contradiction)


def hear_of_dispute(
    tx: UnitOfWork, event: DisputeOpened | DisputeChanged | DisputeAnswerFailed
) -> None:
    """Have it told in a job of its own: billing holds the payment here, others the ticket first."""
    tx.enqueue("tell_of_dispute", str(event.dispute_id))


def hear_of_contradiction(tx: UnitOfWork, event: RefundContradicted) -> None:
    tx.enqueue("tell_of_contradiction", str(event.refund_id), key=f"contradicted:{event.refund_id}")


def tell_of_dispute(services: Services, dispute_id: UUID) -> UUID:
    """Open the dispute's ticket, or write what is new into it. Return the ticket. Safe to run twice."""
    with services.begin() as tx:
        dispute = tx.session.get_one(Dispute, dispute_id)
        payment = lock_payment(tx.session, dispute.payment_id)  # two at once: one waits
        tx.session.refresh(dispute)
        now = _facts(tx, dispute)
        told = _told(tx, dispute)
        if told is None:
            ticket = _open(tx, services, dispute, payment)
            append_event(tx, ticket, OPENED, actor=Actor.system(), data=now)
            return ticket.id
        ticket_id, before = told
        if before != now:
            ticket = lock_ticket(tx, ticket_id)
            append_event(tx, ticket, CHANGED, actor=Actor.system(), data=now)
        return ticket_id


def tell_of_contradiction(services: Services, refund_id: UUID) -> None:
    """Say that a gateway moved money which our books could not match. Once, and never silently."""
    with services.begin() as tx:
        refund = tx.session.get_one(Refund, refund_id)
        ticket_id = ticket_at_work(tx, refund.customer_id)
        ticket = lock_ticket(tx, ticket_id) if ticket_id is not None else None
        known = tx.session.scalars(select(Event.data).where(Event.kind == CONTRADICTED))
        if any(data["refund_id"] == str(refund_id) for data in known):
            return
        data = {
            "refund_id": str(refund_id),
            "customer_id": str(refund.customer_id),
            "amount_minor": refund.amount_minor,
            "currency": refund.currency,
            "state": refund.state,
        }
        if ticket is None:
            audit(tx, CONTRADICTED, actor=Actor.system(), data=data)
        else:
            append_event(tx, ticket, CONTRADICTED, actor=Actor.system(), data=data)


def contest(services: Services, agent: "Agent", ticket_id: UUID, dispute_id: UUID) -> UUID:
    """Answer a dispute with this conversation as evidence; a job sends it. Return the answer.

    Raises:
        NotFound: the ticket, or a dispute that is not this customer's.
        Forbidden: the agent may not give money back, and so not defend it either.
        billing_core.errors.WrongState, DeadlinePassed: no answer is waited for.
    """
    _check(agent, "billing.refund")
    with services.begin() as tx:
        evidence = evidence_for(tx.session, agent, ticket_id, dispute_id)
        return disputes.contest_dispute(tx, dispute_id, evidence, given_by=agent.id)


def accept(services: Services, agent: "Agent", ticket_id: UUID, dispute_id: UUID) -> UUID:
    """Let the payer have the money; a job tells the gateway. Raises as `contest` does.

    It gives money away for good, so it takes somebody who may approve.
    """
    _check(agent, "billing.approve")
    with services.begin() as tx:
        disputed_of(tx.session, agent, ticket_id, dispute_id)
        return disputes.accept_dispute(tx, dispute_id, given_by=agent.id)


def answer_disputes(services: Services) -> None:
    """Send the answers that wait and ask how open disputes stand. One fault keeps no other waiting."""
    at = services.clock()
    with services.reading() as session:
        answers = [
            (id, _gateway_of(session.get_one(DisputeAnswer, id).dispute_id, session))
            for id in disputes.answers_to_send(session, at - SILENCE)
        ]
        quiet = [
            (id, _gateway_of(id, session)) for id in disputes.disputes_to_sync(session, at - NEWS)
        ]
    for work, found in ((disputes.send_answer, answers), (disputes.sync_dispute, quiet)):
        for id, name in found:
            gateway = services.gateways.get(name)
            if gateway is None:
                log.error("dispute of a gateway that is not set up", id=str(id), gateway=name)
                continue
            try:
                work(services.begin, gateway, id)
            except BillingError as fault:
                log.warning("dispute not settled", id=str(id), fault=str(fault))


def _gateway_of(dispute_id: UUID, session: Any) -> str:
    return str(session.get_one(Dispute, dispute_id).gateway)


def _check(agent: "Agent", permission: str) -> None:
    if not may(agent.role, permission):
        raise Forbidden(permission)


def _facts(tx: UnitOfWork, dispute: Dispute) -> dict[str, Any]:
    failed = tx.session.scalar(
        select(DisputeAnswer.failure_code)
        .where(DisputeAnswer.dispute_id == dispute.id, DisputeAnswer.state == "failed")
        .order_by(DisputeAnswer.changed_at.desc())
        .limit(1)
    )
    waits = dispute.state in ANSWERABLE and dispute.respond_by is not None
    return {
        "dispute_id": str(dispute.id),
        "payment_id": str(dispute.payment_id),
        "state": dispute.state,
        "reason": dispute.reason,
        "kind": dispute.kind,
        "amount_minor": dispute.amount_minor,
        "reserved_minor": dispute.reserved_minor,
        "currency": dispute.currency,
        "respond_by": dispute.respond_by.isoformat() if waits and dispute.respond_by else None,
        "answer_failed": failed or "",
    }


def _told(tx: UnitOfWork, dispute: Dispute) -> tuple[UUID, dict[str, Any]] | None:
    """Return the dispute's ticket and what was written there last."""
    found = tx.session.execute(
        select(Event.ticket_id, Event.data)
        .where(
            Event.kind.in_((OPENED, CHANGED)),
            Event.at >= dispute.opened_at,
            Event.data["dispute_id"].as_string() == str(dispute.id),
        )
        .order_by(Event.seq.desc())
        .limit(1)
    ).first()
    return (found.ticket_id, found.data) if found is not None else None


def _open(tx: UnitOfWork, services: Services, dispute: Dispute, payment: Payment) -> Ticket:
    invoice = tx.session.get(Invoice, payment.invoice_id) if payment.invoice_id else None
    ticket = open_about(
        tx,
        _subject(services, dispute),
        customer_id=dispute.customer_id,
        subscription_id=invoice.subscription_id if invoice else None,
        urgent=stage_of(dispute.state) != "closed",  # type: ignore[arg-type]
    )
    ticket.money_at_stake_minor, ticket.money_currency = dispute.amount_minor, dispute.currency
    return ticket


def _subject(services: Services, dispute: Dispute) -> str:
    language = services.settings.language
    subjects = _RETURNS if dispute.kind == "special_return" else _SUBJECTS
    with_deadline, without = subjects[language]
    amount = _amount(dispute.amount, language)
    if dispute.respond_by is None:
        return without.format(amount=amount)
    until = _moment(dispute.respond_by, services.settings.time_zone, language)
    return with_deadline.format(amount=amount, until=until)


def _amount(amount: Money, language: str) -> str:
    number = Decimal(amount.minor).scaleb(-minor_units(amount.currency))
    return str(format_currency(number, amount.currency, locale=language))


def _moment(moment: datetime, zone: str, language: str) -> str:
    pattern = "d 'de' MMMM, HH:mm" if language == "pt_BR" else "d MMMM, HH:mm"
    return str(format_datetime(moment.astimezone(ZoneInfo(zone)), pattern, locale=language))
