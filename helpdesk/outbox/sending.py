"""Sending one message: lease it, hand it over with no transaction open, settle the answer.

A process that dies in between leaves a lease that runs out. Nobody knows then whether the
message left, so it becomes `uncertain`: no channel here promises to drop a repeated mail
or text, therefore a person decides about a second one.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from sqlalchemy import update
from sqlalchemy.orm import Session

from channels.port import Adapter, File, Party, Refused, Uncertain, Unreachable
from channels.port import Outbound as Letter
from helpdesk.db import UnitOfWork
from helpdesk.errors import NotFound
from helpdesk.inbox.model import MailIndex, ReplyToken
from helpdesk.inbox.threading import id_hash, token_hash
from helpdesk.inbox.turns import take_turn
from helpdesk.mailboxes.account import MailAccount, source_of
from helpdesk.mailboxes.dressing import Dressed, dress
from helpdesk.mailboxes.health import note_send_fault, note_sent, take_slot
from helpdesk.mailboxes.queries import account_for, account_of_ticket
from helpdesk.outbox.envelope import (
    instance_domain,
    mint_code,
    mint_message_id,
    mint_reply_token,
    reply_subject,
    trim_references,
    with_token,
)
from helpdesk.outbox.model import Outbound
from helpdesk.outbox.queries import (
    ADDRESSED_BY,
    abandoned,
    copies_of,
    due,
    files_of,
    mail_thread,
    message_to_send,
    older_waits,
    outbound_of_message,
    tried_since,
)
from helpdesk.outbox.service import advance, lock_with_ticket, note_attempt
from helpdesk.outbox.states import LEASE, forward, wait_s
from helpdesk.phone.queries import opted_out
from helpdesk.phone.words import OPTED_OUT
from helpdesk.services import Services
from helpdesk.settings import Settings
from helpdesk.tickets.model import Message, Ticket

log = structlog.get_logger()

AT_ONCE = 50  # rows of one sweep
TOKEN_LIFE = timedelta(days=365)
NOT_SET_UP = "this channel is not set up"
FILE_AWAY = "a file of this message cannot be read"
PROCESS_ENDED = "the sending process ended"
MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Leased:
    """A message that is ours to send until the lease ends."""

    outbound_id: UUID
    attempt: int
    letter: Letter


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the adapter said: sent, failed, uncertain, or queued for another try."""

    state: str
    provider_id: str | None = None
    why: str = ""
    code: str = ""  # of the cause


def send(services: Services, outbound_id: UUID) -> None:
    """Send one message if it is due and nothing goes before it. Safe to run twice."""
    leased = _lease(services, outbound_id)
    if leased is None:
        return
    adapter = adapter_of(services, leased.letter.channel)
    try:
        outcome = _hand_over(adapter, _with_files(services, leased))
    except (NotFound, OSError):
        outcome = Outcome("queued", why=FILE_AWAY)  # it has not left, that is certain
    _settle(services, leased, outcome)


def _with_files(services: Services, leased: Leased) -> Letter:
    """Return the letter with the files of its message."""
    with services.reading() as session:
        kept = files_of(session, leased.outbound_id)
    files = tuple(
        File(one.name, one.media_type, services.blobs.read(one.blob), one.content_id)
        for one in kept
    )
    return replace(leased.letter, files=files)


def send_due(services: Services) -> int:
    """Send what waits, oldest first; return how many were looked at."""
    mark_abandoned(services)
    count = 0
    for channel in dict.fromkeys([*ADDRESSED_BY, *services.adapters]):
        at = services.clock()
        with services.reading() as session:
            room = min(AT_ONCE, _room(session, services.settings, channel, at))
            rows = due(session, at, channel, limit=room) if room > 0 else ()
        for row in rows:
            send(services, row)
        count += len(rows)
    return count


def mark_abandoned(services: Services) -> int:
    """Say of what a dead process was sending that nobody knows whether it left."""
    with services.reading() as session:
        rows = abandoned(session, services.clock(), limit=AT_ONCE)
    for row_id in rows:
        with services.begin() as tx:
            ticket, row = lock_with_ticket(tx, row_id)
            if row.state == "sending" and row.leased_until is not None and row.leased_until < tx.at:
                note_attempt(tx, row, row.attempts, "uncertain", PROCESS_ENDED)
                advance(tx, ticket, row, "uncertain", why=PROCESS_ENDED)
    return len(rows)


def adapter_of(services: Services, channel: str) -> Adapter | None:
    """Return what serves a channel of messages."""
    return services.adapters.get(channel)


def _hand_over(adapter: Adapter | None, letter: Letter) -> Outcome:
    """Ask the network. No transaction is open here: it may take minutes."""
    if adapter is None or (letter.channel == "email" and not letter.sender):
        return Outcome("failed", why=NOT_SET_UP)
    try:
        return Outcome("sent", provider_id=adapter.send(letter) or None)
    except Unreachable as fault:
        return Outcome("queued", why=str(fault), code=fault.code)
    except Refused as fault:
        return Outcome("failed", why=str(fault))
    except Uncertain as fault:
        return Outcome("uncertain", why=str(fault))
    except Exception:
        log.exception("sending broke", channel=letter.channel, key=letter.key)
        return Outcome("uncertain", why="sending ended in a fault of ours")


def _lease(services: Services, outbound_id: UUID) -> Leased | None:
    """Take the right to send, committed before anything leaves. None: not now, or never."""
    with services.begin() as tx:
        row = tx.session.get(Outbound, outbound_id)
        message = _ready(tx, services.settings, row) if row else None
        if row is None or message is None:
            return None
        if opted_out(tx.session, row.channel, row.recipient) is not None:
            ticket, row = lock_with_ticket(tx, outbound_id)
            advance(tx, ticket, row, forward(row.state, "failed"), why=OPTED_OUT)
            return None
        taken = tx.session.execute(
            update(Outbound)
            .where(
                Outbound.id == outbound_id,
                Outbound.state == "queued",
                Outbound.attempts == row.attempts,
            )
            .values(
                state="sending",
                attempts=row.attempts + 1,
                leased_until=tx.at + LEASE,
                last_try_at=tx.at,
            )
        )
        if taken.rowcount != 1:  # type: ignore[attr-defined]  # an UPDATE has one
            return None
        tx.session.refresh(row)
        account = _account(tx, services.settings, row)
        if not row.envelope:
            row.envelope = _seal(tx, services.settings, row, message, account)
        if account is not None and _waits_for_slot(tx, row, account):
            return None
        letter = _write(services.settings, row, message, account)
        return Leased(outbound_id, row.attempts, letter)


def _ready(tx: UnitOfWork, settings: Settings, row: Outbound) -> Message | None:
    """Return the text of a message whose time, turn and room have come, else None."""
    if row.state != "queued" or row.not_before > tx.at:
        return None
    message = message_to_send(tx.session, row.id)
    if message is None or older_waits(tx.session, row):
        return None
    take_turn(tx, "cap", row.channel)  # two workers must not see the same room
    if _room(tx.session, settings, row.channel, tx.at) <= 0:
        return None  # the sweep comes back to it
    return message


def _account(tx: UnitOfWork, settings: Settings, row: Outbound) -> MailAccount | None:
    """Return the mailbox that a mail leaves from: the one of its first try while it is in use."""
    if row.channel != "email":
        return None
    sealed = account_for(tx.session, settings, str(row.envelope.get("sender", "")))
    return sealed or account_of_ticket(tx.session, settings, row.ticket_id)


def _waits_for_slot(tx: UnitOfWork, row: Outbound, account: MailAccount) -> bool:
    """Put a mail back until its mailbox may send again; it keeps the moment it was given."""
    if not account.rate_per_minute:
        return False
    held = bool(row.envelope.get("slot"))
    row.envelope = {**row.envelope, "slot": not held}
    slot = tx.at if held else take_slot(tx, account)
    if slot <= tx.at:
        row.envelope = {**row.envelope, "slot": False}
        return False
    row.state, row.leased_until, row.attempts = "queued", None, row.attempts - 1
    row.not_before, row.last_try_at = slot, None
    wait_s = (slot - tx.at).total_seconds()
    tx.enqueue("send_outbound", str(row.id), key=f"{row.id} {slot.isoformat()}", delay_s=wait_s)
    return True


def _room(session: Session, settings: Settings, channel: str, at: datetime) -> int:
    """Return how many more messages may be tried on a channel within this minute."""
    cap = settings.outbox_per_minute
    if channel == "chat":  # it leaves the house for nobody's server
        return cap
    return cap - tried_since(session, channel, at - MINUTE, most=cap)


def _seal(
    tx: UnitOfWork, settings: Settings, row: Outbound, message: Message, account: MailAccount | None
) -> dict[str, object]:
    """Return what every try of this message carries on its outside."""
    if row.channel != "email":
        return {"sealed": True}
    ticket = tx.session.get_one(Ticket, row.ticket_id)
    thread = mail_thread(tx.session, row.ticket_id, before_seq=message.seq)
    heard = [header_id for header_id, direction in thread if direction == "in"]
    sender = account.address if account else settings.mail_address
    domain = instance_domain(settings.mail_address, settings.public_url)
    named = row.id if row.cc else message.id  # a bounce says by it whose mail was lost
    message_id = mint_message_id(settings.secret_key, named, domain)
    first = row if not row.cc else outbound_of_message(tx.session, message.id)
    tx.session.add(
        MailIndex(
            id=tx.new_id(),
            mailbox=source_of(sender),
            message_id_hash=id_hash(message_id),
            header_id=message_id,
            message_id=message.id,
            ticket_id=row.ticket_id,
        )
    )
    token = mint_reply_token(settings.secret_key, row.id, row.recipient)
    tx.session.add(
        ReplyToken(
            token_hash=token_hash(token),
            ticket_id=row.ticket_id,
            recipient=row.recipient,
            expires_at=tx.at + TOKEN_LIFE,
        )
    )
    return {
        "sealed": True,
        "sender": sender,
        "message_id": message_id,
        "in_reply_to": heard[-1] if heard else "",
        "references": list(trim_references([header_id for header_id, _ in thread])),
        "subject": reply_subject(ticket.subject),
        "to": first.recipient if first else row.recipient,
        "cc": [one.recipient for one in copies_of(tx.session, message.id)],
    }


def _write(
    settings: Settings, row: Outbound, message: Message, account: MailAccount | None
) -> Letter:
    """Return the message as the adapter is handed it."""
    kind = row.recipient_kind
    sender, reply_to = _our_address(settings, row.channel), ""
    body = _text(settings, row, message)
    dressed = Dressed(body, "")
    if row.channel == "email":
        sender = account.address if account else sender
        token = mint_reply_token(settings.secret_key, row.id, row.recipient)
        reply_to = with_token(sender, token)
        dressed = dress(body, account, agent=message.author_name, company=settings.company)
    return Letter(
        key=row.key,
        channel=row.channel,
        to=Party(kind, row.recipient),  # type: ignore[arg-type]  # one of ADDRESSED_BY
        sender=sender,
        sender_name=account.name if account else settings.company,
        text=dressed.text,
        html=dressed.html,
        subject=row.envelope.get("subject", ""),
        message_id=row.envelope.get("message_id", ""),
        in_reply_to=row.envelope.get("in_reply_to", ""),
        references=tuple(row.envelope.get("references", ())),
        reply_to=reply_to,
        automatic=message.author_kind in ("system", "bot"),
        template=row.envelope.get("template", ""),
        variables=row.envelope.get("variables", {}),
        attempt=row.attempts,
        cc=tuple(Party("email", one) for one in row.envelope.get("cc", ())),
        shown_to=Party("email", row.envelope["to"]) if row.cc else None,
    )


def _text(settings: Settings, row: Outbound, message: Message) -> str:
    """Return what the customer reads: a secret code stands in no row, only in what leaves."""
    if "text_with_code" not in row.envelope:
        return message.body
    text: str = row.envelope["text_with_code"]
    return text.replace("{code}", mint_code(settings.secret_key, message.id))


def _our_address(settings: Settings, channel: str) -> str:
    return {
        "email": settings.mail_address,
        "sms": settings.sms_number,
        "whatsapp": settings.whatsapp_number,
    }.get(channel, settings.company)


def _settle(services: Services, leased: Leased, outcome: Outcome) -> None:
    """Write down what the adapter said. A receipt may have been faster and knows more."""
    with services.begin() as tx:
        ticket, row = lock_with_ticket(tx, leased.outbound_id)
        ours = row.attempts == leased.attempt and row.state in ("sending", "uncertain")
        note_attempt(tx, row, leased.attempt, outcome.state, outcome.why)
        if outcome.state == "sent":
            row.provider_id = outcome.provider_id or row.provider_id
            row.sent_at = row.sent_at or tx.at
            advance(tx, ticket, row, forward(row.state, "sent"))
            if row.channel == "email":
                note_sent(tx, leased.letter.sender)
        elif not ours:
            return  # somebody else has decided since; a failure of ours is no news
        elif outcome.state == "queued":
            _try_again(tx, ticket, row, outcome.why)
            if row.channel == "email":
                note_send_fault(tx, leased.letter.sender, outcome.code, outcome.why)
        else:
            advance(tx, ticket, row, outcome.state, why=outcome.why)
        if row.state != "sending":
            row.leased_until = None


def _try_again(tx: UnitOfWork, ticket: Ticket, row: Outbound, why: str) -> None:
    """Put a message back that certainly did not leave; after a day it has failed."""
    row.last_error = why[:500]
    if tx.at >= row.give_up_at:
        row.dead_at = tx.at
        advance(tx, ticket, row, "failed", why=why)
        return
    row.state = "queued"
    row.not_before = tx.at + timedelta(seconds=wait_s(row.key, row.attempts))
