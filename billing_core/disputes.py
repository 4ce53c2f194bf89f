"""Disputes: told by a gateway, kept against their payment, answered from a row of ours.

What a dispute claims is blocked for refunds; what was refunded before is its evidence.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from .dispute_holds import book_hold, hold_disputed
from .domain.dispute import ANSWERABLE, INQUIRY, OPEN, STATES, State, answered, may_follow
from .domain.money import Money
from .errors import (
    CurrencyMismatch,
    DeadlinePassed,
    GatewayDeclined,
    GatewayUnreachable,
    NotFound,
    NothingToChange,
    UnreadableNotice,
    WrongState,
)
from .events import DisputeAnswerFailed, DisputeChanged, DisputeOpened
from .ports import Begin, DisputeNotice, Gateway, Tx
from .store.dispute import OPEN_ANSWERS, Dispute, DisputeAnswer
from .store.locks import lock_all, lock_payment
from .store.payment import Payment, Refund


@dataclass(frozen=True, slots=True)
class AnswerOrder:
    """What to say to the gateway. The key is the answer's id and never changes."""

    answer_id: UUID
    dispute_id: UUID
    gateway: str
    ref: str
    evidence: Mapping[str, str] | None  # None: the loss is accepted
    key: str


def record_dispute(
    tx: Tx, gateway: str, notice: DisputeNotice, *, asked: bool = False
) -> UUID | None:
    """Keep what a gateway says about a dispute. None: we know no such payment.

    One row per (gateway, reference), however often it is told. A pushed notice only moves a
    dispute forward; with `asked` it is what the gateway answered when it was asked, and
    moves it anywhere. Refunds of the payment that have left, or may have, are linked.

    Raises:
        CurrencyMismatch: the notice is not in the payment's currency.
        UnreadableNotice: no state of domain/dispute.py.
    """
    payment_id = tx.session.scalar(
        select(Payment.id).where(
            Payment.gateway == gateway, Payment.gateway_ref == notice.payment_ref
        )
    )
    if payment_id is None:
        return None
    if notice.state not in STATES:
        raise UnreadableNotice(f"a dispute that is {notice.state!r}")
    payment = lock_payment(tx.session, payment_id)
    if notice.amount.currency != payment.currency:
        raise CurrencyMismatch(payment.currency, notice.amount.currency)
    dispute = _lock_by_ref(tx.session, gateway, notice.ref)
    if dispute is None:
        return _open(tx, payment, gateway, notice).id
    _change(tx, payment, dispute, notice, asked=asked)
    return dispute.id


def sync_dispute(begin: Begin, gateway: Gateway, dispute_id: UUID) -> str | None:
    """Ask the gateway how a dispute stands; return its state. None: no answer, or it knows none."""
    with begin() as tx:
        ref = _known(tx.session, dispute_id).gateway_ref
    try:
        notice = gateway.find_dispute(ref)
    except GatewayUnreachable:
        return None
    if notice is None:
        return None
    with begin() as tx:
        record_dispute(tx, gateway.name, notice, asked=True)
        return _known(tx.session, dispute_id).state


def contest_dispute(
    tx: Tx, dispute_id: UUID, evidence: Mapping[str, str], *, given_by: UUID | None = None
) -> UUID:
    """Write an answer with evidence (texts by field); a job sends it. Returns the answer.

    An answer that waits already is returned as it is: one dispute is answered by one at a time.

    Raises:
        WrongState: it does not wait for an answer. DeadlinePassed: not any more.
        NothingToChange: there is no evidence.
    """
    if not any(text.strip() for text in evidence.values()):
        raise NothingToChange
    return _answer(tx, dispute_id, "contest", dict(evidence), given_by)


def accept_dispute(tx: Tx, dispute_id: UUID, *, given_by: UUID | None = None) -> UUID:
    """Write that we accept the loss; a job tells the gateway. Raises as `contest_dispute` does."""
    return _answer(tx, dispute_id, "accept", {}, given_by)


def send_answer(begin: Begin, gateway: Gateway, answer_id: UUID) -> str | None:
    """Send one answer; return its state. Safe to run twice: the key stays. None: nothing to send."""
    order = answer_to_send(begin, answer_id)
    if order is None:
        return None
    # No transaction is open here: the gateway may take 30 seconds to answer.
    try:
        gateway.answer_dispute(order.ref, evidence=order.evidence, key=order.key)
    except GatewayDeclined as declined:
        return _settle(begin, order, "failed", declined.code)
    except GatewayUnreachable:
        return _settle(begin, order, "unknown")
    return _settle(begin, order, "sent")


def answer_to_send(begin: Begin, answer_id: UUID) -> AnswerOrder | None:
    """Mark it `sending` and return what to send; one that is `unknown` stays so."""
    with begin() as tx:
        dispute, answer = _lock_answer(tx, answer_id)
        if answer.state not in OPEN_ANSWERS:
            return None
        if answer.state == "requested":
            answer.state, answer.changed_at = "sending", tx.at
        evidence = dict(answer.evidence) if answer.kind == "contest" else None
        return AnswerOrder(
            answer.id, dispute.id, dispute.gateway, dispute.gateway_ref, evidence, str(answer.id)
        )


def disputes_due(session: Session, before: datetime, limit: int = 100) -> list[UUID]:
    """Return disputes that wait for our answer and must have it before an instant; the soonest first."""
    unsent = select(DisputeAnswer.dispute_id).where(
        DisputeAnswer.state.in_((*OPEN_ANSWERS, "sent"))
    )
    return list(
        session.scalars(
            select(Dispute.id)
            .where(
                Dispute.state.in_(ANSWERABLE),
                Dispute.respond_by <= before,
                Dispute.id.not_in(unsent),
            )
            .order_by(Dispute.respond_by, Dispute.id)
            .limit(limit)
        )
    )


def disputes_to_sync(session: Session, older_than: datetime, limit: int = 100) -> list[UUID]:
    """Return disputes that are not decided and were not heard of since an instant."""
    return list(
        session.scalars(
            select(Dispute.id)
            .where(Dispute.state.in_((*INQUIRY, *OPEN)), Dispute.heard_at < older_than)
            .order_by(Dispute.heard_at, Dispute.id)
            .limit(limit)
        )
    )


def answers_to_send(session: Session, older_than: datetime, limit: int = 100) -> list[UUID]:
    """Return answers nobody has sent, and those without a word from the gateway since an instant."""
    waits = DisputeAnswer.state.in_(("sending", "unknown")) & (
        DisputeAnswer.changed_at < older_than
    )
    return list(
        session.scalars(
            select(DisputeAnswer.id)
            .where((DisputeAnswer.state == "requested") | waits)
            .order_by(DisputeAnswer.changed_at, DisputeAnswer.id)
            .limit(limit)
        )
    )


def _open(tx: Tx, payment: Payment, gateway: str, notice: DisputeNotice) -> Dispute:
    dispute = Dispute(
        id=tx.new_id(),
        payment_id=payment.id,
        customer_id=payment.customer_id,
        gateway=gateway,
        gateway_ref=notice.ref,
        state=notice.state,
        reason=notice.reason,
        kind=notice.kind,
        currency=payment.currency,
        amount_minor=notice.amount.minor,
        respond_by=notice.respond_by,
        opened_at=tx.at,
        changed_at=tx.at,
        heard_at=tx.at,
    )
    tx.session.add(dispute)
    tx.session.flush()
    _link_refunds(tx, dispute)
    hold_disputed(tx, payment)
    book_hold(tx, dispute)
    tx.emit(DisputeOpened(**_about(payment, dispute)))
    return dispute


def _change(
    tx: Tx, payment: Payment, dispute: Dispute, notice: DisputeNotice, *, asked: bool
) -> None:
    before, after = cast(State, dispute.state), cast(State, notice.state)
    dispute.heard_at = tx.at
    moves = may_follow(before, after, asked=asked)
    # A notice about an earlier state says nothing new about amount and deadline either.
    if not moves and before != after:
        return
    facts = (notice.amount.minor, notice.respond_by)
    if not moves and facts == (dispute.amount_minor, dispute.respond_by):
        return
    dispute.state, dispute.changed_at = after, tx.at
    dispute.amount_minor, dispute.respond_by = facts
    dispute.reserved_minor = min(dispute.reserved_minor, dispute.amount_minor)
    _follow(tx, payment, dispute, before)


def _follow(tx: Tx, payment: Payment, dispute: Dispute, before: str) -> None:
    """Let reservation and books follow a dispute's state, and tell it."""
    tx.session.flush()
    hold_disputed(tx, payment)
    book_hold(tx, dispute)
    tx.emit(DisputeChanged(**_about(payment, dispute), before=before))


def _link_refunds(tx: Tx, dispute: Dispute) -> None:
    """What has left, or may have, is what we answer with."""
    tx.session.execute(
        update(Refund)
        .where(
            Refund.payment_id == dispute.payment_id,
            Refund.dispute_id.is_(None),
            Refund.state.in_(("sending", "pending", "unknown", "succeeded")),
        )
        .values(dispute_id=dispute.id)
    )


def _answer(
    tx: Tx, dispute_id: UUID, kind: str, evidence: dict[str, Any], given_by: UUID | None
) -> UUID:
    dispute = _lock(tx, dispute_id)
    waiting = tx.session.scalars(
        select(DisputeAnswer).where(
            DisputeAnswer.dispute_id == dispute_id, DisputeAnswer.state.in_(OPEN_ANSWERS)
        )
    ).first()
    if waiting is not None:
        return waiting.id
    if dispute.state not in ANSWERABLE:
        raise WrongState("dispute", dispute.id, dispute.state)
    if dispute.respond_by is not None and tx.at > dispute.respond_by:
        raise DeadlinePassed("dispute", dispute.id, dispute.respond_by)
    answer = DisputeAnswer(
        id=tx.new_id(),
        dispute_id=dispute.id,
        kind=kind,
        evidence=evidence,
        given_by=given_by,
        state="requested",
        created_at=tx.at,
        changed_at=tx.at,
    )
    tx.session.add(answer)
    tx.session.flush()
    return answer.id


def _settle(begin: Begin, order: AnswerOrder, state: str, code: str = "") -> str:
    """Write down what became of an answer, once. The gateway's own word may follow and overrule."""
    with begin() as tx:
        dispute, answer = _lock_answer(tx, order.answer_id)
        if answer.state not in OPEN_ANSWERS:
            return answer.state
        answer.state, answer.failure_code, answer.changed_at = state, code, tx.at
        payment = tx.session.get_one(Payment, dispute.payment_id)
        before = cast(State, dispute.state)
        if state == "failed":
            tx.emit(DisputeAnswerFailed(**_about(payment, dispute), code=code))
        if state == "sent" and before in ANSWERABLE:
            dispute.state = answered(before, contested=answer.kind == "contest")
            dispute.changed_at = tx.at
            _follow(tx, payment, dispute, before)
        tx.session.flush()
        return state


def _lock(tx: Tx, dispute_id: UUID) -> Dispute:
    """Lock the payment, then the dispute: the one order for both."""
    lock_payment(tx.session, _known(tx.session, dispute_id).payment_id)
    [dispute] = lock_all(tx.session, select(Dispute).where(Dispute.id == dispute_id))
    return dispute


def _lock_answer(tx: Tx, answer_id: UUID) -> tuple[Dispute, DisputeAnswer]:
    dispute_id = tx.session.scalar(
        select(DisputeAnswer.dispute_id).where(DisputeAnswer.id == answer_id)
    )
    if dispute_id is None:
        raise NotFound("dispute answer", answer_id)
    dispute = _lock(tx, dispute_id)
    [answer] = lock_all(tx.session, select(DisputeAnswer).where(DisputeAnswer.id == answer_id))
    return dispute, answer


def _lock_by_ref(session: Session, gateway: str, ref: str) -> Dispute | None:
    mine = select(Dispute).where(Dispute.gateway == gateway, Dispute.gateway_ref == ref)
    return next(iter(lock_all(session, mine)), None)


def _known(session: Session, dispute_id: UUID) -> Dispute:
    dispute = session.get(Dispute, dispute_id)
    if dispute is None:
        raise NotFound("dispute", dispute_id)
    return dispute


def _about(payment: Payment, dispute: Dispute) -> dict[str, Any]:
    return {
        "dispute_id": dispute.id,
        "payment_id": payment.id,
        "invoice_id": payment.invoice_id,
        "customer_id": dispute.customer_id,
        "state": dispute.state,
        "reason": dispute.reason,
        "kind": dispute.kind,
        "amount": dispute.amount,
        "reserved": Money(dispute.reserved_minor, dispute.currency),
        "respond_by": dispute.respond_by,
    }
