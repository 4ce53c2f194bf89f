"""What stands beside the conversation: the customer and the money. Plain frozen values.

Sentences about money are written by billing, in the reader's language: a template cannot
know why an amount is what it is.
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from billing_core.domain.money import Money
from helpdesk.web.screen import Person

SubscriptionState = Literal[
    "trial", "active", "past_due", "paused", "cancelling", "cancelled", "none"
]
InvoiceState = Literal[
    "draft", "open", "paid", "refunded", "part_refunded", "void", "uncollectible",
    "due_back", "failed", "pending", "disputed",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Candidate:
    """Somebody this contact may be. Offered, never joined by itself."""

    customer_id: str
    name: str
    detail: str
    reason: str  # e-mail, phone, name
    score: int  # 0..100
    can_prove: bool = False  # a code can go to a confirmed address


@dataclass(frozen=True, slots=True)
class CustomerCard:
    customer_id: str
    person: Person
    address: str  # the handle this conversation came from
    local_time: datetime | None = None  # aware, in the customer's own zone
    place: str = ""  # short name of that zone: SP
    identity: Literal["confirmed", "claimed", "unknown"] = "unknown"
    identity_at: datetime | None = None
    document: str = ""  # masked: CPF •••.482.118-••
    since: date | None = None
    paid: Money | None = None
    contacts: int = 0  # conversations in 12 months
    url: str = ""
    can_prove: bool = False  # not confirmed yet, and a code can go to a confirmed address


@dataclass(frozen=True, slots=True)
class StandingCode:
    """A code that was sent and waits to be told."""

    until: datetime
    tries: int


@dataclass(frozen=True, slots=True)
class AlertCard:
    """The one finding that matters most. `url` opens a preview; it never moves money."""

    title: str
    text: str
    action: Literal["refund", "credit", "plan", "reissue", ""] = ""
    amount: Money | None = None
    url: str = ""


@dataclass(frozen=True, slots=True)
class NextCharge:
    amount: Money
    on: date
    in_days: int
    explanation: str


@dataclass(frozen=True, slots=True)
class SubscriptionCard:
    plan: str
    state: SubscriptionState
    price: Money
    cycle: str  # "monthly, every 16th", in the reader's language
    day: int = 0  # day n of N
    days: int = 0
    method: str = ""  # Visa •• 4417, expires 08/28
    ends_on: date | None = None  # cancelling


@dataclass(frozen=True, slots=True)
class InvoiceLine:
    """One charge or invoice, and a plain sentence saying what it is."""

    id: str  # the charge_id that amounts in messages point to
    on: date
    number: str
    state: InvoiceState
    total: Money
    explanation: str = ""
    open: bool = False
    url: str = ""
    fix_url: str = ""  # opens the preview that puts a wrong charge right


@dataclass(frozen=True, slots=True)
class RegisterLine:
    at: datetime
    text: str


@dataclass(frozen=True, slots=True)
class PanelScreen:
    """The right column. With no customer the candidates are offered instead."""

    ticket_id: str
    customer: CustomerCard | None = None
    candidates: tuple[Candidate, ...] = ()
    code: StandingCode | None = None
    alert: AlertCard | None = None
    next_charge: NextCharge | None = None
    subscription: SubscriptionCard | None = None
    invoices: tuple[InvoiceLine, ...] = ()
    invoices_total: int = 0
    invoices_url: str = ""
    register: tuple[RegisterLine, ...] = ()
    register_url: str = ""
    acts: tuple[str, ...] = ()  # of refund, plan, credit, reissue: what this person may open
    limit: Money | None = None  # of one money act of this person
    needs_approval: bool = True  # above the limit; False when nothing above it is allowed
    failed: bool = False  # billing did not answer: say so, offer a retry
