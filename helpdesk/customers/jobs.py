"""Work about customers that nobody waits for."""

from uuid import UUID

from helpdesk.customers.findings import look_again
from helpdesk.jobs.port import job
from helpdesk.services import Services


@job("look_for_duplicates")
def look_for_duplicates(services: Services, customer_id: str) -> None:
    """Look for doubled charges of one customer. Safe to run twice."""
    look_again(services, UUID(customer_id))
