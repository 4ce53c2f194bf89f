"""What leaves: queued with the change that caused it, and told about until its end.

The helpers here take a transaction in which the ticket is locked. Sending is in
`sending.py`: it opens its own, and none while the network is asked.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select

from channels.port import Receipt
from helpdesk.db import UnitOfWork
from helpdesk.errors import Conflict, NotFound, NotWelcome
from helpdesk.events.service import Actor, append_event
from helpdesk.outbox.model import Outbound, OutboundAttempt
from helpdesk.outbox.queries import (
    ReplyChannel,
    copies_of,
    next_in_line,
    oldest_unanswered,
    outbound_of_message,
    outbound_of_receipt,
    reply_channel,
)
from helpdesk.outbox.states import FOR_A_PERSON, GIVE_UP_AFTER, ON_ITS_WAY, SHOWN, forward
from helpdesk.phone.queries import why_not
from helpdesk.services import Services
from helpdesk.sla.service import customer_wrote
from helpdesk.staff.agent import Agent
from helpdesk.tickets.model import Message, Ticket
from helpdesk.tickets.participants import add_participant
from helpdesk.tickets.queries import lock_ticket, lock_ticket_visible_to, message_visible_to
from helpdesk.tickets.service import set_status

TOO_LATE = "It is too late to take this message back."
FATE_IS_KNOWN = "It is known already whether this message left."
NO_ADDRESS = "There is no address of this customer on that channel."


def queue_message(
    tx: UnitOfWork, ticket: Ticket, message: Message, *,
    to: ReplyChannel | None = None, template: dict[str, object] | None = None, hold_s: int = 0,
    cc: Sequence[str] = (),
) -> Outbound:  # fmt: skip
    """Put a public answer on its way to the participant who wrote last on its channel.

    Sent `to` somebody else, it makes nobody take part. It stays here for `hold_s` seconds
    first, in which `take_back` may stop it. Its key is minted here. `template` names an
    approved text and its variables, where the channel asks for one. Each address of `cc`
    gets a copy of a mail, with a key and a fate of its own, and takes part from then on.
    Raises `Conflict` where nobody can be reached on the channel, `NotWelcome` where the
    customer must not be written to there, `ValueError` for a note: a note never leaves.
    """
    if message.visibility != "public" or message.direction != "out":
        raise ValueError("only a public answer leaves")
    to = to or _last_writer(tx, ticket, message.channel)
    _check_welcome(tx, message.channel, to, template)
    row = _queue(tx, message, to, template=template, hold_s=hold_s)
    for address in cc:
        if address != to.recipient:
            add_participant(tx, ticket, "email", address, cc=True)
            copy = ReplyChannel(message.channel, "email", address, address)
            _check_welcome(tx, message.channel, copy, None)
            _queue(tx, message, copy, cc=True, hold_s=hold_s)
    return row


def _queue(
    tx: UnitOfWork, message: Message, to: ReplyChannel, *,
    cc: bool = False, template: dict[str, object] | None = None, hold_s: int,
) -> Outbound:  # fmt: skip
    row_id = tx.new_id()
    row = Outbound(
        id=row_id,
        key=row_id.hex if cc else message.id.hex,
        message_id=message.id,
        ticket_id=message.ticket_id,
        channel=message.channel,
        recipient_kind=to.recipient_kind,
        recipient=to.recipient,
        cc=cc,
        envelope=template
        or {},  # otherwise sealed at the first try, when all that went before has its ids
        state="queued",
        not_before=tx.at + timedelta(seconds=hold_s),
        give_up_at=tx.at + GIVE_UP_AFTER,
        leased_until=None,
        attempts=0,
        provider_id=None,
        created_at=tx.at,
        sent_at=None,
        last_try_at=None,
        dead_at=None,
    )
    tx.session.add(row)
    tx.session.flush()
    tx.enqueue("send_outbound", str(row.id), key=str(row.id), delay_s=hold_s)
    return row


def _check_welcome(
    tx: UnitOfWork, channel: str, to: ReplyChannel, template: dict[str, object] | None
) -> None:
    if why := why_not(tx.session, channel, to.recipient, tx.at, template=template is not None):
        raise NotWelcome(why)


def _last_writer(tx: UnitOfWork, ticket: Ticket, channel: str) -> ReplyChannel:
    """Return where answers go, and let that address take part."""
    to = reply_channel(tx.session, ticket, channel)
    if to is None:
        raise Conflict(NO_ADDRESS)
    add_participant(tx, ticket, to.recipient_kind, to.recipient)
    return to


def record_receipt(tx: UnitOfWork, receipt: Receipt) -> Outbound | None:
    """Note what became of a message; None where it is not one of ours.

    News repeats and overtakes other news: the state only moves forward.
    """
    found = outbound_of_receipt(tx.session, receipt)
    if found is None:
        return None
    ticket, row = lock_with_ticket(tx, found.id)
    if _is_of_an_earlier_try(row, receipt):
        if receipt.state in ("failed", "undelivered"):
            return row  # a later try has its own fate; to call it lost would double the message
    # A bounce names our own mail, not the server's id of it.
    elif receipt.provider_id and row.provider_id is None and receipt.channel != "email":
        row.provider_id = receipt.provider_id
    if row.state in ON_ITS_WAY or row.state == "uncertain":
        row.sent_at = tx.at
    advance(tx, ticket, row, forward(row.state, receipt.state), why=receipt.reason)
    if receipt.state == "delayed" and row.state == "sent" and row.last_error != receipt.reason:
        row.last_error = receipt.reason[:500]
        append_state(tx, ticket, row, actor=Actor.system())
    return row


def _is_of_an_earlier_try(row: Outbound, receipt: Receipt) -> bool:
    """Say whether a person has had the message sent again since."""
    again = row.state == "queued" and row.attempts > 0
    return 0 < receipt.attempt < row.attempts + again


def retry_outbound(
    services: Services, agent: Agent, message_id: UUID, *, copy_id: UUID | None = None
) -> None:
    """A person sends again what failed or may have failed. The key stays the same.

    `copy_id` is the row of one copy; None is the message to whom it is meant for.
    Raises `NotFound`, and `Conflict` where it is on its way or has arrived.
    """
    with services.begin() as tx:
        ticket, row = _lock_for(tx, agent, message_id, copy_id)
        row.not_before, row.give_up_at = tx.at, tx.at + GIVE_UP_AFTER
        row.state, row.last_error, row.dead_at = "queued", "", None
        append_state(tx, ticket, row, actor=Actor.staff(agent.id))
        tx.enqueue("send_outbound", str(row.id))


def give_up(
    services: Services, agent: Agent, message_id: UUID, *, copy_id: UUID | None = None
) -> None:
    """A person decides that a message stays unsent. Proof that it arrived still counts.

    Raises `NotFound`, and `Conflict` where it has left.
    """
    with services.begin() as tx:
        ticket, row = _lock_for(tx, agent, message_id, copy_id)
        row.state, row.dead_at = "cancelled", None
        append_state(tx, ticket, row, actor=Actor.staff(agent.id))


def confirm_sent(
    services: Services, agent: Agent, message_id: UUID, *, copy_id: UUID | None = None
) -> None:
    """A person has found out that a message of unknown fate did leave.

    Raises `NotFound`, and `Conflict` where its fate is known.
    """
    with services.begin() as tx:
        ticket, row = _lock_for(tx, agent, message_id, copy_id)
        if row.state != "uncertain":
            raise Conflict(FATE_IS_KNOWN)
        row.state, row.sent_at = "sent", row.last_try_at or tx.at
        append_state(tx, ticket, row, actor=Actor.staff(agent.id))


def take_back(services: Services, agent: Agent, message_id: UUID) -> None:
    """Stop an answer and its copies before any has begun to leave, and owe the customer one again.

    Raises `NotFound`, and `Conflict` once it is too late.
    """
    with services.begin() as tx:
        ticket, row = _lock_both(tx, agent, message_id)
        rows = [row, *(_lock_row(tx, one.id) for one in copies_of(tx.session, message_id))]
        if not all(may_take_back(one, tx.at) for one in rows):
            raise Conflict(TOO_LATE)
        for one in rows:
            one.state = "cancelled"
            append_state(tx, ticket, one, actor=Actor.staff(agent.id))
        _owe_again(tx, ticket, agent)
        _let_go_on(tx, row)


def may_take_back(row: Outbound, at: datetime) -> bool:
    """Say whether an answer still waits out the time in which it can be stopped."""
    return row.state == "queued" and row.attempts == 0 and row.not_before > at


def note_attempt(tx: UnitOfWork, row: Outbound, position: int, outcome: str, why: str) -> None:
    """Write how one try ended. A slow process may correct what was said of a dead one."""
    known = tx.session.scalar(
        select(OutboundAttempt).where(
            OutboundAttempt.outbound_id == row.id, OutboundAttempt.position == position
        )
    )
    if known is None:
        known = OutboundAttempt(id=tx.new_id(), outbound_id=row.id, position=position)
        tx.session.add(known)
    known.at, known.outcome, known.why = tx.at, outcome, why[:500]


def lock_with_ticket(tx: UnitOfWork, outbound_id: UUID) -> tuple[Ticket, Outbound]:
    """Lock a message on its way and its ticket, always in the same order."""
    ticket_id = tx.session.scalar(select(Outbound.ticket_id).where(Outbound.id == outbound_id))
    if ticket_id is None:
        raise NotFound("outbound")
    ticket = lock_ticket(tx, ticket_id)
    row = tx.session.get_one(Outbound, outbound_id, with_for_update=True, populate_existing=True)
    return ticket, row


def advance(tx: UnitOfWork, ticket: Ticket, row: Outbound, state: str, *, why: str = "") -> None:
    """Give a message its next state, tell the timeline, and let the next one go."""
    if state == row.state:
        return
    held_up = row.state in ON_ITS_WAY
    row.state = state
    if state in ("failed", "uncertain"):
        row.last_error = why[:500]
    if state in SHOWN:
        append_state(tx, ticket, row, actor=Actor.system())
    if held_up and state not in ON_ITS_WAY:
        _let_go_on(tx, row)


def _let_go_on(tx: UnitOfWork, row: Outbound) -> None:
    """Have sent what waited for a message that waits no more."""
    tx.session.flush()
    for following in next_in_line(tx.session, row):
        tx.enqueue("send_outbound", str(following))


def append_state(tx: UnitOfWork, ticket: Ticket, row: Outbound, *, actor: Actor) -> None:
    append_event(
        tx,
        ticket,
        "message.state",
        actor=actor,
        data={"message_id": str(row.message_id), "state": row.state}
        | ({"cc": row.recipient} if row.cc else {}),
    )


def _owe_again(tx: UnitOfWork, ticket: Ticket, agent: Agent) -> None:
    """Start the clocks anew where nothing that was said to the customer answers her."""
    unanswered = oldest_unanswered(tx.session, ticket.id)
    if unanswered is None:
        return
    if ticket.category in ("waiting", "solved"):
        set_status(tx, ticket, "open", actor=Actor.staff(agent.id))
    customer_wrote(tx, ticket, unanswered.channel)
    ticket.waiting_since = unanswered.at


def _lock_for(
    tx: UnitOfWork, agent: Agent, message_id: UUID, copy_id: UUID | None
) -> tuple[Ticket, Outbound]:
    """Lock a message, or a copy of it, that waits for a person's decision."""
    ticket, row = _lock_both(tx, agent, message_id, copy_id)
    if row.state not in FOR_A_PERSON:
        raise Conflict("This message is on its way or has arrived.")
    return ticket, row


def _lock_both(
    tx: UnitOfWork, agent: Agent, message_id: UUID, copy_id: UUID | None = None
) -> tuple[Ticket, Outbound]:
    message = message_visible_to(tx.session, agent, message_id)
    ticket = lock_ticket_visible_to(tx, agent, message.ticket_id)
    first = outbound_of_message(tx.session, message_id)
    if first is None:
        raise NotFound("message")
    row = _lock_row(tx, copy_id or first.id)
    if row.message_id != message_id:
        raise NotFound("message")
    return ticket, row


def _lock_row(tx: UnitOfWork, row_id: UUID) -> Outbound:
    row = tx.session.get(Outbound, row_id, with_for_update=True, populate_existing=True)
    if row is None:
        raise NotFound("outbound")
    return row
