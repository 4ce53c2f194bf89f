"""What gateways push: stored once, believed only when signed, booked once in any order."""

import json
import random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from itertools import permutations
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from billing_core.domain.money import Money
from billing_core.errors import BadSignature, GatewayUnreachable, NotFound, UnreadableNotice
from billing_core.events import RefundFailed, RefundMadeOutside, RefundSucceeded
from billing_core.gateway_events import (
    LONGEST_WAIT,
    events_to_read,
    read_event,
    store_event,
    take_delivery,
)
from billing_core.gateways.sandbox_hands import SIGNATURE_HEADER
from billing_core.gateways.signing import sign_body
from billing_core.notices import dump_event, load_event
from billing_core.outside_refunds import record_outside_refund
from billing_core.ports import DisputeNotice, GatewayEvent, Receipt
from billing_core.refunds import RefundAsk, promise_refund, send_refund
from billing_core.store.dispute import Dispute
from billing_core.store.invoice import CreditNote
from billing_core.store.ledger import LedgerEntry
from billing_core.store.notice import GatewayNotice
from billing_core.store.payment import Payment, PaymentAttempt, Refund
from tests.integration.billing.conftest import Company, brl

SECRET = "whsec_of_tests"


def deliver(company: Company, *events: GatewayEvent) -> list[UUID]:
    """Let a signed delivery arrive."""
    body, headers = company.gateway.deliver(*events)
    return take_delivery(company.begin, company.gateway, body, headers, at=company.at)


def read(company: Company, *notices: UUID) -> list[str]:
    return [read_event(company.begin, company.gateways, id) for id in notices]


def rows(company: Company, kind: type[Any]) -> list[Any]:
    with company.begin() as tx:
        return list(tx.session.scalars(select(kind)))


def charge_key(company: Company, payment_id: UUID) -> str:
    ref = company.payment(payment_id).gateway_ref
    return next(one.key for one in company.gateway.charges() if one.ref == ref)


def promise(company: Company, payment_id: UUID, minor: int) -> UUID:
    with company.begin() as tx:
        return promise_refund(
            tx, RefundAsk(payment_id=payment_id, amount=brl(minor), reason="duplicate"), held=False
        )


def test_a_delivery_is_kept_with_its_bytes_and_read_once(company: Company) -> None:
    customer_id, _ = company.start()
    company.gateway.behave("late", on="charge")
    company.collect(company.invoice(customer_id).id)
    [event] = company.gateway.settle_pending()
    body, headers = company.gateway.deliver(event)
    first = take_delivery(company.begin, company.gateway, body, headers, at=company.at)
    assert take_delivery(company.begin, company.gateway, body, headers, at=company.at) == first
    [kept] = rows(company, GatewayNotice)
    assert (kept.body, kept.state, load_event(kept.said)) == (body, "new", event)
    assert read(company, *first, *first) == ["read", "read"]
    assert len(rows(company, Payment)) == 1
    with company.begin() as tx:
        assert events_to_read(tx.session, company.at + LONGEST_WAIT) == []


@pytest.mark.parametrize(
    "forge",
    [
        pytest.param(lambda body, _: (body, {}), id="unsigned"),
        pytest.param(lambda body, headers: (body + b" ", headers), id="changed"),
        pytest.param(
            lambda body, headers: (body, {SIGNATURE_HEADER: headers[SIGNATURE_HEADER][:-1] + "x"}),
            id="forged",
        ),
    ],
)
def test_what_the_provider_did_not_sign_leaves_no_trace(small_company: Company, forge: Any) -> None:
    company = small_company
    event = company.gateway.refund_outside(charge_key(company, company.paying()[2]), brl(100))
    body, headers = forge(*company.gateway.deliver(event))
    with pytest.raises(BadSignature):
        take_delivery(company.begin, company.gateway, body, headers, at=company.at)
    assert rows(company, GatewayNotice) == []


def test_an_old_delivery_cannot_be_played_again(small_company: Company) -> None:
    company = small_company
    event = company.gateway.refund_outside(charge_key(company, company.paying()[2]), brl(100))
    body, headers = company.gateway.deliver(event)
    company.forward(minutes=5, seconds=1)
    with pytest.raises(BadSignature):
        take_delivery(company.begin, company.gateway, body, headers, at=company.at)
    assert rows(company, GatewayNotice) == []


def test_signed_nonsense_is_kept_for_a_person(small_company: Company) -> None:
    company, body = small_company, b'{"events": [{"id": "evt_1", "kind": "weather"}]}'
    headers = {SIGNATURE_HEADER: sign_body(body, SECRET, at=company.at)}
    for _ in range(2):
        assert take_delivery(company.begin, company.gateway, body, headers, at=company.at) == []
    [kept] = rows(company, GatewayNotice)
    assert (kept.state, kept.body) == ("unreadable", body)
    assert read(company, kept.id) == ["unreadable"]


def test_a_delivery_about_nothing_of_ours_is_not_kept(small_company: Company) -> None:
    assert deliver(small_company) == []
    assert rows(small_company, GatewayNotice) == []


@pytest.mark.parametrize("order", list(permutations(range(3))), ids=str)
def test_no_order_and_no_repetition_of_notices_changes_the_end(
    small_company: Company, order: tuple[int, ...]
) -> None:
    """A refund was pending, succeeded and bounced; all three notices come late, and each twice."""
    company = small_company
    _, _, payment_id = company.paying()
    company.gateway.behave("late", on="refund")
    refund_id = promise(company, payment_id, 5000)
    send_refund(company.begin, company.gateway, refund_id)
    said = company.gateway.find_refund(str(refund_id))
    assert said is not None
    pending = GatewayEvent("evt_pending", "refund", said)
    [succeeded] = company.gateway.settle_pending()
    bounced = company.gateway.bounce_refund(str(refund_id))
    events = [pending, succeeded, bounced]
    for number in order:
        read(company, *deliver(company, events[number]), *deliver(company, events[number]))
    [refund] = rows(company, Refund)
    assert (refund.state, refund.failure_code) == ("failed", "account_closed")
    payment = company.payment(payment_id)
    assert (payment.refunded_minor, payment.reserved_minor) == (0, 0)


def test_every_order_of_five_notices_ends_the_same(small_company: Company, full: bool) -> None:
    """Two charges, two refunds outside and a dispute, shuffled and doubled."""
    company = small_company
    ends = set()
    dice = random.Random(7)
    for _ in range(40 if full else 6):
        _, _, payment_id = company.paying()
        key = charge_key(company, payment_id)
        late, _ = company.start()
        company.gateway.behave("late", on="charge")
        company.collect(company.invoice(late).id)
        events = [
            *company.gateway.settle_pending(),
            company.gateway.refund_outside(key, brl(1000)),
            company.gateway.refund_outside(key, brl(1000)),
            company.gateway.open_dispute(key, brl(5000)),
        ] * 2
        dice.shuffle(events)
        for event in events:
            read(company, *deliver(company, event))
        payment = company.payment(payment_id)
        paid = company.account(late).invoices[0].payment_state
        ends.add((payment.refunded_minor, payment.disputed_minor, paid))
    assert ends == {(2000, 5000, "paid")}


def test_a_refund_made_outside_is_booked_once(company: Company) -> None:
    _, _, payment_id = company.paying()
    event = company.gateway.refund_outside(charge_key(company, payment_id), brl(12990))
    again = GatewayEvent("evt_other", event.kind, event.receipt, payment_ref=event.payment_ref)
    assert read(company, *deliver(company, event), *deliver(company, again)) == ["read", "read"]
    [refund] = rows(company, Refund)
    assert (refund.origin, refund.state, refund.money_act_id) == ("outside", "succeeded", None)
    assert event.receipt is not None
    assert refund.gateway_ref == event.receipt.ref
    assert company.payment(payment_id).refunded_minor == 12990
    [note] = rows(company, CreditNote)
    assert (note.state, note.settled_by, note.amount_minor) == ("issued", "refund", 12990)
    assert len(company.told(RefundMadeOutside)) == len(company.told(RefundSucceeded)) == 1
    booked = [entry for entry in rows(company, LedgerEntry) if entry.source_id == refund.id]
    assert [entry.reason for entry in booked] == ["refunded"]


def test_a_refund_made_outside_can_bounce_too(company: Company) -> None:
    _, _, payment_id = company.paying()
    event = company.gateway.refund_outside(charge_key(company, payment_id), brl(100))
    assert event.receipt is not None
    bounced = company.gateway.bounce_refund(event.receipt.key)
    assert read(company, *deliver(company, bounced)) == ["read"]  # it never got as far as our books
    assert rows(company, Refund) == []
    second = company.gateway.refund_outside(charge_key(company, payment_id), brl(200))
    assert second.receipt is not None
    read(company, *deliver(company, second))
    read(company, *deliver(company, company.gateway.bounce_refund(second.receipt.key)))
    assert [refund.state for refund in rows(company, Refund)] == ["failed"]
    assert company.payment(payment_id).refunded_minor == 0
    assert len(company.told(RefundFailed)) == 1


@pytest.mark.parametrize("readers", [1, 4], ids=["one-after-the-other", "four-at-once"])
def test_however_many_read_it_money_given_back_outside_is_booked_once(
    company: Company, readers: int
) -> None:
    _, _, payment_id = company.paying()
    event = company.gateway.refund_outside(charge_key(company, payment_id), brl(1000))
    assert event.receipt is not None
    told = [replace(event, id=f"evt_{number}") for number in range(4)]
    notices = [id for one in told for id in deliver(company, one)]
    with ThreadPoolExecutor(readers) as pool:
        assert set(pool.map(lambda id: read(company, id)[0], notices)) == {"read"}
    assert len(rows(company, Refund)) == 1
    assert company.payment(payment_id).refunded_minor == 1000
    with company.begin() as tx:  # one that lost the race after it had looked
        assert record_outside_refund(tx, "sandbox", event.payment_ref, event.receipt) == ""
    assert len(rows(company, Refund)) == 1


def test_what_our_books_cannot_carry_waits_for_room(company: Company) -> None:
    """All of it is promised already, and somebody gives it back in the provider's screens too."""
    _, _, payment_id = company.paying()
    refund_id = promise(company, payment_id, 12990)
    event = company.gateway.refund_outside(charge_key(company, payment_id), brl(12990))
    [notice] = deliver(company, event)
    assert read(company, notice) == ["parked"]
    [kept] = rows(company, GatewayNotice)
    assert "left" in kept.why
    assert company.payment(payment_id).reserved_minor == 12990
    send_refund(company.begin, company.gateway, refund_id)  # the provider has nothing left to give
    assert read(company, notice) == ["read"]
    assert sorted((one.origin, one.state) for one in rows(company, Refund)) == [
        ("ours", "failed"),
        ("outside", "succeeded"),
    ]
    assert company.payment(payment_id).refunded_minor == 12990


def test_a_dispute_is_kept_as_the_gateway_tells_it_now(company: Company) -> None:
    _, _, payment_id = company.paying()
    opened = company.gateway.open_dispute(charge_key(company, payment_id), brl(12990))
    assert opened.dispute is not None
    decided = company.gateway.decide_dispute(opened.dispute.ref, won=False)
    for event in (decided, opened):
        assert read(company, *deliver(company, event)) == ["read"]
    [dispute] = rows(company, Dispute)
    assert dispute.state == "lost"
    assert company.payment(payment_id).disputed_minor == 12990


def test_a_dispute_that_makes_no_sense_is_parked(small_company: Company) -> None:
    company = small_company
    _, _, payment_id = company.paying()
    opened = company.gateway.open_dispute(charge_key(company, payment_id), brl(100))
    with company.begin() as tx:
        tx.session.get_one(Payment, payment_id).gateway_ref = "ch_another"
    [notice] = deliver(company, opened)
    assert read(company, notice) == ["parked"]
    assert rows(company, Dispute) == []


@pytest.mark.parametrize("change", [{"amount": Money(100, "USD")}, {"state": "strange"}], ids=str)
def test_a_dispute_that_does_not_fit_its_payment_is_parked(
    small_company: Company, monkeypatch: pytest.MonkeyPatch, change: dict[str, Any]
) -> None:
    company = small_company
    _, _, payment_id = company.paying()
    opened = company.gateway.open_dispute(charge_key(company, payment_id), brl(100))
    assert opened.dispute is not None
    odd = replace(opened.dispute, **change)
    monkeypatch.setattr(company.gateway, "find_dispute", lambda ref: odd)
    assert read(company, *deliver(company, opened)) == ["parked"]
    assert company.payment(payment_id).disputed_minor == 0


@pytest.mark.parametrize(
    "event",
    [
        pytest.param(
            GatewayEvent("e", "charge", Receipt("k", "ch_1", "succeeded", brl(1))), id="charge"
        ),
        pytest.param(
            GatewayEvent(
                "e", "refund", Receipt("k", "re_1", "succeeded", brl(1)), payment_ref="ch_1"
            ),
            id="refund",
        ),
        pytest.param(
            GatewayEvent(
                "e", "dispute", dispute=DisputeNotice("dp_1", "ch_1", "won", "", brl(1), None)
            ),
            id="dispute",
        ),
        pytest.param(
            GatewayEvent("e", "mandate", Receipt("k", "m_1", "succeeded", brl(0))), id="mandate"
        ),
    ],
)
def test_what_the_gateway_itself_does_not_know_is_parked(
    small_company: Company, event: GatewayEvent
) -> None:
    assert read(small_company, *deliver(small_company, event)) == ["parked"]


def test_money_that_is_nobodys_here_is_parked(small_company: Company) -> None:
    company = small_company
    theirs = company.gateway.charge(
        method_token="tok", amount=brl(100), key="theirs", reference="theirs"
    )
    back = company.gateway.refund_outside("theirs", brl(10))
    dispute = company.gateway.open_dispute("theirs", brl(20))
    events = [GatewayEvent("evt", "charge", theirs), back, dispute]
    assert [read(company, *deliver(company, one)) for one in events] == [["parked"]] * 3
    assert rows(company, Payment) == rows(company, Refund) == rows(company, Dispute) == []


def test_a_refund_outside_that_is_still_pending_waits(small_company: Company) -> None:
    company = small_company
    _, _, payment_id = company.paying()
    company.gateway.behave("late", on="refund")
    ref = company.payment(payment_id).gateway_ref
    company.gateway.refund(payment_ref=ref, amount=brl(10), key="theirs")
    said = company.gateway.find_refund("theirs")
    assert said is not None
    [notice] = deliver(company, GatewayEvent("evt", "refund", said, payment_ref=ref))
    assert read(company, notice) == ["parked"]
    company.gateway.settle_pending()
    assert read(company, notice) == ["read"]
    assert company.payment(payment_id).refunded_minor == 10


def test_a_parked_notice_is_tried_again_later_and_later(small_company: Company) -> None:
    company = small_company
    event = GatewayEvent("e", "charge", Receipt("k", "ch_1", "succeeded", brl(1)))
    [notice] = deliver(company, event)
    waits = []
    for _ in range(16):
        read(company, notice)
        with company.begin() as tx:
            kept = tx.session.get_one(GatewayNotice, notice)
            waits.append(kept.due_at - company.at)
            assert events_to_read(tx.session, kept.due_at - timedelta(microseconds=1)) == []
            assert events_to_read(tx.session, kept.due_at) == [notice]
        company.at = kept.due_at
    assert waits[:3] == [timedelta(seconds=30), timedelta(seconds=60), timedelta(seconds=120)]
    assert waits == sorted(waits)
    assert waits[-1] == LONGEST_WAIT


def test_a_notice_of_a_gateway_that_is_gone_is_parked(small_company: Company) -> None:
    [notice] = deliver(
        small_company, GatewayEvent("e", "charge", Receipt("k", "ch_1", "succeeded", brl(1)))
    )
    assert read_event(small_company.begin, {}, notice) == "parked"


def test_a_gateway_that_does_not_answer_is_asked_again(small_company: Company) -> None:
    company = small_company
    customer_id, _ = company.start()
    company.gateway.behave("late", on="charge")
    company.collect(company.invoice(customer_id).id)
    [event] = company.gateway.settle_pending()
    [notice] = deliver(company, event)
    company.gateway.behave("drop_before", on="find")
    with pytest.raises(GatewayUnreachable):
        read(company, notice)
    assert [attempt.state for attempt in rows(company, PaymentAttempt)] == ["pending"]
    assert read(company, notice) == ["read"]
    assert [attempt.state for attempt in rows(company, PaymentAttempt)] == ["success"]
    with pytest.raises(NotFound):
        read(company, customer_id)


def test_a_notice_is_only_a_hint_the_gateway_has_the_word(small_company: Company) -> None:
    """Its signature is right and its claim is wrong: nothing was paid."""
    company = small_company
    customer_id, _ = company.start()
    company.gateway.behave("late", on="charge")
    company.collect(company.invoice(customer_id).id)
    [attempt] = rows(company, PaymentAttempt)
    lie = Receipt(attempt.key, "ch_lie", "succeeded", brl(attempt.amount_minor))
    read(company, *deliver(company, GatewayEvent("evt_lie", "charge", lie)))
    assert rows(company, Payment) == []


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "weather"},
        {"id": ""},
        {"receipt": None},
        {"receipt": {"state": "lost"}},
        {"receipt": {"amount": {"minor": 1.5, "currency": "BRL"}}},
        {"receipt": {"amount": {"minor": 1, "currency": "real"}}},
        {"receipt": {"pay_by": {"rail": "pix"}}},
    ],
    ids=str,
)
def test_what_is_not_a_notice_is_not_read_as_one(change: dict[str, Any]) -> None:
    said = dump_event(GatewayEvent("e", "charge", Receipt("k", "ch_1", "succeeded", brl(1))))
    receipt = change.get("receipt", {})
    changed = said | change | {"receipt": (receipt and said["receipt"] | receipt) or None}
    if receipt == {}:
        changed["receipt"] = said["receipt"]
    with pytest.raises(UnreadableNotice):
        load_event(changed)


def test_the_same_event_of_two_gateways_is_two_notices(small_company: Company) -> None:
    event = GatewayEvent("e", "charge", Receipt("k", "ch_1", "succeeded", brl(1)))
    with small_company.begin() as tx:
        assert store_event(tx, "one", event) != store_event(tx, "two", event)


def test_a_notice_survives_the_way_through_json(small_company: Company) -> None:
    company = small_company
    company.gateway.charge(method_token="boleto_a", amount=brl(5), key="b", reference="r")
    waiting = company.gateway.find_charge("b")
    disputed = company.gateway.charge(method_token="t", amount=brl(5), key="c", reference="r")
    opened = company.gateway.open_dispute("c", brl(5), respond_by=company.at)
    for event in (
        GatewayEvent("e1", "charge", waiting),
        GatewayEvent("e2", "charge", disputed),
        opened,
    ):
        said = json.loads(json.dumps(dump_event(event)))
        assert load_event(said) == event
