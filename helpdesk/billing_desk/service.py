"""Previewing a money act and confirming it."""

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from billing_core.domain.money import Money
from billing_core.refunds import Windows
from helpdesk.billing_desk import acts, rows
from helpdesk.billing_desk.about import about
from helpdesk.billing_desk.acts import Begun, Figures, Request
from helpdesk.billing_desk.errors import AlreadyConfirmed, KeyUsed, PreviewExpired, StalePreview
from helpdesk.billing_desk.frozen import freeze
from helpdesk.billing_desk.lifecycle import advance, tell
from helpdesk.billing_desk.limits import Verdict, judge
from helpdesk.billing_desk.model import MoneyAct, MoneyPreview
from helpdesk.db import UnitOfWork
from helpdesk.errors import Conflict, Forbidden, InvalidInput, NotFound
from helpdesk.events.service import Actor, append_event
from helpdesk.services import Services
from helpdesk.staff.model import Staff
from helpdesk.staff.policy import may
from helpdesk.tickets.model import Ticket
from helpdesk.tickets.numbers import next_number
from helpdesk.tickets.queries import lock_ticket, ticket_visible_to

if TYPE_CHECKING:
    from helpdesk.web.access import Agent

PREVIEW_LIVES = timedelta(minutes=15)
NOT_ACCEPTED = "Charging more needs the customer's acceptance first."


@dataclass(frozen=True, slots=True)
class CustomerNews:
    """What the customer is told once the act is done, in her language, and on which channel."""

    channel: str
    text: str


def open_preview(
    services: Services, agent: "Agent", ticket_id: UUID, request: Request
) -> MoneyPreview:
    """Compute an act, freeze it for 15 minutes and return it. Nothing changes in the account.

    Raises:
        NotFound: the ticket, or money that is not this customer's.
        Forbidden: the agent may not do acts of this kind.
        billing_core.errors.NotAllowed: a rule of billing says no.
    """
    permission = acts.PERMISSION[request.kind]
    if not agent.may(permission):
        raise Forbidden(permission)
    with services.begin() as tx:
        ticket = ticket_visible_to(tx.session, agent, ticket_id)
        customer_id = _customer_of(tx, ticket, request)
        request = acts.frozen(request, tx.at)
        figures = acts.figures(tx.session, request, tx.at, services.refund_windows)
        preview = MoneyPreview(
            id=tx.new_id(),
            kind=request.kind,
            ticket_id=ticket.id,
            customer_id=customer_id,
            created_by=agent.id,
            frozen_at=tx.at,
            expires_at=tx.at + PREVIEW_LIVES,
            inputs_hash=figures.fingerprint,
            amount_minor=figures.preview.amount.minor,
            currency=figures.preview.amount.currency,
            ask=acts.kept(request),
            shown=freeze(figures.preview, about(tx.session, customer_id, request, tx.at)),
        )
        # Trying another amount in the same drawer is not another line in the timeline.
        first = not rows.preview_is_open(tx.session, agent.id, ticket.id, request.kind, tx.at)
        ticket = lock_ticket(tx, ticket.id)
        tx.session.add(preview)
        if first:
            _tell_previewed(tx, ticket, preview)
        return preview


def confirm(
    services: Services,
    agent: "Agent",
    preview_id: UUID,
    *,
    one_time_key: str,
    news: CustomerNews | None = None,
    accepted: bool = False,
) -> UUID:
    """Turn a preview into an act, once per `one_time_key`; return the act's id.

    Within the agent's limits the act begins here; above them it waits for another person,
    and a refund's money is reserved meanwhile. Whatever needs the gateway happens in a job.
    `accepted`: the customer agreed to pay; without it nothing is charged. The record keeps it.

    Raises:
        InvalidInput: a charge that nobody has accepted.
        KeyUsed, AlreadyConfirmed, PreviewExpired, StalePreview: see errors.
        billing_core.errors.RefundTooLarge: somebody was faster; carries what is left.
    """
    with services.begin() as tx:
        staff = rows.lock_staff(tx.session, agent.id)
        if (earlier := rows.act_by_key(tx.session, one_time_key)) is not None:
            if earlier.preview_id != preview_id or earlier.requester_id != agent.id:
                raise KeyUsed
            return earlier.id
        preview = rows.own_preview(tx.session, agent.id, preview_id)
        _check_confirmable(tx, agent, preview, staff.role)
        rows.lock_customer(tx.session, preview.customer_id)
        request = acts.read_back(preview.ask)
        windows = services.refund_windows
        figures = _agreed_figures(tx, preview, request, windows, accepted=accepted)
        verdict = _verdict(tx, staff, preview, request, services.settings.currency)
        act = _new_act(tx, preview, request, one_time_key=one_time_key, news=news)
        waits, bound = verdict.needs_approval, request.bound_to(act.id)
        begun = acts.carry_out(tx, bound, held=waits, expected=figures.expected, windows=windows)
        _enter(tx, act, begun, waits=waits, accepted=accepted)
        return act.id


def _agreed_figures(
    tx: UnitOfWork, preview: MoneyPreview, request: Request, windows: Windows, *, accepted: bool
) -> Figures:
    figures = same_figures(tx, preview, request, windows)
    charge = figures.preview.charge_now
    if charge is not None and charge.minor > 0 and not accepted:
        raise InvalidInput("accepted", NOT_ACCEPTED)
    return figures


def _verdict(
    tx: UnitOfWork, staff: Staff, preview: MoneyPreview, request: Request, currency: str
) -> Verdict:
    """Judge against the limits as they stand now; staff and customer are locked."""
    if request.is_transfer:
        return Verdict("transfer")
    spent = rows.spent(
        tx.session,
        staff_id=staff.id,
        customer_id=preview.customer_id,
        currency=currency,
        at=tx.at,
    )
    amount = Money(preview.amount_minor, preview.currency)
    return judge(amount, rows.limits_of(staff, currency), spent)


def _enter(tx: UnitOfWork, act: MoneyAct, begun: Begun, *, waits: bool, accepted: bool) -> None:
    """Write the act that billing has begun, and let it wait or go on."""
    lock_ticket(tx, act.ticket_id)
    act.subject_id = begun.subject_id
    act.number = next_number(tx, "money_act")
    act.state = "awaiting_approval" if waits else "approved"
    tx.session.add(act)
    tx.session.flush()
    requester = Actor.staff(act.requester_id)
    if waits:
        tell(tx, act, "money.awaiting_approval", actor=requester, accepted=accepted)
        return
    tell(tx, act, "money.requested", actor=requester, accepted=accepted)
    go_on(tx, act, begun, actor=requester)


def go_on(tx: UnitOfWork, act: MoneyAct, begun: Begun, *, actor: Actor) -> None:
    """Let an approved act take its next step: a job, or its end where nothing is left to do."""
    act.subject_id = begun.subject_id
    if begun.job == "by_hand":
        return  # it waits for the person who goes to the bank
    if begun.job:
        tx.enqueue(begun.job, str(act.id), key=str(act.id))
    else:
        advance(tx, act, "succeeded", actor=actor)


def same_figures(
    tx: UnitOfWork, preview: MoneyPreview, request: Request, windows: Windows
) -> Figures:
    """Compute a preview again and insist on the same result. Raises `StalePreview`.

    At the frozen moment the account must give the same figures; now it must as well, for
    a day that passed changes what is left of a period.
    """
    then = acts.figures(tx.session, request, preview.frozen_at, windows)
    now = acts.figures(tx.session, request, tx.at, windows)
    if not preview.inputs_hash == then.fingerprint == now.fingerprint:
        raise StalePreview
    return now


def hash_of(act: MoneyAct, preview: MoneyPreview) -> str:
    """Return the hash of a request as its rows stand now."""
    return acts.request_hash(
        request=preview.ask,
        amount_minor=act.amount_minor,
        currency=act.currency,
        requester_id=act.requester_id,
        ticket_id=act.ticket_id,
        customer_id=act.customer_id,
        preview_hash=preview.inputs_hash,
    )


def _customer_of(tx: UnitOfWork, ticket: Ticket, request: Request) -> UUID:
    if ticket.customer_id is None:
        raise Conflict("the ticket is not linked to a customer")
    if acts.owner_of(tx.session, request.ask) != ticket.customer_id:
        raise NotFound("account")
    courtesy = request.courtesy
    if courtesy is not None and courtesy.customer_id != ticket.customer_id:
        raise NotFound("account")
    return ticket.customer_id


def _check_confirmable(tx: UnitOfWork, agent: "Agent", preview: MoneyPreview, role: str) -> None:
    permission = acts.PERMISSION[preview.kind]
    if not may(role, permission):  # read now, not when she signed in
        raise Forbidden(permission)
    ticket = ticket_visible_to(tx.session, agent, preview.ticket_id)
    if ticket.customer_id != preview.customer_id:
        raise StalePreview
    if (done := rows.act_of_preview(tx.session, preview.id)) is not None:
        raise AlreadyConfirmed(done.id)
    if tx.at >= preview.expires_at:
        raise PreviewExpired


def _new_act(
    tx: UnitOfWork,
    preview: MoneyPreview,
    request: Request,
    *,
    one_time_key: str,
    news: CustomerNews | None,
) -> MoneyAct:
    """Return the act's row, not yet added: its ticket is locked after billing's rows."""
    act = MoneyAct(
        id=tx.new_id(),
        kind=preview.kind,
        ticket_id=preview.ticket_id,
        customer_id=preview.customer_id,
        preview_id=preview.id,
        requester_id=preview.created_by,
        amount_minor=preview.amount_minor,
        currency=preview.currency,
        reason=request.ask.reason,
        state="draft",
        one_time_key=one_time_key,
        failure="",
        message_text=news.text if news else "",
        message_channel=news.channel if news else "",
        created_at=tx.at,
        changed_at=tx.at,
    )
    act.request_hash = hash_of(act, preview)
    return act


def _tell_previewed(tx: UnitOfWork, ticket: Ticket, preview: MoneyPreview) -> None:
    append_event(
        tx,
        ticket,
        "money.previewed",
        actor=Actor.staff(preview.created_by),
        data={
            "preview_id": str(preview.id),
            "kind": preview.kind,
            "amount_minor": preview.amount_minor,
            "currency": preview.currency,
        },
    )
