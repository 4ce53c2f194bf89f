"""The sandbox's own books: what a provider would do on its own machines, in its own database."""

import hashlib
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Literal

from sqlalchemy import Connection, Row, Table, delete, insert, literal, select, update
from sqlalchemy.dialects import postgresql, sqlite

from ..domain.boleto import Boleto
from ..domain.brcode import build_dynamic
from ..domain.money import Money
from ..domain.refund_window import RefundWindow
from ..errors import GatewayDeclined, GatewayUnreachable, KeyReused
from ..ports import DisputeNotice, GatewayEvent, PayBy, Receipt, ReportLine
from ..store.sandbox import SandboxCharge, SandboxDispute, SandboxRefund, SandboxRule

Call = Literal["charge", "refund", "find", "withdraw", "answer", "report"]
Act = Literal["decline", "drop_before", "drop_after", "late"]

CHARGES: Table = SandboxCharge.metadata.tables["sandbox_charge"]
REFUNDS: Table = SandboxRefund.metadata.tables["sandbox_refund"]
DISPUTES: Table = SandboxDispute.metadata.tables["sandbox_dispute"]
RULES: Table = SandboxRule.metadata.tables["sandbox_rule"]

WINDOWS = {
    "card": RefundWindow(180),
    "pix": RefundWindow(90),
    "pix_automatico": RefundWindow(90),
    "boleto": RefundWindow(None),
}
_BY_HAND = {"pix_": timedelta(days=1), "boleto_": timedelta(days=3)}
"""Prefixes of tokens whose charges the customer pays herself, and how long she has by default."""


@dataclass(frozen=True, slots=True)
class Fate:
    """What becomes of a new request."""

    state: str
    code: str = ""


def rail_of(method_token: str) -> str:
    """Return the rail of a token by its beginning: `pix_`, `boleto_`, `mandate_`, or else a card."""
    beginning = method_token.partition("_")[0]
    return {"pix": "pix", "boleto": "boleto", "mandate": "pix_automatico"}.get(beginning, "card")


def pay_until(method_token: str, due_on: date | None, at: datetime) -> datetime | None:
    """Return until when the customer can pay; None: she has nothing to do."""
    patience = _BY_HAND.get(method_token.partition("_")[0] + "_")
    if patience is None:
        return None
    if due_on is None:
        return at + patience
    return datetime.combine(due_on + timedelta(days=1), time(), UTC)


def pay_by(method_token: str, ref: str, amount: Money, until: datetime) -> PayBy:
    """Return what the customer needs to pay a Pix or a boleto: true to form, payable nowhere."""
    if rail_of(method_token) == "pix":
        url = f"sandbox.example/{ref}"
        code = build_dynamic(url, amount, name="SANDBOX", city="SAO PAULO")
        return PayBy("pix", code, expires_at=until)
    free_field = str(int(ref.removeprefix("ch_"), 16))[-25:].zfill(25)
    last_day = (until - timedelta(microseconds=1)).date()
    boleto = Boleto("000", amount, last_day, free_field)
    return PayBy("boleto", boleto.line, boleto.barcode, until)


def insert_charge(
    connection: Connection, fate: Fate, amount: Money, *, key: str, at: datetime, **more: Any
) -> bool:
    """Write a charge; False: the key is taken, nothing was written."""
    row = {
        "ref": reference("ch", key),
        "key": key,
        "currency": amount.currency,
        "amount_minor": amount.minor,
        "refunded_minor": 0,
        "disputed_minor": 0,
        "state": fate.state,
        "code": fate.code,
        "pay_until": None,
        "at": at,
        "moved_at": at if fate.state == "succeeded" else None,
        **more,
    }
    on_postgres = connection.dialect.name == "postgresql"
    statement = (postgresql.insert if on_postgres else sqlite.insert)(CHARGES)
    return connection.execute(statement.on_conflict_do_nothing(), row).rowcount == 1


def insert_refund(
    connection: Connection,
    fate: Fate,
    amount: Money,
    *,
    key: str,
    charge: Row[Any],
    at: datetime,
    outside: bool = False,
) -> Fate:
    """Write a refund, refused if the charge does not allow it; return what became of it.

    One made `outside` has no key of a caller's: its own reference is its key.
    """
    if fate.state != "failed":
        fate = _why_not(charge, at) or _take_back(connection, charge.ref, amount) or fate
    connection.execute(
        insert(REFUNDS).values(
            ref=key if outside else reference("re", key),
            key=key,
            outside=outside,
            charge_ref=charge.ref,
            currency=amount.currency,
            amount_minor=amount.minor,
            state=fate.state,
            code=fate.code,
            at=at,
            moved_at=at if fate.state == "succeeded" else None,
        )
    )
    return fate


def take_rule(connection: Connection, call: Call, key: str, method: str) -> Row[Any] | None:
    """Use up one turn of the oldest rule that fits."""
    rule = connection.execute(
        select(RULES)
        .where(
            RULES.c.call == call,
            literal(key).startswith(RULES.c.key_prefix),
            literal(method).startswith(RULES.c.method_prefix),
        )
        .order_by(RULES.c.id)
        .limit(1)
    ).first()
    if rule is not None and rule.times is not None:
        mine = RULES.c.id == rule.id
        if rule.times <= 1:
            connection.execute(delete(RULES).where(mine))
        else:
            connection.execute(update(RULES).where(mine).values(times=rule.times - 1))
    return rule


def fate_by(rule: Row[Any] | None, *, otherwise: str = "succeeded") -> Fate | None:
    """Return what becomes of a new request; None: it never arrives."""
    match rule.act if rule is not None else "":
        case "drop_before":
            return None
        case "decline":
            return Fate("failed", rule.code if rule is not None else "")
        case "late":
            return Fate("pending")
    return Fate(otherwise)


def hang_up(rule: Row[Any] | None) -> None:
    """Answer nothing, if the rule says so."""
    if rule is not None and rule.act in ("drop_before", "drop_after"):
        raise GatewayUnreachable("no answer")


def end_row(
    connection: Connection, table: Table, row: Row[Any], fate: Fate, *, at: datetime
) -> GatewayEvent:
    """Give a charge or refund its outcome; return the notice a webhook would bring."""
    values: dict[str, Any] = {"state": fate.state, "code": fate.code}
    if fate.state == "succeeded":
        values["moved_at"] = at
    connection.execute(update(table).where(table.c.ref == row.ref).values(**values))
    if table is REFUNDS and fate.state == "failed":
        connection.execute(
            update(CHARGES)
            .where(CHARGES.c.ref == row.charge_ref)
            .values(refunded_minor=CHARGES.c.refunded_minor - row.amount_minor)
        )
    ended = connection.execute(select(table).where(table.c.ref == row.ref)).one()
    return event_of(table, ended)


def event_of(table: Table, row: Row[Any]) -> GatewayEvent:
    """Return the notice that says how a charge or refund stands."""
    if table is CHARGES:
        return GatewayEvent(f"evt_{row.ref}_{row.state}", "charge", receipt_of(row))
    id = f"evt_{row.ref}_{row.state}"
    return GatewayEvent(id, "refund", receipt_of(row), payment_ref=row.charge_ref)


def repeated(known: Row[Any], amount: Money, *, same: bool) -> Receipt:
    """Give the first answer again; the same key for something else is refused."""
    if not same or (known.amount_minor, known.currency) != (amount.minor, amount.currency):
        raise KeyReused(known.key)
    if known.state == "failed":
        raise GatewayDeclined(known.code)
    return receipt_of(known)


def by_key(connection: Connection, table: Table, key: str) -> Row[Any] | None:
    return connection.execute(select(table).where(table.c.key == key)).first()


def receipt_of(row: Row[Any]) -> Receipt:
    amount = Money(row.amount_minor, row.currency)
    until = getattr(row, "pay_until", None) if row.state == "pending" else None  # refunds have none
    instructions = pay_by(row.method_token, row.ref, amount, until) if until is not None else None
    return Receipt(row.key, row.ref, row.state, amount, row.code, instructions)


def dispute_of(row: Row[Any]) -> DisputeNotice:
    return DisputeNotice(
        ref=row.ref,
        payment_ref=row.charge_ref,
        state=row.state,
        reason=row.reason,
        amount=Money(row.amount_minor, row.currency),
        respond_by=row.respond_by,
    )


def day_lines(connection: Connection, day: date) -> list[ReportLine]:
    """Return what moved on a UTC day, and disputes opened on it."""
    start = datetime.combine(day, time(), UTC)
    end = start + timedelta(days=1)
    lines = []
    moves: list[tuple[Literal["charge", "refund"], Table]] = [
        ("charge", CHARGES),
        ("refund", REFUNDS),
    ]
    for kind, table in moves:
        rows = connection.execute(
            select(table)
            .where(table.c.state == "succeeded", table.c.moved_at >= start, table.c.moved_at < end)
            .order_by(table.c.moved_at, table.c.ref)
        )
        for row in rows:
            own_key = "" if kind == "refund" and row.outside else row.key
            lines.append(_line(kind, row, own_key, row.moved_at))
    opened = connection.execute(
        select(DISPUTES)
        .where(DISPUTES.c.at >= start, DISPUTES.c.at < end)
        .order_by(DISPUTES.c.at, DISPUTES.c.ref)
    )
    return lines + [_line("dispute", row, "", row.at) for row in opened]


def reference(kind: str, key: str) -> str:
    """Return the sandbox's own id: not the caller's key, and the same in every run."""
    return f"{kind}_{hashlib.sha256(key.encode()).hexdigest()[:24]}"


def _why_not(charge: Row[Any], at: datetime) -> Fate | None:
    """Refuse what the charge's rail does not take back, or not that late."""
    window = WINDOWS[rail_of(charge.method_token)]
    if window.days is None:
        return Fate("failed", "refund_not_supported")
    paid_on = (charge.moved_at or charge.at).date()
    return None if window.open_on(at.date(), paid_on=paid_on) else Fate("failed", "refund_too_late")


def _take_back(connection: Connection, charge_ref: str, amount: Money) -> Fate | None:
    """Count a refund on its charge in one guarded statement; a fate means that it is refused."""
    spent = CHARGES.c.refunded_minor + CHARGES.c.disputed_minor
    touched = connection.execute(
        update(CHARGES)
        .where(
            CHARGES.c.ref == charge_ref,
            CHARGES.c.state == "succeeded",
            CHARGES.c.currency == amount.currency,
            spent + amount.minor <= CHARGES.c.amount_minor,
        )
        .values(refunded_minor=CHARGES.c.refunded_minor + amount.minor)
    )
    return None if touched.rowcount == 1 else Fate("failed", "amount_too_large")


def _line(
    kind: Literal["charge", "refund", "dispute"], row: Row[Any], key: str, at: datetime
) -> ReportLine:
    return ReportLine(kind, row.ref, key, Money(row.amount_minor, row.currency), at)
