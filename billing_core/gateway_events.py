"""Notices pushed by a gateway: stored once, then settled by the same code as an answer.

They repeat and arrive in any order; an unknown object is parked and tried again.
"""

from dataclasses import asdict
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from .domain.money import Money
from .errors import NotFound
from .payments import settle_charge
from .ports import Begin, GatewayEvent, Receipt, Tx
from .refunds import RefundOutcome, settle_refund
from .store.payment import GatewayNotice


def store_event(tx: Tx, gateway: str, event: GatewayEvent) -> UUID:
    """Keep a notice before it is acknowledged. A repeated one is the same row."""
    known = tx.session.scalar(
        select(GatewayNotice.id).where(
            GatewayNotice.gateway == gateway, GatewayNotice.event_id == event.id
        )
    )
    if known is not None:
        return known
    notice = GatewayNotice(
        id=tx.new_id(),
        gateway=gateway,
        event_id=event.id,
        kind=event.kind,
        raw=asdict(event.receipt),
        state="new",
        received_at=tx.at,
    )
    tx.session.add(notice)
    tx.session.flush()
    return notice.id


def read_event(begin: Begin, notice_id: UUID) -> str:
    """Settle what a stored notice says; return its state: read, or parked when we know no such key."""
    with begin() as tx:
        notice = tx.session.get(GatewayNotice, notice_id)
        if notice is None:
            raise NotFound("gateway event", notice_id)
        if notice.state == "read":
            return notice.state
        kind, receipt = notice.kind, _receipt(notice.raw)
    known = (
        settle_charge(begin, receipt) is not None
        if kind == "charge"
        else _settle_refund(begin, receipt)
    )
    with begin() as tx:
        state = "read" if known else "parked"
        tx.session.get_one(GatewayNotice, notice_id).state = state
    return state


def events_to_read(session: Session, limit: int = 100) -> list[UUID]:
    """Return notices that are new or parked, oldest first."""
    return list(
        session.scalars(
            select(GatewayNotice.id)
            .where(GatewayNotice.state != "read")
            .order_by(GatewayNotice.received_at, GatewayNotice.id)
            .limit(limit)
        )
    )


def _settle_refund(begin: Begin, receipt: Receipt) -> bool:
    try:
        settle_refund(begin, UUID(receipt.key), RefundOutcome.of(receipt))
    except (NotFound, ValueError):  # a refund made elsewhere, under a key that is not ours
        return False
    return True


def _receipt(raw: dict[str, Any]) -> Receipt:
    amount = Money(raw["amount"]["minor"], raw["amount"]["currency"])
    return Receipt(raw["key"], raw["ref"], raw["state"], amount, raw["code"])
