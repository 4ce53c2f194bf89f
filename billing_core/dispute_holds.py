"""How much of a payment its disputes claim, and where the books have that money."""

from collections.abc import Callable

from sqlalchemy import select

from .domain import ledger as books
from .domain.dispute import hold_of
from .domain.money import Money
from .ledger import post
from .ports import Tx
from .store.dispute import Dispute
from .store.payment import Payment


def hold_disputed(tx: Tx, payment: Payment) -> None:
    """Count again what disputes claim of a payment (locked): never more than is still there.

    What was given back before is not paid twice: the older dispute claims first, and one
    that comes too short is answered with the refund as evidence.
    """
    free = payment.captured_minor - payment.refunded_minor
    free -= payment.reserved_minor + payment.credited_minor
    disputes = tx.session.scalars(
        select(Dispute)
        .where(Dispute.payment_id == payment.id)
        .order_by(Dispute.opened_at, Dispute.id)
    ).all()
    claimed = 0
    for dispute in disputes:
        claims = dispute.amount_minor if hold_of(dispute.state) != "none" else 0  # type: ignore[arg-type]
        dispute.reserved_minor = min(claims, free - claimed)
        claimed += dispute.reserved_minor
    payment.disputed_minor = claimed
    tx.session.flush()


def book_hold(tx: Tx, dispute: Dispute) -> None:
    """Book where the disputed money is now, in full: what the gateway took is gone from our cash."""
    after, amount = hold_of(dispute.state), dispute.amount  # type: ignore[arg-type]
    before, booked = dispute.held, Money(dispute.held_minor, dispute.currency)
    if (before, booked) == (after, amount) or (before, after) == ("none", "none"):
        return
    same = booked == amount
    if before == "lost":
        dispute.round += 1
        _post(tx, dispute, books.dispute_reopened, booked)
        before = "held"
    if before == "held" and (after == "none" or not same):
        _post(tx, dispute, books.dispute_won, booked)
        before = "none"
    if before == "none" and after != "none":
        dispute.round += 1
        _post(tx, dispute, books.dispute_opened, amount)
    if after == "lost":
        _post(tx, dispute, books.dispute_lost, amount)
    dispute.held = after
    dispute.held_minor = amount.minor if after != "none" else 0
    tx.session.flush()


def _post(tx: Tx, dispute: Dispute, make: Callable[..., books.Entry], amount: Money) -> None:
    post(tx, make(dispute.id, dispute.customer_id, amount, round=dispute.round))
