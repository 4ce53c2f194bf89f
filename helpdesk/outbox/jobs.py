"""Sending in the background."""

from uuid import UUID

from helpdesk.jobs.port import job
from helpdesk.outbox.sending import send, send_due
from helpdesk.services import Services


@job("send_outbound", queue="outbox")
def send_outbound(services: Services, outbound_id: str) -> None:
    """Send one message. Safe to run twice: the second finds no lease to take."""
    send(services, UUID(outbound_id))


@job("sweep_outbox", queue="outbox", every="*/5 * * * * *")
def sweep_outbox(services: Services) -> None:
    """Send what waits for another try, or whose wake-up was lost; find what was abandoned."""
    send_due(services)
