"""The proof of the books: every rule they must keep, looked at all together."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from uuid import UUID

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from .ledger import trial_balance, verify_ledger
from .metrics import mrr_faults
from .ports import Tx
from .sealing import ChainReport, verify_chain
from .store.ledger import LedgerProof
from .store.payment import Payment
from .store.reconciliation import OPEN_ITEMS, ReconciliationItem


@dataclass(frozen=True, slots=True)
class Proof:
    """`sums` is debits minus credits of everything, by currency: zeros, or the proof has failed."""

    chain: ChainReport
    sums: dict[str, int]

    @property
    def faults(self) -> int:
        return self.chain.faults

    @property
    def first_faults(self) -> list[str]:
        return self.chain.first_faults


def prove_books(session: Session, *, noted: tuple[int, str] | None = None) -> Proof:
    """Look at the chain, the sums, what they were booked from, and the recurring revenue.

    Nothing is changed. The session must be fresh: all is read in one snapshot, while others
    go on posting. `noted`: see `verify_chain`.
    """
    if session.get_bind().dialect.name == "postgresql":  # on SQLite a transaction is a snapshot
        session.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
    report = verify_chain(session, noted=noted)
    sums: dict[str, int] = {}
    for (_, currency), balance in trial_balance(session).items():
        sums[currency] = sums.get(currency, 0) + balance.minor
    for currency, minor in sums.items():
        if minor:
            report.tell(f"the books of {currency} are off by {minor}")
    faults = (
        verify_ledger(session),
        _given_back_too_much(session),
        _gateways_that_differ(session),
        mrr_faults(session),
    )
    for fault in chain.from_iterable(faults):
        report.tell(fault)
    return Proof(report, sums)


def record_proof(tx: Tx, proof: Proof) -> UUID:
    """Write down what was found, and the head that later proofs must find again."""
    row = LedgerProof(
        id=tx.new_id(),
        at=tx.at,
        entries=proof.chain.sealed + proof.chain.waiting,
        head_seq=proof.chain.head_seq,
        head_hash=proof.chain.head_hash,
        faults=proof.faults,
        first_faults=list(proof.first_faults),
    )
    tx.session.add(row)
    tx.session.flush()
    return row.id


def _given_back_too_much(session: Session) -> Iterator[str]:
    """Belt to the braces of the row's own CHECK."""
    spent = Payment.refunded_minor + Payment.reserved_minor + Payment.disputed_minor
    query = select(Payment.id).where(spent + Payment.credited_minor > Payment.captured_minor)
    for id in session.scalars(query):
        yield f"payment {id}: more was given back than came in"


def _gateways_that_differ(session: Session) -> Iterator[str]:
    rows = session.execute(
        select(ReconciliationItem.gateway, ReconciliationItem.day, func.count())
        .where(ReconciliationItem.state.in_(OPEN_ITEMS))
        .group_by(ReconciliationItem.gateway, ReconciliationItem.day)
        .order_by(ReconciliationItem.gateway, ReconciliationItem.day)
    )
    for gateway, day, count in rows:
        yield f"{gateway}, {day}: {count} movements differ from the gateway's report"
