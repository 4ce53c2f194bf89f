"""Two people, one payment, the same moment."""

import threading
from collections.abc import Callable

from billing_core.errors import RefundTooLarge
from billing_core.ledger import verify_ledger
from helpdesk.billing_desk import service
from helpdesk.billing_desk.model import MoneyPreview
from helpdesk.web.access import Agent
from tests.conftest import TestClock, drain
from tests.integration.billing_desk.world import Desk, brl


def at_once(*calls: Callable[[], object]) -> list[object]:
    """Run calls in threads that start together; return what each returned or raised."""
    barrier = threading.Barrier(len(calls))
    results: list[object] = [None] * len(calls)

    def run(n: int) -> None:
        barrier.wait(timeout=30)
        try:
            results[n] = calls[n]()
        except Exception as refusal:
            results[n] = refusal

    threads = [threading.Thread(target=run, args=(n,)) for n in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert not any(thread.is_alive() for thread in threads)
    return results


def confirms(desk: Desk, agent: Agent, shown: MoneyPreview, key: str) -> Callable[[], object]:
    return lambda: service.confirm(desk.services, agent, shown.id, one_time_key=key)


def fresh_payment(desk: Desk, n: int) -> None:
    """Give the desk another payment of 100.00 to quarrel about."""
    from billing_core import payments

    with desk.services.begin() as tx:
        desk.payment_id = payments.record_capture(
            tx,
            customer_id=desk.customer_id,
            amount=brl(100_00),
            gateway="sandbox",
            gateway_ref=f"ch_race_{n}",
        )


def test_two_refunds_of_60_percent_never_give_back_more_than_was_paid(
    desk_on_both: Desk, clock: TestClock, full: bool
) -> None:
    desk = desk_on_both
    for agent in (desk.ana, desk.bia):
        desk.change_staff(agent, day_limit_minor=10**9, customer_limit_minor=10**9)
    rounds = 200 if full else 20
    for n in range(rounds):
        clock.forward(hours=25)  # equal charges within a day would be each other's doubles
        fresh_payment(desk, n)
        mine, hers = (
            service.open_preview(desk.services, agent, desk.ticket_id, desk.refund(60_00))
            for agent in (desk.ana, desk.bia)
        )
        results = at_once(
            confirms(desk, desk.ana, mine, f"a{n}"), confirms(desk, desk.bia, hers, f"b{n}")
        )
        losers = [result for result in results if isinstance(result, Exception)]
        assert len(losers) == 1, results
        assert isinstance(losers[0], RefundTooLarge), losers
        assert losers[0].left == brl(40_00)
        drain(desk.services)
        assert (desk.payment().refunded_minor, desk.payment().reserved_minor) == (60_00, 0)
    assert len(desk.gateway.refunds) == rounds
    with desk.services.reading() as session:
        assert verify_ledger(session) == []


def test_two_clicks_at_once_are_one_act(desk_on_both: Desk) -> None:
    desk = desk_on_both
    shown = service.open_preview(desk.services, desk.ana, desk.ticket_id, desk.refund(60_00))
    results = at_once(*[confirms(desk, desk.ana, shown, "k")] * 4)
    assert len(set(results)) == 1, results
    drain(desk.services)
    assert len(desk.gateway.refunds) == 1


def test_two_acts_at_once_do_not_share_what_is_left_of_a_limit(desk_on_both: Desk) -> None:
    desk = desk_on_both
    desk.change_staff(desk.ana, day_limit_minor=60_00)
    first = desk.payment_id
    one = service.open_preview(desk.services, desk.ana, desk.ticket_id, desk.refund(50_00))
    fresh_payment(desk, 0)
    assert desk.payment_id != first
    two = service.open_preview(desk.services, desk.ana, desk.ticket_id, desk.refund(50_00))
    results = at_once(confirms(desk, desk.ana, one, "k1"), confirms(desk, desk.ana, two, "k2"))
    assert not any(isinstance(result, Exception) for result in results), results
    states = sorted(desk.act(result).state for result in results)  # type: ignore[arg-type]
    assert states == ["approved", "awaiting_approval"]
