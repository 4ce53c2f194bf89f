"""What an invoice document shows: words and amounts, ready to be set on a page or in a PDF."""

from dataclasses import dataclass
from typing import Literal

Tone = Literal["", "ok", "warn", "danger"]


@dataclass(frozen=True, slots=True)
class Party:
    label: str
    name: str
    details: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class BridgeRow:
    """One bar of the way from the last invoice to this one. `left` and `width` are per mille."""

    label: str
    amount: str
    kind: Literal["before", "more", "less", "after"]
    left: int
    width: int


@dataclass(frozen=True, slots=True)
class BridgeScreen:
    heading: str
    rows: tuple[BridgeRow, ...]
    previous_id: str


@dataclass(frozen=True, slots=True)
class LineRow:
    title: str
    detail: str
    amount: str
    gives_back: bool = False


@dataclass(frozen=True, slots=True)
class SumRow:
    label: str
    amount: str
    strong: bool = False


@dataclass(frozen=True, slots=True)
class PayScreen:
    """`picture` is an SVG of ours: a QR code or the bars of a boleto."""

    rail: Literal["pix", "boleto"]
    heading: str
    until: str
    amount: str
    code: str
    picture: str


@dataclass(frozen=True, slots=True)
class InvoiceScreen:
    id: str
    number: str
    title: str
    issued: str
    state: str
    tone: Tone
    parties: tuple[Party, ...]
    bridge: BridgeScreen | None
    charged: str  # the heading of the lines
    amount: str  # and of their amounts
    lines: tuple[LineRow, ...]
    sums: tuple[SumRow, ...]
    notes: tuple[str, ...]
    pay: PayScreen | None
    page: str  # "page {n} of {all}", for paper
    language: str  # BCP 47
