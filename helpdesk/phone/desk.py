"""What people do with lines, templates and their own telephone: one use case for each button."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from helpdesk.errors import Conflict, InvalidInput, NotFound
from helpdesk.events.service import Actor, audit
from helpdesk.inbox.masking import mask_text
from helpdesk.outbox.queries import reply_channel, reply_channels
from helpdesk.outbox.service import queue_message
from helpdesk.phone.forms import LineForm, TemplateForm
from helpdesk.phone.model import MessageTemplate, OptOut, PhoneLine, StaffPhone
from helpdesk.phone.numbers import find_numbers
from helpdesk.phone.queries import template
from helpdesk.phone.service import fill_template
from helpdesk.phone.words import NO_NUMBER
from helpdesk.services import Services
from helpdesk.settings import Settings
from helpdesk.staff.agent import Agent
from helpdesk.tickets.model import Message, Ticket
from helpdesk.tickets.queries import lock_ticket_visible_to, message_by_client_id
from helpdesk.tickets.service import add_staff_message

READ_BACK = 10  # messages of a customer that are searched for a number


def our_numbers(settings: Settings) -> dict[str, list[str]]:
    """Return our numbers and the channels each serves, in a fixed order."""
    numbers: dict[str, list[str]] = {}
    for channel in ("sms", "whatsapp", "voice"):
        number = getattr(settings, f"{channel}_number")
        if number:
            numbers.setdefault(number, []).append(channel)
    return numbers


def save_line(services: Services, agent: Agent, number: str, form: LineForm) -> None:
    """Say how one of our numbers answers calls. Raises `NotFound` for a number not ours."""
    if number not in our_numbers(services.settings):
        raise NotFound("line")
    with services.begin() as tx:
        row = tx.session.get(PhoneLine, number, with_for_update=True)
        if row is None:
            row = PhoneLine(number=number)
            tx.session.add(row)
        row.language, row.takes_queue = form.language, form.takes_queue
        row.greeting, row.closed_greeting = form.greeting, form.closed_greeting
        row.hours, row.changed_at = form.hours, tx.at
        audit(tx, "phone.line_changed", actor=Actor.staff(agent.id), data={"number": number})


def add_template(services: Services, agent: Agent, form: TemplateForm) -> None:
    """Keep a text that WhatsApp approved. Raises `InvalidInput` for one that is known."""
    with services.begin() as tx:
        known = select(MessageTemplate.id).where(MessageTemplate.provider_ref == form.provider_ref)
        if tx.session.scalar(known) is not None:
            raise InvalidInput("provider_ref", "This template is known already.")
        row = MessageTemplate(
            id=tx.new_id(),
            name=form.name,
            language=form.language,
            category=form.category,
            provider_ref=form.provider_ref,
            body=form.body,
            labels=form.labels,
            state="approved",
            created_at=tx.at,
        )
        tx.session.add(row)
        audit(tx, "phone.template_added", actor=Actor.staff(agent.id), data={"name": form.name})


def turn_template(services: Services, agent: Agent, template_id: UUID) -> None:
    """Pause an approved text, or let it be used again."""
    with services.begin() as tx:
        row = template(tx.session, template_id)
        row.state = "paused" if row.state == "approved" else "approved"
        audit(
            tx,
            "phone.template_turned",
            actor=Actor.staff(agent.id),
            data={"name": row.name, "state": row.state},
        )


def end_opt_out(services: Services, agent: Agent, channel: str, number: str) -> None:
    """A person records that a customer wants messages again, by a word given elsewhere."""
    with services.begin() as tx:
        row = tx.session.get(OptOut, (channel, number), with_for_update=True)
        if row is None or row.ended_at is not None:
            raise NotFound("opt-out")
        row.ended_at = tx.at
        audit(
            tx,
            "phone.opt_out_ended",
            actor=Actor.staff(agent.id),
            data={"channel": channel, "number": number},
        )


def set_my_phone(services: Services, agent: Agent, number: str) -> None:
    """Say where somebody takes calls: a number, "browser", or "" for nowhere."""
    with services.begin() as tx:
        row = tx.session.get(StaffPhone, agent.id, with_for_update=True)
        if not number:
            if row is not None:
                tx.session.delete(row)
            return
        if row is None:
            row = StaffPhone(staff_id=agent.id)
            tx.session.add(row)
        row.number = f"client:{agent.id.hex}" if number == "browser" else number


def send_template(
    services: Services,
    agent: Agent,
    ticket_id: UUID,
    template_id: UUID,
    values: list[str],
    *,
    client_msg_id: str,
) -> Message:
    """Send an approved text on WhatsApp, once for each `client_msg_id`.

    Raises `InvalidInput` for what is left open, `NotWelcome`, and `Conflict` where the
    customer has no WhatsApp number or the template is paused.
    """
    with services.begin() as tx:
        ticket = lock_ticket_visible_to(tx, agent, ticket_id)
        if earlier := message_by_client_id(tx.session, agent.id, client_msg_id):
            return earlier
        chosen = template(tx.session, template_id)
        if chosen.state != "approved" or ticket.category == "closed":
            raise Conflict("This template cannot be used now.")
        text, filled = fill_template(chosen, [mask_text(value) for value in values])
        message = add_staff_message(
            tx,
            ticket,
            agent,
            channel="whatsapp",
            body=text,
            visibility="public",
            client_msg_id=client_msg_id,
        )
        sealed: dict[str, object] = {"template": chosen.provider_ref, "variables": filled}
        queue_message(tx, ticket, message, template=sealed)
        return message


def numbers_to_call(session: Session, ticket: Ticket) -> list[str]:
    """Return the customer's own numbers, then those she wrote; each once.

    Only these may be called from a conversation.
    """
    found = [way.recipient for way in reply_channels(session, ticket) if way.recipient[:1] == "+"]
    phone = reply_channel(session, ticket, "sms")
    if phone is not None:
        found.insert(0, phone.recipient)
    said = session.scalars(
        select(Message.reply_text)
        .where(Message.ticket_id == ticket.id, Message.direction == "in")
        .order_by(Message.seq.desc())
        .limit(READ_BACK)
    )
    for text in said:
        found += [number.e164 for number in find_numbers(text)]
    return list(dict.fromkeys(found))


def check_callable(session: Session, ticket: Ticket, number: str) -> None:
    """Raise `Conflict` where a number is not one of this conversation's customer."""
    if number not in numbers_to_call(session, ticket):
        raise Conflict(NO_NUMBER)
