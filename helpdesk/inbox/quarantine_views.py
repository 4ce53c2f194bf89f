"""Held deliveries and blocked senders. Whole pages to a browser, the region to htmx."""

from collections.abc import Callable
from io import BytesIO
from uuid import UUID

from flask import Blueprint, redirect, render_template, request, send_file
from flask.typing import ResponseReturnValue

from helpdesk.errors import Conflict, HelpdeskError, InvalidInput, NotFound
from helpdesk.inbox import blocking, quarantine
from helpdesk.inbox.forms import read_block, read_list, read_number
from helpdesk.inbox.held import held, held_detail, held_rows, reasons_held
from helpdesk.inbox.screen import BlockedRow, BlockedScreen, QuarantineScreen, Tried
from helpdesk.inbox.service import original_name
from helpdesk.inbox.trial import try_reading
from helpdesk.web.access import current_agent, requires, services
from helpdesk.web.errors import sentence_of
from helpdesk.web.refusals import refusal_of
from helpdesk.web.shell import shell_screen

bp = Blueprint("quarantine", __name__)

LOCKED_AWAY = "sandbox; default-src 'none'"


@bp.get("/quarantine")
@requires("quarantine.manage")
def index() -> ResponseReturnValue:
    return _page()


@bp.get("/quarantine/<uuid:inbound_id>")
@requires("quarantine.manage")
def show(inbound_id: UUID) -> ResponseReturnValue:
    return _page(inbound_id)


@bp.get("/quarantine/<uuid:inbound_id>/original")
@requires("quarantine.manage")
def original(inbound_id: UUID) -> ResponseReturnValue:
    """Hand out the bytes to keep, never to run: saved, not shown, not guessed at."""
    with services().reading() as session:
        row = held(session, inbound_id)
    response = send_file(
        BytesIO(services().blobs.read(row.blob)),
        mimetype="application/octet-stream",
        as_attachment=True,
        download_name=original_name(row),
    )
    response.headers["Content-Security-Policy"] = LOCKED_AWAY
    return response


@bp.post("/quarantine/<uuid:inbound_id>/try")
@requires("quarantine.manage")
def try_out(inbound_id: UUID) -> ResponseReturnValue:
    """Read it on trial and say exactly what fails. It stays held."""
    with services().reading() as session:
        row = held(session, inbound_id)
    return _page(inbound_id, tried=try_reading(services(), row))


@bp.post("/quarantine/<uuid:inbound_id>/release")
@requires("quarantine.manage")
def release(inbound_id: UUID) -> ResponseReturnValue:
    return _decide(
        inbound_id,
        "released",
        lambda: quarantine.release(services(), current_agent(), inbound_id),
    )


@bp.post("/quarantine/<uuid:inbound_id>/attach")
@requires("quarantine.manage")
def attach(inbound_id: UUID) -> ResponseReturnValue:
    def act() -> None:
        number = read_number(request.form)
        try:
            quarantine.attach_to(services(), current_agent(), inbound_id, number=number)
        except NotFound as missing:
            if str(missing) != "ticket":
                raise
            raise InvalidInput("number", "There is no conversation with this number.") from None

    return _decide(inbound_id, "attached", act)


@bp.post("/quarantine/<uuid:inbound_id>/delete")
@requires("quarantine.manage")
def delete(inbound_id: UUID) -> ResponseReturnValue:
    return _decide(
        inbound_id, "deleted", lambda: quarantine.delete(services(), current_agent(), inbound_id)
    )


@bp.get("/blocked-senders")
@requires("senders.block")
def blocked() -> ResponseReturnValue:
    return _blocked()


@bp.post("/blocked-senders")
@requires("senders.block")
def block() -> ResponseReturnValue:
    try:
        sender, note = read_block(request.form)
        blocking.block(services(), current_agent(), sender, note=note)
    except (InvalidInput, Conflict) as refusal:
        typed = request.form.get("sender", "")[:320]
        return _blocked(typed, sentence_of(refusal)), _status(refusal)
    return _after("/blocked-senders", _blocked())


@bp.post("/blocked-senders/try")
@requires("senders.block")
def try_sender() -> ResponseReturnValue:
    """Say whether a sender's messages would be held, and by which entry. Blocks nobody."""
    typed = request.form.get("sender", "")[:320]
    try:
        party = blocking.party_of(read_block(request.form)[0])
    except InvalidInput as refusal:
        return _blocked(typed, sentence_of(refusal)), 422
    with services().reading() as session:
        found = blocking.block_of(session, party)
    return _blocked(typed, tried=True, held_by=found.value if found else "")


@bp.post("/blocked-senders/<uuid:blocked_id>/remove")
@requires("senders.block")
def unblock(blocked_id: UUID) -> ResponseReturnValue:
    blocking.unblock(services(), current_agent(), blocked_id)
    return _after("/blocked-senders", _blocked())


def _decide(inbound_id: UUID, said: str, act: Callable[[], None]) -> ResponseReturnValue:
    """Do it and show the list; a refusal is shown beside what it is about."""
    try:
        act()
    except InvalidInput as refusal:
        return _page(inbound_id, problem=sentence_of(refusal)), _status(refusal)
    except Conflict as refusal:
        still = inbound_id if _is_held(inbound_id) else None
        return _page(still, problem=sentence_of(refusal)), _status(refusal)
    return _after("/quarantine", _page(said=said))


def _after(address: str, region: str) -> ResponseReturnValue:
    """Answer a decision: the region to htmx, the page by its own address to a browser."""
    if request.headers.get("HX-Request") != "true":
        return redirect(address, code=303)
    return region, 200, {"HX-Push-Url": address}


def _is_held(inbound_id: UUID) -> bool:
    with services().reading() as session:
        try:
            return bool(held(session, inbound_id))
        except NotFound:
            return False


def _page(
    inbound_id: UUID | None = None,
    *,
    said: str = "",
    problem: str = "",
    tried: Tried | None = None,
) -> str:
    reason, after = read_list(request.args)
    with services().reading() as session:
        rows, more = held_rows(session, reason=reason, after=after)
        screen = QuarantineScreen(
            rows=rows,
            reasons=reasons_held(session),
            reason=reason,
            chosen=held_detail(services(), session, inbound_id) if inbound_id else None,
            more=more,
            said=said,
            problem=problem,
            tried=tried,
        )
    part = request.headers.get("HX-Request") == "true"
    template = "inbox/_quarantine.html" if part else "inbox/quarantine.html"
    return render_template(template, quarantine=screen, shell=shell_screen("quarantine"))


def _blocked(typed: str = "", problem: str = "", *, tried: bool = False, held_by: str = "") -> str:
    with services().reading() as session:
        rows = tuple(
            BlockedRow(str(row.id), row.kind, row.value, row.note, by, row.created_at)
            for row, by in blocking.blocked_senders(session)
        )
    note = request.form.get("note", "") if problem or tried else ""
    screen = BlockedScreen(rows, typed, note, problem, tried, held_by)
    part = request.headers.get("HX-Request") == "true"
    template = "inbox/_blocked.html" if part else "inbox/blocked.html"
    return render_template(template, blocked=screen, shell=shell_screen("quarantine"))


def _status(refusal: HelpdeskError) -> int:
    known = refusal_of(refusal)
    return known.status if known else 409
