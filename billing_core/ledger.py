"""The books: what was booked, and the proof that it adds up."""

from sqlalchemy import Select, case, func, select
from sqlalchemy.orm import Session

from .domain.ledger import Entry
from .domain.money import Money
from .domain.refund import OUT_OF_BAND
from .ports import Tx
from .store.base import add_rows
from .store.dispute import Dispute
from .store.ledger import CreditBalance, CreditEntry, LedgerEntry, LedgerLine, LedgerWaiting
from .store.payment import Payment, Refund

TrialBalance = dict[tuple[str, str], Money]
SIGNED = case((LedgerLine.side == "debit", LedgerLine.amount_minor), else_=-LedgerLine.amount_minor)


def post(tx: Tx, *entries: Entry) -> None:
    """Book entries. One that was booked before (same source and reason) is an integrity error."""
    if not entries:
        return
    heads, lines = [], []
    for entry in entries:
        id = tx.new_id()
        heads.append(
            {
                "id": id,
                "at": tx.at,
                "reason": entry.reason,
                "source_kind": entry.source_kind,
                "source_id": entry.source_id,
                "customer_id": entry.customer_id,
            }
        )
        lines += [
            {
                "entry_id": id,
                "position": position,
                "account": leg.account.value,
                "side": leg.side,
                "currency": leg.amount.currency,
                "amount_minor": leg.amount.minor,
            }
            for position, leg in enumerate(entry.legs)
        ]
    add_rows(tx.session, LedgerEntry, heads)
    add_rows(tx.session, LedgerLine, lines)
    add_rows(tx.session, LedgerWaiting, [{"entry_id": head["id"]} for head in heads])


def trial_balance(session: Session) -> TrialBalance:
    """Return (account, currency) -> debits minus credits. Per currency they add up to zero."""
    sums = session.execute(
        select(LedgerLine.account, LedgerLine.currency, func.sum(SIGNED)).group_by(
            LedgerLine.account, LedgerLine.currency
        )
    )
    return {(account, currency): Money(int(minor), currency) for account, currency, minor in sums}


def verify_ledger(session: Session) -> list[str]:
    """Return what is wrong with the books; empty when all is right.

    Every entry balances per currency; cash equals what payments hold; customer credit
    equals the balances; every balance equals its entries; every settled refund is booked.
    """
    booked = trial_balance(session)  # once: it reads every line there is
    return [
        *_unbalanced_entries(session),
        *_cash_against_payments(session, booked),
        *_credit_against_balances(session, booked),
        *_balances_against_entries(session),
        *_refunds_against_payments(session),
        *_refunds_against_entries(session),
    ]


def _unbalanced_entries(session: Session) -> list[str]:
    sums = session.execute(
        select(LedgerEntry.id, LedgerLine.currency, func.coalesce(func.sum(SIGNED), 0))
        .outerjoin(LedgerLine, LedgerLine.entry_id == LedgerEntry.id)
        .group_by(LedgerEntry.id, LedgerLine.currency)
        .having((func.coalesce(func.sum(SIGNED), 0) != 0) | (func.count(LedgerLine.position) < 2))
    )
    return [f"entry {id}: {currency} is off by {minor}" for id, currency, minor in sums]


def _cash_against_payments(session: Session, booked: TrialBalance) -> list[str]:
    """What came in is with the gateway, but for what left it: refunds, and what disputes hold."""
    minor = Payment.captured_minor - Payment.refunded_minor
    held = _sums(session, select(Payment.currency, func.sum(minor)).group_by(Payment.currency))
    by_hand = _sums(
        session,
        select(Refund.currency, func.sum(Refund.amount_minor))
        .where(Refund.rail == OUT_OF_BAND, Refund.state == "succeeded")
        .group_by(Refund.currency),
    )
    disputed, lost = (_disputes(session, where) for where in ("held", "lost"))
    for currency in held:
        taken = disputed.get(currency, 0) + lost.get(currency, 0)
        held[currency] += by_hand.get(currency, 0) - taken
    return [
        *_compare("cash_at_gateway", _account(booked, "cash_at_gateway"), held),
        *_compare("disputed_funds", _account(booked, "disputed_funds"), disputed),
        *_compare("dispute_losses", _account(booked, "dispute_losses"), lost),
    ]


def _disputes(session: Session, held: str) -> dict[str, int]:
    return _sums(
        session,
        select(Dispute.currency, func.sum(Dispute.held_minor))
        .where(Dispute.held == held)
        .group_by(Dispute.currency),
    )


def _sums(session: Session, query: Select[str, int]) -> dict[str, int]:
    return {currency: int(minor) for currency, minor in session.execute(query)}


def _credit_against_balances(session: Session, booked: TrialBalance) -> list[str]:
    owed = _sums(
        session,
        select(CreditBalance.currency, -func.sum(CreditBalance.balance_minor)).group_by(
            CreditBalance.currency
        ),
    )
    return _compare("customer_credit", _account(booked, "customer_credit"), owed)


def _balances_against_entries(session: Session) -> list[str]:
    entries = (
        select(
            CreditEntry.customer_id,
            CreditEntry.currency,
            func.sum(CreditEntry.amount_minor).label("minor"),
        )
        .group_by(CreditEntry.customer_id, CreditEntry.currency)
        .subquery()
    )
    wrong = session.execute(
        select(CreditBalance.customer_id, CreditBalance.balance_minor, entries.c.minor)
        .outerjoin(
            entries,
            (entries.c.customer_id == CreditBalance.customer_id)
            & (entries.c.currency == CreditBalance.currency),
        )
        .where(CreditBalance.balance_minor != func.coalesce(entries.c.minor, 0))
    )
    return [
        f"customer {id}: the balance says {balance}, its entries {minor}"
        for id, balance, minor in wrong
    ]


def _refunds_against_payments(session: Session) -> list[str]:
    sums = (
        select(
            Refund.payment_id,
            func.sum(case((Refund.state == "succeeded", Refund.amount_minor), else_=0)).label(
                "refunded"
            ),
            func.sum(
                case(
                    (Refund.state.in_(("succeeded", "failed", "released")), 0),
                    else_=Refund.amount_minor,
                )
            ).label("reserved"),
        )
        .group_by(Refund.payment_id)
        .subquery()
    )
    refunded = func.coalesce(sums.c.refunded, 0)
    reserved = func.coalesce(sums.c.reserved, 0)
    wrong = session.scalars(
        select(Payment.id)
        .outerjoin(sums, sums.c.payment_id == Payment.id)
        .where((Payment.refunded_minor != refunded) | (Payment.reserved_minor != reserved))
    )
    return [f"payment {id}: its refunds do not add up" for id in wrong]


def _refunds_against_entries(session: Session) -> list[str]:
    booked = (
        select(LedgerEntry.source_id)
        .where(LedgerEntry.source_kind == "refund", LedgerEntry.reason == "refunded")
        .scalar_subquery()
    )
    missing = session.scalars(
        select(Refund.id).where(Refund.state == "succeeded", Refund.id.not_in(booked))
    )
    return [f"refund {id}: settled, but not in the books" for id in missing]


def _account(booked: TrialBalance, account: str) -> dict[str, int]:
    return {currency: money.minor for (name, currency), money in booked.items() if name == account}


def _compare(account: str, booked: dict[str, int], held: dict[str, int]) -> list[str]:
    return [
        f"{account}: the books say {booked.get(currency, 0)} {currency}, the rows {held.get(currency, 0)}"
        for currency in sorted(booked.keys() | held.keys())
        if booked.get(currency, 0) != held.get(currency, 0)
    ]
