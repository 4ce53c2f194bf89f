"""The whole contract between the helpdesk and a way to reach a customer.

An adapter translates. It never decides who the customer is, which ticket a message
belongs to, or whether to answer. It is handed bytes and hands back values; it is
handed an `Outbound` and hands back the provider's id.

ChannelError
  BadSignature     the delivery is not from the provider: answer 4xx
  Unreadable       the bytes cannot be understood: quarantine them
  SendError
    Refused        the provider said no for good: the message has failed
    Unreachable    certainly not delivered: try again later with the same key
    Uncertain      nobody knows: the provider may have taken it
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol

HandleKind = Literal["email", "phone", "whatsapp", "chat", "external"]
AutoKind = Literal["auto_reply", "bounce", "complaint", "report", "list", "own"]
Trust = Literal["session", "verified", "aligned", "bare", "failed"]
CallStep = Literal[
    "waiting", "callback", "talked", "colleague_missed", "customer_missed", "voicemail", "over"
]
DeliveryState = Literal["sent", "delayed", "delivered", "read", "failed", "undelivered"]


class ChannelError(Exception):
    """Base of everything an adapter may raise on purpose."""

    code = ""  # of the cause, where screens have a sentence for it


class BadSignature(ChannelError):
    """The delivery does not prove that it comes from the provider."""


class Unreadable(ChannelError):
    """The bytes cannot be turned into a message; they are kept and shown to a person."""


class SendError(ChannelError):
    """A message did not leave. The text is safe to show to an agent."""


class Refused(SendError):
    """Final: the provider or the recipient's server said no."""


class Unreachable(SendError):
    """Nothing was handed over; sending again with the same key is safe."""


class Uncertain(SendError):
    """The connection ended after the message was handed over and before the answer."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One thing that arrived from outside, as it arrived."""

    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)  # lower-case names
    url: str = ""  # the public URL the provider called, "" when there was none


@dataclass(frozen=True, slots=True)
class Answer:
    """What the provider reads in reply to its webhook call."""

    body: str = ""
    content_type: str = "text/plain; charset=utf-8"
    status: int = 200


@dataclass(frozen=True, slots=True)
class Party:
    """Somebody at the other end of a channel."""

    kind: HandleKind
    value: str  # normalised: lower-case e-mail, E.164 phone, opaque chat id
    name: str = ""
    verified: bool = False  # the channel itself proves this handle, it is not merely typed


@dataclass(frozen=True, slots=True)
class File:
    """A part of a message that is not text to read."""

    name: str
    media_type: str
    content: bytes
    content_id: str = ""  # set for pictures shown inside an HTML body


@dataclass(frozen=True, slots=True)
class Inbound:
    """One thing that a customer, or a machine in her name, said."""

    channel: str
    external_id: str  # the provider's id of this message
    sender: Party
    text: str  # all readable text, quotes and signature included
    reply_text: str  # the new part only; equal to `text` where nothing was quoted
    sent_at: datetime | None  # aware UTC as the sender's side stamped it; None when unreadable
    subject: str = ""
    html: str = ""  # untrusted
    recipients: tuple[str, ...] = ()
    message_id: str = ""  # RFC 5322, without angle brackets
    references: tuple[str, ...] = ()  # newest first, In-Reply-To before References
    reply_tokens: tuple[str, ...] = ()  # secrets found in recipient addresses
    files: tuple[File, ...] = ()
    auto: AutoKind | None = None
    trust: Trust = "bare"
    thread_key: str = ""  # set where the channel itself knows the conversation (chat, call)
    data: Mapping[str, str] = field(default_factory=dict)  # channel facts shown to agents


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of a message that we sent."""

    channel: str
    provider_id: str
    state: DeliveryState
    reason: str = ""
    key: str = ""  # `Outbound.key`, where the provider hands it back: it settles an `Uncertain`
    attempt: int = 0  # `Outbound.attempt`, where the provider hands it back; 0 is not known


@dataclass(frozen=True, slots=True)
class CallReport:
    """How far a call has come."""

    channel: str
    call_id: str  # the provider's
    step: CallStep
    number: str = ""  # the customer's, E.164; "" where she hides it, or where we called
    topic: str = ""  # what the caller said it is about: billing, other
    key: str = ""  # ours, of a call that we made or took
    duration_s: int = 0
    reason: str = ""  # the provider's word for how it ended


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was tried to find out whether a channel is set up rightly."""

    name: str
    passed: bool
    detail: str = ""  # what was found, safe to show to whoever set it up


@dataclass(frozen=True, slots=True)
class Outbound:
    """One message to deliver. `key` is minted once and stays for life."""

    key: str
    channel: str
    to: Party
    sender: str  # our address, number or name on that channel
    text: str
    html: str = ""
    subject: str = ""
    message_id: str = ""
    in_reply_to: str = ""
    references: tuple[str, ...] = ()  # oldest first
    reply_to: str = ""
    sender_name: str = ""
    files: tuple[File, ...] = ()
    automatic: bool = False  # no person wrote it; the channel says so where it can
    template: str = ""  # the provider's name of an approved text, where the channel asks for one
    variables: Mapping[str, str] = field(default_factory=dict)  # what the template leaves open
    attempt: int = 0  # which try this is, from 1: what is told of an earlier one is not its fate
    cc: tuple[Party, ...] = ()  # whom a mail names as getting a copy; each is sent her own
    shown_to: Party | None = None  # whom it names as its receiver, where `to` gets a copy


class Adapter(Protocol):
    """One way to reach a customer."""

    name: str

    def receive(self, delivery: Delivery) -> str:
        """Check that the delivery is the provider's and return its external key.

        The key names this delivery for ever: a repeated one has the same key.
        Pure: no clock, no network, no database. Raises `BadSignature`, `Unreadable`.
        """
        ...

    def answer(self, delivery: Delivery) -> Answer:
        """Say what the provider reads in reply, once the delivery has been stored."""
        ...

    def parse(self, delivery: Delivery) -> Iterable[Inbound | Receipt | CallReport]:
        """Read one stored delivery. Pure. Raises `Unreadable`."""
        ...

    def send(self, message: Outbound) -> str:
        """Deliver once per `message.key`; return the provider's id for it.

        Raises `Refused`, `Unreachable` or `Uncertain`, nothing else.
        """
        ...
