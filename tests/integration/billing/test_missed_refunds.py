"""A refund made in the gateway's own screens whose notice never came: a person says where it belongs."""

from uuid import UUID, uuid4

import pytest

from billing_core.errors import (
    NotFound,
    NothingToChange,
    RefundTooLarge,
    StaleInputs,
    WrongState,
)
from billing_core.events import RefundMadeOutside
from billing_core.outside_refunds import book_missed_refund, preview_missed_refund
from billing_core.ports import Receipt
from billing_core.store.payment import Refund
from billing_core.store.reconciliation import ReconciliationItem

from .conftest import Company, brl
from .test_reconcile import at_the_gateway, items, reconcile, refund

BOOKKEEPER = uuid4()


def missed(company: Company, minor: int = 700) -> tuple[UUID, UUID]:
    """Return (line of the report, payment): a refund made outside of which we never heard."""
    _, _, payment_id = company.paying()
    [charge] = company.gateway.charges()
    company.gateway.refund_outside(charge.key, brl(minor))
    reconcile(company)
    [item] = [one for one in items(company) if one.state == "missing_here"]
    return item.id, payment_id


def book(company: Company, item_id: UUID, payment_id: UUID, note: str = "asked the bank") -> UUID:
    return book_missed_refund(
        company.begin, company.gateway, item_id, payment_id, note=note, by=BOOKKEEPER
    )


def test_a_refund_made_outside_is_booked_where_a_person_says_it_belongs(company: Company) -> None:
    item_id, payment_id = missed(company)
    with company.begin() as tx:
        shown = preview_missed_refund(tx.session, item_id, payment_id, tx.at)
    rows = {row.item: (row.before, row.after) for row in shown.rows}
    assert rows["payment.left"] == (brl(12990), brl(12290))
    refund_id = book(company, item_id, payment_id)
    assert book(company, item_id, payment_id) == refund_id, "twice is once"
    with company.begin() as tx:
        row = tx.session.get_one(Refund, refund_id)
        item = tx.session.get_one(ReconciliationItem, item_id)
        assert (row.origin, row.state, row.amount_minor) == ("outside", "succeeded", 700)
        assert (item.state, item.ours, item.note) == ("matched", brl(700), "asked the bank")
        assert (item.source_id, item.resolved_by) == (refund_id, BOOKKEEPER)
    assert company.payment(payment_id).refunded_minor == 700
    assert len(company.told(RefundMadeOutside)) == 1
    assert reconcile(company).counts == {"matched": 2}


def test_what_the_gateway_does_not_confirm_is_not_booked(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    item_id, payment_id = missed(company)
    with pytest.raises(NothingToChange):
        book(company, item_id, payment_id, note=" ")
    at_the_gateway(company, "UPDATE sandbox_refund SET amount_minor = 701")
    with pytest.raises(StaleInputs):
        book(company, item_id, payment_id)
    monkeypatch.setattr(company.gateway, "find_refund", lambda _: None)
    with pytest.raises(StaleInputs):
        book(company, item_id, payment_id)
    assert company.payment(payment_id).refunded_minor == 0


def test_only_a_refund_that_we_miss_is_booked_and_only_on_its_gateways_payments(
    small_company: Company,
) -> None:
    company = small_company
    item_id, payment_id = missed(company)
    with pytest.raises(NotFound):
        book(company, company.new_id(), payment_id)
    [charge] = [one for one in items(company) if one.kind == "charge"]
    with pytest.raises(WrongState):
        book(company, charge.id, payment_id)
    with company.begin() as tx:
        tx.session.get_one(ReconciliationItem, item_id).gateway = "elsewhere"
    with pytest.raises(NotFound):
        book(company, item_id, payment_id)


def test_a_payment_that_has_less_left_carries_no_missed_refund(small_company: Company) -> None:
    company = small_company
    item_id, payment_id = missed(company)
    refund(company, payment_id, 12990 - 699)
    with pytest.raises(RefundTooLarge):
        book(company, item_id, payment_id)


def test_two_who_book_the_same_refund_book_it_once(
    small_company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other one comes while the gateway is asked."""
    company = small_company
    item_id, payment_id = missed(company)
    find = company.gateway.find_refund

    def slow(key: str) -> Receipt | None:
        monkeypatch.setattr(company.gateway, "find_refund", find)
        book(company, item_id, payment_id)
        return find(key)

    monkeypatch.setattr(company.gateway, "find_refund", slow)
    book(company, item_id, payment_id)
    assert company.payment(payment_id).refunded_minor == 700
