"""Selects of mailboxes and of how they fare."""

from collections.abc import Iterable, Sequence
from typing import Final
from uuid import UUID

import structlog
from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from helpdesk.answers import answer_ahead, answered
from helpdesk.inbox.model import MailIndex
from helpdesk.mailboxes.account import MailAccount, account_of_settings, opened
from helpdesk.mailboxes.model import Mailbox, MailboxHealth
from helpdesk.settings import Settings
from helpdesk.tickets.model import Message

log = structlog.get_logger()

_OURS = select(Mailbox.address).where(Mailbox.address.in_(bindparam("addresses", expanding=True)))
_IS_OURS: Final = "mailbox_has_address"


def rows(session: Session) -> Sequence[Mailbox]:
    """Return every mailbox there is a row of, by address."""
    return session.scalars(select(Mailbox).order_by(Mailbox.address)).all()


def row_of(session: Session, address: str) -> Mailbox | None:
    return session.scalar(select(Mailbox).where(Mailbox.address == address.lower()))


def accounts(session: Session, settings: Settings) -> list[MailAccount]:
    """Return the mailboxes that can be used: the one of the settings first, then the enabled rows."""
    return [one for one in switched_on(session, settings) if not _is_locked(one)]


def switched_on(session: Session, settings: Settings) -> list[MailAccount]:
    """Return the mailboxes that are meant to be used, some of them perhaps `locked`.

    A row with the address of the settings stands in its place, also to switch it off.
    """
    known = session.scalars(select(Mailbox).order_by(Mailbox.created_at, Mailbox.id)).all()
    found = [opened(settings, row) for row in known if row.enabled]
    main = account_of_settings(settings)
    if main is not None and main.address not in {row.address for row in known}:
        return [main, *found]
    return sorted(found, key=lambda one: one.address != settings.mail_address.lower())


def account_for(session: Session, settings: Settings, address: str) -> MailAccount | None:
    """Return the enabled mailbox of an address."""
    row = row_of(session, address)
    if row is not None:
        account = opened(settings, row) if row.enabled else None
        return None if account is None or _is_locked(account) else account
    main = account_of_settings(settings)
    return main if main is not None and main.address == address.lower() else None


def account_of_ticket(session: Session, settings: Settings, ticket_id: UUID) -> MailAccount | None:
    """Return the mailbox that a conversation is answered from: where it last came in.

    Where that one is no longer in use, or nothing came by mail, the main one.
    """
    source = session.scalar(
        select(MailIndex.mailbox)
        .join(Message, Message.id == MailIndex.message_id)
        .where(MailIndex.ticket_id == ticket_id, Message.direction == "in")
        .where(MailIndex.mailbox.like("email:%"))
        .order_by(Message.seq.desc())
        .limit(1)
    )
    if source is not None:
        came_to = account_for(session, settings, source.partition(":")[2])
        if came_to is not None:
            return came_to
    return next(iter(accounts(session, settings)), None)


def owner_of(session: Session, settings: Settings, recipients: Sequence[str]) -> str | None:
    """Return the address of ours that a mail was sent to; reply tokens are looked past."""
    ours = {one.address for one in accounts(session, settings)}
    for recipient in recipients:
        address = recipient.strip().lower()
        for spelling in (address, without_tag(address)):
            if spelling in ours:
                return spelling
    return None


def is_ours(session: Session, address: str) -> bool:
    """Say whether a mailbox has this address, in use or not."""
    asked = address.lower()
    return bool(address) and answered(
        session, _IS_OURS, asked, lambda: asked in _ours_among(session, [asked])
    )


def without_tag(address: str) -> str:
    """Return an address without what stands behind a plus in its local part."""
    local, at, domain = address.rpartition("@")
    return f"{local.partition('+')[0]}{at}{domain}"


def leads_to_us(session: Session, address: str) -> bool:
    """Say whether mail to this address comes to a mailbox of ours, with whatever tag."""
    return is_ours(session, address) or is_ours(session, without_tag(address))


def ask_ahead_which_are_ours(session: Session, addresses: Iterable[str]) -> None:
    """Find out `is_ours` of many addresses at once."""
    asked = {address.lower() for address in addresses if address}
    ours = _ours_among(session, asked)
    answer_ahead(session, _IS_OURS, {address: address in ours for address in asked})


def _ours_among(session: Session, addresses: Iterable[str]) -> set[str]:
    return set(session.scalars(_OURS, {"addresses": list(addresses)}))


def health(session: Session) -> dict[str, MailboxHealth]:
    """Return how each address fares."""
    return {one.address: one for one in session.scalars(select(MailboxHealth))}


def _is_locked(account: MailAccount) -> bool:
    if account.locked:
        log.warning("secrets of a mailbox do not open", address=account.address)
    return account.locked
