"""Selects of what arrived."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from helpdesk.inbox.model import Inbound, MailboxCursor


def inbound_id_of(session: Session, source: str, key: str) -> UUID | None:
    """Return the row of a delivery that has been stored before."""
    return session.scalar(
        select(Inbound.id).where(Inbound.source == source, Inbound.external_key == key)
    )


def twin_of(session: Session, source: str, content_hash: str) -> UUID | None:
    """Return a row of the same mailbox with the same bytes that somebody or something dealt with."""
    return session.scalar(
        select(Inbound.id)
        .where(
            Inbound.source == source,
            Inbound.content_hash == content_hash,
            or_(Inbound.state != "discarded", Inbound.deleted_at.is_not(None)),
        )
        .limit(1)
    )


def next_unread(session: Session, at: datetime) -> Inbound | None:
    """Return the oldest row that nobody has read in time; one that is being claimed is passed."""
    return session.scalar(
        select(Inbound)
        .where(
            Inbound.state == "new",
            Inbound.not_before <= at,
            or_(Inbound.leased_until.is_(None), Inbound.leased_until <= at),
        )
        .order_by(Inbound.received_at, Inbound.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )


def quarantined(session: Session, *, limit: int = 100) -> Sequence[Inbound]:
    """Return what waits for a person, newest first."""
    return session.scalars(
        select(Inbound)
        .where(Inbound.state == "quarantined")
        .order_by(Inbound.received_at.desc(), Inbound.id.desc())
        .limit(limit)
    ).all()


def mailbox_cursor(session: Session, mailbox: str, folder: str) -> tuple[int, int]:
    """Return (uidvalidity, last uid); zeros for a folder never looked at."""
    found = session.get(MailboxCursor, (mailbox, folder))
    return (found.uidvalidity, found.last_uid) if found else (0, 0)
