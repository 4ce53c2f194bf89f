"""The customer's side of the console."""

from uuid import UUID

from flask import Blueprint, redirect, request
from flask.typing import ResponseReturnValue

from helpdesk.customers.forms import read_customer_id
from helpdesk.customers.service import link
from helpdesk.web.access import current_agent, requires, services

bp = Blueprint("customers", __name__)


@bp.post("/tickets/<uuid:ticket_id>/customer")
@requires("customer.link")
def confirm(ticket_id: UUID) -> ResponseReturnValue:
    """Link a ticket to the customer that an agent chose among the candidates."""
    customer_id = read_customer_id(request.form)
    link(services(), current_agent(), ticket_id=ticket_id, customer_id=customer_id)
    return redirect(f"/tickets/{ticket_id}/panel", code=303)
