"""A code to a proven address: whoever tells it in another conversation is that customer.

The code is made from a secret of the installation and the id of the message that carries it,
put in at the moment of sending, and kept nowhere. It counts once, for a quarter of an hour,
and for five tries.
"""

import hmac
from datetime import timedelta
from hashlib import sha256
from typing import Final, Literal
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from helpdesk.customers.model import Handle, LinkCode
from helpdesk.customers.queries import handles_of, living_customer
from helpdesk.customers.service import link_proven
from helpdesk.db import UnitOfWork
from helpdesk.errors import Conflict
from helpdesk.events.service import Actor, append_event
from helpdesk.outbox.codes import queue_code
from helpdesk.outbox.envelope import mint_code
from helpdesk.outbox.queries import ReplyChannel
from helpdesk.services import Services
from helpdesk.staff.agent import Agent
from helpdesk.tickets.queries import lock_ticket_visible_to
from helpdesk.tickets.service import add_system_message

LIFE: Final = timedelta(minutes=15)
TRIES: Final = 5
MOST_AN_HOUR: Final = 3  # codes to one customer: nobody's mailbox is flooded from here
CHANNEL_OF: Final = {"email": "email", "phone": "sms", "whatsapp": "whatsapp"}
TEXTS: Final = {
    "pt_BR": "Seu código é {code}. Diga-o somente a quem o atende agora. Ele vale por 15 minutos. "
    "Se não é você quem está falando conosco, ignore esta mensagem.",
    "en": "Your code is {code}. Tell it only to whom you are talking now. It is valid for 15 "
    "minutes. If it is not you who is talking to us, ignore this message.",
}
SUBJECTS: Final = {"pt_BR": "Seu código", "en": "Your code"}

Told = Literal["right", "wrong", "worn_out", "none"]


def send_code(services: Services, agent: Agent, *, ticket_id: UUID, customer_id: UUID) -> UUID:
    """Send a code to the best proven address of a customer; return it. The last one ends.

    Raises `NotFound`, and `Conflict` where she has no such address or had too many codes.
    """
    with services.begin() as tx:
        ticket = lock_ticket_visible_to(tx, agent, ticket_id)
        customer = living_customer(tx.session, customer_id)
        to = proven_address(tx.session, services, customer.id)
        if to is None:
            raise Conflict("This customer has no confirmed address that a code could go to.")
        if _sent_of_late(tx, customer.id) >= MOST_AN_HOUR:
            raise Conflict("Too many codes were sent to this customer. Wait an hour.")
        for earlier in standing_codes(tx.session, ticket.id):
            earlier.ended_at = tx.at
        language = customer.language if customer.language in TEXTS else "en"
        channel = CHANNEL_OF[to.kind]
        message = add_system_message(
            tx, ticket, channel=channel, body=TEXTS[language].replace("{code}", "••••••")
        )
        queue_code(
            tx, services.settings, ticket, message,
            to=ReplyChannel(channel, to.kind, to.value, to.value),
            subject=SUBJECTS[language], text=TEXTS[language],
        )  # fmt: skip
        row = LinkCode(
            id=tx.new_id(),
            ticket_id=ticket.id,
            customer_id=customer.id,
            message_id=message.id,
            code_hash=_hash(
                services, message.id, mint_code(services.settings.secret_key, message.id)
            ),
            tries_left=TRIES,
            expires_at=tx.at + LIFE,
            ended_at=None,
            made_by=agent.id,
            made_at=tx.at,
        )
        tx.session.add(row)
        return row.id


def tell_code(services: Services, agent: Agent, *, ticket_id: UUID, typed: str) -> Told:
    """Try a code that the customer told. The right one proves who she is and links her ticket.

    A wrong one costs a try, whoever types it; after five the code is worth nothing.
    """
    code = "".join(sign for sign in typed if sign.isdigit())
    with services.begin() as tx:
        ticket = lock_ticket_visible_to(tx, agent, ticket_id)
        codes = [one for one in standing_codes(tx.session, ticket.id) if one.expires_at > tx.at]
        if not codes:
            return "none"
        row = codes[0]
        if not hmac.compare_digest(row.code_hash, _hash(services, row.message_id, code)):
            row.tries_left -= 1
            if row.tries_left == 0:
                row.ended_at = tx.at
            return "wrong" if row.tries_left else "worn_out"
        row.ended_at = tx.at
        customer = living_customer(tx.session, row.customer_id)
        link_proven(tx, ticket, customer, actor=Actor.staff(agent.id))
        append_event(
            tx, ticket, "customer.proven", actor=Actor.staff(agent.id),
            data={"customer_id": str(customer.id)},
        )  # fmt: skip
        return "right"


def proven_address(session: Session, services: Services, customer_id: UUID) -> Handle | None:
    """Return where a code can go: a proven address on a channel that is set up."""
    return next(
        (
            one
            for kind in CHANNEL_OF
            for one in handles_of(session, customer_id)
            if one.kind == kind and one.verified_at and CHANNEL_OF[kind] in services.adapters
        ),
        None,
    )


def standing_codes(session: Session, ticket_id: UUID) -> list[LinkCode]:
    """Return the codes of a ticket that nothing has ended, the latest first."""
    return list(
        session.scalars(
            select(LinkCode)
            .where(LinkCode.ticket_id == ticket_id, LinkCode.ended_at.is_(None))
            .order_by(LinkCode.made_at.desc(), LinkCode.id.desc())
        )
    )


def _sent_of_late(tx: UnitOfWork, customer_id: UUID) -> int:
    since = tx.at - timedelta(hours=1)
    wanted = select(func.count()).where(
        LinkCode.customer_id == customer_id, LinkCode.made_at > since
    )
    return tx.session.scalar(wanted) or 0


def _hash(services: Services, message_id: UUID, code: str) -> str:
    secret = services.settings.secret_key.encode()
    return hmac.new(secret, f"link code hash {message_id} {code}".encode(), sha256).hexdigest()
