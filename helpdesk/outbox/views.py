"""What a person decides about a message that did not leave, or may not have."""

from uuid import UUID

from flask import Blueprint
from flask.typing import ResponseReturnValue

from helpdesk.outbox.service import give_up, retry_outbound
from helpdesk.web.access import current_agent, requires, services

bp = Blueprint("outbox", __name__)


@bp.post("/messages/<uuid:message_id>/retry")
@requires("ticket.reply")
def retry(message_id: UUID) -> ResponseReturnValue:
    """Send it again. The timeline hears of it by its own hint, so there is nothing to show."""
    retry_outbound(services(), current_agent(), message_id)
    return "", 204


@bp.post("/messages/<uuid:message_id>/give-up")
@requires("ticket.reply")
def leave(message_id: UUID) -> ResponseReturnValue:
    """Let it stay unsent."""
    give_up(services(), current_agent(), message_id)
    return "", 204
