"""Putting a wrong charge right: an unpaid invoice is voided and issued again, a paid one gets credit notes.

What is asked and what it would do: correction_plan.py, named here too.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from .correction_plan import (
    CorrectionPlan,
    ReissueAsk,
    corrected,
    correction_rows,
    plan_correction,
)
from .domain.invoice import Draft
from .domain.money import Money, total
from .errors import NotFound, StaleInputs
from .events import InvoiceReissued
from .issuing import issue, void
from .period_ends import go_on_when_paid
from .ports import Tx
from .preview import MoneyPreview, hash_inputs
from .refund_plan import Windows
from .refunds import carry_out_return, given_back_by
from .store.funds import lock_invoice_funds
from .store.invoice import CreditNote, Invoice
from .store.subscription import Subscription
from .used_up import hand_over_used

__all__ = ["Reissue", "ReissueAsk", "ask_from", "payload_of", "preview_reissue", "reissue_invoice"]


@dataclass(frozen=True, slots=True)
class Reissue:
    """`invoice_id`: the replacement of an unpaid invoice. `refund_id`: to be sent.

    None of the three: it is held and moves no money; carry it out when approved.
    """

    invoice_id: UUID | None
    refund_id: UUID | None
    credit_note_id: UUID | None
    difference: Money  # negative: the customer pays less


def preview_reissue(
    session: Session, ask: ReissueAsk, at: datetime, *, windows: Windows | None = None
) -> MoneyPreview:
    """Raises what `reissue_invoice` would raise."""
    invoice = session.get(Invoice, ask.invoice_id, populate_existing=True)
    if invoice is None:
        raise NotFound("invoice", ask.invoice_id)
    plan = plan_correction(session, invoice, ask, at, windows=windows)
    return MoneyPreview(
        act="reissue",
        amount=abs(plan.difference),
        charge_now=None,
        rows=tuple(correction_rows(plan)),
        lines=(),
        inputs_hash=hash_inputs(plan.inputs),
        payload=payload_of(ask),
    )


def reissue_invoice(
    tx: Tx,
    ask: ReissueAsk,
    *,
    held: bool = False,
    expected: str | None = None,
    windows: Windows | None = None,
) -> Reissue:
    """Correct it. `held` concerns a paid invoice only: its money is reserved and waits for approval.

    The same `money_act_id` corrects once.

    Raises:
        WrongState: a draft, a void invoice, or one that is being charged at this moment.
        PaidOnlyLower, NothingToChange, LineNotOfInvoice: the ask is wrong.
        RefundTooLarge: money and credit of the invoice do not hold the difference any more.
        RefundWindowClosed: with `windows`, when the provider takes no such refund.
    """
    invoice = lock_invoice_funds(tx.session, ask.invoice_id)
    if earlier := _earlier(tx.session, ask):
        return earlier
    plan = plan_correction(tx.session, invoice, ask, tx.at, windows=windows)
    if expected is not None and hash_inputs(plan.inputs) != expected:
        raise StaleInputs
    done = _replace(tx, plan, ask) if plan.back is None else _give_back(tx, plan, ask, held=held)
    tx.emit(
        InvoiceReissued(
            invoice_id=invoice.id,
            new_invoice_id=done.invoice_id,
            credit_note_id=done.credit_note_id,
            refund_id=done.refund_id,
            customer_id=invoice.customer_id,
            money_act_id=ask.money_act_id,
            difference=done.difference,
        )
    )
    return done


def payload_of(ask: ReissueAsk) -> dict[str, Any]:
    """Return the ask as JSON values; `ask_from` reads it back."""
    return {
        "invoice_id": str(ask.invoice_id),
        "lines": [[str(id), amount.minor, amount.currency] for id, amount in ask.lines],
        "reason": ask.reason,
        "settle_by": ask.settle_by,
        "money_act_id": str(ask.money_act_id) if ask.money_act_id else None,
    }


def ask_from(payload: dict[str, Any]) -> ReissueAsk:
    act = payload.get("money_act_id")
    return ReissueAsk(
        invoice_id=UUID(payload["invoice_id"]),
        lines=tuple((UUID(id), Money(minor, currency)) for id, minor, currency in payload["lines"]),
        reason=payload["reason"],
        settle_by=payload["settle_by"],
        money_act_id=UUID(act) if act else None,
    )


def _replace(tx: Tx, plan: CorrectionPlan, ask: ReissueAsk) -> Reissue:
    invoice = plan.invoice
    draft = Draft(
        customer_id=invoice.customer_id,
        subscription_id=invoice.subscription_id,
        payment_method_id=invoice.payment_method_id,
        currency=invoice.currency,
        reason="reissue",
        due_on=max(invoice.due_on, tx.at.date()),
        start=invoice.period_start,
        end=invoice.period_end,
        lines=tuple(corrected(line, plan.right, invoice) for line in plan.lines),
        previous_invoice_id=invoice.id,
        money_act_id=ask.money_act_id,
    )
    void(tx, invoice, issued_again=True)
    [issued] = issue(tx, [draft])
    hand_over_used(tx.session, invoice.id, issued.invoice_id)
    if not issued.due and invoice.subscription_id is not None:
        go_on_when_paid(tx, tx.session.get_one(Subscription, invoice.subscription_id))
    return Reissue(issued.invoice_id, None, None, plan.difference)


def _give_back(tx: Tx, plan: CorrectionPlan, ask: ReissueAsk, *, held: bool) -> Reissue:
    assert plan.back is not None
    given = carry_out_return(
        tx, plan.back, reason=ask.reason, money_act_id=ask.money_act_id, held=held
    )
    return Reissue(None, given.refund_id, given.credit_note_id, plan.difference)


def _earlier(session: Session, ask: ReissueAsk) -> Reissue | None:
    act = ask.money_act_id
    if act is None:
        return None
    new = session.scalars(select(Invoice).where(Invoice.money_act_id == act)).first()
    if new is not None:
        old = session.get_one(Invoice, ask.invoice_id)
        difference = Money(new.total_minor - old.total_minor, new.currency)
        return Reissue(new.id, None, None, difference)
    given = given_back_by(session, act)
    if given is None:
        return None
    notes = session.scalars(select(CreditNote).where(CreditNote.money_act_id == act)).all()
    back = total((Money(note.amount_minor, note.currency) for note in notes), notes[0].currency)
    return Reissue(None, given.refund_id, given.credit_note_id, -back)
