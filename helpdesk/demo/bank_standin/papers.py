"""What the bank writes down, and how it shows each paper on the wire."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from typing import Any, Literal

from billing_core.domain.boleto import Boleto
from billing_core.domain.money import Money

Rail = Literal["pix", "pix_automatico", "boleto"]

BANK_NUMBER = "999"


@dataclass
class Charge:
    """A Pix charge or a boleto.

    States: ATIVA, CONCLUIDA (paid), REMOVIDA (withdrawn by the receiver), EXPIRADA,
    REJEITADA (never taken, or the payer's bank refused it), CANCELADA (by the payer).
    """

    id: str
    key: str
    rail: Rail
    amount_minor: int
    payer: str
    reference: str
    created_at: datetime
    state: str = "ATIVA"
    code: str = ""
    due_on: date | None = None
    expires_at: datetime | None = None
    closed_on: date | None = None  # a boleto can be paid up to the day before
    mandate: str = ""
    taken: bool = True  # False: refused when it was asked for
    location: str = ""
    paid_at: datetime | None = None
    request: dict[str, Any] = field(default_factory=dict)

    def boleto(self) -> Boleto:
        """Return the boleto that bears this charge's number in its free field."""
        number = int(sha256(self.id.encode()).hexdigest(), 16) % 10**24
        return Boleto(
            bank=BANK_NUMBER,
            amount=Money(self.amount_minor, "BRL"),
            due_on=self.due_on,
            free_field=f"9{number:024}",
        )

    def shown(self) -> dict[str, Any]:
        told = {
            "id": self.id,
            "key": self.key,
            "rail": self.rail,
            "state": self.state,
            "code": self.code,
            "amount": shown_amount(self.amount_minor),
            "reference": self.reference,
            "mandate": self.mandate,
            "due_on": self.due_on.isoformat() if self.due_on else None,
            "expires_at": self.expires_at.isoformat() if self.expires_at else None,
            "location": self.location,
        }
        if self.rail == "boleto":
            told |= {"line": self.boleto().line, "barcode": self.boleto().barcode}
        return told


@dataclass
class Refund:
    """States: EM_PROCESSAMENTO, DEVOLVIDO, NAO_REALIZADO. One made at the bank has no key."""

    id: str
    key: str
    charge_id: str
    amount_minor: int
    created_at: datetime
    state: str = "EM_PROCESSAMENTO"
    code: str = ""
    ended_at: datetime | None = None

    def shown(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "key": self.key,
            "charge": self.charge_id,
            "state": self.state,
            "code": self.code,
            "amount": shown_amount(self.amount_minor),
        }


@dataclass
class Mandate:
    """A payer's consent. States: CRIADA, APROVADA, REJEITADA, CANCELADA, EXPIRADA."""

    id: str
    key: str
    payer: str
    max_minor: int | None
    period: str
    starts_on: date
    created_at: datetime
    state: str = "CRIADA"
    code: str = ""
    request: dict[str, Any] = field(default_factory=dict)

    def shown(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "key": self.key,
            "state": self.state,
            "code": self.code,
            "payer": self.payer,
            "max_amount": None if self.max_minor is None else shown_amount(self.max_minor),
            "period": self.period,
            "starts_on": self.starts_on.isoformat(),
        }


@dataclass
class SpecialReturn:
    """A payer's bank says that a Pix was a fraud (MED). What it claims is kept back meanwhile.

    States: ABERTA (our word is awaited), EM_ANALISE, DEVOLVIDA, NEGADA.
    """

    id: str
    charge_id: str
    amount_minor: int
    reason: str
    created_at: datetime
    answer_by: datetime
    state: str = "ABERTA"
    code: str = ""
    answer_key: str = ""
    agreed: bool = False
    words: dict[str, Any] = field(default_factory=dict)

    def shown(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "charge": self.charge_id,
            "state": self.state,
            "reason": self.reason,
            "amount": shown_amount(self.amount_minor),
            "answer_by": self.answer_by.isoformat(),
            "agreed": self.agreed,
        }


Paper = Charge | Refund | Mandate | SpecialReturn


def kind_of(paper: Paper) -> Literal["charge", "refund", "mandate", "return"]:
    if isinstance(paper, Charge):
        return "charge"
    if isinstance(paper, SpecialReturn):
        return "return"
    return "refund" if isinstance(paper, Refund) else "mandate"


def shown_amount(minor: int) -> str:
    return f"{minor // 100}.{minor % 100:02}"


def working_days_after(day: date, count: int) -> date:
    while count:
        day += timedelta(days=1)
        count -= day.weekday() < 5
    return day


def report_line(kind: str, id: str, key: str, minor: int, at: datetime | None) -> dict[str, Any]:
    told = at.astimezone(UTC).isoformat() if at else ""
    return {"kind": kind, "id": id, "key": key, "amount": shown_amount(minor), "at": told}
