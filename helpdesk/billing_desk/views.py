"""Money drawers beside the conversation, and the approvals page."""

from contextlib import suppress
from typing import Any
from uuid import UUID, uuid4

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from billing_core.errors import BillingError, RefundWindowClosed
from helpdesk.billing_desk import approvals, drawers, forms, queries, service
from helpdesk.billing_desk.errors import AlreadyConfirmed
from helpdesk.billing_desk.frozen import thaw
from helpdesk.billing_desk.model import MoneyPreview
from helpdesk.billing_desk.result_screen import approval_detail, approval_row, result
from helpdesk.billing_desk.screen import ApprovalsScreen, ProblemScreen
from helpdesk.billing_desk.service import CustomerNews
from helpdesk.errors import Conflict, HelpdeskError, InvalidInput, NotFound
from helpdesk.tickets.model import Ticket
from helpdesk.tickets.queries import ticket_visible_to
from helpdesk.web.access import current_agent, requires, services
from helpdesk.web.errors import sentence_of
from helpdesk.web.formats import current_formats
from helpdesk.web.refusals import refusal_of
from helpdesk.web.shell import shell_screen

bp = Blueprint("billing_desk", __name__)

KINDS = "<any(refund, credit, plan, reissue):kind>"


@bp.get(f"/tickets/<uuid:ticket_id>/money/{KINDS}/new")
@requires("billing.preview")
def new(ticket_id: UUID, kind: str) -> ResponseReturnValue:
    """Step 1. Values may be given in the address, as an offer does; nothing happens yet."""
    given = {name: text for name, text in request.args.items() if len(text) < 100}
    with services().reading() as session:
        ticket = _ticket(session, ticket_id)
        assert ticket.customer_id is not None
        if kind == "refund":
            given = drawers.prefilled(session, ticket.customer_id, given, current_formats())
        screen = drawers.choose(
            session,
            ticket,
            kind,
            values=given,
            formats=current_formats(),
            windows=services().refund_windows,
        )
    return render_template(f"billing_desk/{kind}_choose.html", drawer=screen)


@bp.post(f"/tickets/<uuid:ticket_id>/money/{KINDS}/preview")
@requires("billing.preview")
def preview(ticket_id: UUID, kind: str) -> ResponseReturnValue:
    """Step 2: freeze what would happen and show it; or step 1 again, with the reason why not."""
    typed = {name: text for name, text in request.form.items() if name != "csrf_token"}
    agent = current_agent()
    try:
        with services().reading() as session:
            reader = _reader(session, ticket_id)
        asked = forms.READERS[kind](typed, reader)
        frozen = service.open_preview(services(), agent, ticket_id, asked)
    except (InvalidInput, BillingError) as refusal:
        return _choose_again(ticket_id, kind, typed, refusal)
    return _show(frozen), 200


@bp.post("/money/previews/<uuid:preview_id>/confirm")
@requires("billing.preview")
def confirm(preview_id: UUID) -> ResponseReturnValue:
    """Step 3. The right to the act itself is read in the transaction that does it."""
    agent = current_agent()
    typed = forms.read_confirmation(request.form)
    with services().reading() as session:
        frozen = queries.preview_visible_to(session, agent, preview_id)
        ticket = _ticket(session, frozen.ticket_id)
        shown = thaw(frozen.shown)
        told = drawers.will_read(session, ticket, frozen.kind, shown, current_formats())
    news = CustomerNews(told.channel, told.text) if typed.tell and told.channel else None
    try:
        act_id = service.confirm(
            services(),
            agent,
            preview_id,
            one_time_key=typed.key,
            news=news,
            accepted=typed.accepted,
        )
    except InvalidInput as refusal:
        return _show(frozen, problem=sentence_of(refusal)), 422
    except (Conflict, BillingError) as refusal:
        return _problem(frozen, refusal)
    return _act(act_id)


@bp.get("/money/acts/<uuid:act_id>")
@requires("billing.read")
def act(act_id: UUID) -> ResponseReturnValue:
    """Step 4: what the server knows of an act, now."""
    return _act(act_id)


@bp.post("/money/acts/<uuid:act_id>/cancel")
@requires("billing.preview")
def cancel(act_id: UUID) -> ResponseReturnValue:
    with suppress(Conflict):  # somebody decided meanwhile: the drawer says what
        approvals.cancel(services(), current_agent(), act_id)
    return _act(act_id)


@bp.get("/approvals")
@requires("billing.approve")
def waiting() -> ResponseReturnValue:
    chosen = request.args.get("act", "")
    return _approvals(chosen)


@bp.post("/money/acts/<uuid:act_id>/approve")
@requires("billing.approve")
def approve(act_id: UUID) -> ResponseReturnValue:
    return _decide(act_id, approvals.approve)


@bp.post("/money/acts/<uuid:act_id>/refuse")
@requires("billing.approve")
def refuse(act_id: UUID) -> ResponseReturnValue:
    return _decide(act_id, approvals.refuse)


def _ticket(session: Session, ticket_id: UUID) -> Ticket:
    """Return a ticket with a customer: without one there is no money to speak of."""
    ticket = ticket_visible_to(session, current_agent(), ticket_id)
    if ticket.customer_id is None:
        raise NotFound("account")
    return ticket


def _reader(session: Session, ticket_id: UUID) -> forms.Reader:
    ticket = _ticket(session, ticket_id)
    assert ticket.customer_id is not None
    currency = drawers.currency_of(session, ticket.customer_id, current_formats())
    return forms.Reader(ticket.customer_id, currency, current_agent().language)


def _choose_again(
    ticket_id: UUID, kind: str, typed: dict[str, str], refusal: HelpdeskError | BillingError
) -> ResponseReturnValue:
    field = refusal.field if isinstance(refusal, InvalidInput) else ""
    known = refusal_of(refusal)
    with services().reading() as session:
        ticket = _ticket(session, ticket_id)
        screen = drawers.choose(
            session,
            ticket,
            kind,
            values=typed,
            formats=current_formats(),
            windows=services().refund_windows,
            problem=(field, sentence_of(refusal)),
            offers_credit=isinstance(refusal, RefundWindowClosed),
        )
    page = render_template(f"billing_desk/{kind}_choose.html", drawer=screen)
    return page, known.status if known else 409


def _show(frozen: MoneyPreview, *, problem: str = "") -> str:
    with services().reading() as session:
        screen = drawers.show(
            session,
            current_agent(),
            _ticket(session, frozen.ticket_id),
            frozen,
            key=str(uuid4()),
            formats=current_formats(),
            company_currency=services().settings.currency,
        )
    kind = screen.frame.kind
    return render_template(f"billing_desk/{kind}.html", drawer=screen, problem=problem)


def _problem(frozen: MoneyPreview, refusal: Conflict | BillingError) -> ResponseReturnValue:
    known = refusal_of(refusal)
    with services().reading() as session:
        ticket = _ticket(session, frozen.ticket_id)
        screen = ProblemScreen(
            frame=drawers.frame_of(session, ticket, drawers.WORD[frozen.kind], 3),
            sentence=sentence_of(refusal),
            values=drawers.values_of(frozen, current_formats()),
            act_id=str(refusal.act_id) if isinstance(refusal, AlreadyConfirmed) else "",
        )
    page = render_template("billing_desk/problem.html", drawer=screen)
    return page, known.status if known else 409


def _act(act_id: UUID) -> str:
    agent = current_agent()
    with services().reading() as session:
        view = queries.act_visible_to(session, agent, act_id)
        screen = result(session, agent, view, current_formats())
    return render_template("billing_desk/result.html", drawer=screen)


def _decide(act_id: UUID, how: Any) -> ResponseReturnValue:
    typed = forms.read_decision(request.form)
    try:
        how(services(), current_agent(), act_id, request_hash=typed.request_hash, note=typed.note)
    except (Conflict, BillingError) as refusal:
        known = refusal_of(refusal)
        status = known.status if known else 409
        return _approvals(str(act_id), problem=sentence_of(refusal)), status
    return _approvals(str(act_id))


def _approvals(chosen: str, *, problem: str = "") -> str:
    """Return the page; to htmx the region that changes."""
    agent, formats = current_agent(), current_formats()
    with services().reading() as session:
        found = queries.waiting_acts(session, agent)
        view = None
        if chosen:
            try:
                view = queries.act_visible_to(session, agent, UUID(chosen))
            except ValueError:
                raise NotFound("money act") from None
        elif found:
            view = found[0]
        screen = ApprovalsScreen(
            rows=tuple(approval_row(session, agent, one) for one in found),
            chosen=approval_detail(session, agent, view, formats) if view else None,
            problem=problem,
        )
    partial = request.headers.get("HX-Request") == "true"
    page = "billing_desk/_approvals.html" if partial else "billing_desk/approvals.html"
    return render_template(page, approvals=screen, shell=shell_screen("approvals"))
