"""Amounts and asks as people type them, and as strangers might."""

from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing_core.domain.money import Money
from billing_core.refunds import RefundAsk
from helpdesk.billing_desk.forms import Reader, read_amount, read_credit, read_refund, read_reissue
from helpdesk.errors import InvalidInput
from helpdesk.web.formats import Formats

READER = Reader(uuid4(), "BRL", "pt_BR")


@pytest.mark.parametrize(
    ("text", "language", "minor"),
    [
        pytest.param("129,90", "pt_BR", 129_90, id="comma-in-portuguese"),
        pytest.param("R$\u00a0129,90", "pt_BR", 129_90, id="as-the-screen-writes-it"),
        pytest.param("1.255,48", "pt_BR", 1255_48, id="thousands-in-portuguese"),
        pytest.param("1.255", "pt_BR", 1255_00, id="three-digits-are-a-group"),
        pytest.param("129.90", "pt_BR", 129_90, id="two-digits-are-decimals"),
        pytest.param("1,255.48", "en", 1255_48, id="thousands-in-english"),
        pytest.param("129,90", "en", 129_90, id="comma-in-english"),
        pytest.param("129", "en", 129_00, id="whole"),
        pytest.param("0,01", "pt_BR", 1, id="one-cent"),
    ],
)
def test_an_amount_is_read_as_people_type_it(text: str, language: str, minor: int) -> None:
    assert read_amount(text, "BRL", language) == Money(minor, "BRL")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-1",
        "−1",
        "0",
        "0,00",
        "1e9",
        "NaN",
        "inf",
        "1,2,3",
        "1.2.3",
        "12,345",
        "１２",
        "9" * 30,
    ],
)
def test_what_is_no_amount_is_refused_by_name(text: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        read_amount(text, "BRL", "pt_BR")
    assert refusal.value.field == "amount"


@given(minor=st.integers(1, 10**10), language=st.sampled_from(["pt_BR", "en"]))
def test_what_the_screen_writes_can_be_typed_back(minor: int, language: str) -> None:
    from datetime import UTC, datetime

    from babel.core import Locale

    formats = Formats(
        Locale.parse(language), UTC, datetime(2026, 11, 17, tzinfo=UTC), lambda text, /, **_: text
    )
    amount = Money(minor, "BRL")
    assert read_amount(formats.figure(amount), "BRL", language) == amount
    assert read_amount(formats.money(amount), "BRL", language) == amount


def refund_form(**changes: str) -> dict[str, str]:
    return {"payment": str(uuid4()), "amount": "60,00", "reason": "duplicate"} | changes


def test_a_refund_may_carry_a_courtesy() -> None:
    plain = read_refund(refund_form(courtesy="0,00"), READER)
    kind = read_refund(refund_form(courtesy="20,00"), READER)
    assert plain.courtesy is None
    assert isinstance(kind.ask, RefundAsk)
    assert kind.courtesy is not None
    assert kind.courtesy.amount == Money(20_00, "BRL")
    assert kind.courtesy.customer_id == READER.customer_id


@pytest.mark.parametrize(
    ("change", "field"),
    [
        pytest.param({"payment": "1 OR 1=1"}, "payment", id="no-id"),
        pytest.param({"reason": "because"}, "reason", id="unknown-reason"),
        pytest.param({"amount": "-60"}, "amount", id="negative"),
        pytest.param({"courtesy": "-1"}, "courtesy", id="negative-courtesy"),
        pytest.param({"requester_id": str(uuid4())}, "requester_id", id="unknown-field"),
    ],
)
def test_a_refund_form_is_strict(change: dict[str, str], field: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        read_refund(refund_form(**change), READER)
    assert refusal.value.field == field


def test_a_credit_belongs_to_the_tickets_customer() -> None:
    request = read_credit({"amount": "10,00", "reason": "goodwill"}, READER)
    assert request.kind == "credit"
    assert request.ask.customer_id == READER.customer_id  # type: ignore[union-attr]


def test_a_line_may_turn_out_to_be_free() -> None:
    form = {
        "invoice": str(uuid4()),
        "line": str(uuid4()),
        "right": "0,00",
        "reason": "our_mistake",
        "settle_by": "refund",
    }
    request = read_reissue(form, READER)
    assert request.ask.lines[0][1] == Money(0, "BRL")  # type: ignore[union-attr]
