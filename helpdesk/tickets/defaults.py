"""What a fresh database knows about tickets before anybody has changed it."""

from sqlalchemy.orm import Session

from helpdesk.sla.model import SlaTarget
from helpdesk.tickets.model import Counter, TicketStatus

STATUSES = (  # code, category
    ("new", "open"),
    ("open", "open"),
    ("pending", "waiting"),
    ("on_hold", "waiting"),
    ("solved", "solved"),
    ("closed", "closed"),
)

MINUTE = 60
HOUR = 60 * MINUTE
TARGETS = {  # channel: first response, next response, resolution
    "chat": (2 * MINUTE, 5 * MINUTE, 4 * HOUR),
    "whatsapp": (15 * MINUTE, 30 * MINUTE, 8 * HOUR),
    "sms": (30 * MINUTE, 1 * HOUR, 24 * HOUR),
    "voice": (1 * HOUR, 2 * HOUR, 24 * HOUR),
    "email": (4 * HOUR, 8 * HOUR, 48 * HOUR),
}


def add_defaults(session: Session) -> None:
    """Add the statuses, the ticket counter and the SLA targets that are missing."""
    for position, (code, category) in enumerate(STATUSES):
        if session.get(TicketStatus, code) is None:
            session.add(TicketStatus(code=code, category=category, position=position))
    if session.get(Counter, "ticket") is None:
        session.add(Counter(name="ticket", value=0))
    for channel, targets in TARGETS.items():
        for metric, seconds in zip(
            ("first_response", "next_response", "resolution"), targets, strict=True
        ):
            if session.get(SlaTarget, (channel, metric)) is None:
                session.add(SlaTarget(channel=channel, metric=metric, target_s=seconds))
    session.flush()
