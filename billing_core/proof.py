"""The proof of the books: every rule they must keep, looked at all together."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from .ledger import trial_balance, verify_ledger
from .metrics import mrr_faults
from .ports import Tx
from .sealing import ChainReport, verify_chain
from .store.ledger import LedgerProof


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
    for fault in (*verify_ledger(session), *mrr_faults(session)):
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
