"""What every payment gateway must do. A new one adds a peer and passes all of this.

The peer is the provider's side: it can be told to misbehave, and its own books say how
often money really moved. What a rail cannot do its peer says, and its refusal is proved.
"""

from dataclasses import replace
from datetime import timedelta

import pytest

from billing_core.errors import BadSignature, GatewayDeclined, GatewayUnreachable, KeyReused
from billing_core.gateways.signing import FRESH
from tests.contract.gateways.calls import ask, brl, charge, end, find, key, paid, read, refund, sums
from tests.contract.gateways.peer import ARRIVED, Delivery, Fault, Moved, Peer, signed_again

CALLS: tuple[Moved, ...] = ("charge", "refund")
FAULTS: tuple[Fault, ...] = ("drop_before", "drop_after", "hang", "error_500")


def lacks(peer: Peer, call: Moved) -> bool:
    """Prove that a rail which gives nothing back says so, and move nothing."""
    if call == "charge" or "refund" in peer.can:
        return False
    payment = paid(peer)
    with pytest.raises(GatewayDeclined):
        refund(peer, payment.ref, 100)
    assert peer.moved("refund") == []
    assert peer.gateway.refund_windows[peer.rail].days is None
    return True


def test_a_charge_moves_money_and_says_so(peer: Peer) -> None:
    name = key()
    receipt = charge(peer, 10000, name=name)
    assert (receipt.key, receipt.amount, bool(receipt.ref)) == (name, brl(10000), True)
    assert receipt.state == ("succeeded" if peer.pays_at_once else "pending")
    assert peer.rail in peer.gateway.rails
    if not peer.pays_at_once:
        assert receipt.pay_by is not None
        assert receipt.pay_by.code
        assert peer.gateway.find_charge(name) == receipt
        assert peer.moved("charge") == []
        peer.settle("charge", name, succeed=True)
    found = peer.gateway.find_charge(name)
    assert found is not None
    assert (found.ref, found.state, found.amount) == (receipt.ref, "succeeded", brl(10000))
    [moved] = peer.moved("charge")
    assert moved.minor == 10000


@pytest.mark.parametrize("call", CALLS)
def test_the_same_key_moves_money_once_and_tells_the_same(peer: Peer, call: Moved) -> None:
    if lacks(peer, call):
        return
    payment, name = paid(peer), key()
    before = len(peer.moved(call))
    first = ask(peer, call, name, payment)
    assert ask(peer, call, name, payment) == first
    end(peer, call, name)
    again = find(peer, call, name)
    assert again is not None
    assert (again.ref, again.state) == (first.ref, "succeeded")
    assert len(peer.moved(call)) == before + 1


@pytest.mark.parametrize("call", CALLS)
def test_a_key_belongs_to_one_amount(peer: Peer, call: Moved) -> None:
    if lacks(peer, call):
        return
    payment, name = paid(peer), key()
    ask(peer, call, name, payment, 4000)
    with pytest.raises(KeyReused):
        ask(peer, call, name, payment, 3999)
    end(peer, call, name)
    assert 3999 not in [one.minor for one in peer.moved(call)]


def test_a_declined_charge_is_final_for_its_key(peer: Peer) -> None:
    name = key()
    code = peer.decline_next("charge")
    method = peer.method()
    for _ in range(2):
        with pytest.raises(GatewayDeclined) as declined:
            charge(peer, name=name, method=method)
        assert declined.value.code == code
    found = peer.gateway.find_charge(name)
    assert found is None or (found.state, found.code) == ("failed", code)
    assert peer.moved("charge") == []
    assert paid(peer).state == "succeeded"


def test_a_declined_refund_moves_nothing(peer: Peer) -> None:
    if lacks(peer, "refund"):
        return
    payment, name = paid(peer), key()
    code = peer.decline_next("refund")
    with pytest.raises(GatewayDeclined) as declined:
        refund(peer, payment.ref, 10000, name=name)
    assert declined.value.code == code
    found = peer.gateway.find_refund(name)
    assert found is None or found.state == "failed"
    assert peer.moved("refund") == []
    again = key()
    refund(peer, payment.ref, 10000, name=again)
    end(peer, "refund", again)
    assert sums(peer, "refund") == 10000


@pytest.mark.parametrize("minor", [10000, 2500], ids=["all", "a-part"])
def test_money_goes_back(peer: Peer, minor: int) -> None:
    if lacks(peer, "refund"):
        return
    payment, name = paid(peer, 10000), key()
    receipt = refund(peer, payment.ref, minor, name=name)
    assert (receipt.key, receipt.amount) == (name, brl(minor))
    end(peer, "refund", name)
    found = peer.gateway.find_refund(name)
    assert found is not None
    assert (found.ref, found.state, found.amount) == (receipt.ref, "succeeded", brl(minor))
    assert sums(peer, "refund") == minor


def test_two_equal_parts_are_two_refunds(peer: Peer) -> None:
    if lacks(peer, "refund"):
        return
    payment, names = paid(peer, 10000), [key(), key()]
    made = {refund(peer, payment.ref, 3000, name=name).ref for name in names}
    for name in names:
        end(peer, "refund", name)
    assert len(made) == 2
    assert [one.minor for one in peer.moved("refund")] == [3000, 3000]


def test_a_refund_of_nothing_known_is_declined(peer: Peer) -> None:
    with pytest.raises(GatewayDeclined):
        refund(peer, "nowhere", 1)


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("call", CALLS)
def test_no_answer_is_unknown_and_the_same_key_finds_out(
    peer: Peer, call: Moved, fault: Fault
) -> None:
    if lacks(peer, call):
        return
    payment, name = paid(peer), key()
    before = len(peer.moved(call))
    method = peer.method()
    peer.break_next(call, fault)
    with pytest.raises(GatewayUnreachable):
        ask(peer, call, name, payment)
    assert (find(peer, call, name) is not None) is (fault in ARRIVED)
    answer = charge(peer, 4000, name=name, method=method) if call == "charge" else None
    answer = answer or refund(peer, payment.ref, 4000, name=name)
    assert answer.state != "failed"
    end(peer, call, name)
    assert len(peer.moved(call)) == before + 1


@pytest.mark.parametrize("fault", ["drop_before", "error_500"])
def test_a_question_without_an_answer_may_be_asked_again(peer: Peer, fault: Fault) -> None:
    name = key()
    receipt = charge(peer, name=name)
    peer.break_next("find", fault)
    with pytest.raises(GatewayUnreachable):
        peer.gateway.find_charge(name)
    found = peer.gateway.find_charge(name)
    assert found is not None
    assert found.ref == receipt.ref


@pytest.mark.parametrize("call", CALLS)
def test_what_is_pending_ends_with_a_notice(peer: Peer, call: Moved) -> None:
    if not lacks(peer, call):
        ends_with_a_notice(peer, call, succeed=True)


@pytest.mark.needs("fail_charge")
def test_a_charge_that_is_pending_may_end_without_money(peer: Peer) -> None:
    ends_with_a_notice(peer, "charge", succeed=False)


@pytest.mark.needs("fail_refund")
def test_a_refund_that_is_pending_may_end_without_money(peer: Peer) -> None:
    ends_with_a_notice(peer, "refund", succeed=False)


def ends_with_a_notice(peer: Peer, call: Moved, *, succeed: bool) -> None:
    payment, name = paid(peer), key()
    before = len(peer.moved(call))
    peer.answer_late(call)
    receipt = ask(peer, call, name, payment)
    assert receipt.state == "pending"
    assert len(peer.moved(call)) == before
    notice = read(peer, peer.settle(call, name, succeed=succeed))
    assert notice.receipt is not None
    assert (notice.kind, notice.receipt.key, notice.receipt.ref) == (call, name, receipt.ref)
    found = find(peer, call, name)
    assert found is not None
    assert found.state == notice.receipt.state == ("succeeded" if succeed else "failed")
    assert len(peer.moved(call)) == before + int(succeed)
    if call == "refund":
        assert notice.payment_ref == payment.ref


def test_what_never_arrived_is_not_found(peer: Peer) -> None:
    charge(peer)
    assert peer.gateway.find_charge("never") is None
    assert peer.gateway.find_refund("never") is None
    assert peer.gateway.find_dispute("never") is None


def test_a_charge_that_waits_can_be_withdrawn(peer: Peer) -> None:
    name = key()
    if peer.pays_at_once:
        charge(peer, name=name)
        assert peer.gateway.withdraw(key=name).state == "succeeded"  # it is too late
        assert len(peer.moved("charge")) == 1
        return
    charge(peer, name=name)
    for _ in range(2):
        withdrawn = peer.gateway.withdraw(key=name)
        assert (withdrawn.state, withdrawn.code) == ("failed", "withdrawn")
    found = peer.gateway.find_charge(name)
    assert found is not None
    assert (found.state, found.code) == ("failed", "withdrawn")
    assert peer.moved("charge") == []


def test_a_charge_that_is_paid_is_too_late_to_withdraw(peer: Peer) -> None:
    name = key()
    paid(peer, name=name)
    assert peer.gateway.withdraw(key=name).state == "succeeded"
    with pytest.raises(GatewayDeclined):
        peer.gateway.withdraw(key="never")


@pytest.fixture
def delivery(peer: Peer) -> Delivery:
    """One honest notice."""
    name = key()
    peer.answer_late("charge")
    charge(peer, name=name)
    return peer.settle("charge", name, succeed=True)


def test_only_the_providers_signature_counts(peer: Peer, delivery: Delivery) -> None:
    now = peer.now()
    genuine = peer.webhook_secret
    forged = (
        signed_again(peer, delivery, at=now, secret="another secret"),
        signed_again(peer, delivery, at=now, secret=""),
        replace(delivery, headers={}),
        replace(delivery, headers={peer.signature_header: "t=now,v1=00"}),
        replace(delivery, body=delivery.body.replace(b"10000", b"99999") + b" "),
    )
    for one in forged:
        with pytest.raises(BadSignature):
            peer.gateway.read_events(one.body, one.headers, at=now)
    honest = signed_again(peer, delivery, at=now, secret=genuine)
    assert peer.gateway.read_events(honest.body, honest.headers, at=now)


def test_a_stale_notice_is_refused(peer: Peer, delivery: Delivery) -> None:
    late = FRESH + timedelta(seconds=2)
    for away in (late, -late):
        with pytest.raises(BadSignature):
            peer.gateway.read_events(delivery.body, delivery.headers, at=peer.now() + away)


def test_a_notice_says_the_same_each_time_it_comes(peer: Peer, delivery: Delivery) -> None:
    assert read(peer, delivery) == read(peer, delivery)


@pytest.mark.needs("outside")
def test_a_refund_made_outside_bears_no_key_of_ours(peer: Peer) -> None:
    payment = paid(peer)
    event = read(peer, peer.refund_outside(payment.ref, 2500))
    assert event.receipt is not None
    assert (event.kind, event.payment_ref) == ("refund", payment.ref)
    assert event.receipt.key == event.receipt.ref
    assert peer.gateway.find_refund(event.receipt.key) == event.receipt
    [line] = [one for one in report(peer) if one[0] == "refund"]
    assert line == ("refund", event.receipt.ref, "", 2500)


def test_a_dispute_is_told_and_can_be_answered_once(peer: Peer) -> None:
    payment = paid(peer)
    if "dispute" not in peer.can:
        with pytest.raises(GatewayDeclined):
            peer.gateway.answer_dispute("dp_1", evidence={"customer_name": "Ana"}, key=key())
        return
    event = read(peer, peer.open_dispute(payment.ref, 10000))
    assert event.dispute is not None
    ref = event.dispute.ref
    assert (event.kind, event.dispute.payment_ref) == ("dispute", payment.ref)
    assert peer.gateway.find_dispute(ref) == event.dispute
    assert event.dispute.state == "needs_response"
    peer.gateway.answer_dispute(ref, evidence={"customer_name": "Ana"}, key=key())
    found = peer.gateway.find_dispute(ref)
    assert found is not None
    assert found.state == "under_review"
    with pytest.raises(GatewayDeclined):
        peer.gateway.answer_dispute(ref, evidence=None, key=key())


@pytest.mark.needs("dispute")
def test_a_dispute_can_be_accepted(peer: Peer) -> None:
    event = read(peer, peer.open_dispute(paid(peer).ref, 5000))
    assert event.dispute is not None
    peer.gateway.answer_dispute(event.dispute.ref, evidence=None, key=key())
    found = peer.gateway.find_dispute(event.dispute.ref)
    assert found is not None
    assert found.state in ("lost", "accepted")


def report(peer: Peer, began: timedelta = timedelta(minutes=10)) -> list[tuple[str, str, str, int]]:
    """Return the report of today, and of yesterday where midnight has just passed."""
    days = sorted({(peer.now() - began).date(), peer.now().date()})
    return [
        (line.kind, line.ref, line.key, line.amount.minor)
        for day in days
        for line in peer.gateway.report(day)
    ]


def test_the_daily_report_agrees_with_the_peers_own_books(peer: Peer) -> None:
    names = [key(), key()]
    payments = [
        paid(peer, minor, name=name) for minor, name in zip((10000, 777), names, strict=True)
    ]
    peer.decline_next("charge")
    with pytest.raises(GatewayDeclined):
        charge(peer)
    lines = {("charge", one.ref, one.key, one.amount.minor) for one in payments}
    if "refund" in peer.can:
        name = key()
        made = refund(peer, payments[0].ref, 2500, name=name)
        end(peer, "refund", name)
        lines.add(("refund", made.ref, name, 2500))
    if "dispute" in peer.can:
        told = read(peer, peer.open_dispute(payments[1].ref, 777)).dispute
        assert told is not None
        lines.add(("dispute", told.ref, "", 777))
    assert sorted(report(peer)) == sorted(lines)
    for call in CALLS:
        reported = sum(line[3] for line in report(peer) if line[0] == call)
        assert reported == sums(peer, call)
    assert peer.gateway.report((peer.now() - timedelta(days=3)).date()) == []
