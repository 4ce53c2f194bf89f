"""Setting mailboxes up."""

from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from helpdesk.db import UnitOfWork
from helpdesk.errors import Conflict, InvalidInput, NotFound
from helpdesk.events.service import Actor, audit
from helpdesk.mailboxes.account import sealed
from helpdesk.mailboxes.model import Mailbox
from helpdesk.mailboxes.queries import row_of
from helpdesk.services import Services
from helpdesk.staff.agent import Agent

TAKEN: Final = "There is a mailbox with this address already."


@dataclass(frozen=True, slots=True)
class MailboxFacts:
    """Everything an admin may say about a mailbox. An empty secret leaves the one there is."""

    address: str
    name: str
    auth: str
    user_name: str
    smtp_host: str
    imap_host: str = ""
    imap_port: int = 993
    imap_security: str = "implicit"
    folder: str = "INBOX"
    done_folder: str = ""
    smtp_port: int = 465
    smtp_security: str = "implicit"
    smtp_user_name: str = ""
    client_id: str = ""
    token_url: str = ""
    rate_per_minute: int = 60
    signature_text: str = ""
    signature_html: str = ""
    dkim_domain: str = ""
    dkim_selector: str = ""
    secret: str = field(default="", repr=False)
    smtp_secret: str = field(default="", repr=False)
    client_secret: str = field(default="", repr=False)
    dkim_key: str = field(default="", repr=False)


SECRETS: Final = {
    "secret": "secret_sealed",
    "smtp_secret": "smtp_secret_sealed",
    "client_secret": "client_secret_sealed",
    "dkim_key": "dkim_key_sealed",
}


def add_mailbox(services: Services, agent: Agent, facts: MailboxFacts) -> UUID:
    """Set a mailbox up; it is read from within seconds. Raises `Conflict`, `InvalidInput`."""
    if not facts.secret:
        raise InvalidInput("secret", "Write the password or the refresh token.")
    with services.begin() as tx:
        if row_of(tx.session, facts.address) is not None:
            raise Conflict(TAKEN)
        row = Mailbox(id=tx.new_id(), created_at=tx.at, changed_at=tx.at, secret_sealed="")
        _write(services, tx, row, facts)
        tx.session.add(row)
        audit(tx, "mailbox.added", actor=Actor.staff(agent.id), data=_note(row))
        return row.id


def change_mailbox(services: Services, agent: Agent, mailbox_id: UUID, facts: MailboxFacts) -> None:
    """Change a mailbox; its watch begins anew. The address stays: its history hangs on it."""
    with services.begin() as tx:
        row = _locked(tx, mailbox_id)
        if row.address != facts.address:
            raise InvalidInput("address", "The address of a mailbox stays as it is.")
        moved = (row.imap_host, row.smtp_host, row.token_url) != (
            facts.imap_host, facts.smtp_host, facts.token_url,
        )  # fmt: skip
        if moved and not facts.secret:
            # Whoever changes where a secret is sent must know it.
            raise InvalidInput("secret", "A new server needs the password or token again.")
        _write(services, tx, row, facts)
        audit(tx, "mailbox.changed", actor=Actor.staff(agent.id), data=_note(row))


def switch(services: Services, agent: Agent, mailbox_id: UUID, *, on: bool) -> None:
    """Begin or end reading and sending. What has arrived stays. Safe to repeat."""
    with services.begin() as tx:
        row = _locked(tx, mailbox_id)
        if row.enabled != on:
            row.enabled, row.changed_at = on, tx.at
            facts = _note(row) | {"on": on}
            audit(tx, "mailbox.switched", actor=Actor.staff(agent.id), data=facts)


def _locked(tx: UnitOfWork, mailbox_id: UUID) -> Mailbox:
    row = tx.session.get(Mailbox, mailbox_id, with_for_update=True)
    if row is None:
        raise NotFound("mailbox")
    return row


def _write(services: Services, tx: UnitOfWork, row: Mailbox, facts: MailboxFacts) -> None:
    for name in MailboxFacts.__dataclass_fields__:
        value = getattr(facts, name)
        if name not in SECRETS:
            setattr(row, name, value)
        elif value:
            column = SECRETS[name]
            setattr(row, column, sealed(services.settings, column, value))
    if row.dkim_selector and not row.dkim_key_sealed:
        raise InvalidInput("dkim_key", "Write the private key that signs.")
    row.changed_at = tx.at


def _note(row: Mailbox) -> dict[str, object]:
    """Return what the trail says of a mailbox; no secret is part of it."""
    return {"mailbox_id": str(row.id), "address": row.address}
