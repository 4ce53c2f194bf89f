"""The bank's own books: what it takes, what it refuses, what became of it.

They check what a bank checks, and one thing on purpose not: a refund above what was paid
is carried out and shows up in `over_refunds`, so that a test sees the defect that sent it.
"""

import threading
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from hashlib import sha256
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from billing_core.domain.brcode import parse
from helpdesk.demo.bank_standin.papers import (
    Charge,
    Mandate,
    Paper,
    Rail,
    Refund,
    SpecialReturn,
    report_line,
    working_days_after,
)
from helpdesk.demo.bank_standin.reading import Refused, read_amount, read_day

BRASILIA = ZoneInfo("America/Sao_Paulo")
WORKING_DAYS_TO_CLOSE = 2  # a withdrawn boleto can be paid until the bank has closed it
RETRIES = 3  # of an automatic charge, on different days
RETRY_DAYS = 7  # after its due day
CLAIM_WITHIN = timedelta(days=80)  # a special return, after the payment
ANSWER_WITHIN = timedelta(days=7)
PERIODS = ("week", "month", "quarter", "half_year", "year")


P = TypeVar("P", Charge, Refund, Mandate, SpecialReturn)


class Books:
    """May be used by several threads. `tell` hears of every change of a paper's state."""

    def __init__(self, clock: Callable[[], datetime], tell: Callable[[Paper], None]) -> None:
        self._clock = clock
        self._tell = tell
        self._lock = threading.RLock()
        self.instant_refunds = False
        self._charges: dict[str, Charge] = {}
        self._refunds: dict[str, Refund] = {}
        self._mandates: dict[str, Mandate] = {}
        self._returns: dict[str, SpecialReturn] = {}

    # What the receiver asks for

    def take_charge(self, id: str, rail: str, said: dict[str, Any], *, decline: str = "") -> Charge:
        """Register a charge; the same request again returns the first answer."""
        with self._lock:
            known = self._charges.get(id)
            if known is None:
                known = self._charges[id] = self._new_charge(id, rail, said, decline)
            elif known.request != said:
                raise Refused(409, "key_reused")
            return known

    def withdraw_charge(self, id: str) -> Charge:
        with self._lock:
            charge = self.charge(id)
            if charge.state == "ATIVA":
                self._end(charge, "REMOVIDA", "withdrawn")
            return charge

    def take_refund(
        self, id: str, charge_id: str, said: dict[str, Any], *, decline: str = ""
    ) -> Refund:
        with self._lock:
            charge = self.charge(charge_id)
            amount = read_amount(said.get("amount"))
            known = self._refunds.get(id)
            if known is None:
                known = Refund(id, said["key"], charge_id, amount, self._clock())
                self._refunds[id] = known
                if charge.state != "CONCLUIDA":
                    decline = "not_paid"
                if decline:
                    known.state, known.code = "NAO_REALIZADO", decline
                elif self.instant_refunds:
                    self._end(known, "DEVOLVIDO")
            elif (known.key, known.charge_id, known.amount_minor) != (
                said["key"],
                charge_id,
                amount,
            ):
                raise Refused(409, "key_reused")
            return known

    def take_mandate(self, id: str, said: dict[str, Any]) -> Mandate:
        with self._lock:
            known = self._mandates.get(id)
            if known is None:
                known = self._mandates[id] = self._new_mandate(id, said)
            elif known.request != said:
                raise Refused(409, "key_reused")
            return known

    def cancel_mandate(self, id: str, code: str = "cancelled_by_receiver") -> Mandate:
        """End a consent; charges that are scheduled under it end with it."""
        with self._lock:
            mandate = self.mandate(id)
            if mandate.state in ("CRIADA", "APROVADA"):
                self._end(mandate, "CANCELADA", code)
                for charge in self._charges.values():
                    if charge.mandate == id and charge.state == "ATIVA":
                        self._end(charge, "CANCELADA", "mandate_ended")
            return mandate

    def answer_return(self, id: str, said: dict[str, Any]) -> SpecialReturn:
        """Hear the receiver: who agrees gives the money back at once. The same key answers once."""
        with self._lock:
            asked = self.special_return(id)
            if asked.answer_key == said["key"]:
                return asked
            if asked.state != "ABERTA":
                raise Refused(409, "already_answered")
            asked.answer_key, asked.agreed = said["key"], bool(said["agrees"])
            asked.words = dict(said["words"])
            self._end(asked, "DEVOLVIDA" if asked.agreed else "EM_ANALISE")
            return asked

    def special_return(self, id: str) -> SpecialReturn:
        return _known(self._returns, id)

    def charge(self, id: str) -> Charge:
        return _known(self._charges, id)

    def refund(self, id: str) -> Refund:
        return _known(self._refunds, id)

    def mandate(self, id: str) -> Mandate:
        return _known(self._mandates, id)

    def report(self, rail: str, day: date) -> list[dict[str, Any]]:
        """Return what moved on a UTC day, oldest first."""
        with self._lock:
            lines = (
                [
                    report_line(
                        "charge", charge.id, charge.key, charge.amount_minor, charge.paid_at
                    )
                    for charge in self._charges.values()
                    if charge.rail.startswith(rail) and charge.paid_at is not None
                ]
                + [
                    report_line(
                        "refund", refund.id, refund.key, refund.amount_minor, refund.ended_at
                    )
                    for refund in self._refunds.values()
                    if self._charges[refund.charge_id].rail.startswith(rail)
                    and refund.state == "DEVOLVIDO"
                ]
                + [
                    report_line("dispute", one.id, "", one.amount_minor, one.created_at)
                    for one in self._returns.values()
                    if self._charges[one.charge_id].rail.startswith(rail)
                ]
            )
        return sorted(
            (one for one in lines if one["at"][:10] == day.isoformat()), key=lambda one: one["at"]
        )

    # What payers and banks do

    def pay(self, id: str) -> Charge:
        """Pay a charge, as the payer or, for an automatic one, as her bank does on the due day."""
        with self._lock:
            charge = self.charge(id)
            if charge.state not in self._payable(charge):
                raise Refused(409, charge.code or "already_paid")
            charge.paid_at = self._clock()
            self._end(charge, "CONCLUIDA")
            return charge

    def pay_code(self, code: str) -> Charge:
        """Pay what a BR Code or a boleto's digits stand for, as a payer who scans it."""
        with self._lock:
            said = parse(code)
            for charge in self._charges.values():
                if charge.rail == "boleto":
                    meant = code in (charge.boleto().line, charge.boleto().barcode)
                else:
                    meant = bool(said.url) and said.url == charge.location
                if meant:
                    return self.pay(charge.id)
        raise Refused(404, "not_found")

    def refuse_payment(self, id: str, code: str = "insufficient_funds") -> Charge:
        """Let the payer's bank refuse an automatic charge on its due day."""
        with self._lock:
            charge = self._active(id)
            self._end(charge, "REJEITADA", code)
            return charge

    def payer_cancels(self, id: str) -> Charge:
        """Cancel a scheduled charge as the payer: until 23:59 of the day before it is due."""
        with self._lock:
            charge = self._active(id)
            if charge.due_on is None or self._today() >= charge.due_on:
                raise Refused(409, "too_late")
            self._end(charge, "CANCELADA", "cancelled_by_payer")
            return charge

    def answer_mandate(self, id: str, *, accept: bool) -> Mandate:
        with self._lock:
            mandate = self.mandate(id)
            if mandate.state != "CRIADA":
                raise Refused(409, "already_answered")
            self._end(
                mandate, "APROVADA" if accept else "REJEITADA", "" if accept else "refused_by_payer"
            )
            return mandate

    def expire_due(self) -> list[Charge]:
        """End the charges whose time has passed."""
        with self._lock:
            now = self._clock()
            late = [
                charge
                for charge in self._charges.values()
                if charge.state == "ATIVA" and charge.expires_at and charge.expires_at <= now
            ]
            for charge in late:
                self._end(charge, "EXPIRADA", "expired")
            return late

    def settle_refunds(self, *, succeed: bool = True, code: str = "no_balance") -> list[Refund]:
        """End every refund in process."""
        with self._lock:
            waiting = [one for one in self._refunds.values() if one.state == "EM_PROCESSAMENTO"]
            for refund in waiting:
                if succeed:
                    self._end(refund, "DEVOLVIDO")
                else:
                    self._end(refund, "NAO_REALIZADO", code)
            return waiting

    def refund_outside(self, charge_id: str, amount_minor: int) -> Refund:
        """Give money back in the bank's own screens: no key of the receiver's is on it."""
        with self._lock:
            charge = self.charge(charge_id)
            id = sha256(f"outside {len(self._refunds)} {charge.id}".encode()).hexdigest()[:32]
            refund = self._refunds[id] = Refund(id, "", charge_id, amount_minor, self._clock())
            self._end(refund, "DEVOLVIDO")
            return refund

    def claim_fraud(self, charge_id: str, minor: int, reason: str = "fraud") -> SpecialReturn:
        """Let the payer's bank ask for a special return of a paid Pix, within 80 days."""
        with self._lock:
            charge, now = self.charge(charge_id), self._clock()
            paid_at = charge.paid_at if charge.rail != "boleto" else None
            if paid_at is None or now > paid_at + CLAIM_WITHIN:
                raise Refused(409, "not_claimable")
            id = sha256(f"return {len(self._returns)} {charge.id}".encode()).hexdigest()[:32]
            asked = SpecialReturn(id, charge_id, minor, reason, now, now + ANSWER_WITHIN)
            self._returns[id] = asked
            self._end(asked, "ABERTA")
            return asked

    def decide_return(self, id: str, *, give_back: bool) -> SpecialReturn:
        """End a special return, as the two banks have agreed."""
        with self._lock:
            asked = self.special_return(id)
            self._end(asked, "DEVOLVIDA" if give_back else "NEGADA")
            return asked

    # What a test looks at

    def charges(self) -> list[Charge]:
        with self._lock:
            return list(self._charges.values())

    def refunds(self) -> list[Refund]:
        with self._lock:
            return list(self._refunds.values())

    def over_refunds(self) -> list[str]:
        """Return the charges of which more was given back, or is about to be, than was paid."""
        with self._lock:
            given: dict[str, int] = {}
            for refund in self._refunds.values():
                if refund.state != "NAO_REALIZADO":
                    given[refund.charge_id] = given.get(refund.charge_id, 0) + refund.amount_minor
            return [id for id, sum in given.items() if sum > self._charges[id].amount_minor]

    # Inside

    def _new_charge(self, id: str, rail: str, said: dict[str, Any], decline: str) -> Charge:
        due_on = read_day(said.get("due_on"))
        mandate = str(said.get("mandate") or "")
        kind: Rail = "boleto" if rail == "boleto" else "pix_automatico" if mandate else "pix"
        charge = Charge(
            id=id,
            key=said["key"],
            rail=kind,
            amount_minor=read_amount(said.get("amount")),
            payer=str(said.get("payer") or ""),
            reference=str(said.get("reference") or ""),
            created_at=self._clock(),
            due_on=due_on,
            mandate=mandate,
            location=f"bank.example/pix/{id}" if kind == "pix" else "",
            request=dict(said),
        )
        if kind != "pix_automatico":
            charge.expires_at = self._end_of(due_on, int(said.get("expires_in_s") or 86400))
        if kind == "boleto" and due_on is None:
            charge.due_on = self._today() + timedelta(days=3)
            charge.expires_at = self._end_of(charge.due_on, 0)
        decline = decline or (self._refusal(charge) if mandate else "")
        if decline:
            charge.state, charge.code, charge.taken = "REJEITADA", decline, False
        return charge

    def _refusal(self, charge: Charge) -> str:
        """Say why an automatic charge cannot be scheduled; empty when it can."""
        mandate = self._mandates.get(charge.mandate)
        charge.due_on = charge.due_on or self._today()
        if mandate is None or mandate.state != "APROVADA":
            return "mandate_ended"
        if mandate.max_minor is not None and charge.amount_minor > mandate.max_minor:
            return "mandate_limit_exceeded"
        earlier = [
            one
            for one in self._charges.values()
            if (one.mandate, one.reference) == (charge.mandate, charge.reference) and one.taken
        ]
        if not earlier:
            return ""
        days = [one.due_on for one in earlier if one.due_on]
        if any(one.state in ("ATIVA", "CONCLUIDA") for one in earlier) or charge.due_on in days:
            return "already_scheduled"
        if len(days) > RETRIES or charge.due_on > min(days) + timedelta(days=RETRY_DAYS):
            return "too_many_retries"
        return ""

    def _new_mandate(self, id: str, said: dict[str, Any]) -> Mandate:
        starts_on = read_day(said.get("starts_on"))
        if said.get("period") not in PERIODS or starts_on is None:
            raise Refused(400, "unreadable")
        most = said.get("max_amount")
        return Mandate(
            id=id,
            key=said["key"],
            payer=str(said.get("payer") or ""),
            max_minor=None if most is None else read_amount(most),
            period=said["period"],
            starts_on=starts_on,
            created_at=self._clock(),
            request=dict(said),
        )

    def _active(self, id: str) -> Charge:
        charge = self.charge(id)
        if charge.state != "ATIVA":
            raise Refused(409, charge.code or "already_paid")
        return charge

    def _payable(self, charge: Charge) -> tuple[str, ...]:
        """Return the states in which it can be paid. The bank closes a boleto days later."""
        if charge.rail != "boleto":
            return ("ATIVA",)
        if charge.closed_on is not None and self._today() >= charge.closed_on:
            return ("ATIVA",)
        return ("ATIVA", "REMOVIDA", "EXPIRADA")

    def _end(self, paper: Paper, state: str, code: str = "") -> None:
        paper.state, paper.code = state, code
        if isinstance(paper, Refund):
            paper.ended_at = self._clock()
        if isinstance(paper, Charge) and paper.rail == "boleto" and state != "CONCLUIDA":
            paper.closed_on = working_days_after(self._today(), WORKING_DAYS_TO_CLOSE)
        self._tell(paper)

    def _today(self) -> date:
        return self._clock().astimezone(BRASILIA).date()

    def _end_of(self, day: date | None, seconds: int) -> datetime:
        if day is None:
            return self._clock() + timedelta(seconds=seconds)
        midnight = datetime.combine(day + timedelta(days=1), time(), BRASILIA)
        return (midnight - timedelta(seconds=1)).astimezone(UTC)


def _known(papers: dict[str, P], id: str) -> P:
    if id not in papers:
        raise Refused(404, "not_found")
    return papers[id]
