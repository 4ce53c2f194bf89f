"""The sweep that notices broken promises."""

import structlog

from helpdesk.jobs.port import job
from helpdesk.services import Services
from helpdesk.sla.queries import late_tickets
from helpdesk.sla.service import write_breaches
from helpdesk.tickets.queries import lock_ticket

log = structlog.get_logger()

BATCH = 500  # tickets a run; the next run, seconds later, goes on


@job("mark_breaches", every="*/10 * * * * *")
def mark_breaches(services: Services) -> None:
    """Write down every promise that has run out. Safe to run twice, and by two workers."""
    with services.reading() as session:
        late = late_tickets(session, services.clock(), limit=BATCH)
    broken = 0
    for ticket_id in late:
        with services.begin() as tx:
            broken += write_breaches(tx, lock_ticket(tx, ticket_id))
    if broken:
        log.info("promises broken", clocks=broken)
