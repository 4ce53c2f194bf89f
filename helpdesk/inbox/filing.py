"""Writing what was read into the conversation it belongs to, all in one transaction."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from sqlalchemy import bindparam, select

from channels.port import CallReport, Receipt
from channels.port import Inbound as Said
from helpdesk.customers.handles import spaced
from helpdesk.customers.service import Identification, identify, link_identified
from helpdesk.db import UnitOfWork
from helpdesk.errors import NotFound
from helpdesk.events.service import Actor
from helpdesk.inbox.blobs import Keeper, name_blob
from helpdesk.inbox.blocking import is_blocked
from helpdesk.inbox.files import KeptFile, attach, keep_file
from helpdesk.inbox.masking import mask_text
from helpdesk.inbox.model import Inbound, MailIndex
from helpdesk.inbox.owed import owe_files
from helpdesk.inbox.phrases import phrase
from helpdesk.inbox.threading import (
    CALLS,
    Place,
    call_is_known,
    choose,
    find_leads,
    follow_merges,
    id_hash,
    note_held,
)
from helpdesk.inbox.turns import take_turn, take_turns
from helpdesk.mailboxes.queries import is_ours, leads_to_us
from helpdesk.outbox.service import record_receipt
from helpdesk.phone.calls import note_call
from helpdesk.phone.service import hear_wish
from helpdesk.settings import Settings
from helpdesk.tickets.model import Message, Ticket
from helpdesk.tickets.participants import add_participant, only_gets_copies
from helpdesk.tickets.queries import lock_ticket
from helpdesk.tickets.service import (
    CustomerMessage,
    NewTicket,
    add_customer_message,
    open_ticket,
)
from helpdesk.widget.intake import remember

LONGEST_SUBJECT: Final = 200
LONGEST_FIRST_LINE: Final = 80
# Of what a channel tells about a message, what is kept to show to an agent.
SHOWN_FACTS: Final = (
    "transcript",
    "authentication",
    "authentication_claimed",
    "sender_warnings",
    "original_sender",
    "cc",
    "reply_to",
    "files_omitted",
    "cut",
)
CHAT: Final = "chat"
SILENT_CALLS: Final = ("missed", "waiting")
MEDIA: Final = "media_0_url"  # of the data of a text with files that the provider keeps

_FACTS_OF_CALL: Final = (
    select(Message.facts)
    .join(MailIndex, MailIndex.message_id == Message.id)
    .where(MailIndex.message_id_hash == bindparam("hash"), MailIndex.mailbox == CALLS)
)


@dataclass(frozen=True, slots=True)
class KeptParts:
    """What of a message lies on disk already."""

    html: str | None  # SHA-256
    html_size: int
    files: tuple[KeptFile, ...]


def keep_parts(blobs: Keeper, item: Said) -> KeptParts:
    """Write the HTML and the files of a message to disk, before the transaction."""
    html = item.html.encode()
    return KeptParts(
        html=blobs.keep(html) if html else None,
        html_size=len(html),
        files=tuple(keep_file(blobs, file) for file in item.files),
    )


def file_items(
    tx: UnitOfWork,
    settings: Settings,
    row: Inbound,
    items: Sequence[Said | Receipt | CallReport],
    kept: Sequence[KeptParts],
) -> None:
    """Give everything in one delivery its place. `kept` belongs to its messages, in order."""
    parts = iter(kept)
    receipts = [item for item in items if isinstance(item, Receipt)]
    said = [(item, next(parts)) for item in items if isinstance(item, Said)]
    for receipt in receipts:
        _file_receipt(tx, row, receipt)
    for item, part in said:
        take_turns(tx, turns_of(item))
        if item.auto == "bounce":
            _set_aside_bounce(row)
        elif reason := _refusal(tx, row, item):
            _set_aside(row, item, *reason)
            if reason == ("quarantined", "blocked_sender"):
                hear_wish(tx, None, item)
        else:
            _file_message(tx, settings, row, item, part)
    for report in (item for item in items if isinstance(item, CallReport)):
        _file_report(tx, settings, row, report)


def turns_of(item: Said) -> list[tuple[str, ...]]:
    """Two first messages of one person, or two reports of one call, must not meet."""
    sender = ("sender", item.sender.kind, item.sender.value)
    return [sender, ("thread", item.thread_key)] if item.thread_key else [sender]


def _file_receipt(tx: UnitOfWork, row: Inbound, receipt: Receipt) -> None:
    outbound = record_receipt(tx, receipt)
    if outbound is None:
        row.state, row.reason = "discarded", "receipt_of_nothing_of_ours"
        return
    row.ticket_id, row.message_id = outbound.ticket_id, outbound.message_id


def _file_report(tx: UnitOfWork, settings: Settings, row: Inbound, report: CallReport) -> None:
    """Write down how far a call has come, in the conversation that its message went to."""
    take_turn(tx, "thread", report.call_id)
    ticket = lock_ticket(tx, row.ticket_id) if row.ticket_id else None
    call = note_call(tx, settings, report, ticket)
    if call is not None:
        row.ticket_id = call.ticket_id


def _set_aside_bounce(row: Inbound) -> None:
    """A bounce says something about a message of ours, or nothing to us."""
    if row.message_id is None:
        row.state, row.reason = "discarded", "bounce"


def _set_aside(row: Inbound, item: Said, state: str, reason: str) -> None:
    row.state, row.reason = state, reason
    if state == "quarantined":
        name, address = item.sender.name, item.sender.value
        row.sender = f"{name} <{address}>" if name and address else name or address
        row.subject = item.subject


def _refusal(tx: UnitOfWork, row: Inbound, item: Said) -> tuple[str, str] | None:
    """Return state and reason where a message must not become one in a conversation.

    A person who has released the delivery has judged already what is only suspected.
    """
    if item.auto == "own" or is_ours(tx.session, item.sender.value):
        return "discarded", "own_mail"
    if item.data.get("missed") and call_is_known(tx.session, item):
        return "read", ""
    if row.released_by is None and (reason := suspicion(tx, item)):
        return "quarantined", reason
    return None


def suspicion(tx: UnitOfWork, item: Said) -> str:
    """Return the machine code of why a person should look first; "" lets it pass. Writes nothing."""
    if item.data.get("doubt") == "several_senders":
        return "several_senders"
    if not item.sender.value:
        return "no_sender"
    if is_blocked(tx.session, item.sender):
        return "blocked_sender"
    if item.auto in ("auto_reply", "report", "complaint"):
        place = choose(find_leads(tx.session, item, at=tx.at))
        if place.ticket_id is None:
            return "automatic_answer_to_nothing"
    return ""


def _file_message(
    tx: UnitOfWork, settings: Settings, row: Inbound, item: Said, part: KeptParts
) -> None:
    if item.data.get("doubt"):  # released, which proves nobody
        item = replace(item, trust="failed")
    who = identify(tx, item.sender, trust=item.trust)
    chosen = _chosen_ticket(tx, row)
    ticket = chosen or _ticket_for(tx, settings, item, who)
    if part.html is not None:
        name_blob(tx, part.html, size=part.html_size, media_type="text/html")
    said_before = ticket.snippet
    message = add_customer_message(tx, ticket, _message(tx, settings, item, part, who))
    if said_before and item.data.get("voicemail") and _is_transcribed(tx, item):
        ticket.snippet = said_before  # her words tell more than that there is a recording
    for file in part.files:
        # A guessable id would be a way around the conversation it belongs to.
        attach(tx, message.id, file, attachment_id=uuid.uuid4())
    _index(tx, row, item, message)
    hear_wish(tx, ticket, item)
    if chosen is None and not _is_in_copy(tx, ticket, item):
        link_identified(tx, ticket, who, actor=Actor.system())
    if channel_of(item) == CHAT and ticket.chat_key == item.thread_key:
        remember(tx, ticket, item, settings.language)
    row.ticket_id, row.message_id = ticket.id, message.id
    if message.media_url or MEDIA in item.data:
        owe_files(tx, row.id)
        what = "fetch_recording" if message.media_url else "fetch_media"
        tx.enqueue(what, str(row.id), key=str(row.id))


def _is_in_copy(tx: UnitOfWork, ticket: Ticket, item: Said) -> bool:
    """Say whether somebody wrote here who is known to us, but not as whose conversation it is."""
    if ticket.customer_id is not None or tx.is_unwritten(ticket):
        return False
    return only_gets_copies(tx.session, ticket, item.sender)


def file_original(tx: UnitOfWork, settings: Settings, row: Inbound, file: KeptFile) -> None:
    """Put a delivery that nobody can read into the ticket that a person chose, as a file."""
    ticket = _chosen_ticket(tx, row)
    if ticket is None:
        raise NotFound("ticket")
    words = phrase(settings.language, "unreadable")
    message = add_customer_message(
        tx,
        ticket,
        CustomerMessage(
            channel=CHAT if row.channel == "webchat" else row.channel,
            author_name=row.sender,
            author_handle="",
            body=words,
            reply_text=words,
            trust="failed",
        ),
    )
    attach(tx, message.id, file, attachment_id=uuid.uuid4())
    row.ticket_id, row.message_id = ticket.id, message.id


def _chosen_ticket(tx: UnitOfWork, row: Inbound) -> Ticket | None:
    """Return the locked ticket that a person chose, or what it was merged into since.

    Its sender does not take part by that: answers go where they went before.
    """
    found = tx.session.get(Ticket, row.attach_to_id) if row.attach_to_id else None
    if found is None:
        return None
    return lock_ticket(tx, follow_merges(tx.session, found)[-1].id)


def _ticket_for(tx: UnitOfWork, settings: Settings, item: Said, who: Identification) -> Ticket:
    """Return the locked ticket that a message belongs to, opening one where there is none."""
    place = choose(find_leads(tx.session, item, at=tx.at))
    while place.ticket_id is not None:
        ticket = lock_ticket(tx, place.ticket_id)
        if ticket.category == place.category and ticket.merged_into_id is None:
            return _joined(tx, ticket, item)
        again = choose(find_leads(tx.session, item, at=tx.at))
        if again == place:
            return _joined(tx, ticket, item)
        place = again  # closed or merged while we waited for the lock
    return _open(tx, settings, item, who, place)


def _joined(tx: UnitOfWork, ticket: Ticket, item: Said) -> Ticket:
    if item.sender.value:
        add_participant(tx, ticket, item.sender.kind, item.sender.value)
    return ticket


def _open(
    tx: UnitOfWork, settings: Settings, item: Said, who: Identification, place: Place
) -> Ticket:
    ticket = open_ticket(
        tx,
        NewTicket(
            subject=_subject(settings, item),
            channel=channel_of(item),
            customer_name=who.name or item.sender.name or item.sender.value,
            chat_key=item.thread_key if channel_of(item) == CHAT else "",
            related_id=place.related_id,
            parent_id=place.parent_id,
        ),
    )
    if item.sender.value:
        add_participant(tx, ticket, item.sender.kind, item.sender.value, nobody_yet=True)
    return ticket


def channel_of(item: Said) -> str:
    """Return how the conversation names the channel that an adapter serves."""
    return CHAT if item.channel == "webchat" else item.channel


def _message(
    tx: UnitOfWork, settings: Settings, item: Said, part: KeptParts, who: Identification
) -> CustomerMessage:
    body, reply_text = item.text, item.reply_text
    if not body.strip() and item.channel == "voice":
        spoken = next((word for word in SILENT_CALLS if item.data.get(word)), "voicemail")
        spoken = {"missed": "missed_call"}.get(spoken, spoken)
        body = reply_text = phrase(settings.language, spoken)
    if not body.strip() and MEDIA in item.data:
        body = reply_text = phrase(settings.language, "files")
    seconds = item.data.get("duration_s", "")
    media = item.data.get("recording_url", "") and not item.data.get("transcript")
    return CustomerMessage(
        channel=channel_of(item),
        author_name=item.sender.name or who.name,
        author_handle=item.sender.value,
        customer_id=who.customer_id if who.exact else None,
        body=body,
        reply_text=reply_text,
        html_blob=part.html,
        trust=item.trust,
        auto=item.auto or "",
        facts=_facts(tx, item),
        client_msg_id=item.external_id if channel_of(item) == CHAT else None,
        media_url=f"/attachments/{uuid.uuid4()}" if media else "",
        media_seconds=int(seconds) if media and seconds.isdecimal() else 0,
    )


def _facts(tx: UnitOfWork, item: Said) -> dict[str, str]:
    facts = {name: mask_text(item.data[name]) for name in SHOWN_FACTS if name in item.data}
    if "transcript" in facts and _is_transcribed(tx, item):
        del facts["transcript"]  # said once, of the first piece
    if "cc" in facts:
        others = [one for one in facts.pop("cc").split(", ") if not leads_to_us(tx.session, one)]
        facts |= {"cc": ", ".join(others)} if others else {}
    return facts


def _is_transcribed(tx: UnitOfWork, item: Said) -> bool:
    """Say whether a machine's transcript of this call, or a piece of it, has been filed."""
    filed = tx.session.scalars(_FACTS_OF_CALL, {"hash": id_hash(item.thread_key)})
    return any("transcript" in facts for facts in filed)


def _subject(settings: Settings, item: Said) -> str:
    if item.subject.strip():
        return " ".join(item.subject.split())[:LONGEST_SUBJECT]
    if item.channel == "voice":
        return phrase(settings.language, "call", who=item.sender.name or spaced(item.sender.value))
    if MEDIA in item.data and not item.reply_text.strip():
        return phrase(settings.language, "files")
    first = next((line.strip() for line in item.reply_text.splitlines() if line.strip()), "")
    if len(first) > LONGEST_FIRST_LINE:
        first = first[: LONGEST_FIRST_LINE - 1].rstrip() + "…"
    return first or phrase(settings.language, "no_subject")


def _index(tx: UnitOfWork, row: Inbound, item: Said, message: Message) -> None:
    """Remember by which outside id answers will name this message or this call."""
    named = {"email": item.message_id, "voice": item.thread_key}.get(item.channel, "")
    if not named:
        return
    tx.record(
        MailIndex(
            id=tx.new_id(),
            mailbox=CALLS if item.channel == "voice" else row.source,
            message_id_hash=id_hash(named),
            header_id=named if item.channel == "email" else "",
            message_id=message.id,
            ticket_id=message.ticket_id,
        )
    )
    if item.channel == "email":
        note_held(tx.session, named, message.ticket_id)
