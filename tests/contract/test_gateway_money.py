"""The billing engine against every peer: whatever happens, the peer moves what we booked.

A peer may enforce nothing at all, so a refund too much that reaches it is seen here.
"""

import random
import threading
from collections.abc import Callable, Iterator
from uuid import UUID

import pytest
from sqlalchemy import select

from billing_core.domain.money import Money
from billing_core.errors import RefundTooLarge
from billing_core.gateway_events import events_to_read, read_event, take_delivery
from billing_core.ports import Receipt
from billing_core.refunds import RefundAsk, promise_refund, reconcile_refund, send_refund
from billing_core.store.notice import GatewayNotice
from billing_core.store.payment import Payment, PaymentAttempt, Refund
from billing_core.subscriptions import (
    NewMethod,
    StartSubscription,
    add_payment_method,
    start_subscription,
)
from tests.contract.gateways.peer import Delivery, Fault, Peer
from tests.integration.billing.conftest import Company

PRICE = 12990


def brl(minor: int) -> Money:
    return Money(minor, "BRL")


class Shop:
    """A company that takes money through one peer."""

    def __init__(self, peer: Peer, url: str) -> None:
        self.peer = peer
        self.company = Company(url)
        self.company.gateways[peer.gateway.name] = peer.gateway
        self.company.at = peer.now()
        self.company.open()
        self.price = self.company.price("Plus", PRICE)
        self.begin = self.company.begin
        self.customer_id = self.company.new_id()
        with self.begin() as tx:
            self.method_id = add_payment_method(
                tx,
                NewMethod(
                    customer_id=self.customer_id,
                    kind=peer.rail,  # type: ignore[arg-type]
                    token=peer.method(),
                    gateway=peer.gateway.name,
                ),
            )

    def invoice(self) -> UUID:
        """Return the first invoice of another subscription, open."""
        with self.begin() as tx:
            start_subscription(
                tx,
                StartSubscription(
                    customer_id=self.customer_id,
                    price_id=self.price,
                    payment_method_id=self.method_id,
                ),
            )
        return self.company.invoice(self.customer_id).id

    def payment(self) -> UUID:
        """Return a payment, however long it takes this rail."""
        before = set(self.ids(Payment))
        done = self.company.collect(self.invoice())
        if done.state == "pending":
            self.hear(self.peer.settle("charge", self.key(done.attempt_id), succeed=True))
        [payment_id] = set(self.ids(Payment)) - before
        return payment_id

    def key(self, attempt_id: UUID | None) -> str:
        with self.begin() as tx:
            return tx.session.get_one(PaymentAttempt, attempt_id).key

    def hear(self, *deliveries: Delivery) -> None:
        """Let deliveries arrive, and read what waits."""
        for one in deliveries:
            gateway = self.peer.gateway
            take_delivery(self.begin, gateway, one.body, one.headers, at=self.peer.now())
        with self.begin() as tx:
            due = events_to_read(tx.session, self.company.at)
        for notice_id in due:
            read_event(self.begin, self.company.gateways, notice_id)

    def promise(self, payment_id: UUID, minor: int) -> UUID:
        ask = RefundAsk(payment_id=payment_id, amount=brl(minor), reason="duplicate")
        with self.begin() as tx:
            return promise_refund(tx, ask, held=False)

    def settle_refunds(self) -> None:
        """Let the provider end what it took in."""
        for refund_id in self.ids(Refund):
            found = self.peer.gateway.find_refund(str(refund_id))
            if found is not None and found.state == "pending":
                self.hear(self.peer.settle("refund", str(refund_id), succeed=True))

    def ids(self, kind: type[Payment] | type[Refund]) -> list[UUID]:
        with self.begin() as tx:
            return list(tx.session.scalars(select(kind.id)))

    def states(self) -> dict[UUID, str]:
        with self.begin() as tx:
            return {one.id: one.state for one in tx.session.scalars(select(Refund))}

    def refunded(self) -> int:
        """Return what moved back, by the peer's books; ours must say the same."""
        theirs = sum(one.minor for one in self.peer.moved("refund"))
        with self.begin() as tx:
            assert theirs == sum(tx.session.scalars(select(Payment.refunded_minor)))
        return theirs


@pytest.fixture
def shop(peer: Peer, database_url: str) -> Iterator[Shop]:
    """Our side on SQLite and on PostgreSQL; the books must add up when the test ends."""
    made = Shop(peer, database_url)
    try:
        yield made
        assert made.company.faults() == []
        assert sum(one.minor for one in peer.moved("refund")) <= sum(
            one.minor for one in peer.moved("charge")
        )
    finally:
        made.company.close()


def test_a_payment_is_booked_once_whoever_tells_of_it(shop: Shop) -> None:
    payment_id = shop.payment()
    with shop.begin() as tx:
        payment = tx.session.get_one(Payment, payment_id)
    assert (payment.gateway, payment.captured_minor) == (shop.peer.gateway.name, PRICE)
    assert [one.minor for one in shop.peer.moved("charge")] == [PRICE]


@pytest.mark.needs("refund")
def test_eight_at_once_never_give_back_more_than_was_paid(shop: Shop) -> None:
    payment_id = shop.payment()
    start = threading.Barrier(8)
    refused: list[Exception] = []

    def ask() -> None:
        start.wait()
        try:
            refund_id = shop.promise(payment_id, 3000)
        except RefundTooLarge as refusal:
            refused.append(refusal)
            return
        send_refund(shop.begin, shop.peer.gateway, refund_id)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)
    shop.settle_refunds()
    assert len(refused) == 4  # four times 30.00 fit into 129.90
    assert shop.refunded() == 4 * 3000


@pytest.mark.needs("refund")
def test_eight_at_once_with_one_key_send_one_refund(shop: Shop) -> None:
    refund_id = shop.promise(shop.payment(), 3000)
    send_refund(shop.begin, shop.peer.gateway, refund_id)
    for _ in range(8):
        send_refund(shop.begin, shop.peer.gateway, refund_id)
        reconcile_refund(shop.begin, shop.peer.gateway, refund_id)
    shop.settle_refunds()
    assert shop.refunded() == 3000


@pytest.mark.needs("refund")
@pytest.mark.parametrize("fault", ["drop_before", "drop_after", "hang", "error_500"])
def test_a_refund_without_an_answer_moves_money_once(shop: Shop, fault: Fault) -> None:
    refund_id = shop.promise(shop.payment(), 5000)
    shop.peer.break_next("refund", fault)
    send_refund(shop.begin, shop.peer.gateway, refund_id)
    assert shop.states() == {refund_id: "unknown"}
    with pytest.raises(RefundTooLarge):
        shop.promise(shop.ids(Payment)[0], PRICE - 4999)  # it stays reserved
    reconcile_refund(shop.begin, shop.peer.gateway, refund_id)
    shop.settle_refunds()
    assert shop.states() == {refund_id: "succeeded"}
    assert shop.refunded() == 5000


@pytest.mark.parametrize("fault", ["drop_before", "drop_after", "hang", "error_500"])
def test_a_charge_without_an_answer_moves_money_once(shop: Shop, fault: Fault) -> None:
    shop.peer.break_next("charge", fault)
    invoice_id = shop.invoice()
    first = shop.company.collect(invoice_id)
    assert first.state == "unknown"
    done = shop.company.collect(invoice_id)
    assert done.attempt_id == first.attempt_id
    if done.state == "pending":
        shop.hear(shop.peer.settle("charge", shop.key(done.attempt_id), succeed=True))
    assert len(shop.ids(Payment)) == len(shop.peer.moved("charge")) == 1


def test_notices_may_come_twice_and_in_any_order(shop: Shop) -> None:
    """Payments, refunds and refunds made outside, all told late, doubled and shuffled."""
    dice = random.Random(11)
    deliveries = []
    peer, refunds = shop.peer, []
    for _ in range(2):
        peer.answer_late("charge")
        done = shop.company.collect(shop.invoice())
        assert done.state == "pending"
        deliveries.append(peer.settle("charge", shop.key(done.attempt_id), succeed=True))
    charges = peer.moved("charge")
    if "outside" in peer.can:
        deliveries += [peer.refund_outside(one.ref, 1000) for one in charges]
    if "refund" in peer.can:
        paid = shop.payment()
        for minor in (2000, 2000):
            peer.answer_late("refund")
            refunds.append(shop.promise(paid, minor))
            send_refund(shop.begin, peer.gateway, refunds[-1])
            deliveries.append(peer.settle("refund", str(refunds[-1]), succeed=True))
    for delivery in dice.sample(deliveries * 2, 2 * len(deliveries)):
        shop.hear(delivery)
    shop.company.forward(days=1)
    shop.hear()  # those that came too early have their turn again
    with shop.begin() as tx:
        assert set(tx.session.scalars(select(GatewayNotice.state))) == {"read"}
    outside = 2000 if "outside" in peer.can else 0
    assert shop.refunded() == outside + 2000 * len(refunds)
    assert len(shop.ids(Payment)) == len(peer.moved("charge"))


@pytest.mark.lacks("refund")
def test_a_rail_that_gives_nothing_back_says_so_before_and_after(shop: Shop) -> None:
    refund_id = shop.promise(shop.payment(), 1000)
    assert send_refund(shop.begin, shop.peer.gateway, refund_id) == "failed"
    assert shop.refunded() == 0


class Counting:
    """Refuses nothing and remembers: what a peer without any rules would see."""

    def __init__(self, refund: Callable[..., Receipt]) -> None:
        self._refund, self.asked = refund, 0

    def __call__(self, *, payment_ref: str, amount: Money, key: str) -> Receipt:
        self.asked += amount.minor
        return self._refund(payment_ref=payment_ref, amount=amount, key=key)


@pytest.mark.needs("refund")
def test_what_is_too_much_is_never_even_asked(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    payment_id = shop.payment()
    counting = Counting(shop.peer.gateway.refund)
    monkeypatch.setattr(shop.peer.gateway, "refund", counting)
    for minor in (PRICE + 1, 10000, 2991, 2990, 1):
        try:
            refund_id = shop.promise(payment_id, minor)
        except RefundTooLarge:
            continue
        send_refund(shop.begin, shop.peer.gateway, refund_id)
    assert counting.asked == PRICE
