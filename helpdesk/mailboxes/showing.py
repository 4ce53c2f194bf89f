"""Rows of mailboxes turned into what the screens show."""

from dataclasses import replace
from datetime import datetime
from typing import Final

from sqlalchemy.orm import Session

from helpdesk.mailboxes.account import MailAccount, account_of_settings, opened
from helpdesk.mailboxes.forms import FIELDS
from helpdesk.mailboxes.health import is_late
from helpdesk.mailboxes.model import Mailbox, MailboxHealth
from helpdesk.mailboxes.queries import health, rows
from helpdesk.mailboxes.screen import FormScreen, MailboxLine, WayScreen
from helpdesk.mailboxes.service import SECRETS
from helpdesk.mailboxes.words import said
from helpdesk.settings import Settings

DEFAULTS: Final = {
    "auth": "password", "imap_port": "993", "imap_security": "implicit", "folder": "INBOX",
    "smtp_port": "465", "smtp_security": "implicit", "rate_per_minute": "60",
}  # fmt: skip


def lines(session: Session, settings: Settings, now: datetime) -> tuple[MailboxLine, ...]:
    """Return every mailbox with how it fares: the one of the settings first."""
    known, fares = rows(session), health(session)
    found = [line_of(settings, row, fares.get(row.address), now) for row in known]
    main = account_of_settings(settings)
    if main is not None and main.address not in {row.address for row in known}:
        found.insert(0, _line("", main, fares.get(main.address), now))
    return tuple(found)


def line_of(
    settings: Settings, row: Mailbox, fares: MailboxHealth | None, now: datetime
) -> MailboxLine:
    account = opened(settings, row)
    made = _line(str(row.id), account, fares, now)
    if account.locked:
        broken = WayScreen("failing", said=said("secret", account, None))
        made = replace(made, fetching=broken, sending=broken)
    if not row.enabled:
        made = replace(made, enabled=False, fetching=WayScreen("off"), sending=WayScreen("off"))
    return made


def form_of(row: Mailbox) -> FormScreen:
    """Return the form of a mailbox; of its secrets only which there are."""
    values = {name: str(getattr(row, name)) for name in FIELDS if name not in SECRETS}
    kept = frozenset(name for name, column in SECRETS.items() if getattr(row, column))
    return FormScreen(str(row.id), values, kept, enabled=row.enabled)


def _line(
    row_id: str, account: MailAccount, fares: MailboxHealth | None, now: datetime
) -> MailboxLine:
    return MailboxLine(
        id=row_id,
        address=account.address,
        name=account.name,
        enabled=True,
        fetching=_fetching(account, fares, now),
        sending=_sending(account, fares),
    )


def _fetching(account: MailAccount, fares: MailboxHealth | None, now: datetime) -> WayScreen:
    if account.imap is None:
        return WayScreen("unused")
    if fares is None or (fares.fetched_at is None and not fares.fetch_fault):
        return WayScreen("late" if is_late(fares, now, since=account.since) else "waiting")
    if fares.fetch_fault:
        words = said(fares.fetch_fault, account, account.imap)
        return WayScreen(
            "failing", fares.fetched_at, fares.fetch_failing_since, words, fares.fetch_detail
        )
    return WayScreen("late" if is_late(fares, now) else "well", fares.fetched_at)


def _sending(account: MailAccount, fares: MailboxHealth | None) -> WayScreen:
    if fares is None or (fares.sent_at is None and not fares.send_fault):
        return WayScreen("waiting")
    if fares.send_fault:
        words = said(fares.send_fault, account, account.smtp)
        return WayScreen(
            "failing", fares.sent_at, fares.send_failing_since, words, fares.send_detail
        )
    return WayScreen("well", fares.sent_at)
