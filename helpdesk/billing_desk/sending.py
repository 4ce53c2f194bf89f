"""Carrying approved acts to the gateway and hearing what became of them.

Whoever brings the answer (the job, a webhook, the janitor), billing books it once and
announces it; the act follows in the same transaction. The second to tell finds nothing to do.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from billing_core import attempts, payments, refunds
from billing_core.credits import give_credit
from billing_core.domain.refund import OUT_OF_BAND
from billing_core.errors import BillingError, NotAllowed
from billing_core.events import (
    PlanChanged,
    PlanChangeFailed,
    RefundFailed,
    RefundSucceeded,
    RefundUnknown,
)
from billing_core.ports import Gateway
from billing_core.store.invoice import Invoice
from billing_core.store.payment import Refund
from billing_core.store.subscription import PaymentMethod
from helpdesk.billing_desk import acts, rows
from helpdesk.billing_desk.approvals import rights_withdrawn
from helpdesk.billing_desk.lifecycle import OPEN, advance, withdraw
from helpdesk.billing_desk.model import MoneyAct, MoneyPreview
from helpdesk.db import UnitOfWork
from helpdesk.errors import Conflict, NotFound
from helpdesk.events.reactions import Reactions
from helpdesk.events.service import Actor
from helpdesk.outbox.service import queue_message
from helpdesk.services import Services
from helpdesk.tickets.queries import lock_ticket
from helpdesk.tickets.service import add_system_message

log = structlog.get_logger()

PATIENCE = timedelta(seconds=60)
"""How long an answer may take before the gateway is asked. Age alone decides nothing."""


@dataclass(frozen=True, slots=True)
class Order:
    subject_id: UUID
    gateway: str


def send_refund(services: Services, act_id: UUID) -> None:
    """Send an approved refund and settle it. Safe to run twice, and after a crash anywhere."""
    order = _begin_sending(services, act_id)
    if order is not None:
        refunds.send_refund(services.begin, _gateway(services, order), order.subject_id)


def collect_change(services: Services, act_id: UUID) -> None:
    """Charge for a plan change that applies once it is paid. Safe to run twice."""
    order = _begin_sending(services, act_id)
    if order is None:
        return
    try:
        result = payments.collect_invoice(services.begin, services.gateways, order.subject_id)
    except NotAllowed as refusal:  # no way to pay, or the invoice is no longer to be paid
        _give_up(services, act_id, type(refusal).__name__)
        return
    if result.state == "no_method":
        _give_up(services, act_id, "no_method")
    if result.state == "unknown":
        with services.begin() as tx:
            act = rows.lock_act(tx.session, act_id)
            if act.state == "sending":
                advance(tx, act, "unknown", actor=Actor.system())


def finish(services: Services, act_id: UUID) -> None:
    """Do what follows a success: the courtesy credit, then the news to the customer. Once each."""
    with services.begin() as tx:
        act = rows.lock_act(tx.session, act_id)
        request = acts.read_back(tx.session.get_one(MoneyPreview, act.preview_id).ask)
        courtesy = request.bound_to(act.id).courtesy
        if act.state == "succeeded" and courtesy is not None:
            give_credit(tx, courtesy)
    try:
        _tell_customer(services, act_id)
    except Conflict as nobody:  # the money is right; a person will see that nothing was sent
        log.warning("customer not told", act=str(act_id), why=str(nobody))


def _tell_customer(services: Services, act_id: UUID) -> None:
    with services.begin() as tx:
        act = rows.lock_act(tx.session, act_id)
        if act.state != "succeeded" or not act.message_text or act.message_id is not None:
            return
        ticket = lock_ticket(tx, act.ticket_id)
        message = add_system_message(tx, ticket, channel=act.message_channel, body=act.message_text)
        queue_message(tx, ticket, message)
        act.message_id = message.id


def reconcile(services: Services) -> None:
    """Ask the gateways about everything that has waited too long for an answer.

    And send what billing has promised by itself: no act's job will.
    """
    before = services.clock() - PATIENCE
    with services.reading() as session:
        promised = _without_act(session)
        silent_refunds = [
            (id, session.get_one(Refund, id).gateway)
            for id in refunds.refunds_to_reconcile(session, before)
        ]
        silent_attempts = attempts.attempts_to_reconcile(session, before)
        left = session.execute(
            select(MoneyAct.id, MoneyAct.kind)
            .where(MoneyAct.state.in_(OPEN), MoneyAct.changed_at <= before)
            .order_by(MoneyAct.changed_at)
            .limit(100)
        ).all()
    for refund_id, gateway in promised:
        with _one_fault_at_a_time("refund", refund_id):
            refunds.send_refund(services.begin, services.gateways[gateway], refund_id)
    for refund_id, gateway in silent_refunds:
        with _one_fault_at_a_time("refund", refund_id):
            refunds.reconcile_refund(services.begin, services.gateways[gateway], refund_id)
    for attempt_id in silent_attempts:
        with _one_fault_at_a_time("attempt", attempt_id):
            payments.reconcile_attempt(services.begin, services.gateways, attempt_id)
    for act_id, kind in left:  # a lost wake-up, or a crash before billing heard of it
        with _one_fault_at_a_time("act", act_id):
            (collect_change if kind == "plan_change" else _send_unsent)(services, act_id)


def _without_act(session: Session) -> list[tuple[UUID, str]]:
    """Return (refund, gateway) of what is to be sent and belongs to no act: a cancellation on its date."""
    ids = refunds.refunds_to_send(session)
    acts = set(session.scalars(select(MoneyAct.subject_id).where(MoneyAct.subject_id.in_(ids))))
    return [(id, session.get_one(Refund, id).gateway) for id in ids if id not in acts]


@contextmanager
def _one_fault_at_a_time(kind: str, id: UUID) -> Iterator[None]:
    """Log a fault of one item so that the others still have their turn."""
    try:
        yield
    except BillingError as fault:
        log.warning("not reconciled", kind=kind, id=str(id), fault=str(fault))


def _send_unsent(services: Services, act_id: UUID) -> None:
    """Send a refund whose job was lost. One that was sent is the reconciliation's business."""
    with services.reading() as session:
        act = session.get_one(MoneyAct, act_id)
        refund = session.get(Refund, act.subject_id) if act.subject_id else None
    by_hand = refund is not None and refund.rail == OUT_OF_BAND
    if refund is not None and refund.state == "requested" and not by_hand:
        send_refund(services, act_id)


def _begin_sending(services: Services, act_id: UUID) -> Order | None:
    """Mark an act as being sent and return what to send; None when there is nothing to do.

    Rights are read here for the last time: after this the gateway decides.
    """
    with services.begin() as tx:
        act = rows.lock_act(tx.session, act_id)
        if act.state not in OPEN or act.subject_id is None:
            return None
        if act.state == "approved":
            if why := rights_withdrawn(tx.session, act):
                withdraw(tx, act, "expired", actor=Actor.system(), why=why)
                return None
            advance(tx, act, "sending", actor=Actor.system())
        return Order(act.subject_id, _gateway_name(tx, act))


def _gateway_name(tx: UnitOfWork, act: MoneyAct) -> str:
    if (refund := tx.session.get(Refund, act.subject_id)) is not None:
        return refund.gateway
    invoice = tx.session.get(Invoice, act.subject_id)
    method_id = invoice.payment_method_id if invoice else None
    method = tx.session.get(PaymentMethod, method_id) if method_id else None
    return method.gateway if method else ""


def _gateway(services: Services, order: Order) -> Gateway:
    if order.gateway in services.gateways:
        return services.gateways[order.gateway]
    return next(iter(services.gateways.values()))  # nothing to charge: billing says so itself


def _give_up(services: Services, act_id: UUID, code: str) -> None:
    with services.begin() as tx:
        act = rows.lock_act(tx.session, act_id)
        if act.state in OPEN:
            withdraw(tx, act, "failed", actor=Actor.system(), why=code)


# ---- what billing announces, heard inside the transaction that makes it true ----


def connect(reactions: Reactions) -> None:
    """Hear of everything that settles an act."""
    reactions.on(RefundSucceeded, refund_succeeded)
    reactions.on(RefundFailed, refund_failed)
    reactions.on(RefundUnknown, refund_unknown)
    reactions.on(PlanChanged, plan_changed)
    reactions.on(PlanChangeFailed, plan_change_failed)


def refund_succeeded(tx: UnitOfWork, event: RefundSucceeded) -> None:
    _settle(tx, event.money_act_id, "succeeded")


def refund_failed(tx: UnitOfWork, event: RefundFailed) -> None:
    _settle(tx, event.money_act_id, "reversed" if event.reversed else "failed", event.code)


def refund_unknown(tx: UnitOfWork, event: RefundUnknown) -> None:
    _settle(tx, event.money_act_id, "unknown")


def plan_changed(tx: UnitOfWork, event: PlanChanged) -> None:
    _settle(tx, event.money_act_id, "succeeded")


def plan_change_failed(tx: UnitOfWork, event: PlanChangeFailed) -> None:
    _settle(tx, event.money_act_id, "failed", event.code)


def _settle(tx: UnitOfWork, act_id: UUID | None, state: str, failure: str = "") -> None:
    """Let an act follow what billing has booked. Nothing to do: not ours, or already there."""
    if act_id is None:
        return
    try:
        act = rows.lock_act(tx.session, act_id)
    except NotFound:  # still being confirmed, in this very transaction
        return
    if act.state == "succeeded" and state == "reversed":
        advance(tx, act, "reversed", actor=Actor.system(), failure=failure or "reversed")
    elif act.state in ("failed", "reversed") and state == "succeeded":  # the gateway was wrong
        advance(tx, act, "succeeded", actor=Actor.system())
    elif act.state in OPEN and state in ("succeeded", "failed"):
        advance(tx, act, state, actor=Actor.system(), failure=failure)
    elif act.state == "sending" and state == "unknown":
        advance(tx, act, "unknown", actor=Actor.system())
