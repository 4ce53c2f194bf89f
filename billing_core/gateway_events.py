"""Notices pushed by a gateway: stored with their bytes, then settled by the same code as an answer.

They repeat and arrive in any order, so what a notice says is never booked: it only tells
which charge, refund or dispute to ask the gateway about. What fits nothing is parked and
tried again.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from .disputes import record_dispute
from .errors import GatewayUnreachable, NotAllowed, NotFound, UnreadableNotice
from .events import GatewayNoticeKept
from .mandates import mandate_gateway, settle_mandate
from .notices import dump_event, load_event
from .outside_refunds import record_outside_refund, refund_by_ref
from .payments import settle_charge
from .ports import Begin, Gateway, GatewayEvent, Gateways, Tx
from .refunds import RefundOutcome, settle_refund
from .store.notice import GatewayNotice
from .store.payment import Refund

Reading = Literal["read", "parked", "unreadable"]

FIRST_WAIT = timedelta(seconds=15)
LONGEST_WAIT = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class _Verdict:
    state: Reading
    why: str = ""


_READ = _Verdict("read")


def take_delivery(
    begin: Begin, gateway: Gateway, body: bytes, headers: Mapping[str, str], *, at: datetime
) -> list[UUID]:
    """Check one delivery and keep it; return its notices. A repeated one returns the same.

    Signed but unreadable bytes are kept for a person and return nothing.

    Raises:
        BadSignature: nothing is kept.
    """
    try:
        events = gateway.read_events(body, headers, at=at)
    except UnreadableNotice as fault:
        with begin() as tx:
            _store_unreadable(tx, gateway.name, body, str(fault))
        return []
    if not events:  # of a kind that does not concern us
        return []
    with begin() as tx:
        return [store_event(tx, gateway.name, event, body=body) for event in events]


def store_event(tx: Tx, gateway: str, event: GatewayEvent, *, body: bytes = b"") -> UUID:
    """Keep a notice before it is acknowledged. A repeated one is the same row."""
    known = _known(tx.session, gateway, event.id)
    if known is not None:
        return known
    notice = GatewayNotice(gateway=gateway, event_id=event.id, kind=event.kind, body=body)
    notice.said, notice.state = dump_event(event), "new"
    notice_id = _add(tx, notice)
    tx.emit(GatewayNoticeKept(notice_id=notice_id))
    return notice_id


def read_event(begin: Begin, gateways: Gateways, notice_id: UUID) -> str:
    """Ask the gateway about what a stored notice names, and settle that; return the notice's state.

    Safe to run twice and by two at once: whatever is settled twice is settled once.

    Raises:
        GatewayUnreachable: nothing is known; the notice waits for its next turn.
    """
    with begin() as tx:
        notice = tx.session.get(GatewayNotice, notice_id)
        if notice is None:
            raise NotFound("gateway event", notice_id)
        if notice.state in ("read", "unreadable"):
            return notice.state
        gateway_name, event = notice.gateway, load_event(notice.said)
    gateway = gateways.get(gateway_name)
    try:
        verdict = (
            _READERS[event.kind](begin, gateway, event)
            if gateway is not None
            else _Verdict("parked", "no such gateway is set up")
        )
    except GatewayUnreachable:
        postpone_event(begin, notice_id, "the gateway did not answer")
        raise
    _finish(begin, notice_id, verdict)
    return verdict.state


def postpone_event(begin: Begin, notice_id: UUID, why: str) -> None:
    """Park a notice that could not be read now: it is tried again later."""
    _finish(begin, notice_id, _Verdict("parked", why))


def events_to_read(session: Session, at: datetime, limit: int = 100) -> list[UUID]:
    """Return notices that are new, and parked ones whose turn has come again, oldest first."""
    return list(
        session.scalars(
            select(GatewayNotice.id)
            .where(GatewayNotice.state.in_(("new", "parked")), GatewayNotice.due_at <= at)
            .order_by(GatewayNotice.due_at, GatewayNotice.id)
            .limit(limit)
        )
    )


def _read_charge(begin: Begin, gateway: Gateway, event: GatewayEvent) -> _Verdict:
    assert event.receipt is not None
    receipt = gateway.find_charge(event.receipt.key)
    if receipt is None:
        return _Verdict("parked", "the gateway knows no such charge")
    known = settle_charge(begin, receipt)
    return _READ if known is not None else _Verdict("parked", "no charge of ours")


def _read_refund(begin: Begin, gateway: Gateway, event: GatewayEvent) -> _Verdict:
    assert event.receipt is not None
    receipt = gateway.find_refund(event.receipt.key)
    if receipt is None:
        return _Verdict("parked", "the gateway knows no such refund")
    with begin() as tx:
        refund_id = _refund_of(tx.session, gateway.name, receipt.key, receipt.ref)
        if refund_id is None:
            why = record_outside_refund(tx, gateway.name, event.payment_ref, receipt)
            return _Verdict("parked", why) if why else _READ
    settle_refund(begin, refund_id, RefundOutcome.of(receipt))
    return _READ


def _read_dispute(begin: Begin, gateway: Gateway, event: GatewayEvent) -> _Verdict:
    assert event.dispute is not None
    notice = gateway.find_dispute(event.dispute.ref)
    if notice is None:
        return _Verdict("parked", "the gateway knows no such dispute")
    try:
        with begin() as tx:
            known = record_dispute(tx, gateway.name, notice, asked=True)
    except (NotAllowed, UnreadableNotice) as fault:
        return _Verdict("parked", str(fault))
    return _READ if known is not None else _Verdict("parked", "no payment of ours")


def _read_mandate(begin: Begin, gateway: Gateway, event: GatewayEvent) -> _Verdict:
    assert event.receipt is not None
    consents = mandate_gateway({gateway.name: gateway}, gateway.name)
    receipt = consents.find_mandate(event.receipt.key) if consents is not None else None
    if consents is None or receipt is None:
        return _Verdict("parked", "the gateway knows no such mandate")
    known = settle_mandate(begin, consents, receipt)
    return _READ if known is not None else _Verdict("parked", "no mandate of ours")


_READERS: dict[str, Callable[[Begin, Gateway, GatewayEvent], _Verdict]] = {
    "charge": _read_charge,
    "refund": _read_refund,
    "dispute": _read_dispute,
    "mandate": _read_mandate,
}


def _refund_of(session: Session, gateway: str, key: str, ref: str) -> UUID | None:
    """Return our refund by its key, or one made outside by the gateway's own reference."""
    try:
        ours = session.scalar(select(Refund.id).where(Refund.id == UUID(key)))
    except ValueError:
        ours = None
    return ours if ours is not None else refund_by_ref(session, gateway, ref)


def _finish(begin: Begin, notice_id: UUID, verdict: _Verdict) -> None:
    with begin() as tx:
        notice = tx.session.get_one(GatewayNotice, notice_id)
        notice.state, notice.why = verdict.state, verdict.why
        notice.tries += 1
        # Doubling, and no further than a day: 2 ** 13 times 15 s is more than that already.
        notice.due_at = tx.at + min(FIRST_WAIT * 2 ** min(notice.tries, 13), LONGEST_WAIT)


def _store_unreadable(tx: Tx, gateway: str, body: bytes, why: str) -> None:
    event_id = f"sha256:{hashlib.sha256(body).hexdigest()}"
    if _known(tx.session, gateway, event_id) is None:
        row = GatewayNotice(gateway=gateway, event_id=event_id, kind="", body=body, said={})
        row.state, row.why = "unreadable", why
        _add(tx, row)


def _known(session: Session, gateway: str, event_id: str) -> UUID | None:
    return session.scalar(
        select(GatewayNotice.id).where(
            GatewayNotice.gateway == gateway, GatewayNotice.event_id == event_id
        )
    )


def _add(tx: Tx, notice: GatewayNotice) -> UUID:
    notice.id = tx.new_id()
    notice.received_at = notice.due_at = tx.at
    tx.session.add(notice)
    tx.session.flush()
    return notice.id
