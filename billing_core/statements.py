"""The books as people read them: what each account did in a time, and what a customer's account says."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, case, func, select
from sqlalchemy.orm import Session

from .domain.ledger import KINDS, Account, Kind
from .domain.money import Money
from .ledger import SIGNED
from .store.ledger import LedgerEntry, LedgerLine

OWED = (Account.RECEIVABLE, Account.CUSTOMER_CREDIT, Account.UNAPPLIED)
"""What stands between a customer and us."""

HELD = (Account.CASH, Account.OUT_OF_BAND, Account.DISPUTED, Account.DISPUTE_LOSS)
"""Money the customer gave; a dispute takes it out of our reach, and a lost one for good."""


_MINOR: ColumnElement[int] = LedgerLine.__table__.c.amount_minor


@dataclass(frozen=True, slots=True)
class AccountMovement:
    """One account in one currency. `opening` and `closing` are debits minus credits.

    Of one currency they add up to zero over all accounts, and so do debits and credits.
    """

    account: Account
    kind: Kind
    opening: Money
    debits: Money
    credits: Money

    @property
    def closing(self) -> Money:
        return self.opening + self.debits - self.credits


@dataclass(frozen=True, slots=True)
class StatementLine:
    """One booked movement of a customer.

    `owes` is what it adds to the customer's debt, `paid` what the customer gave; both
    negative the other way round. `balance` is the debt after it; negative: we owe it.
    """

    at: datetime
    reason: str
    source_kind: str
    source_id: UUID
    owes: Money
    paid: Money
    balance: Money


def account_movements(session: Session, start: datetime, end: datetime) -> list[AccountMovement]:
    """Return every account that was ever used before `end`, with its movement in [start, end)."""
    inside = LedgerEntry.at >= start

    def summed(amount: ColumnElement[int], where: ColumnElement[bool]) -> ColumnElement[int]:
        return func.sum(case((where, amount), else_=0))

    found = session.execute(
        select(
            LedgerLine.account,
            LedgerLine.currency,
            summed(SIGNED, ~inside),
            summed(_MINOR, inside & (LedgerLine.side == "debit")),
            summed(_MINOR, inside & (LedgerLine.side == "credit")),
        )
        .join(LedgerEntry, LedgerEntry.id == LedgerLine.entry_id)
        .where(LedgerEntry.at < end)
        .group_by(LedgerLine.account, LedgerLine.currency)
    )
    order = {account: place for place, account in enumerate(Account)}
    rows = [
        AccountMovement(
            Account(account),
            KINDS[Account(account)],
            *(Money(int(minor), currency) for minor in sums),
        )
        for account, currency, *sums in found
    ]
    return sorted(rows, key=lambda row: (row.opening.currency, order[row.account]))


def customer_statement(
    session: Session, customer_id: UUID, currency: str
) -> Iterator[StatementLine]:
    """Return all of a customer's movements in one currency, oldest first."""
    names = {"owed": [one.value for one in OWED], "held": [one.value for one in HELD]}
    owes = func.sum(case((LedgerLine.account.in_(names["owed"]), SIGNED), else_=0))
    paid = func.sum(case((LedgerLine.account.in_(names["held"]), SIGNED), else_=0))
    balance = Money.zero(currency)
    for entry, owes_minor, paid_minor in session.execute(
        select(LedgerEntry, owes, paid)
        .join(LedgerLine, LedgerLine.entry_id == LedgerEntry.id)
        .where(LedgerEntry.customer_id == customer_id, LedgerLine.currency == currency)
        .group_by(LedgerEntry.id)
        .order_by(LedgerEntry.at, LedgerEntry.id)
    ):
        change = Money(int(owes_minor), currency)
        balance += change
        yield StatementLine(
            entry.at,
            entry.reason,
            entry.source_kind,
            entry.source_id,
            change,
            Money(int(paid_minor), currency),
            balance,
        )
