"""The customer's credit balance: an append-only list that pays the next invoice first."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from .domain import ledger as books
from .domain.money import Money
from .errors import AmountNotPositive, CurrencyMismatch, StaleInputs
from .events import CreditGiven
from .ledger import post
from .ports import Tx
from .preview import ChangeRow, MoneyPreview, hash_inputs
from .store.forecast import balance_minor, main_subscription, next_charge
from .store.ledger import CreditBalance, CreditEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditAsk:
    customer_id: UUID
    amount: Money
    reason: str
    money_act_id: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """One change of a balance. Unique by (source kind, source id, reason)."""

    customer_id: UUID
    amount: Money  # positive: the customer has more
    reason: str  # courtesy | plan_change | correction | applied | returned
    source_kind: str
    source_id: UUID
    note: str = ""
    money_act_id: UUID | None = None


def credit_balance(session: Session, customer_id: UUID, currency: str) -> Money:
    return Money(balance_minor(session, customer_id, currency), currency)


def balances_of(session: Session, customer_ids: Iterable[UUID]) -> dict[tuple[UUID, str], Money]:
    """Return the balances that are not zero. Locked: they will be drawn on."""
    rows = session.scalars(
        select(CreditBalance)
        .where(CreditBalance.customer_id.in_(tuple(customer_ids)), CreditBalance.balance_minor > 0)
        .order_by(CreditBalance.customer_id, CreditBalance.currency)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    return {(row.customer_id, row.currency): Money(row.balance_minor, row.currency) for row in rows}


def preview_credit(session: Session, ask: CreditAsk, at: datetime) -> MoneyPreview:
    subscription = main_subscription(session, ask.customer_id)
    if ask.amount.minor <= 0:
        raise AmountNotPositive(ask.amount)
    if subscription is not None and subscription.currency != ask.amount.currency:
        raise CurrencyMismatch(subscription.currency, ask.amount.currency)
    before = credit_balance(session, ask.customer_id, ask.amount.currency)
    after = before + ask.amount
    coming = next_charge(session, subscription, at, credit=before)
    then = next_charge(session, subscription, at, credit=after)
    rows = [ChangeRow("credit.balance", before, after)]
    if coming is not None and then is not None:
        rows.append(
            ChangeRow("next_charge", coming.amount, then.amount, {"on": coming.on.isoformat()})
        )
    inputs = {
        "act": "credit",
        "customer": ask.customer_id,
        "balance": before,
        "next": [coming.gross, coming.on] if coming else None,
        "amount": ask.amount,
    }
    return MoneyPreview(
        act="credit",
        amount=ask.amount,
        charge_now=None,
        rows=tuple(rows),
        lines=(),
        inputs_hash=hash_inputs(inputs),
        payload=payload_of(ask),
    )


def give_credit(tx: Tx, ask: CreditAsk, *, expected: str | None = None) -> UUID:
    """Give a courtesy credit; returns the credit entry. The same `money_act_id` gives once."""
    if ask.money_act_id is not None:
        earlier = tx.session.scalar(
            select(CreditEntry.id).where(
                CreditEntry.money_act_id == ask.money_act_id, CreditEntry.reason == "courtesy"
            )
        )
        if earlier is not None:
            return earlier
    preview = preview_credit(tx.session, ask, tx.at)
    if expected is not None and preview.inputs_hash != expected:
        raise StaleInputs
    source_id = ask.money_act_id or tx.new_id()
    entry_id, balance = move(
        tx,
        Movement(
            customer_id=ask.customer_id,
            amount=ask.amount,
            reason="courtesy",
            source_kind="money_act",
            source_id=source_id,
            note=ask.reason,
            money_act_id=ask.money_act_id,
        ),
    )
    post(tx, books.courtesy_given(entry_id, ask.customer_id, ask.amount))
    tx.emit(
        CreditGiven(
            credit_entry_id=entry_id,
            customer_id=ask.customer_id,
            money_act_id=ask.money_act_id,
            amount=ask.amount,
            balance=balance,
        )
    )
    return entry_id


def move(tx: Tx, movement: Movement) -> tuple[UUID, Money]:
    """Change a balance and write its entry; the ledger is the caller's part. Returns (entry, balance).

    The database refuses to go below zero.
    """
    minor, currency = movement.amount.minor, movement.amount.currency
    add = _draw if minor < 0 else _add
    balance = add(tx.session, movement)
    entry_id = tx.new_id()
    tx.session.execute(
        insert(CreditEntry).values(
            id=entry_id,
            at=tx.at,
            customer_id=movement.customer_id,
            currency=currency,
            amount_minor=minor,
            balance_after_minor=balance,
            reason=movement.reason,
            note=movement.note,
            source_kind=movement.source_kind,
            source_id=movement.source_id,
            money_act_id=movement.money_act_id,
        )
    )
    return entry_id, Money(balance, currency)


def _add(session: Session, movement: Movement) -> int:
    on_postgres = session.get_bind().dialect.name == "postgresql"
    statement = (postgresql.insert if on_postgres else sqlite.insert)(CreditBalance).values(
        customer_id=movement.customer_id,
        currency=movement.amount.currency,
        balance_minor=movement.amount.minor,
    )
    return session.scalars(
        statement.on_conflict_do_update(
            index_elements=["customer_id", "currency"],
            set_={"balance_minor": CreditBalance.balance_minor + movement.amount.minor},
        ).returning(CreditBalance.balance_minor)
    ).one()


def _draw(session: Session, movement: Movement) -> int:
    """Drawing needs a row: an insert would begin below zero, which the database refuses."""
    return session.scalars(
        update(CreditBalance)
        .where(
            CreditBalance.customer_id == movement.customer_id,
            CreditBalance.currency == movement.amount.currency,
        )
        .values(balance_minor=CreditBalance.balance_minor + movement.amount.minor)
        .returning(CreditBalance.balance_minor)
        .execution_options(synchronize_session=False)
    ).one()


def payload_of(ask: CreditAsk) -> dict[str, Any]:
    """Return the ask as JSON values; `ask_from` reads it back."""
    return {
        "customer_id": str(ask.customer_id),
        "amount_minor": ask.amount.minor,
        "currency": ask.amount.currency,
        "reason": ask.reason,
        "money_act_id": str(ask.money_act_id) if ask.money_act_id else None,
    }


def ask_from(payload: dict[str, Any]) -> CreditAsk:
    act = payload.get("money_act_id")
    return CreditAsk(
        customer_id=UUID(payload["customer_id"]),
        amount=Money(payload["amount_minor"], payload["currency"]),
        reason=payload["reason"],
        money_act_id=UUID(act) if act else None,
    )
