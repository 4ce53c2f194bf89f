from datetime import UTC, date, datetime, timedelta

import pytest

from billing_core.clocks import advance, live_by_clock, make_clock
from billing_core.errors import ClockBehind, NotFound
from billing_core.invoicing import run_billing
from billing_core.pauses import PauseAsk, pause
from billing_core.starts import StartSubscription, start_subscription
from billing_core.store.clock import TestClock

from .conftest import Company
from .life import changed, invoices_of, method, noon, period, row_of


class Traveller:
    """A customer of 2026 who lives in 2030, on a plan of 129.90 from 31 January on."""

    def __init__(self, company: Company, **more: object) -> None:
        self.company = company
        company.at = noon(2026, 11, 16)
        customer_id = company.new_id()
        start = StartSubscription(
            customer_id=customer_id,
            price_id=company.price("Família", 12990),
            payment_method_id=method(company, customer_id),
            **more,  # type: ignore[arg-type]
        )
        with company.begin() as tx:
            self.clock_id = make_clock(tx, "sandbox", now_at=noon(2030, 1, 31))
            live_by_clock(tx, self.clock_id, customer_id)
            live_by_clock(tx, self.clock_id, customer_id)
            self.id = start_subscription(tx, start)

    def go(self, to: datetime) -> list[datetime]:
        done = advance(self.company.begin, self.company.gateways, self.clock_id, to=to)
        assert done.faults == []
        assert done.now_at == to == self.now()
        return done.stops

    def now(self) -> datetime:
        with self.company.begin() as tx:
            return tx.session.get_one(TestClock, self.clock_id).now_at

    def bills(self) -> list[tuple[date | None, str, int]]:
        return [
            (one.period_start, one.state, one.total_minor)
            for one in invoices_of(self.company, self.id)
        ]


def test_three_years_pass_in_one_call_and_only_for_her(company: Company) -> None:
    one = Traveller(company)
    _, other, _ = company.paying(company.price("Outra", 9990))
    one.go(noon(2033, 1, 31))
    bills = one.bills()
    assert len(bills) == 37
    assert {(state, minor) for _, state, minor in bills} == {("paid", 12990)}
    assert [start for start, _, _ in bills][:4] == [
        date(2030, 1, 31),
        date(2030, 2, 28),
        date(2030, 3, 31),
        date(2030, 4, 30),
    ]
    assert period(company, one.id) == (date(2033, 1, 31), date(2033, 2, 28))
    assert len(invoices_of(company, other)) == 1
    newest = invoices_of(company, one.id)[-1]
    assert newest.issued_at == datetime(2033, 1, 31, 3, 0, tzinfo=UTC)


def test_the_ordinary_run_leaves_her_alone(small_company: Company) -> None:
    company = small_company
    one = Traveller(company)
    _, other, _ = company.paying(company.price("Outra", 9990))
    company.at = noon(2031, 1, 1)
    run_billing(company.begin, company.gateways)
    assert len(one.bills()) == 1
    assert len(invoices_of(company, other)) > 40


def test_what_happens_on_the_way_happens_in_its_order_and_at_its_instant(company: Company) -> None:
    """A trial, two renewals, a decline with its retries, a pause that ends on its day."""
    one = Traveller(company, trial_days=14)
    stops = one.go(noon(2030, 2, 20))
    assert stops == [noon(2030, 1, 31), datetime(2030, 2, 14, 3, 0, tzinfo=UTC), noon(2030, 2, 20)]
    company.gateway.behave("decline", on="charge")
    one.go(noon(2030, 3, 14))
    assert row_of(company, one.id).state == "past_due"
    one.go(noon(2030, 3, 16))
    assert row_of(company, one.id).state == "active", "the retry of the second day has worked"
    with company.begin() as tx:
        ask = PauseAsk(subscription_id=one.id, when="now", resumes_on=date(2030, 4, 1))
        assert pause(tx, ask).on == date(2030, 3, 16)
    one.go(noon(2030, 4, 20))
    assert row_of(company, one.id).state == "active"
    assert [(state, minor) for _, state, minor in one.bills()] == [
        ("paid", 12990),
        ("paid", 12990),
        ("paid", -12152),  # 29 of 31 days
        ("paid", 5447),  # 13 of 31 days
        ("paid", 12990),
    ]


def test_a_change_asked_for_today_is_computed_on_her_day(company: Company) -> None:
    one = Traveller(company)
    one.go(noon(2030, 2, 10))
    done = changed(company, one.id, company.price("Maior", 25980))
    assert done.on == date(2030, 2, 10)
    assert done.invoice_id is not None
    days = [line.arithmetic["days"] for line in company.lines(done.invoice_id)]
    assert days == [18, 18]


def test_a_clock_does_not_go_back(small_company: Company) -> None:
    company = small_company
    one = Traveller(company)
    with pytest.raises(ClockBehind):
        advance(company.begin, company.gateways, one.clock_id, to=noon(2030, 1, 31) - timedelta(1))
    with pytest.raises(NotFound):
        advance(company.begin, company.gateways, company.new_id(), to=noon(2030, 1, 31))
    customer_id, _, _ = company.paying(company.price("Outra", 9990))
    with company.begin() as tx:
        early = make_clock(tx, "early", now_at=noon(2020, 1, 1))
        late = make_clock(tx, "late")
        with pytest.raises(ClockBehind):
            live_by_clock(tx, early, customer_id)
        live_by_clock(tx, late, customer_id)
        with pytest.raises(ClockBehind):
            live_by_clock(tx, early, customer_id)


class Crash(BaseException):
    pass


@pytest.mark.parametrize("at_call", [1, 4, 9])
def test_an_advance_that_was_killed_is_finished_by_the_next(
    company: Company, monkeypatch: pytest.MonkeyPatch, at_call: int
) -> None:
    one = Traveller(company)
    charge, calls = company.gateway.charge, []

    def die(**order: object) -> object:
        calls.append(order)
        if len(calls) == at_call:
            raise Crash
        return charge(**order)  # type: ignore[arg-type]

    with monkeypatch.context() as patched:
        patched.setattr(company.gateway, "charge", die)
        with pytest.raises(Crash):
            one.go(noon(2031, 1, 31))
    with pytest.raises(ClockBehind):
        one.go(noon(2030, 12, 1))
    one.go(noon(2031, 1, 31))
    bills = one.bills()
    assert len({start for start, _, _ in bills}) == len(bills) == 13
    with company.begin() as tx:
        assert tx.session.get_one(TestClock, one.clock_id).advancing_to is None
    taken = [charge for charge in company.gateway.charges() if charge.state == "succeeded"]
    assert len(taken) == 13
