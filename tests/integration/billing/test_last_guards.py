"""What can only come from a defect of ours is stopped where the rows are, before money moves."""

from datetime import datetime

import pytest
from sqlalchemy.exc import StatementError

from billing_core.errors import WrongState
from billing_core.issuing import void
from billing_core.preview import hash_inputs
from billing_core.store.invoice import Invoice
from billing_core.store.locks import add_credited, lock_invoice
from billing_core.store.terms import terms_of

from .conftest import Company


def test_an_instant_without_a_zone_is_never_stored(company: Company) -> None:
    customer_id, _ = company.start()
    invoice_id = company.invoice(customer_id).id
    naive = datetime(2026, 11, 16, 12)  # noqa: DTZ001  (what is refused)
    with pytest.raises(StatementError, match="naive instant"), company.begin() as tx:
        tx.session.get_one(Invoice, invoice_id).paid_at = naive
    assert company.invoice(customer_id).paid_at is None


@pytest.mark.parametrize("minor", [12991, -1])
def test_a_line_gives_back_no_more_than_it_cost_and_no_less_than_nothing(
    company: Company, minor: int
) -> None:
    customer_id, _ = company.start(company.price())
    [line] = company.lines(company.invoice(customer_id).id)
    with pytest.raises(AssertionError, match="more given back"), company.begin() as tx:
        add_credited(tx.session, line.id, minor)
    [line] = company.lines(company.invoice(customer_id).id)
    assert line.credited_minor == 0


def test_a_paid_invoice_is_not_voided(company: Company) -> None:
    customer_id, _, _ = company.paying()
    invoice_id = company.invoice(customer_id).id
    with pytest.raises(WrongState), company.begin() as tx:
        void(tx, lock_invoice(tx.session, invoice_id))
    assert company.invoice(customer_id).state == "paid"
    assert company.faults() == []


def test_a_new_item_has_a_price(small_company: Company) -> None:
    company = small_company
    _, subscription_id = company.start()
    with company.begin() as tx:
        terms = terms_of(tx.session, subscription_id)[subscription_id]
        with pytest.raises(AssertionError, match="no price"):
            terms.changed(tx.new_id(), None, 2)


def test_only_values_that_mean_the_same_tomorrow_are_hashed() -> None:
    with pytest.raises(TypeError, match="not a stored value"):
        hash_inputs({"when": object()})
