"""Amounts that people write in messages, matched with what the account was charged."""

import re
from collections.abc import Mapping
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from billing_core.store.invoice import Invoice
from helpdesk.tickets.screen import Run

LOOKED_AT = 24  # newest charges

# 129,90 and 129.90, with or without thousands; a bare number without cents is no amount.
_AMOUNT = re.compile(
    r"(?<![\w.,])(?:R\$|US\$|\$|€)?[ \u00a0]?(\d{1,3}(?:[.,]\d{3})*|\d+)[.,](\d{2})(?![\w.,]*\d)"
)


def charges_of(session: Session, customer_id: UUID | None) -> dict[int, str]:
    """Return the newest invoice of each total, by its minor units."""
    if customer_id is None:
        return {}
    rows = session.execute(
        select(Invoice.id, Invoice.total_minor)
        .where(Invoice.customer_id == customer_id)
        .order_by(Invoice.issued_at.desc())
        .limit(LOOKED_AT)
    ).all()
    return {total: str(invoice_id) for invoice_id, total in reversed(rows)}


def marked(text: str, charges: Mapping[int, str]) -> tuple[Run, ...]:
    """Return `text` with the amounts that match a charge set apart."""
    runs: list[Run] = []
    done = 0
    for found in _AMOUNT.finditer(text) if charges else ():
        minor = int(re.sub(r"[.,]", "", found[1]) + found[2])
        charge = charges.get(minor)
        if charge is None:
            continue
        start = found.start() + (len(found[0]) - len(found[0].lstrip()))
        if start > done:
            runs.append(Run(text[done:start]))
        runs.append(Run(text[start : found.end()], "amount", charge))
        done = found.end()
    if done < len(text) or not runs:
        runs.append(Run(text[done:]))
    return tuple(runs)
