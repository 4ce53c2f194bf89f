"""The one place where a gateway's word on a refund becomes a state, a credit note and a ledger entry."""

from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

from .credit_notes import issue_note, note_amounts, revive_note, void_note
from .dispute_holds import hold_disputed
from .domain import ledger as books
from .domain.ledger import Account
from .domain.money import Money
from .domain.refund import OUT_OF_BAND
from .events import RefundContradicted, RefundFailed, RefundSucceeded, RefundUnknown
from .ledger import post
from .ports import Begin, Receipt, Tx
from .refund_steps import about, give_up, lock_refund_of, step
from .store.lines import balances, note_lines
from .store.payment import Payment, Refund


@dataclass(frozen=True, slots=True)
class RefundOutcome:
    state: Literal["pending", "succeeded", "failed", "unknown"]
    ref: str | None = None
    code: str = ""

    @classmethod
    def of(cls, receipt: Receipt) -> "RefundOutcome":
        return cls(receipt.state, receipt.ref, receipt.code)


def settle_refund(begin: Begin, refund_id: UUID, outcome: RefundOutcome) -> str:
    """Book what the gateway said, once; return the refund's state. The second teller changes nothing.

    Two final states may still change: a success that the bank sent back, and a failure that
    was none. Where nothing is left to match such a success, the refund is marked as
    contradicted and `RefundContradicted` told: the books then differ from the gateway's.
    """
    with begin() as tx:
        return settle(tx, lock_refund_of(tx, refund_id), outcome)


def settle(tx: Tx, refund: Refund, outcome: RefundOutcome) -> str:
    """The same for a locked refund, inside the caller's transaction."""
    before, after = refund.state, outcome.state
    if before == after or refund.rail == OUT_OF_BAND:
        return before
    match before, after:
        case "succeeded", "failed":
            _take_note(tx, refund, outcome)
            _reverse(tx, refund)
        case (("failed" | "released"), "succeeded"):
            _succeed_late(tx, refund, outcome)
        case (("succeeded" | "failed" | "released"), _):
            pass
        case "pending", "unknown":
            pass  # `pending` is the gateway's word; that we then got no answer takes nothing back
        case _, "succeeded":
            _take_note(tx, refund, outcome)
            succeed(tx, refund)
        case _, "failed":
            _take_note(tx, refund, outcome)
            give_up(tx, refund)
            tx.emit(RefundFailed(**about(refund), code=outcome.code))
        case _:
            _take_note(tx, refund, outcome)
            if after == "unknown":
                tx.emit(RefundUnknown(**about(refund)))
    return refund.state


def succeed(tx: Tx, refund: Refund) -> None:
    """Book a refund that has just reached `succeeded`: reserved money is refunded money."""
    payment = tx.session.get_one(Payment, refund.payment_id)
    payment.reserved_minor -= refund.amount_minor
    _count(tx, refund, payment)
    issue_note(tx, refund.credit_note_id)
    _book(tx, refund, payment, books.refund_settled)
    tx.emit(RefundSucceeded(**about(refund)))


def _take_note(tx: Tx, refund: Refund, outcome: RefundOutcome) -> None:
    step(tx, refund, outcome.state, code=outcome.code)
    refund.gateway_ref = outcome.ref or refund.gateway_ref


def _succeed_late(tx: Tx, refund: Refund, outcome: RefundOutcome) -> None:
    """The money left although we were told otherwise: match it with what is left, or say that we cannot.

    A dispute's claim gives way: what was refunded is what answers it.
    """
    payment = tx.session.get_one(Payment, refund.payment_id)
    left = _unclaimed(payment)
    if refund.state == "released" or left < refund.amount or not _lines_have_room(tx, refund):
        if refund.contradicted_at is None:
            refund.contradicted_at = tx.at
            tx.session.flush()
            tx.emit(RefundContradicted(**about(refund), before=refund.state, left=left))
        return
    _take_note(tx, refund, outcome)
    refund.contradicted_at = None
    payment.disputed_minor = 0  # counted again below, with what is left then
    tx.session.flush()
    _count(tx, refund, payment)
    revive_note(tx, refund.credit_note_id)
    _book(tx, refund, payment, books.refund_settled)
    hold_disputed(tx, payment)
    tx.emit(RefundSucceeded(**about(refund)))


def _unclaimed(payment: Payment) -> Money:
    """Return what is left when disputes are left out of it."""
    return payment.balance.left + Money(payment.disputed_minor, payment.currency)


def _lines_have_room(tx: Tx, refund: Refund) -> bool:
    payment = tx.session.get_one(Payment, refund.payment_id)
    known = {
        line.line_id: line
        for line in balances(tx.session, payment.invoice_id, refund.currency) or ()
    }
    return all(
        line.net_minor + line.tax_minor <= known[line.invoice_line_id].left.minor
        for line in note_lines(tx.session, refund.credit_note_id)
    )


def _count(tx: Tx, refund: Refund, payment: Payment) -> None:
    payment.refunded_minor += refund.amount_minor
    refund.times_settled += 1
    tx.session.flush()


def _reverse(tx: Tx, refund: Refund) -> None:
    """The money is ours again and can be given back another way."""
    payment = tx.session.get_one(Payment, refund.payment_id)
    payment.refunded_minor -= refund.amount_minor
    tx.session.flush()
    void_note(tx, refund.credit_note_id)
    _book(tx, refund, payment, books.refund_reversed)
    hold_disputed(tx, payment)
    tx.emit(RefundFailed(**about(refund), code=refund.failure_code, reversed=True))


def _book(tx: Tx, refund: Refund, payment: Payment, make: Any) -> None:
    net, tax = note_amounts(tx.session, refund.credit_note_id, refund.amount)
    post(
        tx,
        make(
            refund.id,
            refund.customer_id,
            net=net,
            tax=tax,
            for_invoice=payment.invoice_id is not None,
            paid_from=Account.OUT_OF_BAND if refund.rail == OUT_OF_BAND else Account.CASH,
            round=refund.times_settled,
        ),
    )
