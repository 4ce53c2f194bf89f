"""Money back: what may be refunded, how it is split, what stays as credit."""

from collections.abc import Sequence
from datetime import date, timedelta
from fractions import Fraction
from typing import Any
from uuid import UUID

from billing_core.domain.balance import (
    LineBalance,
    NetRefunds,
    PaymentBalance,
    invoice_balance,
    refundable,
    spread,
    wallet_after,
)
from billing_core.domain.dispute import hold_of
from billing_core.domain.invoice import apply_credit
from billing_core.domain.money import Money, total
from billing_core.domain.refund_window import known_window
from billing_core.domain.tax import Taxed, split_price
from billing_core.domain.termination import EndedLine, settle
from tests.corpus.billing.reading import Amounts, Input, tax_rule

PAID_ON = date(2026, 1, 1)
RETURNED = {"succeeded", "success", "refunded"}
NEVER_LEFT = {"failed", "failure", "canceled", "cancelled", "rejected", "declined", "released"}
ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth")


def _payment(captured: Money, **parts: Money) -> PaymentBalance:
    nothing = Money.zero(captured.currency)
    known = {"refunded": nothing, "reserved": nothing, "disputed": nothing}
    return PaymentBalance(captured=captured, **(known | parts))


def run_remaining_refundable(given: Input) -> str | int:
    """A refund that never left is not counted; one on its way is."""
    amounts = Amounts.like(given["captured"], given)
    zero = Money.zero(amounts.currency)
    refunded = reserved = zero
    for state, amount in given.get("refunds", []):
        if state in RETURNED:
            refunded = refunded + amounts.read(amount)
        elif state not in NEVER_LEFT:
            reserved = reserved + amounts.read(amount)
    held = [one for state, one in given.get("disputes", []) if hold_of(state) != "none"]
    disputed = total((amounts.read(one) for one in held), amounts.currency)
    if given.get("disputed"):
        disputed = disputed + amounts.read(given["disputed"])
    payment = _payment(
        amounts.read(given["captured"]), refunded=refunded, reserved=reserved, disputed=disputed
    )
    return amounts.write(refundable(payment, None))


def run_provider_window(given: Input) -> bool:
    rail = str(given["method"]).lower().removeprefix("credit_")
    window = known_window(str(given["provider"]).lower(), rail)
    after = PAID_ON + timedelta(days=int(given.get("days_after_payment", 0)))
    partial = bool(given.get("partial", not given.get("full", True)))
    return window.takes(after, paid_on=PAID_ON, partial=partial)


def run_refund(given: Input) -> dict[str, Any]:
    """Refund with or without a credit note: only the note lowers what is asked for."""
    amounts = Amounts.like(given["invoice_total"], given)
    left = invoice_balance(
        amounts.read(given["invoice_total"]),
        paid=amounts.read(given["paid"]),
        refunded=amounts.read(given["refund"]),
        adjusted=amounts.read(given.get("item_adjustment", 0)),
    )
    return {"invoice_balance": amounts.write(left), "account_balance": amounts.write(left)}


def run_max_refundable(given: Input) -> dict[str, Any]:
    amounts = Amounts.like(given["fee"], given)
    net = amounts.read(given["fee"]) - amounts.read(given.get("coupon", 0))
    asked = split_price(net, tax_rule(given))
    due = asked.gross - amounts.read(given.get("prepaid_credit_used", 0))
    line = LineBalance(UUID(int=1), asked.net, asked.tax, Money.zero(amounts.currency))
    return {
        "total_due": amounts.write(due),
        "max_refundable": amounts.write(refundable(_payment(due), [line])),
    }


def run_cancel_now(given: Input) -> dict[str, Any]:
    amounts = Amounts.like(given["price"], given)
    of_days, unused = int(given["days_in_period"]), int(given["unused_days"])
    used = given.get("used_days")
    line = EndedLine(
        price=amounts.read(given["price"]),
        coupon=amounts.exact(given.get("coupon_on_line") or 0),
        credited=amounts.read(given.get("already_credited_net") or 0),
        unused=Fraction(unused, of_days),
        used=Fraction(of_days - unused if used is None else int(used), of_days),
        tax=tax_rule(given),
        paid=amounts.exact(given.get("paid_for_this_line") or 0),
    )
    settled = settle(line, given.get("on_termination", "credit"))
    found = {
        "net": settled.given.net,
        "tax": settled.given.tax,
        "total": settled.given.gross,
        "refund": settled.refund,
        "credit": settled.credit,
        "offset": settled.offset,
    }
    return {name: amounts.write(amount) for name, amount in found.items()}


def _given_so_far(given: Input, whole: Taxed, amounts: Amounts) -> NetRefunds:
    """Read the refunds before this one: their nets in a list, or net and tax in sum."""
    zero = Money.zero(amounts.currency)
    balance = NetRefunds(whole, Taxed(zero, zero))
    tax: Money | None = None
    nets: list[Any] = []
    for name, value in given.items():
        if name in ("op", "kind", "currency", "wallet", "order_net", "order_tax", "refund_net"):
            continue
        if "tax" in name:
            tax = amounts.read(value)
        else:
            nets += value if isinstance(value, list) else [value]
    if tax is not None:
        net = total((amounts.read(one) for one in nets), amounts.currency)
        return NetRefunds(whole, Taxed(net, tax))
    for one in nets:
        if amounts.read(one):
            balance = balance.after(balance.give_back(amounts.read(one)))
    return balance


def run_refund_net(given: Input) -> dict[str, Any]:
    """Refunds asked for by net; the last one takes the tax that is left."""
    amounts = Amounts.like(given["order_net"], given)
    whole = Taxed(amounts.read(given["order_net"]), amounts.read(given["order_tax"]))
    balance = _given_so_far(given, whole, amounts)
    asked = given["refund_net"]
    made = []
    for net in asked if isinstance(asked, list) else [asked]:
        made.append(balance.give_back(amounts.read(net)))
        balance = balance.after(made[-1])
    taxes = [amounts.write(one.tax) for one in made]
    gross = [amounts.write(one.gross) for one in made]
    several = isinstance(asked, list)
    return {
        "tax": taxes if several else taxes[0],
        "gross": gross if several else gross[0],
        "status": balance.state,
    }


def run_wallet(given: Input) -> str | int:
    amounts = Amounts.like(given["wallet"], given)
    whole = Taxed(amounts.read(given["order_net"]), amounts.read(given["order_tax"]))
    refund = _given_so_far(given, whole, amounts).give_back(amounts.read(given["refund_net"]))
    return amounts.write(wallet_after(amounts.read(given["wallet"]), refund.gross))


def run_gross_split(given: Input) -> dict[str, Any]:
    amounts = Amounts.like(given["refund_gross"], given)
    lines = [
        LineBalance(
            UUID(int=place),
            amounts.read(line["net"]),
            amounts.read(line["tax"]),
            amounts.read(line.get("credited", 0)),
        )
        for place, line in enumerate(given["lines"])
    ]
    nothing = Money.zero(amounts.currency)
    parts = dict.fromkeys((line.line_id for line in lines), Taxed(nothing, nothing))
    for credit in spread(amounts.read(given["refund_gross"]), lines):
        parts[credit.line_id] = Taxed(credit.net, credit.tax)
    return {
        "tax": amounts.write(total((part.tax for part in parts.values()), amounts.currency)),
        "lines": [
            {
                "gross": amounts.write(part.gross),
                "net": amounts.write(part.net),
                "tax": amounts.write(part.tax),
            }
            for part in parts.values()
        ],
    }


def run_account_credit(given: Input) -> dict[str, Any]:
    """Credit pays invoices in order; below zero is what we still owe the customer."""
    amounts = Amounts.like(given["credit"], given)
    credit = amounts.read(given["credit"])
    invoices: Sequence[Any] = given["invoices_in_order"]
    found: dict[str, Any] = {}
    for ordinal, invoice in zip(ORDINALS, invoices, strict=False):
        due = amounts.read(invoice)
        used = apply_credit(due, credit)
        credit = credit - used
        found[f"payment_for_{ordinal}"] = amounts.write(due - used)
        found[f"after_{ordinal}"] = amounts.write(-credit)
    return found


RUNNERS = {
    "remaining_refundable": run_remaining_refundable,
    "provider_refund_window": run_provider_window,
    "refund_without_adjustment": run_refund,
    "refund_with_item_adjustment": run_refund,
    "max_refundable": run_max_refundable,
    "cancel_now_credit_note": run_cancel_now,
    "refund_net": run_refund_net,
    "refund_reduces_positive_wallet": run_wallet,
    "refund_gross_split": run_gross_split,
    "apply_account_credit": run_account_credit,
}
