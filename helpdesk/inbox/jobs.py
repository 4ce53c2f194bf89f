"""Reading what arrived, in the background."""

from uuid import UUID

from channels.port import Unreachable
from helpdesk.inbox import quarantine, service
from helpdesk.inbox.recordings import keep_media, keep_recording
from helpdesk.jobs.port import job
from helpdesk.services import Services


@job("read_inbound", queue="inbox")
def read_inbound(services: Services, inbound_id: str) -> None:
    """Read one stored delivery. Safe to run twice."""
    service.read_one(services, UUID(inbound_id))


@job("drain_inbox", queue="inbox", every="*/5 * * * * *")
def drain_inbox(services: Services) -> None:
    """Read what lost its wake-up or waits for its next try."""
    service.drain(services)


@job("fetch_recording", queue="default", retry_on=Unreachable)
def fetch_recording(services: Services, inbound_id: str) -> None:
    """Bring a voicemail's sound home from the provider. Safe to run twice."""
    keep_recording(services, UUID(inbound_id))


@job("forget_deleted", queue="default", every="0 20 3 * * *")
def forget_deleted(services: Services) -> None:
    """Remove the bytes of held deliveries that somebody deleted a month ago."""
    quarantine.forget_deleted(services)


@job("fetch_media", queue="default", retry_on=Unreachable)
def fetch_media(services: Services, inbound_id: str) -> None:
    """Bring the pictures of a text message home from the provider. Safe to run twice."""
    keep_media(services, UUID(inbound_id))
