"""The chain of the books: sealing what was posted, and finding what was touched since.

Entries are posted unsealed, by many processes at once; one sealer at a time gives them
their place. See docs/adr/0007-the-ledger-is-sealed-after-posting.md.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import groupby
from operator import attrgetter
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, delete, exists, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from .domain.chain import ORIGIN, Sealed, hash_after
from .ports import Begin, Tx
from .store.base import add_rows
from .store.invoice import NumberSeries
from .store.ledger import LedgerEntry, LedgerLine, LedgerProof, LedgerSeal, LedgerWaiting
from .store.numbers import take_numbers

SERIES = "ledger"
SHOWN = 50  # faults kept in words; the rest is counted


def seal_ledger(begin: Begin, *, batch: int = 1000) -> int:
    """Seal every entry that waits; return how many. Two at once take turns."""
    sealed = 0
    while True:
        with begin() as tx:
            done = _seal(tx, batch)
        sealed += done
        if done < batch:
            return sealed


def _seal(tx: Tx, batch: int) -> int:
    # Taking no number locks the series: from here to the commit we are the only sealer.
    last = take_numbers(tx.session, SERIES, 0).stop - 1
    previous = tx.session.scalar(select(LedgerSeal.hash).where(LedgerSeal.seq == last)) or ORIGIN
    waiting = select(LedgerWaiting.entry_id).order_by(LedgerWaiting.entry_id).limit(batch)
    ids = tx.session.scalars(waiting).all()
    if not ids:
        return 0
    rows = []
    numbers = take_numbers(tx.session, SERIES, len(ids))
    found = tx.session.execute(
        _contents(LedgerWaiting.entry_id)
        .where(LedgerWaiting.entry_id.in_(ids))
        .order_by(LedgerWaiting.entry_id, LedgerLine.position)
    )
    for seq, (row, entry) in zip(numbers, _entries(found), strict=True):
        if entry is None:
            raise AssertionError(f"entry {row.sealed_id} waits for a seal, but is gone")
        previous = hash_after(previous, seq, entry)
        rows.append({"seq": seq, "entry_id": entry.entry_id, "hash": previous})
    add_rows(tx.session, LedgerSeal, rows)
    tx.session.execute(
        delete(LedgerWaiting)
        .where(LedgerWaiting.entry_id.in_(ids))
        .execution_options(synchronize_session=False)
    )
    return len(ids)


@dataclass(slots=True)
class ChainReport:
    """What was looked at, and what is wrong with it."""

    sealed: int = 0
    waiting: int = 0  # posted, not sealed yet
    head_seq: int = 0
    head_hash: str = ORIGIN
    faults: int = 0
    first_faults: list[str] = field(default_factory=list)

    def tell(self, fault: str) -> None:
        self.faults += 1
        if len(self.first_faults) < SHOWN:
            self.first_faults.append(fault)


def verify_chain(session: Session, *, noted: tuple[int, str] | None = None) -> ChainReport:
    """Look for every edit, removal, insertion and change of order since the sealing.

    `noted` is a (seq, hash) somebody wrote down earlier: a chain that was rewritten as a
    whole no longer contains it. The heads of earlier proofs are looked up likewise. Memory
    stays flat. Run it in one snapshot: `ledger.one_snapshot`.
    """
    report = ChainReport()
    heads = _heads(session)
    if noted is not None:
        heads.append(noted)
    _follow(session, report, dict(heads))
    for seq, _ in heads:
        if seq > report.head_seq:
            report.tell(f"seal {seq}: was the head once, and is gone")
    given = session.scalar(select(NumberSeries.last).where(NumberSeries.series == SERIES)) or 0
    if given != report.head_seq:
        report.tell(f"{given} seals were made, the last one here is {report.head_seq}")
    for fault in _strays(session):
        report.tell(fault)
    report.waiting = session.scalar(select(func.count()).select_from(LedgerWaiting)) or 0
    return report


def _heads(session: Session) -> list[tuple[int, str]]:
    found = session.execute(select(LedgerProof.head_seq, LedgerProof.head_hash).distinct())
    return [(seq, hash) for seq, hash in found if seq]


def _follow(session: Session, report: ChainReport, heads: dict[int, str]) -> None:
    previous = ORIGIN
    stream = session.execute(
        _contents(LedgerSeal.entry_id, LedgerSeal.seq, LedgerSeal.hash).order_by(
            LedgerSeal.seq, LedgerLine.position
        ),
        execution_options={"yield_per": 2000},
    )
    for seal, entry in _entries(stream):
        expected = report.head_seq + 1
        if seal.seq != expected:
            report.tell(f"seals {expected} to {seal.seq - 1} are gone")
        if entry is None:
            report.tell(f"seal {seal.seq}: its entry {seal.sealed_id} is gone")
        elif hash_after(previous, seal.seq, entry) != seal.hash:
            report.tell(f"seal {seal.seq}: entry {seal.sealed_id} is not what was sealed here")
        if heads.get(seal.seq, seal.hash) != seal.hash:
            report.tell(f"seal {seal.seq}: another hash was noted for it")
        # One edit is one fault: the next seal is judged by the hash that stands here.
        previous = seal.hash
        report.head_seq, report.head_hash = seal.seq, seal.hash
        report.sealed += 1


def _strays(session: Session) -> Iterator[str]:
    """Entries that no `post` has written, and what is left of entries that were removed."""
    is_sealed = exists().where(LedgerSeal.entry_id == LedgerEntry.id)
    waits = exists().where(LedgerWaiting.entry_id == LedgerEntry.id)
    here = exists().where(LedgerEntry.id == LedgerLine.entry_id)
    for id in session.scalars(select(LedgerEntry.id).where(~is_sealed, ~waits)):
        yield f"entry {id}: was put in past the books"
    for id in session.scalars(select(LedgerLine.entry_id).where(~here).distinct()):
        yield f"entry {id}: is gone, its lines are not"
    for id in session.scalars(
        select(LedgerWaiting.entry_id)
        .outerjoin(LedgerSeal, LedgerSeal.entry_id == LedgerWaiting.entry_id)
        .outerjoin(LedgerEntry, LedgerEntry.id == LedgerWaiting.entry_id)
        .where(LedgerSeal.seq.is_not(None) | LedgerEntry.id.is_(None))
    ):
        yield f"entry {id}: waits for a seal, but is sealed or gone"


def _contents(of: InstrumentedAttribute[UUID], *also: Any) -> Select[Any]:
    """Select entries with their lines, beginning at a table that points to entries."""
    return (
        select(
            of.label("sealed_id"),
            *also,
            LedgerEntry.id,
            LedgerEntry.at,
            LedgerEntry.reason,
            LedgerEntry.source_kind,
            LedgerEntry.source_id,
            LedgerEntry.customer_id,
            LedgerLine.position,
            LedgerLine.account,
            LedgerLine.side,
            LedgerLine.currency,
            LedgerLine.amount_minor,
        )
        .select_from(of.class_)
        .outerjoin(LedgerEntry, LedgerEntry.id == of)
        .outerjoin(LedgerLine, LedgerLine.entry_id == LedgerEntry.id)
    )


def _entries(rows: Iterable[Row[Any]]) -> Iterator[tuple[Row[Any], Sealed | None]]:
    """Put rows that follow one another together again; None: the entry itself is gone."""
    for _, lines in groupby(rows, key=attrgetter("sealed_id")):
        first, *others = lines
        if first.id is None:
            yield first, None
            continue
        yield (
            first,
            Sealed(
                entry_id=first.id,
                at=first.at,
                reason=first.reason,
                source_kind=first.source_kind,
                source_id=first.source_id,
                customer_id=first.customer_id,
                lines=[
                    (line.position, line.account, line.side, line.currency, line.amount_minor)
                    for line in (first, *others)
                    if line.position is not None
                ],
            ),
        )
