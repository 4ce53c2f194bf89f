"""What is to be asked of a gateway: written down first, so that no answer is ever lost.

An attempt without an answer is never replaced by a new one: the same key is asked about,
and sent again, until the gateway has answered.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import ColumnElement, Row, and_, exists, func, or_, select, tuple_, update
from sqlalchemy.orm import Session

from .domain.calendar import local_date
from .domain.dunning import Policy, pay_until
from .domain.money import Money
from .dunning import policy_in_force
from .ports import Tx
from .store.base import add_rows
from .store.clock import lives_by
from .store.invoice import Invoice
from .store.mandate import mandate_refusals
from .store.payment import OPEN_ATTEMPTS, PaymentAttempt
from .store.subscription import PaymentMethod, Subscription

Task = Literal["charge", "ask", "withdraw", "expire"]
SELF_PAID = ("pix", "boleto")  # rails by which the customer pays a charge herself


@dataclass(frozen=True, slots=True)
class ChargeOrder:
    """One attempt to be taken to its gateway, once no transaction is open any more.

    charge: nobody has sent it. ask: it may have arrived; it is sent if it has not.
    withdraw: it must not be paid any more. expire: the time to pay it is over.
    """

    attempt_id: UUID
    invoice_id: UUID
    key: str
    gateway: str
    method_token: str
    amount: Money
    task: Task
    due_on: date | None = None
    refusal: str = ""  # why it must not be sent: the payer's mandate does not cover it


def write_attempts(
    tx: Tx, invoice_ids: Sequence[UUID], *, key: str | None = None, automatic: bool = True
) -> list[ChargeOrder]:
    """Write the attempts to charge what is due, or take up those without an answer.

    The subscription's method is charged, or the one the invoice was issued with. Nothing is
    charged by itself (`automatic`) while the subscription's collection is paused. `key`
    names the attempt of a single invoice.
    """
    owed = _lock_owed(tx.session, invoice_ids)
    if not owed:
        return []
    orders = _unanswered(tx, [one.id for one in owed])
    busy = {order.invoice_id for order in orders}
    fresh = [
        one
        for one in owed
        if one.id not in busy
        and one.token is not None
        and not (automatic and one.collection_paused)
    ]
    if fresh:
        policy = _policy(tx.session, fresh)
        rows = [_attempt_row(tx, one, key, policy) for one in fresh]
        add_rows(tx.session, PaymentAttempt, rows)
        new = [_new_order(row, one) for row, one in zip(rows, fresh, strict=True)]
        orders += _with_refusals(
            tx.session,
            [(order, row.kind, row.method_id) for order, row in zip(new, fresh, strict=True)],
        )
    return orders


def order_of(tx: Tx, attempt_id: UUID) -> ChargeOrder | None:
    """Return what to do about an attempt without an answer; None: it has one."""
    return next(iter(_orders(tx, PaymentAttempt.id == attempt_id)), None)


def withdraw_attempts(tx: Tx, invoice_ids: Sequence[UUID]) -> int:
    """Mark what waits for these invoices' money as not wanted any more; return how many.

    The gateways are told later, with no transaction open. Money that arrives all the same
    is booked without an invoice.
    """
    touched = tx.session.execute(
        update(PaymentAttempt)
        .where(
            PaymentAttempt.invoice_id.in_(invoice_ids),
            PaymentAttempt.state.in_(OPEN_ATTEMPTS),
            PaymentAttempt.withdraw_asked_at.is_(None),
        )
        .values(withdraw_asked_at=tx.at, ask_at=PaymentAttempt.created_at)
        .returning(PaymentAttempt.id)
        .execution_options(synchronize_session=False)
    )
    return len(touched.all())


def invoices_to_collect(session: Session, at: datetime, limit: int = 100) -> list[UUID]:
    """Return open invoices that are due and that nobody has tried to charge by this method yet.

    A run that died between billing and collecting leaves such invoices, and so does a
    customer who has saved another method.
    """
    return [id for _, id in untried_invoices(session, at, limit, after=None, clock_id=None)]


def untried_invoices(
    session: Session,
    at: datetime,
    limit: int,
    *,
    after: tuple[date, UUID] | None,
    clock_id: UUID | None,
) -> list[tuple[date, UUID]]:
    """Return (due day, invoice) of `invoices_to_collect` behind a place, the longest due first."""
    method = _method_id()
    tried = exists().where(
        PaymentAttempt.invoice_id == Invoice.id,
        or_(
            PaymentAttempt.payment_method_id == method,
            PaymentAttempt.state.in_(OPEN_ATTEMPTS),
        ),
    )
    query = (
        select(Invoice.due_on, Invoice.id)
        .outerjoin(Subscription, Subscription.id == Invoice.subscription_id)
        .where(
            Invoice.state == "open",
            Invoice.due_minor > 0,
            Invoice.due_on <= at.date(),
            method.is_not(None),
            Subscription.collection_paused.is_not(True),
            lives_by(Invoice.customer_id, clock_id),
            ~tried,
        )
        .order_by(Invoice.due_on, Invoice.id)
        .limit(limit)
    )
    if after is not None:
        query = query.where(tuple_(Invoice.due_on, Invoice.id) > after)
    return [(due_on, id) for due_on, id in session.execute(query)]


def attempts_to_reconcile(session: Session, older_than: datetime, limit: int = 100) -> list[UUID]:
    """Return attempts without an answer whose turn to be asked about came before `older_than`."""
    return list(
        session.scalars(
            select(PaymentAttempt.id)
            .where(PaymentAttempt.state.in_(OPEN_ATTEMPTS), PaymentAttempt.ask_at < older_than)
            .order_by(PaymentAttempt.ask_at)
            .limit(limit)
        )
    )


def _method_id() -> ColumnElement[UUID | None]:
    """The method an invoice is charged by. Needs the subscription joined."""
    return func.coalesce(Subscription.payment_method_id, Invoice.payment_method_id)


def _lock_owed(session: Session, invoice_ids: Sequence[UUID]) -> Sequence[Row[*tuple[Any, ...]]]:
    query = (
        select(
            Invoice.id,
            Invoice.customer_id,
            Invoice.currency,
            Invoice.due_minor,
            Invoice.due_on,
            Subscription.time_zone,
            Subscription.collection_paused,
            PaymentMethod.id.label("method_id"),
            PaymentMethod.kind,
            PaymentMethod.gateway,
            PaymentMethod.token,
        )
        .outerjoin(Subscription, Subscription.id == Invoice.subscription_id)
        .outerjoin(PaymentMethod, PaymentMethod.id == _method_id())
        .where(Invoice.id.in_(invoice_ids), Invoice.state == "open", Invoice.due_minor > 0)
        .order_by(Invoice.id)
        .with_for_update(key_share=True, of=Invoice)
    )
    return session.execute(query).all()


def _policy(session: Session, owed: Sequence[Row[Any]]) -> Policy:
    """Spare the look where no customer pays anything herself."""
    if any(one.kind in SELF_PAID for one in owed):
        return policy_in_force(session)
    return Policy()


def _attempt_row(tx: Tx, owed: Row[Any], key: str | None, policy: Policy) -> dict[str, Any]:
    id = tx.new_id()
    due_on = None
    if owed.kind != "card":
        today = local_date(tx.at, owed.time_zone) if owed.time_zone else tx.at.date()
        due_on = pay_until(owed.kind, today, due_on=owed.due_on, policy=policy)
    return {
        "id": id,
        "key": key or str(id),
        "invoice_id": owed.id,
        "customer_id": owed.customer_id,
        "payment_method_id": owed.method_id,
        "gateway": owed.gateway,
        "rail": owed.kind,
        "currency": owed.currency,
        "amount_minor": owed.due_minor,
        "state": "init",
        "due_on": due_on,
        "ask_at": tx.at,
        "created_at": tx.at,
        "changed_at": tx.at,
    }


def _new_order(row: dict[str, Any], owed: Row[Any]) -> ChargeOrder:
    return ChargeOrder(
        row["id"],
        owed.id,
        row["key"],
        owed.gateway,
        owed.token,
        Money(owed.due_minor, owed.currency),
        "charge",
        row["due_on"],
    )


def _unanswered(tx: Tx, invoice_ids: Sequence[UUID]) -> list[ChargeOrder]:
    return _orders(tx, PaymentAttempt.invoice_id.in_(invoice_ids))


def _orders(tx: Tx, which: ColumnElement[bool]) -> list[ChargeOrder]:
    query = (
        select(PaymentAttempt, PaymentMethod.token, Invoice.state)
        .join(PaymentMethod, PaymentMethod.id == PaymentAttempt.payment_method_id)
        .join(Invoice, Invoice.id == PaymentAttempt.invoice_id)
        .where(and_(which, PaymentAttempt.state.in_(OPEN_ATTEMPTS)))
    )
    return _with_refusals(
        tx.session,
        [
            (_order(attempt, token, state, tx.at), attempt.rail, attempt.payment_method_id)
            for attempt, token, state in tx.session.execute(query)
        ],
    )


def _with_refusals(
    session: Session, orders: Sequence[tuple[ChargeOrder, str, UUID]]
) -> list[ChargeOrder]:
    """Note on each (order, rail, method) whether its mandate forbids to send it."""
    asked = [(method, order.amount) for order, rail, method in orders if rail == "pix_automatico"]
    refusals = mandate_refusals(session, asked)
    if not refusals:
        return [order for order, _, _ in orders]
    return [
        replace(order, refusal=refusals.get((method, order.amount), ""))
        for order, _, method in orders
    ]


def _order(attempt: PaymentAttempt, token: str, invoice_state: str, at: datetime) -> ChargeOrder:
    order = ChargeOrder(
        attempt.id,
        attempt.invoice_id,
        attempt.key,
        attempt.gateway,
        token,
        Money(attempt.amount_minor, attempt.currency),
        "ask",
        attempt.due_on,
    )
    if attempt.withdraw_asked_at is not None or invoice_state != "open":
        return replace(order, task="withdraw")
    return replace(order, task="expire") if _is_over(attempt, at) else order


def _is_over(attempt: PaymentAttempt, at: datetime) -> bool:
    until = (attempt.pay_by or {}).get("expires_at")
    return until is not None and datetime.fromisoformat(until) <= at
