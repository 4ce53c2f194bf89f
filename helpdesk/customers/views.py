"""The customer's side of the console."""

from uuid import UUID

from flask import Blueprint, redirect, render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from helpdesk.customers import link_codes
from helpdesk.customers.directory import (
    DirectoryScreen,
    Found,
    customer_page,
    latest,
    merge_screen,
    search,
)
from helpdesk.customers.forms import MergeForm, read_code, read_customer_id
from helpdesk.customers.merging import merge, preview_merge, undo_merge
from helpdesk.customers.service import link
from helpdesk.web.access import current_agent, requires, services
from helpdesk.web.shell import shell_screen

bp = Blueprint("customers", __name__)


@bp.get("/customers")
@requires("customer.read")
def directory() -> ResponseReturnValue:
    """Search customers by name, e-mail or telephone."""
    question = request.args.get("q", "")
    with services().reading() as session:
        screen = DirectoryScreen(question, _found(session, question))
    return _page(screen)


@bp.get("/customers/<uuid:customer_id>")
@requires("customer.read")
def show(customer_id: UUID) -> ResponseReturnValue:
    """Show one customer; who was merged is shown as whom she was merged into."""
    question = request.args.get("q", "")
    with services().reading() as session:
        chosen = customer_page(session, current_agent(), customer_id)
        screen = DirectoryScreen(question, _found(session, question), chosen)
    return _page(screen)


@bp.get("/customers/<uuid:survivor_id>/merge/<uuid:absorbed_id>")
@requires("customer.merge")
def merging(survivor_id: UUID, absorbed_id: UUID) -> ResponseReturnValue:
    """Show what a merge would do; nothing happens yet."""
    with services().reading() as session:
        preview = preview_merge(session, survivor_id, absorbed_id)
        found = latest(session, current_agent())
        screen = DirectoryScreen(found=found, merging=merge_screen(preview))
    return _page(screen)


@bp.post("/customers/merges")
@requires("customer.merge")
def join() -> ResponseReturnValue:
    form = MergeForm.parse(request.form)
    merge(
        services(),
        current_agent(),
        survivor_id=form.survivor_id,
        absorbed_id=form.absorbed_id,
        seal=form.seal,
    )
    return redirect(f"/customers/{form.survivor_id}", code=303)


@bp.post("/customers/merges/<uuid:merge_id>/undo")
@requires("customer.merge")
def part(merge_id: UUID) -> ResponseReturnValue:
    absorbed_id = undo_merge(services(), current_agent(), merge_id)
    return redirect(f"/customers/{absorbed_id}", code=303)


@bp.post("/tickets/<uuid:ticket_id>/customer")
@requires("customer.link")
def confirm(ticket_id: UUID) -> ResponseReturnValue:
    """Link a ticket to the customer that an agent chose among the candidates."""
    customer_id = read_customer_id(request.form)
    link(services(), current_agent(), ticket_id=ticket_id, customer_id=customer_id)
    return redirect(f"/tickets/{ticket_id}/panel", code=303)


@bp.post("/tickets/<uuid:ticket_id>/customer/code")
@requires("customer.link")
def send_code(ticket_id: UUID) -> ResponseReturnValue:
    """Have a code sent to a proven address of the customer who may have written."""
    customer_id = read_customer_id(request.form)
    link_codes.send_code(services(), current_agent(), ticket_id=ticket_id, customer_id=customer_id)
    return redirect(f"/tickets/{ticket_id}/panel", code=303)


@bp.post("/tickets/<uuid:ticket_id>/customer/code/told")
@requires("customer.link")
def told_code(ticket_id: UUID) -> ResponseReturnValue:
    """Try the code that the customer told. The panel says how many tries are left."""
    typed = read_code(request.form)
    link_codes.tell_code(services(), current_agent(), ticket_id=ticket_id, typed=typed)
    return redirect(f"/tickets/{ticket_id}/panel", code=303)


def _found(session: Session, question: str) -> tuple[Found, ...]:
    return search(session, question) if question.strip() else latest(session, current_agent())


def _page(screen: DirectoryScreen) -> str:
    return render_template(
        "customers/page.html",
        shell=shell_screen("customers"),
        directory=screen,
        may_merge=current_agent().may("customer.merge"),
    )
