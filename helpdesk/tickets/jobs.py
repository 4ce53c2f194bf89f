"""The sweep that brings snoozed conversations back."""

from helpdesk.events.service import Actor
from helpdesk.jobs.port import job
from helpdesk.services import Services
from helpdesk.tickets.desk import wake
from helpdesk.tickets.queries import lock_ticket, snoozed_and_due

BATCH = 200


@job("wake_snoozed", every="*/30 * * * * *")
def wake_snoozed(services: Services) -> None:
    """Wake every conversation whose time has come. Safe to run twice, and by two workers."""
    with services.reading() as session:
        due = snoozed_and_due(session, services.clock(), limit=BATCH)
    for ticket_id in due:
        with services.begin() as tx:
            ticket = lock_ticket(tx, ticket_id)
            # Somebody may have snoozed it further since we looked.
            if (
                ticket.snoozed_until is not None
                and min(ticket.snoozed_until, ticket.next_due_at) <= tx.at
            ):
                wake(tx, ticket, actor=Actor.system())
