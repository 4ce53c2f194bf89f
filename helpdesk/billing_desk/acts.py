"""The four kinds of act: how each is kept, computed and carried out.

The figures of a preview and of its confirmation come from the same function.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from billing_core import corrections, credits, out_of_band, refunds, subscriptions
from billing_core.corrections import ReissueAsk
from billing_core.credits import CreditAsk
from billing_core.errors import NotFound
from billing_core.out_of_band import TransferAsk
from billing_core.ports import Tx
from billing_core.preview import MoneyPreview, hash_inputs
from billing_core.refunds import RefundAsk, Windows
from billing_core.store.invoice import Invoice
from billing_core.store.payment import Payment
from billing_core.store.subscription import Subscription
from billing_core.subscriptions import PlanChangeAsk

Ask = RefundAsk | TransferAsk | CreditAsk | ReissueAsk | PlanChangeAsk

PERMISSION = {
    "refund": "billing.refund",
    "credit": "billing.credit",
    "reissue": "billing.reissue",
    "plan_change": "billing.plan_change",
}


@dataclass(frozen=True, slots=True)
class Request:
    """What somebody wants done. `courtesy` is a credit given on top of a refund.

    A transfer is a refund that a person makes at the bank instead of a gateway.
    """

    ask: Ask
    courtesy: CreditAsk | None = None

    @property
    def is_transfer(self) -> bool:
        """It is never done by one person alone, whatever her limits."""
        return isinstance(self.ask, TransferAsk)

    @property
    def kind(self) -> str:
        match self.ask:
            case RefundAsk() | TransferAsk():
                return "refund"
            case CreditAsk():
                return "credit"
            case ReissueAsk():
                return "reissue"
            case PlanChangeAsk():
                return "plan_change"

    def bound_to(self, act_id: UUID) -> "Request":
        """Return the same request carrying its act: billing does each act once."""
        courtesy = replace(self.courtesy, money_act_id=act_id) if self.courtesy else None
        return Request(replace(self.ask, money_act_id=act_id), courtesy)


@dataclass(frozen=True, slots=True)
class Figures:
    """What an act would do. `fingerprint` covers what it rests on and what was shown."""

    preview: MoneyPreview
    expected: str  # billing's own hash of the main ask
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Begun:
    """How far carrying out got. `job` finishes it, or a person `by_hand`; without one it is done."""

    subject_id: UUID | None
    job: Literal["", "send_refund", "collect_change", "by_hand"] = ""


def kept(request: Request) -> dict[str, Any]:
    """Return the request as JSON values; `read_back` returns it again."""
    match request.ask:
        case RefundAsk() as ask:
            main = refunds.payload_of(ask)
        case TransferAsk() as ask:
            main = out_of_band.payload_of(ask)
        case CreditAsk() as ask:
            main = credits.payload_of(ask)
        case ReissueAsk() as ask:
            main = corrections.payload_of(ask)
        case PlanChangeAsk() as ask:
            main = subscriptions.payload_of(ask)
    courtesy = credits.payload_of(request.courtesy) if request.courtesy else None
    return {"kind": request.kind, "main": main, "courtesy": courtesy}


def read_back(data: dict[str, Any]) -> Request:
    """Return the request that `kept` wrote."""
    readers: dict[str, Callable[[dict[str, Any]], Ask]] = {
        "refund": refunds.ask_from,
        "credit": credits.ask_from,
        "reissue": corrections.ask_from,
        "plan_change": subscriptions.ask_from,
    }
    if "payee_id" in data["main"]:
        readers["refund"] = out_of_band.ask_from
    courtesy = credits.ask_from(data["courtesy"]) if data["courtesy"] else None
    return Request(readers[data["kind"]](data["main"]), courtesy)


def frozen(request: Request, at: datetime) -> Request:
    """Name the instant a plan change is previewed at: one by the second is computed for it."""
    if not isinstance(request.ask, PlanChangeAsk):
        return request
    return replace(request, ask=replace(request.ask, as_of=at))


def owner_of(session: Session, ask: Ask) -> UUID:
    """Return whose money an ask is about. Raises billing's `NotFound`."""
    match ask:
        case CreditAsk():
            return ask.customer_id
        case RefundAsk() | TransferAsk():
            found = session.scalar(select(Payment.customer_id).where(Payment.id == ask.payment_id))
            return _known(found, "payment", ask.payment_id)
        case ReissueAsk():
            found = session.scalar(select(Invoice.customer_id).where(Invoice.id == ask.invoice_id))
            return _known(found, "invoice", ask.invoice_id)
        case PlanChangeAsk():
            found = session.scalar(
                select(Subscription.customer_id).where(Subscription.id == ask.subscription_id)
            )
            return _known(found, "subscription", ask.subscription_id)


def _known(owner: UUID | None, kind: str, id: UUID) -> UUID:
    if owner is None:
        raise NotFound(kind, id)
    return owner


def figures(session: Session, request: Request, at: datetime, windows: Windows) -> Figures:
    """Compute what the request would do at `at`. Raises what carrying it out would raise."""
    match request.ask:
        case RefundAsk() as ask:
            main = refunds.preview_refund(session, ask, at, windows=windows)
        case TransferAsk() as ask:
            main = out_of_band.preview_transfer(session, ask, at)
        case CreditAsk() as ask:
            main = credits.preview_credit(session, ask, at)
        case ReissueAsk() as ask:
            main = corrections.preview_reissue(session, ask, at, windows=windows)
        case PlanChangeAsk() as ask:
            main = subscriptions.preview_plan_change(session, ask, at)
    shown = main
    if request.courtesy is not None:
        shown = _with_courtesy(main, credits.preview_credit(session, request.courtesy, at))
    return Figures(shown, main.inputs_hash, _fingerprint(shown))


def _with_courtesy(main: MoneyPreview, credit: MoneyPreview) -> MoneyPreview:
    """Lay a credit's rows over those of a refund: each thing is listed once."""
    theirs = {row.item: row for row in credit.rows}
    rows = [theirs.pop(row.item, row) for row in main.rows]
    return replace(
        main,
        amount=main.amount + credit.amount,
        rows=(*rows, *theirs.values()),
        inputs_hash=hash_inputs({"main": main.inputs_hash, "courtesy": credit.inputs_hash}),
    )


def _fingerprint(preview: MoneyPreview) -> str:
    """Hash inputs and results: a figure that time alone changed is a change too."""
    return hash_inputs(
        {
            "inputs": preview.inputs_hash,
            "amount": preview.amount,
            "charge_now": preview.charge_now,
            "lines": [[line.kind, line.amount, line.start, line.end] for line in preview.lines],
        }
    )


def carry_out(tx: Tx, request: Request, *, held: bool, expected: str, windows: Windows) -> Begun:
    """Begin the act in billing, in this transaction.

    `held`: it waits for a second person. Only a refund has something to do then (its money
    is reserved); everything else is carried out when it is approved.

    Raises:
        NotAllowed: billing refuses; `RefundTooLarge` carries what is left.
    """
    if held and not isinstance(request.ask, RefundAsk | TransferAsk):
        return Begun(None)
    match request.ask:
        case RefundAsk() as ask:
            given = refunds.give_back(tx, ask, held=held, expected=expected, windows=windows)
            if given.refund_id is not None:
                return Begun(given.refund_id, "send_refund")
            return Begun(given.credit_note_id)
        case TransferAsk() as ask:
            return Begun(out_of_band.promise_transfer(tx, ask, expected=expected), "by_hand")
        case CreditAsk() as ask:
            return Begun(credits.give_credit(tx, ask, expected=expected))
        case ReissueAsk() as ask:
            made = corrections.reissue_invoice(tx, ask, expected=expected, windows=windows)
            if made.refund_id is not None:
                return Begun(made.refund_id, "send_refund")
            return Begun(made.invoice_id or made.credit_note_id)
        case PlanChangeAsk() as ask:
            changed = subscriptions.change_plan(tx, ask, expected=expected)
            if changed.state == "awaiting_payment":
                return Begun(changed.invoice_id, "collect_change")
            return Begun(ask.subscription_id)


def request_hash(
    *,
    request: dict[str, Any],
    amount_minor: int,
    currency: str,
    requester_id: UUID,
    ticket_id: UUID,
    customer_id: UUID,
    preview_hash: str,
) -> str:
    """Return what an approval is bound to: any change of the request is another hash."""
    text = json.dumps(
        [
            request,
            amount_minor,
            currency,
            str(requester_id),
            str(ticket_id),
            str(customer_id),
            preview_hash,
        ],
        sort_keys=True,
        separators=(",", ":"),
        ensure_ascii=False,
    )
    return hashlib.sha256(text.encode()).hexdigest()
