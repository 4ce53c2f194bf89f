"""Reading what arrived, in the background."""

from uuid import UUID

from helpdesk.inbox import quarantine, service
from helpdesk.inbox.owed import take_up
from helpdesk.inbox.recordings import fetch_files
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


@job("fetch_recording", queue="default")
def fetch_recording(services: Services, inbound_id: str) -> None:
    """Bring a voicemail's sound home from the provider. Safe to run twice."""
    fetch_files(services, UUID(inbound_id))


@job("forget_deleted", queue="default", every="0 20 3 * * *")
def forget_deleted(services: Services) -> None:
    """Remove the bytes of held deliveries that somebody deleted a month ago."""
    quarantine.forget_deleted(services)


@job("fetch_media", queue="default")
def fetch_media(services: Services, inbound_id: str) -> None:
    """Bring the files of a message home from the provider. Safe to run twice."""
    fetch_files(services, UUID(inbound_id))


@job("fetch_owed_files", queue="default", every="*/15 * * * * *")
def fetch_owed_files(services: Services) -> None:
    """Try again what a provider could not hand out, or what lost its wake-up."""
    take_up(services)
