"""The delivery log, and what a person decides about a message that may not have left."""

from dataclasses import replace
from uuid import UUID

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from helpdesk.errors import Conflict, InvalidInput
from helpdesk.outbox.log import LogAsk, log_screen
from helpdesk.outbox.queries import message_of
from helpdesk.outbox.service import confirm_sent, give_up, retry_outbound, take_back
from helpdesk.outbox.trial import Trial, try_ways_out
from helpdesk.outbox.words import say_error
from helpdesk.web.access import current_agent, requires, services
from helpdesk.web.errors import sentence_of
from helpdesk.web.shell import shell_screen

bp = Blueprint("outbox", __name__)


@bp.post("/messages/<uuid:message_id>/retry")
@requires("ticket.reply")
def retry(message_id: UUID) -> ResponseReturnValue:
    """Send it again. The timeline hears of it by its own hint, so there is nothing to show."""
    retry_outbound(services(), current_agent(), message_id, copy_id=_copy_id())
    return "", 204


@bp.post("/messages/<uuid:message_id>/give-up")
@requires("ticket.reply")
def leave(message_id: UUID) -> ResponseReturnValue:
    """Let it stay unsent."""
    give_up(services(), current_agent(), message_id, copy_id=_copy_id())
    return "", 204


@bp.post("/messages/<uuid:message_id>/was-sent")
@requires("ticket.reply")
def was_sent(message_id: UUID) -> ResponseReturnValue:
    """Somebody found out that it did leave."""
    confirm_sent(services(), current_agent(), message_id, copy_id=_copy_id())
    return "", 204


@bp.post("/messages/<uuid:message_id>/undo")
@requires("ticket.reply")
def undo(message_id: UUID) -> ResponseReturnValue:
    """Stop it while it waits to leave."""
    take_back(services(), current_agent(), message_id)
    return "", 204


@bp.get("/deliveries")
@requires("delivery.manage")
def deliveries() -> ResponseReturnValue:
    return _log()


@bp.post("/deliveries/<uuid:row_id>/<any(retry, 'give-up', 'was-sent'):decision>")
@requires("delivery.manage")
def decide(row_id: UUID, decision: str) -> ResponseReturnValue:
    """Decide from the log what the conversation lets decide too; both end alike."""
    act = {"retry": retry_outbound, "give-up": give_up, "was-sent": confirm_sent}[decision]
    with services().reading() as session:
        message_id = message_of(session, row_id)
    try:
        act(services(), current_agent(), message_id, copy_id=row_id)
    except Conflict as refusal:
        return _log(problem=sentence_of(refusal)), 409
    if request.headers.get("HX-Request") != "true":
        return redirect(url_for(".deliveries", kind=request.args.get("kind")), code=303)
    return _log()


@bp.post("/deliveries/try")
@requires("delivery.test")
def try_out() -> ResponseReturnValue:
    """Try each way that messages leave and say exactly what fails. Nothing is sent."""
    trial = try_ways_out(services(), current_agent().email)
    if request.headers.get("HX-Request") == "true":
        return render_template("outbox/_trial.html", trial=trial)
    return _log(trial=trial)


def _copy_id() -> UUID | None:
    """Return which copy of the message is meant; None for the message itself."""
    if not request.args.get("copy"):
        return None
    try:
        return UUID(request.args["copy"])
    except ValueError:
        raise InvalidInput("copy", "This is not an id.") from None


def _log(*, problem: str = "", trial: Trial | None = None) -> str:
    ask = LogAsk.parse(request.args)
    with services().reading() as session:
        screen = log_screen(session, current_agent(), ask, at=services().clock())
    rows = tuple(replace(one, error=say_error(one.error, gettext)) for one in screen.rows)
    part = request.headers.get("HX-Request") == "true"
    template = "outbox/_log.html" if part else "outbox/log.html"
    return render_template(
        template,
        log=replace(screen, rows=rows, problem=problem),
        trial=trial,
        shell=shell_screen("quarantine"),
    )
