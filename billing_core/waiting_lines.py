"""Lines that wait for a subscription's next invoice.

What they take back of an earlier line is counted on it at once, so that it cannot be given
back a second time while they wait.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import exists, select, update
from sqlalchemy.orm import Session

from .domain.invoice import DraftLine
from .domain.money import Money
from .ports import Tx
from .preview import plain
from .store.locks import add_credited, lock_all
from .store.subscription import Subscription, WaitingLine

_READERS: tuple[tuple[tuple[str, ...], Callable[[Any], Any]], ...] = (
    (("net", "unit", "tax", "discount"), lambda kept: Money(**kept)),
    (("start", "end"), date.fromisoformat),
    (("item_id", "price_id", "credits_line_id"), UUID),
)


def put_by(tx: Tx, subscription: Subscription, lines: Sequence[DraftLine]) -> None:
    """Keep lines for the next invoice. The caller has locked the subscription."""
    for position, line in enumerate(lines):
        if line.credits_line_id is not None and line.gross:
            add_credited(tx.session, line.credits_line_id, -line.gross.minor)
        tx.session.add(
            WaitingLine(
                id=tx.new_id(),
                subscription_id=subscription.id,
                position=position,
                line=_written(line),
                created_at=tx.at,
            )
        )
    tx.session.flush()


def lines_waiting(
    session: Session, subscription_ids: Sequence[UUID]
) -> dict[UUID, tuple[DraftLine, ...]]:
    """Return the lines by subscription, in the order in which they came."""
    rows = session.scalars(
        select(WaitingLine)
        .where(WaitingLine.subscription_id.in_(subscription_ids), WaitingLine.invoice_id.is_(None))
        .order_by(WaitingLine.created_at, WaitingLine.position)
    )
    found: dict[UUID, tuple[DraftLine, ...]] = defaultdict(tuple)
    for row in rows:
        line = replace(_read(row.line), waiting_id=row.id)
        found[row.subscription_id] += (line,)
    return dict(found)


def has_waiting(session: Session, subscription_id: UUID) -> bool:
    mine = (WaitingLine.subscription_id == subscription_id, WaitingLine.invoice_id.is_(None))
    return bool(session.scalar(select(exists().where(*mine))))


def mark_billed(session: Session, invoices: dict[UUID, UUID]) -> None:
    """Note which invoice took each waiting line."""
    for waiting_id, invoice_id in invoices.items():
        session.execute(
            update(WaitingLine)
            .where(WaitingLine.id == waiting_id, WaitingLine.invoice_id.is_(None))
            .values(invoice_id=invoice_id)
            .execution_options(synchronize_session=False)
        )


def wait_again(session: Session, invoice_id: UUID) -> None:
    """Let the lines that an invoice had taken wait for the next one; what they take back counts again."""
    rows = lock_all(
        session,
        select(WaitingLine).where(WaitingLine.invoice_id == invoice_id).order_by(WaitingLine.id),
    )
    for row in rows:
        line, row.invoice_id = _read(row.line), None
        if line.credits_line_id is not None and line.gross:
            add_credited(session, line.credits_line_id, -line.gross.minor)
    session.flush()


def _written(line: DraftLine) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for field in fields(line):
        value = getattr(line, field.name)
        result[field.name] = plain(value) if isinstance(value, Money | date | UUID) else value
    return result


def _read(stored: dict[str, Any]) -> DraftLine:
    values = dict(stored)
    for names, read in _READERS:
        for name in names:
            if values[name] is not None:
                values[name] = read(values[name])
    return DraftLine(**values)
