"""Reading held deliveries for a screen: safe to look at, whatever a stranger put into them."""

import re
from collections.abc import Sequence
from typing import Final
from uuid import UUID

from sqlalchemy import select, tuple_
from sqlalchemy.orm import Session

from channels.port import Delivery
from channels.port import Inbound as Said
from helpdesk.errors import NotFound
from helpdesk.inbox.glimpse import LONGEST_TEXT, glimpse, raw_text, showable
from helpdesk.inbox.model import Blob, Inbound
from helpdesk.inbox.preparing import prepare
from helpdesk.inbox.screen import HeldDetail, HeldRow
from helpdesk.services import Services

PAGE: Final = 50
MOST_REASONS: Final = 50
MOST_FILES: Final = 50
KILLS_READERS: Final = ("too_many_attempts",)  # never read such a one to show it
_ADDRESS = re.compile(r"<([^<>\s]+@[^<>\s]+)>\s*\Z|\A\s*([^<>\s]+@[^<>\s]+)\s*\Z|\A(\+\d{6,15})\Z")


def held_rows(
    session: Session, *, reason: str = "", after: UUID | None = None
) -> tuple[tuple[HeldRow, ...], str]:
    """Return a page of what waits, newest first, and the id after which the next one begins."""
    wanted = select(Inbound).where(Inbound.state == "quarantined")
    if reason:
        wanted = wanted.where(Inbound.reason == reason)
    last = session.get(Inbound, after) if after else None
    if last is not None:
        wanted = wanted.where(tuple_(Inbound.received_at, Inbound.id) < (last.received_at, last.id))
    found: Sequence[Inbound] = session.scalars(
        wanted.order_by(Inbound.received_at.desc(), Inbound.id.desc()).limit(PAGE + 1)
    ).all()
    more = str(found[PAGE - 1].id) if len(found) > PAGE else ""
    return tuple(_row(one) for one in found[:PAGE]), more


def reasons_held(session: Session) -> tuple[str, ...]:
    """Return the machine codes of what waits."""
    return tuple(
        session.scalars(
            select(Inbound.reason)
            .where(Inbound.state == "quarantined")
            .distinct()
            .order_by(Inbound.reason)
            .limit(MOST_REASONS)
        )
    )


def held(session: Session, inbound_id: UUID) -> Inbound:
    """Return one held delivery. Raises `NotFound`, also for one that is held no longer."""
    row = session.get(Inbound, inbound_id)
    if row is None or row.state != "quarantined":
        raise NotFound("inbound")
    return row


def held_detail(services: Services, session: Session, inbound_id: UUID) -> HeldDetail:
    """Return one held delivery with its headers and words as text. Raises `NotFound`."""
    row = held(session, inbound_id)
    delivery = Delivery(services.blobs.read(row.blob), row.headers, row.url)
    said = _said(services, row, delivery)
    text = said.text if said else raw_text(delivery.body)
    return HeldDetail(
        row=_row(row),
        detail=row.detail,
        source=row.source,
        size=session.get_one(Blob, row.blob).size,
        attempts=row.attempts,
        headers=glimpse(delivery).headers,
        text=showable(text.replace("\r\n", "\n"))[:LONGEST_TEXT].strip(),
        raw=said is None,
        files=tuple(showable(file.name) for file in said.files[:MOST_FILES]) if said else (),
        block=said.sender.value if said else address_in(row.sender),
    )


def address_in(sender: str) -> str:
    """Return the one address that a line such as `Ana <ana@x.example>` names, "" where unclear."""
    found = _ADDRESS.search(sender)
    return next((part for part in found.groups() if part), "") if found else ""


def _said(services: Services, row: Inbound, delivery: Delivery) -> Said | None:
    """Read a delivery anew, only to show it; None where that fails or is not safe to try."""
    adapter = services.adapters.get(row.channel)
    if adapter is None or row.reason in KILLS_READERS:
        return None
    try:
        items = [prepare(item) for item in adapter.parse(delivery) if isinstance(item, Said)]
    except Exception:  # strangers write the bytes: a page about them must open all the same
        return None
    return items[0] if items else None


def _row(row: Inbound) -> HeldRow:
    return HeldRow(
        id=str(row.id),
        channel="chat" if row.channel == "webchat" else row.channel,
        reason=row.reason,
        sender=showable(row.sender),
        subject=showable(row.subject),
        at=row.received_at,
    )
