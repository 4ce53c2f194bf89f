"""What an approval is bound to, and what survives being stored."""

from datetime import date
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing_core.credits import CreditAsk
from billing_core.domain.money import Money
from billing_core.preview import ChangeRow, MoneyPreview, PreviewLine
from billing_core.refunds import RefundAsk
from billing_core.subscriptions import PlanChangeAsk
from helpdesk.billing_desk.acts import Request, kept, read_back, request_hash
from helpdesk.billing_desk.frozen import freeze, thaw

ids = st.uuids()
FACTS: dict[str, Any] = {
    "request": {"kind": "refund", "main": {"amount_minor": 100}, "courtesy": None},
    "amount_minor": 100,
    "currency": "BRL",
    "requester_id": UUID(int=1),
    "ticket_id": UUID(int=2),
    "customer_id": UUID(int=3),
    "preview_hash": "abc",
}


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"request": FACTS["request"] | {"kind": "credit"}}, id="kind"),
        pytest.param(
            {"request": FACTS["request"] | {"main": {"amount_minor": 101}}}, id="inside-the-request"
        ),
        pytest.param({"amount_minor": 101}, id="amount"),
        pytest.param({"currency": "EUR"}, id="currency"),
        pytest.param({"requester_id": UUID(int=9)}, id="requester"),
        pytest.param({"ticket_id": UUID(int=9)}, id="ticket"),
        pytest.param({"customer_id": UUID(int=9)}, id="customer"),
        pytest.param({"preview_hash": "abd"}, id="preview"),
    ],
)
def test_any_change_of_a_request_is_another_hash(change: dict[str, Any]) -> None:
    assert request_hash(**FACTS) == request_hash(**FACTS)
    assert request_hash(**(FACTS | change)) != request_hash(**FACTS)


@given(
    payment=ids, minor=st.integers(1, 10**9), courtesy=st.none() | st.integers(1, 10**6), act=ids
)
def test_a_stored_request_reads_back_the_same(
    payment: UUID, minor: int, courtesy: int | None, act: UUID
) -> None:
    extra = (
        None
        if courtesy is None
        else CreditAsk(customer_id=uuid4(), amount=Money(courtesy, "BRL"), reason="goodwill")
    )
    request = Request(
        RefundAsk(payment_id=payment, amount=Money(minor, "BRL"), reason="duplicate"), extra
    )
    assert read_back(kept(request)) == request
    bound = request.bound_to(act)
    assert bound.ask.money_act_id == act
    assert extra is None or (bound.courtesy is not None and bound.courtesy.money_act_id == act)


def test_a_plan_change_reads_back_the_same() -> None:
    request = Request(
        PlanChangeAsk(subscription_id=uuid4(), new_price_id=uuid4(), when="period_end")
    )
    assert read_back(kept(request)) == request


def test_a_frozen_preview_reads_back_what_was_shown() -> None:
    preview = MoneyPreview(
        act="plan_change",
        amount=Money(30_00, "BRL"),
        charge_now=Money(30_00, "BRL"),
        rows=(
            ChangeRow("plan", "Plus", "Family", {"on": "2026-11-17"}),
            ChangeRow("period_end", date(2026, 12, 5), date(2026, 12, 5)),
            ChangeRow("credit.balance", Money(0, "BRL"), Money(0, "BRL")),
            ChangeRow("next_charge", None, Money(129_90, "BRL")),
        ),
        lines=(
            PreviewLine(
                "proration_credit",
                "Plus",
                Money(-47_94, "BRL"),
                date(2026, 11, 17),
                date(2026, 12, 5),
                {"days": 18, "of_days": 30},
            ),
        ),
        inputs_hash="h",
        payload={},
    )
    shown = thaw(freeze(preview, {"to": "Family"}))
    assert (shown.rows, shown.lines, shown.charge_now) == (
        preview.rows,
        preview.lines,
        preview.charge_now,
    )
    assert shown.about == {"to": "Family"}
    assert shown.row("plan") is not None
    assert shown.row("tax") is None
