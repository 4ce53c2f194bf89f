"""Mailboxes set up as an admin would, in an office with played channels."""

from typing import Any
from uuid import UUID

from helpdesk.mailboxes.model import Mailbox, MailboxHealth
from helpdesk.mailboxes.service import MailboxFacts, add_mailbox
from helpdesk.services import Services
from helpdesk.staff.agent import Agent

SALES = "vendas@sabia.example"


def facts(address: str = SALES, **changes: Any) -> MailboxFacts:
    """Return a whole mailbox; say only what the test is about."""
    values: dict[str, Any] = {
        "address": address,
        "name": "Vendas da Sabiá",
        "auth": "password",
        "user_name": address.partition("@")[0],
        "imap_host": "imap.sabia.example",
        "smtp_host": "smtp.sabia.example",
        "secret": "correct-horse",
    }
    return MailboxFacts(**(values | changes))


def open_mailbox(services: Services, agent: Agent, address: str = SALES, **changes: Any) -> UUID:
    return add_mailbox(services, agent, facts(address, **changes))


def row_of(services: Services, mailbox_id: UUID) -> Mailbox:
    with services.reading() as session:
        return session.get_one(Mailbox, mailbox_id)


def health_of(services: Services, address: str = SALES) -> MailboxHealth | None:
    with services.reading() as session:
        return session.get(MailboxHealth, address)
