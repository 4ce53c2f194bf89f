"""What the queue and the conversation show: plain frozen values between queries and templates.

Templates decide words and looks; these say facts. Texts written by people are carried as
they are, never as markup. Moments are aware; `Formats` takes them to the reader's zone.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Literal

from billing_core.domain.money import Money
from helpdesk.web.screen import Person

Channel = Literal["email", "chat", "whatsapp", "sms", "voice"]
ClockState = Literal["running", "hold", "met"]
SendState = Literal[
    "", "queued", "sending", "sent", "delivered", "read", "uncertain", "failed", "cancelled"
]
SlipState = Literal["detected", "previewed", "awaiting", "sending", "done", "failed", "unknown"]


@dataclass(frozen=True, slots=True)
class SlaChip:
    """One clock. Whether it is soon or late follows from `due_at`, also in the browser."""

    state: ClockState
    due_at: datetime | None = None  # running
    target_s: int = 0  # the whole promise; soon means a quarter of it is left
    took_s: int = 0  # met
    reason: str = ""  # hold: customer, approval, snoozed, closed_hours


# ---- queue ----


@dataclass(frozen=True, slots=True)
class QueueRow:
    """One conversation, three lines."""

    ticket_id: str
    number: int
    channel: Channel
    name: str
    snippet: str
    sla: SlaChip | None
    last_at: datetime
    last_seq: int = 0
    at_stake: Money | None = None
    times: int = 1  # 2 for a doubled charge: "2× R$ 129,90"
    tags: tuple[str, ...] = ()
    language: str = ""  # of the snippet, where it is not the reader's: "en"
    unread: bool = False
    typing: bool = False


@dataclass(frozen=True, slots=True)
class QueueGroup:
    """Rows whose next deadline lies in the same span."""

    code: Literal["late", "soon", "today", "later", "waiting", "solved"]
    total: int
    rows: tuple[QueueRow, ...]


@dataclass(frozen=True, slots=True)
class QueueScreen:
    """The left column, and what of it is chosen."""

    view: str  # mine, unassigned, all, waiting, solved
    total: int
    groups: tuple[QueueGroup, ...]
    channels: Mapping[str, int] = field(default_factory=dict)  # channel -> open conversations
    channel: str = ""  # the filter; "" for all
    views: tuple[str, ...] = ("mine", "unassigned", "all")
    late: int = 0
    current: int | None = None  # number of the open conversation
    next_page: str = ""  # keyset cursor; "" on the last page
    next_due_at: datetime | None = None  # for the sentence under an empty queue
    query: str = ""


# ---- conversation ----


@dataclass(frozen=True, slots=True)
class Run:
    """A stretch of somebody's text. Build whole bodies with `plain` where nothing is marked."""

    text: str
    kind: Literal["text", "amount", "mention"] = "text"
    charge_id: str = ""  # amount: the charge in the panel that it matches


@dataclass(frozen=True, slots=True)
class Attachment:
    name: str
    url: str
    size: int  # bytes
    media_type: str = ""


@dataclass(frozen=True, slots=True)
class CopyItem:
    """What became of one copy of a mail."""

    id: str
    recipient: str
    state: SendState
    error: str = ""  # why it was not sent, safe to show


@dataclass(frozen=True, slots=True)
class MessageItem:
    """Something said to or by the customer."""

    seq: int
    direction: Literal["in", "out"]
    channel: Channel
    author: Person
    at: datetime
    body: tuple[Run, ...]
    id: str = ""
    full_name: bool = False  # first message of a person: say the whole name
    language: str = ""
    translation: str = ""
    state: SendState = ""
    state_at: datetime | None = None
    error: str = ""  # why it was not sent, safe to show
    attachments: tuple[Attachment, ...] = ()
    whole_url: str = ""  # everything it says, quotes and signature too, where less is shown
    trust: str = ""
    auto: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)
    html_url: str = ""  # the letter as its sender designed it, behind a sandbox
    recording_url: str = ""
    seconds: int = 0
    parts: int = 0  # SMS segments
    retry: bool = False  # this reader may send it again
    undo_until: datetime | None = None  # this reader may stop it until then
    copies: tuple[CopyItem, ...] = ()
    kind: Literal["message"] = "message"


@dataclass(frozen=True, slots=True)
class NoteItem:
    """Something only the team sees."""

    seq: int
    author: Person
    at: datetime
    body: tuple[Run, ...]
    id: str = ""
    kind: Literal["note"] = "note"


@dataclass(frozen=True, slots=True)
class SlipRow:
    label: str
    amount: Money
    at: datetime | None = None  # shown as a clock in front
    detail: str = ""
    warn: bool = False  # the detail is the problem


@dataclass(frozen=True, slots=True)
class MoneySlip:
    """One money act or finding. Every step of one act has its own seq and the same act_id."""

    seq: int
    title: str  # code: templates/console/_words.html turns it into a sentence
    state: SlipState
    at: datetime
    rows: tuple[SlipRow, ...] = ()
    args: Mapping[str, object] = field(default_factory=dict)  # placeholders of the title
    amount: Money | None = None  # %(amount)s of the title
    by: str = ""  # who asked or approved; "" for the product itself
    approver: str = ""
    audit: str = ""
    note: str = ""  # a full sentence: why it failed, what happens next
    url: str = ""  # opens the act in the drawer
    id: str = ""
    kind: Literal["money"] = "money"


@dataclass(frozen=True, slots=True)
class SystemLine:
    """One grey line."""

    seq: int
    code: str
    at: datetime
    args: Mapping[str, object] = field(default_factory=dict)
    id: str = ""
    kind: Literal["system"] = "system"


@dataclass(frozen=True, slots=True)
class DayLine:
    """The day changes here."""

    day: date
    seq: int = 0
    id: str = ""
    kind: Literal["day"] = "day"


@dataclass(frozen=True, slots=True)
class PastTicket:
    """An earlier conversation with the same customer, above the timeline."""

    number: int
    subject: str
    channel: Channel
    solved_at: datetime | None
    language: str = ""


@dataclass(frozen=True, slots=True)
class RelatedTicket:
    """Another conversation that this one may belong to, or went on in."""

    number: int
    subject: str
    customer_name: str


TimelineItem = MessageItem | NoteItem | MoneySlip | SystemLine | DayLine


@dataclass(frozen=True, slots=True)
class TimelineScreen:
    """What /tickets/<id>/timeline?after=N answers: everything new or changed since N.

    An item that is already on the page is replaced in place, by its id.
    """

    ticket_id: str
    last_seq: int
    items: tuple[TimelineItem, ...]
    typing: tuple[str, Channel] | None = None  # (name, channel)


@dataclass(frozen=True, slots=True)
class ComposerChannel:
    """One way to answer this customer, best first."""

    key: Channel
    address: str  # where it goes, as people read it
    limit: Literal[
        "", "whatsapp_window", "sms_parts", "online", "offline", "closed", "opted_out"
    ] = ""
    until: datetime | None = None  # whatsapp_window
    subject: str = ""  # e-mail


@dataclass(frozen=True, slots=True)
class Snippet:
    """Text that a click puts at the caret: a macro, or a verified billing fact."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class ComposerScreen:
    """Where the answer is written. Reply and note keep separate drafts."""

    ticket_id: str
    channels: tuple[ComposerChannel, ...]
    channel: str  # the one chosen: a key of `channels`, or "note"
    message_id: str  # fresh uuid: the client_msg_id of the next message
    reply_draft: str = ""
    note_draft: str = ""
    language: str = ""  # what the customer writes in
    check: str = ""  # money check, a full sentence; "" says nothing
    check_ok: bool = True
    macros: tuple[Snippet, ...] = ()
    facts: tuple[Snippet, ...] = ()
    attach: bool = False
    cc: str = ""  # who gets a copy of a mail: as it was typed, or as of the last answer
    cc_guesses: tuple[str, ...] = ()  # whom the customer's last mail named beside us
    templates: bool = False  # there are approved texts for WhatsApp
    may_reply: bool = True
    may_note: bool = True


@dataclass(frozen=True, slots=True)
class Collision:
    """Somebody else is writing on the same conversation."""

    who: Person
    channel: Channel
    since: datetime


@dataclass(frozen=True, slots=True)
class Colleague:
    """Somebody a conversation can be given to."""

    id: str
    name: str
    availability: str = ""


@dataclass(frozen=True, slots=True)
class ConversationScreen:
    """The middle column."""

    ticket_id: str
    number: int
    subject: str
    category: Literal["open", "waiting", "solved", "closed"]
    customer_name: str
    timeline: TimelineScreen
    composer: ComposerScreen
    first: SlaChip | None = None
    next: SlaChip | None = None
    resolution: SlaChip | None = None
    subject_language: str = ""
    tags: tuple[str, ...] = ()
    assignee: Person | None = None
    snoozed_until: datetime | None = None
    viewers: tuple[Person, ...] = ()  # others, never the reader
    collision: Collision | None = None
    colleagues: tuple[Colleague, ...] = ()
    customer_language: str = ""  # language name in the reader's words; "" when it is theirs
    customer_place: str = ""  # "Lisboa 17:29"
    past: tuple[PastTicket, ...] = ()
    related: RelatedTicket | None = None  # perhaps the same matter; this reader may judge
    merged_into: RelatedTicket | None = None  # where it goes on
    place: int = 0  # 3 of 14 in the queue it was opened from; 0 when unknown
    of: int = 0
    may_call: bool = False  # a telephone line is set up, and this person may use it
    previous_number: int | None = None
    next_number: int | None = None


def plain(text: str) -> tuple[Run, ...]:
    """Return `text` as a body with nothing marked in it."""
    return (Run(text),)
