"""A secret code on its way to an address that takes no part in the ticket it is about."""

from helpdesk.db import UnitOfWork
from helpdesk.outbox.envelope import instance_domain, mint_message_id
from helpdesk.outbox.model import Outbound
from helpdesk.outbox.queries import ReplyChannel
from helpdesk.outbox.service import queue_message
from helpdesk.settings import Settings
from helpdesk.tickets.model import Message, Ticket


def queue_code(
    tx: UnitOfWork, settings: Settings, ticket: Ticket, message: Message, *,
    to: ReplyChannel, subject: str, text: str,
) -> Outbound:  # fmt: skip
    """Put a code on its way. `text` holds {code}, which is filled in while it leaves.

    Nothing of the ticket goes along: neither its subject, which a stranger may have written,
    nor a way to answer into it. Raises `NotWelcome` where she must not be written to there.
    """
    row = queue_message(tx, ticket, message, to=to)
    domain = instance_domain(settings.mail_address, settings.public_url)
    row.envelope = {
        "sealed": True,
        "message_id": mint_message_id(settings.secret_key, message.id, domain),
        "subject": subject,
        "text_with_code": text,
    }
    return row
