"""The console over HTTP. Regions are answered to htmx, whole pages to a browser."""

from dataclasses import replace
from io import BytesIO
from uuid import UUID

from flask import Blueprint, Response, make_response, render_template, request, send_file
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from helpdesk.errors import InvalidInput, NotFound
from helpdesk.inbox.files import keep_file
from helpdesk.staff.agent import Agent
from helpdesk.tickets import desk, forms
from helpdesk.tickets.conversation import Desk, conversation_screen, header_screen
from helpdesk.tickets.letter import named_pictures, pictures_of, with_pictures
from helpdesk.tickets.merging import accept_related, dismiss_related
from helpdesk.tickets.model import CHANNELS, Message
from helpdesk.tickets.panel import panel_screen
from helpdesk.tickets.queries import (
    attachment_visible_to,
    message_visible_to,
    numbered_ticket_visible_to,
    ticket_visible_to,
)
from helpdesk.tickets.queue import VIEWS, QueueAsk, Reader, first_view, queue_screen
from helpdesk.tickets.screen import QueueScreen
from helpdesk.tickets.timeline import timeline_screen
from helpdesk.web.access import current_agent, requires, services
from helpdesk.web.formats import current_formats
from helpdesk.web.sanitise import sanitise
from helpdesk.web.shell import shell_screen

bp = Blueprint("tickets", __name__)

LOCKED_AWAY = "sandbox; default-src 'none'"  # for files of strangers
SAVED_BY = ("document", "empty", "audio", "video")  # Sec-Fetch-Dest of who keeps or plays a file


@bp.get("/inbox")
@requires("ticket.read")
def inbox() -> ResponseReturnValue:
    with services().reading() as session:
        queue = _queue(session, current=None)
    return render_template(
        "console/page.html", shell=shell_screen("inbox"), queue=queue, conversation=None, panel=None
    )


@bp.get("/inbox/<int:number>")
@requires("ticket.read")
def conversation(number: int) -> ResponseReturnValue:
    """Open one conversation: the part beside the queue for htmx, the page for a browser."""
    agent = current_agent()
    part = _is_htmx()
    with services().reading() as session:
        ticket = numbered_ticket_visible_to(session, agent, number)
        screens = {
            "conversation": conversation_screen(session, ticket, _desk(agent, ticket.id)),
            "panel": panel_screen(session, ticket, agent, current_formats()),
        }
        queue = None if part else _queue(session, current=number)
    desk.read(services(), agent, ticket.id, ticket.last_seq)
    if part:
        return _varied(render_template("console/workspace.html", **screens))
    page = render_template("console/page.html", shell=shell_screen("inbox"), queue=queue, **screens)
    return _varied(page)


@bp.get("/queue")
@requires("ticket.read")
def queue() -> ResponseReturnValue:
    text = request.args.get("current", "")
    current = int(text) if text.isascii() and text.isdigit() and len(text) < 16 else None
    with services().reading() as session:
        screen = _queue(session, current=current)
    return render_template("console/queue.html", queue=screen)


@bp.get("/tickets/<uuid:ticket_id>/timeline")
@requires("ticket.read")
def timeline(ticket_id: UUID) -> ResponseReturnValue:
    """Answer everything new or changed after the line `after`."""
    after = forms.whole(request.args, "after") if request.args.get("after") else 0
    return _timeline(ticket_id, after)


@bp.get("/tickets/<uuid:ticket_id>/header")
@requires("ticket.read")
def header(ticket_id: UUID) -> ResponseReturnValue:
    return _header(ticket_id)


@bp.get("/tickets/<uuid:ticket_id>/panel")
@requires("ticket.read")
def panel(ticket_id: UUID) -> ResponseReturnValue:
    agent = current_agent()
    with services().reading() as session:
        ticket = ticket_visible_to(session, agent, ticket_id)
        screen = panel_screen(session, ticket, agent, current_formats())
    return render_template("console/panel.html", panel=screen)


@bp.post("/tickets/<uuid:ticket_id>/reply")
@requires("ticket.reply")
def reply(ticket_id: UUID) -> ResponseReturnValue:
    ask = forms.read_reply(request.form, services().adapters)
    files = forms.read_files(ask.channel, request.files.getlist("files"))
    ask = replace(ask, files=tuple(keep_file(services().blobs, file) for file in files))
    message = desk.reply(services(), current_agent(), ticket_id, ask)
    return _timeline(ticket_id, _seen(ask.seen_seq, message))


@bp.post("/tickets/<uuid:ticket_id>/note")
@requires("ticket.note")
def note(ticket_id: UUID) -> ResponseReturnValue:
    ask = forms.read_note(request.form)
    message = desk.note(
        services(), current_agent(), ticket_id, body=ask.body, client_msg_id=ask.client_msg_id
    )
    return _timeline(ticket_id, _seen(ask.seen_seq, message))


@bp.post("/tickets/<uuid:ticket_id>/resolve")
@requires("ticket.solve")
def resolve(ticket_id: UUID) -> ResponseReturnValue:
    """Resolve, or what `category` says: the button turns into "Open again"."""
    category = forms.read_category(request.form, "solved")
    desk.change_category(services(), current_agent(), ticket_id, category)
    return _header(ticket_id)


@bp.post("/tickets/<uuid:ticket_id>/reopen")
@requires("ticket.solve")
def reopen(ticket_id: UUID) -> ResponseReturnValue:
    desk.change_category(services(), current_agent(), ticket_id, "open")
    return _header(ticket_id)


@bp.post("/tickets/<uuid:ticket_id>/assign")
@requires("ticket.assign")
def assign(ticket_id: UUID) -> ResponseReturnValue:
    desk.assign(services(), current_agent(), ticket_id, forms.read_assignee(request.form))
    return _header(ticket_id)


@bp.post("/tickets/<uuid:ticket_id>/tag")
@requires("ticket.tag")
def tag(ticket_id: UUID) -> ResponseReturnValue:
    add, remove = forms.read_tags(request.form)
    desk.tag(services(), current_agent(), ticket_id, add=add, remove=remove)
    return _header(ticket_id)


@bp.post("/tickets/<uuid:ticket_id>/snooze")
@requires("ticket.solve")
def snooze(ticket_id: UUID) -> ResponseReturnValue:
    until = forms.read_snooze(request.form, services().clock(), current_formats().zone)
    desk.snooze(services(), current_agent(), ticket_id, until)
    return _header(ticket_id)


@bp.post("/tickets/<uuid:ticket_id>/related")
@requires("ticket.solve")
def related(ticket_id: UUID) -> ResponseReturnValue:
    """Join a conversation to the one it may belong to, or say that it stands on its own."""
    decide = {"accept": accept_related, "dismiss": dismiss_related}
    decide[forms.read_decision(request.form)](services(), current_agent(), ticket_id)
    return _header(ticket_id)


@bp.post("/tickets/<uuid:ticket_id>/draft")
@requires("ticket.note")
def draft(ticket_id: UUID) -> ResponseReturnValue:
    kind, channel, body, cc = forms.read_draft(request.form)
    desk.save_draft(
        services(), current_agent(), ticket_id, kind=kind, channel=channel, body=body, cc=cc
    )
    return "", 204


@bp.post("/tickets/<uuid:ticket_id>/read")
@requires("ticket.read")
def read(ticket_id: UUID) -> ResponseReturnValue:
    desk.read(services(), current_agent(), ticket_id, forms.read_seq(request.form))
    return "", 204


@bp.get("/attachments/<uuid:attachment_id>")
@requires("ticket.read")
def attachment(attachment_id: UUID) -> ResponseReturnValue:
    """Hand out a customer's file to keep, never to run: saved, not shown, not guessed at."""
    if request.headers.get("Sec-Fetch-Dest", "document") not in SAVED_BY:
        raise NotFound("attachment")  # a page wants to run it, or to draw with it
    with services().reading() as session:
        found = attachment_visible_to(session, current_agent(), attachment_id)
    content = BytesIO(services().blobs.read(found.blob))
    response = send_file(
        content,
        mimetype="application/octet-stream",
        as_attachment=True,
        download_name=found.name or "file",
    )
    response.headers["Content-Security-Policy"] = LOCKED_AWAY
    return response


@bp.get("/messages/<uuid:message_id>/original")
@requires("ticket.read")
def original(message_id: UUID) -> ResponseReturnValue:
    """Show a letter as its sender designed it, sanitised anew, inside a sandbox."""
    with services().reading() as session:
        message = message_visible_to(session, current_agent(), message_id)
    if message.html_blob is None:
        raise NotFound("original")
    blobs = services().blobs
    html = blobs.read(message.html_blob).decode("utf-8", errors="replace")
    if wanted := named_pictures(html):
        with services().reading() as session:
            found = pictures_of(session, message_id, wanted)
        html = with_pictures(html, {name: blobs.read(blob) for name, blob in found.items()})
    return render_template(
        "console/original.html", shell=shell_screen("inbox"), message=message, html=sanitise(html)
    )


@bp.get("/messages/<uuid:message_id>/whole")
@requires("ticket.read")
def whole(message_id: UUID) -> ResponseReturnValue:
    """Show all that a message says, its quotes and its signature too, as plain text."""
    with services().reading() as session:
        message = message_visible_to(session, current_agent(), message_id)
    return render_template("console/_whole.html", message=message)


def _queue(session: Session, *, current: int | None) -> QueueScreen:
    agent = current_agent()
    view = request.args.get("view") or first_view(session, agent)
    channel = request.args.get("channel", "")
    if view not in VIEWS:
        raise InvalidInput("view", "There is no such view.")
    if channel and channel not in CHANNELS:
        raise InvalidInput("channel", "There is no such channel.")
    reader = Reader(agent, services().clock(), current_formats().zone)
    return queue_screen(
        session, reader, QueueAsk(view, channel, request.args.get("after", ""), current)
    )


def _timeline(ticket_id: UUID, after: int) -> ResponseReturnValue:
    agent = current_agent()
    with services().reading() as session:
        ticket = ticket_visible_to(session, agent, ticket_id)
        screen = timeline_screen(session, ticket, _desk(agent, ticket.id).writer(), after=after)
    return render_template("console/timeline.html", timeline=screen)


def _header(ticket_id: UUID) -> ResponseReturnValue:
    agent = current_agent()
    with services().reading() as session:
        ticket = ticket_visible_to(session, agent, ticket_id)
        screen = header_screen(session, ticket, _desk(agent, ticket.id))
    return render_template("console/header.html", conversation=screen)


def _desk(agent: Agent, ticket_id: UUID) -> Desk:
    return Desk(
        agent,
        current_formats(),
        services().settings.company,
        services().presence.viewers(ticket_id),
        has_line=bool(services().settings.voice_number),
    )


def _seen(seen_seq: int | None, message: Message) -> int:
    """Return after which line the answer to a post begins."""
    return message.seq - 1 if seen_seq is None else min(seen_seq, message.seq - 1)


def _is_htmx() -> bool:
    # Going back restores a whole page, whoever asks.
    return (
        request.headers.get("HX-Request") == "true"
        and request.headers.get("HX-History-Restore-Request") != "true"
    )


def _varied(page: str) -> Response:
    response = make_response(page)
    response.vary.add("HX-Request")
    return response
