"""Our rows beside each gateway's own books, day by day. Nothing here changes the books by itself.

What the gateway tells otherwise is asked again and settled by the same code as any answer;
what still differs is listed with both sides, until they agree or a person says why not.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from .disputes import record_dispute
from .domain.money import Money
from .errors import BillingError, NotFound, NothingToChange, WrongState
from .payments import settle_charge
from .ports import Begin, Gateway, ReportLine, Tx
from .refunds import RefundOutcome, settle_refund
from .store.reconciliation import (
    OPEN_ITEMS,
    Ours,
    ReconciliationItem,
    items_by_ref,
    open_items,
    ours_by_ref,
    ours_of_day,
    refunds_by_key,
)

DAY = timedelta(days=1)
KINDS = ("charge", "refund", "dispute")


@dataclass(frozen=True, slots=True)
class Reconciled:
    """How a day stands: items by state."""

    gateway: str
    day: date
    counts: dict[str, int]

    @property
    def open(self) -> int:
        return sum(self.counts.get(state, 0) for state in OPEN_ITEMS)


@dataclass(frozen=True, slots=True)
class _Pair:
    """One movement; a side that does not know it is None. `key` is ours, as they report it."""

    kind: str
    ref: str
    key: str
    ours: Ours | None
    theirs: Money | None
    day: date

    @property
    def agrees(self) -> bool:
        return self.ours is not None and self.ours.amount == self.theirs


def reconcile_day(begin: Begin, gateway: Gateway, day: date) -> Reconciled:
    """Compare one UTC day with the gateway's report; running it again changes nothing.

    Raises:
        GatewayUnreachable: no report, nothing is written.
    """
    report = gateway.report(day)
    with begin() as tx:
        pairs = _pairs(tx.session, gateway.name, day, report)
    apart = [pair for pair in pairs if not pair.agrees]
    if apart:
        for pair in apart:
            _ask_again(begin, gateway, pair)
        if any(pair.theirs is None for pair in apart):
            # Theirs may stand on the day before or after: clocks differ around midnight.
            report = [*report, *_beside(gateway, day, apart)]
    with begin() as tx:
        pairs = _pairs(tx.session, gateway.name, day, report)
        for kind in KINDS:
            _write(tx, gateway.name, kind, [pair for pair in pairs if pair.kind == kind])
        return summary(tx.session, gateway.name, day)


def summary(session: Session, gateway: str, day: date) -> Reconciled:
    rows = session.execute(
        select(ReconciliationItem.state, func.count())
        .where(ReconciliationItem.gateway == gateway, ReconciliationItem.day == day)
        .group_by(ReconciliationItem.state)
    )
    return Reconciled(gateway, day, {state: int(count) for state, count in rows})


def days_to_reconcile(session: Session, gateway: str, *, limit: int = 31) -> list[date]:
    """Return the newest days that have differences nobody resolved."""
    open_days = (
        select(ReconciliationItem.day)
        .where(ReconciliationItem.gateway == gateway, ReconciliationItem.state.in_(OPEN_ITEMS))
        .distinct()
        .order_by(ReconciliationItem.day.desc())
        .limit(limit)
    )
    return list(session.scalars(open_days))


def mismatches(
    session: Session, *, gateway: str | None = None, day: date | None = None, limit: int = 200
) -> list[ReconciliationItem]:
    """Return what differs and is not resolved, oldest day first. Both sides are on each."""
    query = select(ReconciliationItem).where(ReconciliationItem.state.in_(OPEN_ITEMS))
    if gateway is not None:
        query = query.where(ReconciliationItem.gateway == gateway)
    if day is not None:
        query = query.where(ReconciliationItem.day == day)
    ordered = query.order_by(ReconciliationItem.day, ReconciliationItem.id).limit(limit)
    return list(session.scalars(ordered))


def resolve_item(tx: Tx, item_id: UUID, *, note: str, by: UUID) -> None:
    """Note why a difference may stay. The books are as they were; another difference opens it again.

    Raises:
        WrongState: the two sides agree. NothingToChange: no note.
    """
    item = tx.session.get(ReconciliationItem, item_id, with_for_update=True)
    if item is None:
        raise NotFound("reconciliation item", item_id)
    if item.state == "matched":
        raise WrongState("reconciliation item", item_id, item.state)
    if not note.strip():
        raise NothingToChange
    item.state, item.note, item.resolved_by = "resolved", note.strip(), by
    item.resolved_at = item.changed_at = tx.at
    tx.session.flush()


def _pairs(session: Session, gateway: str, day: date, report: Sequence[ReportLine]) -> list[_Pair]:
    """Put both sides together: all that is reported, and what we have on that day besides."""
    pairs = [
        pair
        for kind in KINDS
        for pair in _reported(session, gateway, [line for line in report if line.kind == kind])
    ]
    start = datetime.combine(day, time(), UTC)
    known = {(pair.kind, pair.ref) for pair in pairs}
    known |= {(pair.kind, pair.ours.ref) for pair in pairs if pair.ours is not None}
    left = [
        one
        for one in ours_of_day(session, gateway, start, start + DAY)
        if (one.kind, one.ref) not in known
    ]
    for kind in KINDS:
        pairs += _beyond(session, gateway, day, [one for one in left if one.kind == kind])
    known |= {(one.kind, one.ref) for one in left}
    # What differed the last time and moved nowhere in the end: a refund that came back.
    for item in open_items(session, gateway, day):
        if (item.kind, item.ref) not in known:
            ours = ours_by_ref(session, gateway, item.kind, [item.ref]).get(item.ref)
            pairs.append(_Pair(item.kind, item.ref, "", ours, None, day))
    return pairs


def _beyond(session: Session, gateway: str, day: date, left: Sequence[Ours]) -> Iterable[_Pair]:
    """Return what only we have on this day; an earlier day's report may have told of it."""
    if not left:
        return
    kind = left[0].kind
    earlier = items_by_ref(session, gateway, kind, [one.ref for one in left])
    for one in left:
        item = earlier.get(one.ref)
        theirs = item.theirs if item is not None else None
        yield _Pair(
            kind, one.ref, "", one, theirs, item.day if item is not None and theirs else day
        )


def _reported(session: Session, gateway: str, lines: Sequence[ReportLine]) -> list[_Pair]:
    if not lines:
        return []
    kind = lines[0].kind
    ours = ours_by_ref(session, gateway, kind, [line.ref for line in lines])
    if kind == "refund":
        keys = [line.key for line in lines if line.ref not in ours]
        by_key = refunds_by_key(session, gateway, list(_uuids(keys)))
        ours |= {line.ref: by_key[line.key] for line in lines if line.key in by_key}
    return [
        _Pair(kind, line.ref, line.key, ours.get(line.ref), line.amount, line.at.date())
        for line in lines
    ]


def _uuids(texts: Iterable[str]) -> Iterable[UUID]:
    for text in texts:
        try:
            yield UUID(text)
        except ValueError:
            continue


def _beside(gateway: Gateway, day: date, apart: Sequence[_Pair]) -> list[ReportLine]:
    missing = {(pair.kind, pair.ref) for pair in apart if pair.theirs is None}
    lines = (*gateway.report(day - DAY), *gateway.report(day + DAY))
    return [line for line in lines if (line.kind, line.ref) in missing]


def _ask_again(begin: Begin, gateway: Gateway, pair: _Pair) -> None:
    """Let the gateway say how one movement stands, and settle that as any of its answers."""
    try:
        _ASK[pair.kind](begin, gateway, pair)
    except BillingError:
        return  # it stays on the list


def _ask_charge(begin: Begin, gateway: Gateway, pair: _Pair) -> None:
    if pair.ours is None and pair.key:
        receipt = gateway.find_charge(pair.key)
        if receipt is not None:
            settle_charge(begin, receipt)


def _ask_refund(begin: Begin, gateway: Gateway, pair: _Pair) -> None:
    if pair.ours is not None:
        receipt = gateway.find_refund(str(pair.ours.source_id))
        if receipt is not None:
            settle_refund(begin, pair.ours.source_id, RefundOutcome.of(receipt))


def _ask_dispute(begin: Begin, gateway: Gateway, pair: _Pair) -> None:
    notice = gateway.find_dispute(pair.ref)
    if notice is not None:
        with begin() as tx:
            record_dispute(tx, gateway.name, notice, asked=True)


_ASK: dict[str, Callable[[Begin, Gateway, _Pair], None]] = {
    "charge": _ask_charge,
    "refund": _ask_refund,
    "dispute": _ask_dispute,
}


def _write(tx: Tx, gateway: str, kind: str, pairs: Sequence[_Pair]) -> None:
    known = items_by_ref(tx.session, gateway, kind, {pair.ref for pair in pairs})
    for pair in pairs:
        amount = pair.ours.amount if pair.ours is not None else None
        item = known.get(pair.ref)
        if item is None:
            item = ReconciliationItem(
                id=tx.new_id(), gateway=gateway, kind=kind, ref=pair.ref, found_at=tx.at
            )
            tx.session.add(item)
        elif (item.ours, item.theirs) == (amount, pair.theirs):
            continue
        item.day, item.changed_at = pair.day, tx.at
        item.source_id = pair.ours.source_id if pair.ours is not None else None
        item.state, item.resolved_by, item.resolved_at = _state(amount, pair.theirs), None, None
        if amount is not None or pair.theirs is not None:  # else the last amounts stay readable
            item.ours_minor, item.ours_currency = _columns(amount)
            item.theirs_minor, item.theirs_currency = _columns(pair.theirs)
    tx.session.flush()


def _state(ours: Money | None, theirs: Money | None) -> str:
    if ours == theirs:
        return "matched"
    if ours is None:
        return "missing_here"
    return "missing_there" if theirs is None else "amount_differs"


def _columns(amount: Money | None) -> tuple[int | None, str | None]:
    return (None, None) if amount is None else (amount.minor, amount.currency)
