"""What Stripe's objects mean to us."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from billing_core.domain.money import Money
from billing_core.errors import (
    GatewayDeclined,
    GatewayError,
    GatewayUnreachable,
    KeyReused,
    UnreadableNotice,
)
from billing_core.gateways.stripe_reading import (
    KEY,
    charge_receipt,
    dispute_notice,
    evidence_fields,
    fault_of,
    from_stripe,
    read_event,
    refund_receipt,
    to_stripe,
)

AT = datetime(2026, 11, 17, 12, 0, tzinfo=UTC)


def intent(**changes: Any) -> dict[str, Any]:
    said = {"id": "pi_1", "status": "succeeded", "amount": 100, "currency": "brl"}
    return said | {"metadata": {KEY: "k"}} | changes


def refund(**changes: Any) -> dict[str, Any]:
    said = {"id": "re_1", "status": "succeeded", "amount": 100, "currency": "brl"}
    return said | {"metadata": {KEY: "k"}, "payment_intent": "pi_1"} | changes


def dispute(**changes: Any) -> dict[str, Any]:
    said = {"id": "dp_1", "status": "needs_response", "reason": "fraudulent", "amount": 100}
    return said | {"currency": "brl", "payment_intent": "pi_1", "charge": "ch_1"} | changes


@pytest.mark.parametrize(
    ("said", "state", "code"),
    [
        ({"status": "succeeded"}, "succeeded", ""),
        ({"status": "processing"}, "pending", ""),
        ({"status": "requires_capture"}, "pending", ""),
        ({"status": "requires_action"}, "failed", "authentication_required"),
        ({"status": "canceled"}, "failed", "withdrawn"),
        ({"status": "requires_payment_method"}, "failed", "declined"),
        (
            {
                "status": "requires_payment_method",
                "last_payment_error": {"code": "card_declined", "decline_code": "lost_card"},
            },
            "failed",
            "lost_card",
        ),
        (
            {"status": "canceled", "last_payment_error": {"code": "expired_card"}},
            "failed",
            "expired_card",
        ),
    ],
)
def test_a_payment_intent_is_a_charge(said: dict[str, Any], state: str, code: str) -> None:
    receipt = charge_receipt(intent(**said))
    assert (receipt.key, receipt.ref, receipt.amount) == ("k", "pi_1", Money(100, "BRL"))
    assert (receipt.state, receipt.code) == (state, code)


@pytest.mark.parametrize(
    ("said", "state", "code"),
    [
        ({"status": "succeeded"}, "succeeded", ""),
        ({"status": "pending"}, "pending", ""),
        ({"status": "requires_action"}, "pending", ""),
        (
            {"status": "failed", "failure_reason": "lost_or_stolen_card"},
            "failed",
            "lost_or_stolen_card",
        ),
        ({"status": "canceled"}, "failed", "canceled"),
    ],
)
def test_a_refund_is_a_refund(said: dict[str, Any], state: str, code: str) -> None:
    receipt = refund_receipt(refund(**said))
    assert (receipt.key, receipt.state, receipt.code) == ("k", state, code)


@pytest.mark.parametrize("metadata", [{}, None, {"other": "x"}])
def test_a_refund_without_our_key_has_its_own_id_for_one(metadata: Any) -> None:
    assert refund_receipt(refund(metadata=metadata)).key == "re_1"


def test_a_dispute_says_until_when_to_answer() -> None:
    due = AT + timedelta(days=7)
    told = dispute_notice(dispute(evidence_details={"due_by": int(due.timestamp())}))
    assert (told.respond_by, told.payment_ref, told.reason) == (due, "pi_1", "fraudulent")


def test_a_dispute_without_a_deadline_or_an_intent_is_still_one() -> None:
    told = dispute_notice(dispute(payment_intent=None, evidence_details={"due_by": None}))
    assert (told.respond_by, told.payment_ref) == (None, "ch_1")


@pytest.mark.parametrize(
    ("name", "about", "kind", "payment_ref"),
    [
        ("payment_intent.succeeded", intent(), "charge", ""),
        ("payment_intent.payment_failed", intent(status="canceled"), "charge", ""),
        ("refund.created", refund(), "refund", "pi_1"),
        ("refund.failed", refund(payment_intent=None, charge="ch_1"), "refund", "ch_1"),
        ("charge.refund.updated", refund(payment_intent=None), "refund", ""),
        ("charge.dispute.closed", dispute(), "dispute", "pi_1"),
    ],
)
def test_events_are_read_by_what_they_are_about(
    name: str, about: Any, kind: str, payment_ref: str
) -> None:
    [event] = read_event({"id": "evt_1", "type": name, "data": {"object": about}})
    assert (event.id, event.kind, event.payment_ref) == ("evt_1", kind, payment_ref)


@pytest.mark.parametrize(
    ("name", "about"),
    [
        pytest.param("customer.created", {}, id="a-customer"),
        pytest.param("charge.refunded", {"amount_refunded": 100}, id="a-running-total"),
        pytest.param("payment_intent.succeeded", intent(metadata={}), id="somebody-elses-charge"),
    ],
)
def test_what_does_not_concern_us_says_nothing(name: str, about: Any) -> None:
    assert read_event({"id": "evt_1", "type": name, "data": {"object": about}}) == []


@pytest.mark.parametrize(
    "event",
    [
        {},
        [],
        {"id": "evt_1", "type": "refund.created", "data": {"object": {}}},
        {"id": "evt_1", "type": "refund.created", "data": {"object": None}},
        {"id": "evt_1", "type": None, "data": {"object": {}}},
        {
            "id": "evt_1",
            "type": "refund.created",
            "data": {"object": refund(currency="ugx", amount=150)},
        },
    ],
)
def test_an_event_that_is_none_is_unreadable(event: Any) -> None:
    with pytest.raises(UnreadableNotice):
        read_event(event)


@pytest.mark.parametrize(
    ("amount", "theirs"),
    [
        (Money(12990, "BRL"), (12990, "brl")),
        (Money(500, "JPY"), (500, "jpy")),
        (Money(500, "UGX"), (50000, "ugx")),
        (Money(1500, "BHD"), (1500, "bhd")),
    ],
)
def test_amounts_are_written_as_stripe_counts(amount: Money, theirs: tuple[int, str]) -> None:
    assert to_stripe(amount) == theirs
    assert from_stripe(*theirs) == amount


@pytest.mark.parametrize(
    ("status", "error", "kind", "code"),
    [
        (402, {"type": "card_error", "code": "card_declined"}, GatewayDeclined, "card_declined"),
        (402, {"code": "card_declined", "decline_code": "lost_card"}, GatewayDeclined, "lost_card"),
        (400, {"type": "invalid_request_error"}, GatewayDeclined, "invalid_request_error"),
        (400, {"message": "?"}, GatewayDeclined, "refused"),
        (404, {"code": "resource_missing"}, GatewayDeclined, "resource_missing"),
        (400, {"type": "idempotency_error"}, KeyReused, ""),
        (409, {"type": "idempotency_error"}, GatewayUnreachable, ""),
        (400, {"code": "lock_timeout"}, GatewayUnreachable, ""),
        (404, {}, GatewayUnreachable, ""),
        (401, {"type": "invalid_request_error"}, GatewayUnreachable, ""),
        (429, {"code": "rate_limit"}, GatewayUnreachable, ""),
        (500, {"type": "api_error"}, GatewayUnreachable, ""),
        (None, {}, GatewayUnreachable, ""),
    ],
)
def test_only_stripes_own_no_is_a_no(
    status: int | None, error: dict[str, str], kind: type[GatewayError], code: str
) -> None:
    fault = fault_of(status, error, key="k")
    assert type(fault) is kind
    assert getattr(fault, "code", "") == code


def test_evidence_without_a_field_of_its_own_is_not_lost() -> None:
    given = {"customer_name": "Ana", "conversation": "Oi", "sla": "1 h"}
    assert evidence_fields(given) == {
        "customer_name": "Ana",
        "uncategorized_text": "conversation: Oi\n\nsla: 1 h",
    }
    assert evidence_fields({"uncategorized_text": "A", "note": "B"}) == {
        "uncategorized_text": "A\n\nnote: B"
    }
    assert evidence_fields({"customer_name": "Ana"}) == {"customer_name": "Ana"}
