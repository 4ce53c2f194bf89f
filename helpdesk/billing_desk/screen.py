"""What the money drawers and the approvals page show: plain frozen values."""

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Literal

from billing_core.domain.money import Money
from billing_core.store.views import PriceView
from helpdesk.web.screen import Person


@dataclass(frozen=True, slots=True)
class DrawerFrame:
    """The head of every drawer. `kind` is the word in the address."""

    ticket_id: str
    kind: Literal["refund", "credit", "plan", "reissue"]
    title: str
    customer_name: str
    step: int  # 1 choose, 2 preview, 3 confirm, 4 result
    expires_at: datetime | None = None

    @property
    def first_name(self) -> str:
        return self.customer_name.split(" ", 1)[0]

    @property
    def url(self) -> str:
        return f"/tickets/{self.ticket_id}/money/{self.kind}"


@dataclass(frozen=True, slots=True)
class Charge:
    """One payment that can still be given back."""

    payment_id: str
    on: datetime
    captured: Money
    left: Money
    number: str  # of its invoice; "" has none
    method: str
    duplicate: bool = False
    window: str = ""  # until when the provider gives it back, in words
    closed: bool = False  # the provider does not give it back


@dataclass(frozen=True, slots=True)
class WrongLine:
    """One invoice line that may have been charged wrongly."""

    invoice_id: str
    line_id: str
    number: str
    state: str
    label: str
    start: date | None
    end: date | None
    net: Money  # what is left of it


@dataclass(frozen=True, slots=True)
class CurrentPlan:
    subscription_id: str
    plan: str
    price: Money
    interval: str
    interval_count: int
    period_end: date


@dataclass(frozen=True, slots=True)
class ChooseScreen:
    """Step 1. `values` are what was typed, by field; `problem` why it cannot be previewed."""

    frame: DrawerFrame
    values: dict[str, str]
    reasons: tuple[tuple[str, str], ...]
    currency: str
    problem: str = ""
    problem_field: str = ""
    offers_credit: bool = False  # the provider refuses, so credit is the way
    charges: tuple[Charge, ...] = ()
    lines: tuple[WrongLine, ...] = ()
    current: CurrentPlan | None = None
    prices: tuple[tuple[PriceView, str], ...] = ()  # with the price in words


@dataclass(frozen=True, slots=True)
class NeedsApproval:
    """Why a second person is asked, and who that may be."""

    sentence: str
    approvers: tuple[Person, ...]


@dataclass(frozen=True, slots=True)
class WillRead:
    """What the customer will read once it is done; "" channel: nobody can be reached."""

    text: str
    language: str  # BCP 47
    language_name: str
    channel: str


@dataclass(frozen=True, slots=True)
class SumLine:
    label: str
    detail: str
    amount: Money


@dataclass(frozen=True, slots=True)
class Cell:
    """One day of the cycle."""

    day: int
    fresh: bool  # on the new plan
    today: bool


@dataclass(frozen=True, slots=True)
class Ruler:
    """The days of a cycle; the same facts in words for those who cannot see them."""

    cells: tuple[Cell, ...]
    used: int
    left: int
    start: date
    last: date
    on: date
    spoken: str


@dataclass(frozen=True, slots=True)
class Coming:
    """One of the next charges, and what it would have been."""

    on: date
    amount: Money
    before: Money | None
    today: bool = False


@dataclass(frozen=True, slots=True)
class PlanWays:
    """The two moments a plan can change, and what each costs today."""

    now: Money | None  # None: not possible now
    later_on: date
    chosen: str


@dataclass(frozen=True, slots=True)
class PreviewScreen:
    """Step 2: everything that would change, frozen."""

    frame: DrawerFrame
    preview_id: str
    key: str  # one-time
    button: str
    values: dict[str, str]
    reasons: tuple[tuple[str, str], ...]
    currency: str
    amount: Money
    rows: tuple[tuple[str, str, str, str, bool], ...]
    will_read: WillRead
    approval: NeedsApproval | None = None
    # refund
    charge_name: str = ""
    charge_detail: str = ""
    goes_to: str = ""
    goes_to_kind: str = ""
    arrives: str = ""
    refund_amount: Money | None = None
    # plan
    current: CurrentPlan | None = None
    prices: tuple[tuple[PriceView, str], ...] = ()
    ways: PlanWays | None = None
    ruler: Ruler | None = None
    sums: tuple[SumLine, ...] = ()
    to_pay: Money | None = None
    pay_with: str = ""
    gains: tuple[tuple[str, str, str], ...] = ()
    coming: tuple[Coming, ...] = ()
    needs_acceptance: bool = False


@dataclass(frozen=True, slots=True)
class TrackStep:
    label: str
    detail: str = ""
    at: datetime | None = None
    when: str = ""
    state: Literal["done", "now", "todo"] = "todo"


@dataclass(frozen=True, slots=True)
class ResultScreen:
    """Steps 3 and 4: what the server knows of an act, at this moment."""

    frame: DrawerFrame
    act_id: str
    state: str
    tone: Literal["", "done", "failed", "unknown"]
    title: str
    text: str
    track: tuple[TrackStep, ...]
    sums: tuple[SumLine, ...]
    total: Money
    audit: str
    preview: str
    may_cancel: bool = False
    may_retry: bool = False
    refresh_s: int = 0  # 0: nothing more will come by itself


@dataclass(frozen=True, slots=True)
class ProblemScreen:
    """Why a confirmation was not taken, and the way on."""

    frame: DrawerFrame
    sentence: str
    values: dict[str, str] = field(default_factory=dict)  # what to preview again
    act_id: str = ""  # where it was done already


@dataclass(frozen=True, slots=True)
class ApprovalRow:
    act_id: str
    title: str
    customer_name: str
    amount: Money
    requester: Person
    at: datetime
    mine: bool


@dataclass(frozen=True, slots=True)
class ApprovalDetail:
    """One request as it was shown to the person who asked."""

    row: ApprovalRow
    ticket_number: int
    ticket_id: str
    kind: str
    reason: str
    rows: tuple[tuple[str, str, str, str, bool], ...]
    sums: tuple[SumLine, ...]
    to_pay: Money | None
    expires_at: datetime
    request_hash: str
    audit: str
    message: str
    message_language: str
    waits: bool
    outcome: str = ""  # once it was decided


@dataclass(frozen=True, slots=True)
class ApprovalsScreen:
    rows: tuple[ApprovalRow, ...]
    chosen: ApprovalDetail | None
    problem: str = ""
