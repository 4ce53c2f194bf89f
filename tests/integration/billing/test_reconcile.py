"""Our rows beside the gateway's report: each difference is listed with both sides."""

from datetime import date, timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select, text

from billing_core.domain.money import Money
from billing_core.errors import (
    GatewayUnreachable,
    NotFound,
    NothingToChange,
    TransactionOpen,
    WrongState,
)
from billing_core.ledger import trial_balance
from billing_core.reconcile import Reconciled, mismatches, reconcile_day, resolve_item
from billing_core.refunds import (
    RefundAsk,
    RefundOutcome,
    promise_refund,
    send_refund,
    settle_refund,
)
from billing_core.store.reconciliation import ReconciliationItem

from .conftest import Company, brl


def reconcile(company: Company, day: date | None = None) -> Reconciled:
    return reconcile_day(company.begin, company.gateway, day or company.at.date())


def items(company: Company) -> list[ReconciliationItem]:
    with company.begin() as tx:
        return list(tx.session.scalars(select(ReconciliationItem).order_by(ReconciliationItem.id)))


def at_the_gateway(company: Company, statement: str) -> None:
    """Change the gateway's own books."""
    with company.books.begin() as connection:
        connection.execute(text(statement))


def refund(company: Company, payment_id: UUID, minor: int = 4000) -> UUID:
    with company.begin() as tx:
        ask = RefundAsk(payment_id=payment_id, amount=brl(minor), reason="test")
        return promise_refund(tx, ask, held=False)


def test_a_day_on_which_both_sides_agree(company: Company) -> None:
    _, _, payment_id = company.paying()
    send_refund(company.begin, company.gateway, refund(company, payment_id))
    done = reconcile(company)
    assert done.counts == {"matched": 2}
    assert done.open == 0
    assert {(item.kind, item.ours, item.theirs) for item in items(company)} == {
        ("charge", brl(12990), brl(12990)),
        ("refund", brl(4000), brl(4000)),
    }


def test_comparing_again_changes_nothing(company: Company) -> None:
    company.paying()
    reconcile(company)
    [before] = items(company)
    company.forward(hours=3)
    reconcile(company)
    [after] = items(company)
    assert (before.id, before.changed_at) == (after.id, after.changed_at)


def test_a_charge_that_the_gateway_does_not_report_is_listed(company: Company) -> None:
    company.paying()
    at_the_gateway(company, "UPDATE sandbox_charge SET moved_at = NULL")
    assert reconcile(company).counts == {"missing_there": 1}
    with company.begin() as tx:
        [item] = mismatches(tx.session, gateway="sandbox", day=company.at.date())
    assert (item.ours, item.theirs) == (brl(12990), None)


def test_a_charge_of_another_amount_is_listed_with_both(company: Company) -> None:
    company.paying()
    before = balance(company)
    at_the_gateway(company, "UPDATE sandbox_charge SET amount_minor = 12991")
    assert reconcile(company).counts == {"amount_differs": 1}
    with company.begin() as tx:
        [item] = mismatches(tx.session)
    assert (item.ours, item.theirs) == (brl(12990), brl(12991))
    assert balance(company) == before, "the books are not adjusted"


def balance(company: Company) -> dict[tuple[str, str], Money]:
    with company.begin() as tx:
        return trial_balance(tx.session)


def test_a_charge_that_nobody_here_made_is_listed(company: Company) -> None:
    company.gateway.charge(method_token="tok_x", amount=brl(500), key="elsewhere", reference="x")
    assert reconcile(company).counts == {"missing_here": 1}
    [item] = items(company)
    assert (item.ours, item.theirs, item.source_id) == (None, brl(500), None)


def test_a_charge_whose_answer_was_lost_is_settled_before_it_is_listed(company: Company) -> None:
    customer_id, _ = company.start()
    company.gateway.behave("drop_after", on="charge")
    assert company.collect(company.invoice(customer_id).id).payment_id is None
    assert reconcile(company).counts == {"matched": 1}
    assert company.invoice(customer_id).state == "paid"


def test_a_refund_whose_answer_was_lost_is_settled_before_it_is_listed(company: Company) -> None:
    _, _, payment_id = company.paying()
    refund_id = refund(company, payment_id)
    company.gateway.behave("drop_after", on="refund")
    assert send_refund(company.begin, company.gateway, refund_id) == "unknown"
    assert reconcile(company).counts == {"matched": 2}
    assert company.payment(payment_id).refunded_minor == 4000


def test_a_refund_that_came_back_unheard_is_taken_back(company: Company) -> None:
    """The gateway's word changed after `succeeded`, and its notice never arrived."""
    _, _, payment_id = company.paying()
    refund_id = refund(company, payment_id)
    send_refund(company.begin, company.gateway, refund_id)
    company.gateway.bounce_refund(str(refund_id))
    assert reconcile(company).counts == {"matched": 1}
    assert company.payment(payment_id).refunded_minor == 0


def test_a_difference_that_ended_in_nothing_leaves_the_list(company: Company) -> None:
    _, _, payment_id = company.paying()
    refund_id = refund(company, payment_id)
    send_refund(company.begin, company.gateway, refund_id)
    company.gateway.bounce_refund(str(refund_id))
    company.gateway.behave("drop_before", on="find")
    assert reconcile(company).counts == {"matched": 1, "missing_there": 1}
    settle_refund(company.begin, refund_id, RefundOutcome("failed", code="account_closed"))
    assert reconcile(company).counts == {"matched": 2}


def test_a_refund_reported_but_failed_here_is_listed_until_it_is_known(company: Company) -> None:
    _, _, payment_id = company.paying()
    refund_id = refund(company, payment_id)
    company.gateway.behave("drop_after", on="refund")
    send_refund(company.begin, company.gateway, refund_id)
    company.gateway.behave("drop_before", on="find")
    assert reconcile(company).counts == {"matched": 1, "missing_here": 1}
    assert reconcile(company).counts == {"matched": 2}


def test_a_refund_made_outside_that_we_never_heard_of_is_listed(company: Company) -> None:
    company.paying()
    [charge] = company.gateway.charges()
    company.gateway.refund_outside(charge.key, brl(700))
    assert reconcile(company).counts == {"matched": 1, "missing_here": 1}


def test_a_dispute_is_fetched_before_it_is_listed(company: Company) -> None:
    company.paying()
    [charge] = company.gateway.charges()
    company.gateway.open_dispute(charge.key, brl(12990))
    assert reconcile(company).counts == {"matched": 2}


def test_a_gateway_that_knows_nothing_when_asked_leaves_the_difference(
    small_company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    company = small_company
    _, _, payment_id = company.paying()
    send_refund(company.begin, company.gateway, refund(company, payment_id))
    company.gateway.charge(method_token="tok_x", amount=brl(500), key="elsewhere", reference="x")
    [charge, _] = company.gateway.charges()
    company.gateway.open_dispute(charge.key, brl(500))
    at_the_gateway(company, "UPDATE sandbox_refund SET amount_minor = 4001")
    for call in ("find_charge", "find_refund", "find_dispute"):
        monkeypatch.setattr(company.gateway, call, lambda _: None)
    assert reconcile(company).counts == {"matched": 1, "missing_here": 2, "amount_differs": 1}


def test_midnight_between_two_clocks_is_no_difference(company: Company) -> None:
    company.paying()
    at_the_gateway(company, "UPDATE sandbox_charge SET moved_at = '2026-11-17T00:00:01.000000Z'")
    first = reconcile(company)
    assert first.counts == {}
    [item] = items(company)
    assert (item.state, item.day) == ("matched", date(2026, 11, 17))
    company.forward(days=1)
    assert reconcile(company).counts == {"matched": 1}


def test_what_is_booked_days_later_meets_its_report(company: Company) -> None:
    """The report of the first day told of it; our row is of a later one."""
    customer_id, _ = company.start()
    company.gateway.behave("drop_after", on="charge")
    company.collect(company.invoice(customer_id).id)
    company.gateway.behave("drop_before", on="find")
    day = company.at.date()
    assert reconcile(company).counts == {"missing_here": 1}
    company.forward(days=3)
    company.collect(company.invoice(customer_id).id)
    assert reconcile(company).counts == {}
    assert reconcile(company, day).counts == {"matched": 1}


def test_a_person_resolves_a_difference_with_a_note(company: Company) -> None:
    company.gateway.charge(method_token="tok_x", amount=brl(500), key="elsewhere", reference="x")
    reconcile(company)
    [item] = items(company)
    by = uuid4()
    with company.begin() as tx:
        resolve_item(tx, item.id, note=" A test of the terminal ", by=by)
    assert reconcile(company).counts == {"resolved": 1}
    [item] = items(company)
    assert (item.note, item.resolved_by, item.resolved_at) == (
        "A test of the terminal",
        by,
        company.at,
    )
    with company.begin() as tx:
        assert mismatches(tx.session) == []


def test_another_difference_opens_it_again(company: Company) -> None:
    company.gateway.charge(method_token="tok_x", amount=brl(500), key="elsewhere", reference="x")
    reconcile(company)
    [item] = items(company)
    with company.begin() as tx:
        resolve_item(tx, item.id, note="A test", by=uuid4())
    at_the_gateway(company, "UPDATE sandbox_charge SET amount_minor = 600")
    assert reconcile(company).counts == {"missing_here": 1}


def test_what_agrees_needs_no_resolving_and_a_note_is_needed(small_company: Company) -> None:
    company = small_company
    company.paying()
    company.gateway.charge(method_token="tok_x", amount=brl(500), key="elsewhere", reference="x")
    reconcile(company)
    by_state = {item.state: item.id for item in items(company)}
    for item_id, note, refusal in (
        (by_state["matched"], "why", WrongState),
        (by_state["missing_here"], "  ", NothingToChange),
        (uuid4(), "why", NotFound),
    ):
        with pytest.raises(refusal), company.begin() as tx:
            resolve_item(tx, item_id, note=note, by=uuid4())


def test_without_a_report_nothing_is_written(small_company: Company) -> None:
    small_company.paying()
    small_company.gateway.behave("drop_before", on="report")
    with pytest.raises(GatewayUnreachable):
        reconcile(small_company)
    assert items(small_company) == []


def test_the_gateway_is_never_asked_inside_a_transaction(small_company: Company) -> None:
    with small_company.begin(), pytest.raises(TransactionOpen):
        small_company.gateway.report(small_company.at.date() - timedelta(days=1))
