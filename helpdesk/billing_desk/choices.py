"""What the drawers choose from: charges that can be given back, lines that may be wrong."""

from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from billing_core.refund_plan import window_state
from billing_core.refunds import Windows
from billing_core.store.payment import Payment
from billing_core.store.views import AccountView
from helpdesk.billing_desk import words
from helpdesk.billing_desk.about import payments_of
from helpdesk.billing_desk.screen import Charge, WrongLine
from helpdesk.billing_desk.words import _
from helpdesk.web.formats import Formats


def charges(
    session: Session, account: AccountView, windows: Windows, formats: Formats
) -> tuple[Charge, ...]:
    """Return the payments that have something left to give back, and until when that works."""
    doubled = {pair.payment_id for pair in account.duplicates}
    return tuple(
        Charge(
            **_window(session, payment.payment_id, windows, formats),
            payment_id=str(payment.payment_id),
            on=payment.captured_at,
            captured=payment.captured,
            left=payment.refundable,
            number=invoice.number if invoice else "",
            method=words.method(
                {
                    "kind": payment.method.kind,
                    "brand": payment.method.brand,
                    "last4": payment.method.last4,
                }
                if payment.method
                else None
            ),
            duplicate=payment.payment_id in doubled,
        )
        for payment, invoice in payments_of(account)
        if payment.refundable.minor > 0
    )


def wrong_lines(account: AccountView) -> tuple[WrongLine, ...]:
    """Return the lines of which something is still charged."""
    return tuple(
        WrongLine(
            invoice_id=str(invoice.invoice_id),
            line_id=str(line.line_id),
            number=invoice.number,
            state=invoice.state,
            label=line.label,
            start=line.start,
            end=line.end,
            net=line.net,
        )
        for invoice in account.invoices
        if invoice.state in ("open", "paid")
        for line in invoice.lines
        if line.net.minor > 0 and line.credited < line.total
    )


def _window(
    session: Session, payment_id: UUID, windows: Windows, formats: Formats
) -> dict[str, Any]:
    """Return `window` and `closed` of a charge in the refund drawer."""
    state = window_state(session, session.get_one(Payment, payment_id), formats.now, windows)
    if state is None:
        return {}
    if state.last_day is None:
        return {"window": _("the provider cannot refund it"), "closed": True}
    day = formats.day(state.last_day, "short")
    if not state.open:
        return {"window": _("the provider refunded it until %(day)s", day=day), "closed": True}
    if not state.window.partial:
        return {"window": _("refund until %(day)s, only the whole", day=day)}
    return {"window": _("refund until %(day)s", day=day)}
