"""Two people, one payment, the same moment: never more than was paid, and the loser reads what is left."""

import threading
from collections.abc import Callable
from typing import TypeVar
from uuid import UUID

import pytest

from billing_core.disputes import record_dispute
from billing_core.errors import RefundTooLarge
from billing_core.events import RefundSucceeded
from billing_core.invoice_credits import CreditNoteAsk, credit_invoice
from billing_core.ports import DisputeNotice
from billing_core.refunds import (
    RefundAsk,
    RefundOutcome,
    promise_refund,
    refund_to_send,
    send_refund,
    settle_refund,
)

from .conftest import Company, brl

T = TypeVar("T")


def at_once(*acts: Callable[[], T]) -> list[T | BaseException]:
    """Run the acts in threads that start together; return results and errors in order."""
    gate = threading.Barrier(len(acts))
    results: list[T | BaseException | None] = [None] * len(acts)

    def run(place: int, act: Callable[[], T]) -> None:
        gate.wait(timeout=30)
        try:
            results[place] = act()
        except BaseException as error:  # the test reads it
            results[place] = error

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
        assert not thread.is_alive()
    return results  # type: ignore[return-value]  # every place is filled by now


def test_two_refunds_of_sixty_percent_are_one_refund(company: Company, full: bool) -> None:
    price_id = company.price(minor=10000)

    def confirm(payment_id: UUID) -> Callable[[], UUID]:
        def act() -> UUID:
            with company.begin() as tx:
                ask = RefundAsk(payment_id=payment_id, amount=brl(6000), reason="duplicate")
                return promise_refund(tx, ask, held=False)

        return act

    for _ in range(200 if full else 12):
        _, _, payment_id = company.paying(price_id)
        results = at_once(confirm(payment_id), confirm(payment_id))
        [won] = [one for one in results if isinstance(one, UUID)]
        [lost] = [one for one in results if not isinstance(one, UUID)]
        assert isinstance(lost, RefundTooLarge), lost
        assert (lost.asked, lost.left) == (brl(6000), brl(4000))
        assert send_refund(company.begin, company.gateway, won) == "succeeded"
        payment = company.payment(payment_id)
        assert (payment.refunded_minor, payment.reserved_minor) == (6000, 0)


def test_many_small_refunds_at_once_stop_at_what_was_paid(company: Company) -> None:
    _, _, payment_id = company.paying(company.price(minor=10000))

    def confirm() -> UUID:
        with company.begin() as tx:
            ask = RefundAsk(payment_id=payment_id, amount=brl(3000), reason="duplicate")
            return promise_refund(tx, ask, held=False)

    results = at_once(*[confirm] * 6)
    assert sum(isinstance(one, UUID) for one in results) == 3
    assert {str(one) for one in results if isinstance(one, BaseException)} == {
        "asked for BRL 30.00, only BRL 10.00 is left"
    }
    assert company.payment(payment_id).reserved_minor == 9000


def test_the_job_and_the_webhook_at_once_book_one_refund(company: Company) -> None:
    for _ in range(4):
        _, _, payment_id = company.paying()
        with company.begin() as tx:
            ask = RefundAsk(payment_id=payment_id, amount=brl(5000), reason="duplicate")
            refund_id = promise_refund(tx, ask, held=False)
        order = refund_to_send(company.begin, refund_id)
        assert order is not None
        receipt = company.gateway.refund(
            payment_ref=order.payment_ref, amount=order.amount, key=order.key
        )

        outcome = RefundOutcome.of(receipt)

        def settle(refund_id: UUID = refund_id, outcome: RefundOutcome = outcome) -> str:
            return settle_refund(company.begin, refund_id, outcome)

        assert at_once(settle, settle, settle) == ["succeeded"] * 3
        assert company.payment(payment_id).refunded_minor == 5000
    assert len(company.told(RefundSucceeded)) == 4


def test_the_same_refund_sent_by_two_workers_moves_money_once(company: Company) -> None:
    _, _, payment_id = company.paying()
    with company.begin() as tx:
        ask = RefundAsk(payment_id=payment_id, amount=brl(5000), reason="duplicate")
        refund_id = promise_refund(tx, ask, held=False)

    def send() -> str | None:
        return send_refund(company.begin, company.gateway, refund_id)

    results = at_once(send, send)
    assert "succeeded" in results
    assert set(results) <= {"succeeded", None}, results
    assert len(company.gateway.refunds()) == 1
    assert len(company.told(RefundSucceeded)) == 1


@pytest.mark.parametrize("held", [True, False])
def test_one_act_confirmed_twice_at_once_is_one_refund(company: Company, held: bool) -> None:
    _, _, payment_id = company.paying()
    act_id = company.new_id()

    def confirm() -> UUID:
        with company.begin() as tx:
            ask = RefundAsk(
                payment_id=payment_id, amount=brl(100), reason="duplicate", money_act_id=act_id
            )
            return promise_refund(tx, ask, held=held)

    first, second = at_once(confirm, confirm)
    assert first == second
    assert company.payment(payment_id).reserved_minor == 100


def test_a_refund_a_credit_and_a_dispute_at_once_share_what_was_paid(
    company: Company, full: bool
) -> None:
    """Each claims 60 of 100: whoever comes second gets what is left, or nothing."""
    price_id = company.price(minor=10000)
    for round_ in range(50 if full else 5):
        customer_id, _, payment_id = company.paying(price_id)
        invoice_id = company.invoice(customer_id).id
        ref = company.payment(payment_id).gateway_ref
        notice = DisputeNotice(f"dp_{round_}", ref, "needs_response", "fraud", brl(6000), None)

        def refund(payment_id: UUID = payment_id) -> object:
            with company.begin() as tx:
                ask = RefundAsk(payment_id=payment_id, amount=brl(6000), reason="x")
                return promise_refund(tx, ask, held=False)

        def credit(invoice_id: UUID = invoice_id) -> object:
            with company.begin() as tx:
                ask = CreditNoteAsk(
                    invoice_id=invoice_id, amount=brl(6000), reason="x", order="all_credit"
                )
                return credit_invoice(tx, ask)

        def dispute(notice: DisputeNotice = notice) -> object:
            with company.begin() as tx:
                return record_dispute(tx, "sandbox", notice)

        results = at_once(refund, credit, dispute, dispute)
        assert {type(one) for one in results if isinstance(one, BaseException)} <= {RefundTooLarge}
        first, second = results[2:]
        assert first == second, "one dispute, however often it is told"
        payment = company.payment(payment_id)
        assert payment.balance.left.minor >= 0
        parts = (payment.reserved_minor, payment.credited_minor)
        assert parts in {(6000, 0), (0, 6000), (0, 0)}
        assert payment.disputed_minor == (6000 if parts == (0, 0) else 4000)
