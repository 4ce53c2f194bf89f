"""A standing consent (Pix Automático) that the payer or her bank has ended becomes a conversation.

The subscription keeps the method: its next charge is declined at once, and so the debt is
asked for like any other. Whoever talks to the customer first may spare her that.
"""

from typing import Final
from uuid import UUID

from sqlalchemy import select

from billing_core.events import MandateChanged
from billing_core.store.locks import lock_all
from billing_core.store.mandate import Mandate
from helpdesk.customers.own_tickets import open_about
from helpdesk.db import UnitOfWork
from helpdesk.events.model import Event
from helpdesk.events.service import Actor, append_event
from helpdesk.services import Services

ENDED = "consent.ended"

_SUBJECTS: Final = {
    "pt_BR": "Pix Automático encerrado: a assinatura precisa de outra forma de pagamento",
    "en": "Pix Automático has ended: the subscription needs another way to pay",
}


def hear_of_consent(tx: UnitOfWork, event: MandateChanged) -> None:
    """React to a consent that ended: a job opens the ticket. What we ended ourselves is no news."""
    mandate = tx.session.get_one(Mandate, event.mandate_id)
    was_in_force = mandate.payment_method_id is not None
    ended = event.state in ("cancelled", "expired")
    if ended and was_in_force and mandate.cancel_asked_at is None:
        tx.enqueue(
            "tell_of_ended_consent", str(event.mandate_id), key=f"consent-{event.mandate_id}"
        )


def tell_of_ended_consent(services: Services, mandate_id: UUID) -> UUID:
    """Open the ticket about an ended consent and return it. The second time it is the first one's."""
    with services.begin() as tx:
        # Two at once: one waits, then finds it.
        [mandate] = lock_all(tx.session, select(Mandate).where(Mandate.id == mandate_id))
        known = tx.session.scalar(
            select(Event.ticket_id).where(
                Event.kind == ENDED,
                Event.at >= mandate.changed_at,
                Event.data["mandate_id"].as_string() == str(mandate_id),
            )
        )
        if known is not None:
            return known
        ticket = open_about(
            tx,
            _SUBJECTS[services.settings.language],
            customer_id=mandate.customer_id,
            subscription_id=mandate.subscription_id,
        )
        append_event(
            tx,
            ticket,
            ENDED,
            actor=Actor.system(),
            data={"mandate_id": str(mandate_id), "state": mandate.state, "code": mandate.code},
        )
        return ticket.id
