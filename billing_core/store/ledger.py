"""Rows that are only ever added: credit entries, the books and their seals. Triggers refuse anything else."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CHAR, BigInteger, CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from .base import Base, Currency
from .columns import Minor, one_of


class CreditBalance(Base):
    """The newest balance of each customer: the row that is locked, and a cache of the entries."""

    __tablename__ = "credit_balance"
    __table_args__ = (CheckConstraint("balance_minor >= 0", name="balance_minor"),)

    customer_id: Mapped[UUID] = mapped_column(primary_key=True)
    currency: Mapped[str] = mapped_column(Currency, primary_key=True)
    balance_minor: Mapped[Minor]


class CreditEntry(Base):
    __tablename__ = "credit_entry"
    __table_args__ = (
        UniqueConstraint("source_kind", "source_id", "reason"),
        Index("ix_credit_entry_customer_id_at", "customer_id", "at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    customer_id: Mapped[UUID]
    currency: Mapped[str] = mapped_column(Currency)
    amount_minor: Mapped[Minor]  # positive: the customer has more
    balance_after_minor: Mapped[Minor]
    reason: Mapped[str]  # courtesy | plan_change | correction | applied | returned
    note: Mapped[str]  # why, in the agent's own words
    source_kind: Mapped[str]
    source_id: Mapped[UUID]
    money_act_id: Mapped[UUID | None]


class LedgerEntry(Base):
    __tablename__ = "ledger_entry"
    __table_args__ = (UniqueConstraint("source_kind", "source_id", "reason"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    reason: Mapped[str]
    source_kind: Mapped[str]
    source_id: Mapped[UUID]
    customer_id: Mapped[UUID] = mapped_column(index=True)


class LedgerLine(Base):
    __tablename__ = "ledger_line"
    __table_args__ = (
        one_of("side", "debit", "credit"),
        CheckConstraint("amount_minor > 0", name="amount_minor"),
    )

    entry_id: Mapped[UUID] = mapped_column(ForeignKey("ledger_entry.id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    account: Mapped[str]
    side: Mapped[str]
    currency: Mapped[str] = mapped_column(Currency)
    amount_minor: Mapped[Minor]


class LedgerWaiting(Base):
    """Entries that have no seal yet. Written with the entry, gone when it is sealed."""

    __tablename__ = "ledger_waiting"

    entry_id: Mapped[UUID] = mapped_column(ForeignKey("ledger_entry.id"), primary_key=True)


class LedgerSeal(Base):
    """The place of one entry in the chain. `seq` counts 1, 2, 3 without a gap."""

    __tablename__ = "ledger_seal"

    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    entry_id: Mapped[UUID] = mapped_column(ForeignKey("ledger_entry.id"), unique=True)
    hash: Mapped[str] = mapped_column(CHAR(64))  # domain/chain.py


class LedgerProof(Base):
    """What one proof of the books found. Its head ties the chain: it can no longer be rewritten."""

    __tablename__ = "ledger_proof"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(index=True)
    entries: Mapped[int] = mapped_column(BigInteger)
    head_seq: Mapped[int] = mapped_column(BigInteger)
    head_hash: Mapped[str] = mapped_column(CHAR(64))
    faults: Mapped[int]
    first_faults: Mapped[list[Any]]  # words, the first few
