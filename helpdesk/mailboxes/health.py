"""How each mailbox fares: when it was last read and sent from, what is wrong since when.

Every function takes a transaction; the inbox and the outbox call them.
"""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from helpdesk.db import UnitOfWork, insert_once
from helpdesk.mailboxes.account import MailAccount, sealed
from helpdesk.mailboxes.model import Mailbox, MailboxHealth
from helpdesk.settings import Settings

MINUTE: Final = timedelta(minutes=1)
LATE_AFTER: Final = timedelta(minutes=5)  # a mailbox is looked at several times a minute

# Faults that are the mailbox's own, not those of one recipient or one mail.
OURS: Final = frozenset(
    {
        "name_not_found", "refused", "timeout", "hung_up", "unreachable", "certificate", "tls",
        "token", "letters", "login", "sender", "signing",
    }
)  # fmt: skip


def note_fetched(tx: UnitOfWork, address: str) -> None:
    """Remember that a mailbox was read to its end just now."""
    row = health_row(tx, address)
    row.fetched_at, row.fetch_fault, row.fetch_detail = tx.at, "", ""
    row.fetch_failing_since = None


def note_fetch_fault(tx: UnitOfWork, address: str, code: str, detail: str) -> None:
    row = health_row(tx, address)
    row.fetch_fault, row.fetch_detail = code or "unreachable", detail[:300]
    row.fetch_failing_since = row.fetch_failing_since or tx.at


def note_sent(tx: UnitOfWork, address: str) -> None:
    row = health_row(tx, address)
    row.sent_at, row.send_fault, row.send_detail = tx.at, "", ""
    row.send_failing_since = None


def note_send_fault(tx: UnitOfWork, address: str, code: str, detail: str) -> None:
    """Remember that a mailbox could not send, where the fault is the mailbox's own."""
    if code in OURS:
        row = health_row(tx, address)
        row.send_fault, row.send_detail = code, detail[:300]
        row.send_failing_since = row.send_failing_since or tx.at


def take_slot(tx: UnitOfWork, account: MailAccount) -> datetime:
    """Return when the next mail of a mailbox may leave, and give that moment away.

    Moments are evenly spaced, so that no minute ever holds more than the rate.
    """
    row = health_row(tx, account.address)
    slot = max(row.next_slot_at or tx.at, tx.at)
    row.next_slot_at = slot + MINUTE / account.rate_per_minute
    return slot


def silence_s(row: MailboxHealth | None, now: datetime, *, since: datetime | None = None) -> int:
    """Return for how many seconds a mailbox has not been read.

    One that never was read has been silent `since` it was set up, or since it first failed:
    where nobody looks at all, that must be seen.
    """
    if row is not None:
        since = row.fetched_at or since or row.fetch_failing_since
    return max(int((now - since).total_seconds()), 0) if since else 0


def is_late(row: MailboxHealth | None, now: datetime, *, since: datetime | None = None) -> bool:
    """Say whether a mailbox has been silent for too long: the alarm."""
    return silence_s(row, now, since=since) > LATE_AFTER.total_seconds()


def keep_refresh_token(tx: UnitOfWork, settings: Settings, mailbox_id: UUID, token: str) -> None:
    """Keep the refresh token that the sign-in service gave in place of the old one."""
    row = tx.session.get(Mailbox, mailbox_id, with_for_update=True)
    if row is not None and row.auth != "password":
        row.secret_sealed = sealed(settings, "secret_sealed", token)


def health_row(tx: UnitOfWork, address: str) -> MailboxHealth:
    """Return the locked row of how an address fares, made if missing."""
    found = tx.session.get(MailboxHealth, address, with_for_update=True)
    if found is not None:
        return found
    insert_once(tx, MailboxHealth, address=address)  # another process may do the same right now
    return tx.session.get_one(MailboxHealth, address, with_for_update=True)
