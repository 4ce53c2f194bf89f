"""An issued invoice can say why it is different, and says for ever what it said."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from billing_core.catalog import PriceTerms, set_tax_rate
from billing_core.coupons import NewCoupon, add_coupon, redeem_coupon
from billing_core.credits import CreditAsk, give_credit
from billing_core.domain.invoice import Draft, DraftLine
from billing_core.domain.money import total
from billing_core.errors import NotFound, WrongState
from billing_core.invoices import InvoiceBridge, invoice_bridge, set_tax_document
from billing_core.issuing import issue
from billing_core.store.invoice import Invoice
from billing_core.store.subscription import SubscriptionItem

from .conftest import Company, brl


def bridge_of(company: Company, invoice_id: object) -> InvoiceBridge | None:
    with company.begin() as tx:
        return invoice_bridge(tx.session, invoice_id)  # type: ignore[arg-type]


def test_the_first_invoice_has_nothing_to_differ_from(small_company: Company) -> None:
    customer_id, _ = small_company.start()
    assert bridge_of(small_company, small_company.invoice(customer_id).id) is None
    with pytest.raises(NotFound):
        bridge_of(small_company, small_company.new_id())


def test_the_bridge_of_a_renewal_names_every_cause(company: Company) -> None:
    with company.begin() as tx:
        set_tax_rate(tx, "ISS", name="ISS", percent="5")
    price_id = company.price(minor=10000, terms=PriceTerms(tax_code="ISS"))
    customer_id, subscription_id, _ = company.paying(price_id)
    first = company.invoice(customer_id)
    company.forward(days=31)
    with company.begin() as tx:
        add_coupon(tx, NewCoupon(code="DEZ", name="Dez", off="10"))
        redeem_coupon(tx, subscription_id, "DEZ")
        give_credit(tx, CreditAsk(customer_id=customer_id, amount=brl(1000), reason="courtesy"))
        item = tx.session.query(SubscriptionItem).filter_by(subscription_id=subscription_id).one()
        item.quantity = 2
    second = company.renew(subscription_id)
    found = bridge_of(company, second)
    assert found is not None
    assert (found.previous_id, found.previous_number) == (first.id, "FAT-2026-00001")
    assert (found.before, found.after) == (brl(10500), brl(17900))
    assert [(step.cause, step.amount.minor) for step in found.steps] == [
        ("quantity", 10500),
        ("discount", -2100),
        ("credit", -1000),
    ]
    company.forward(days=31)
    third = bridge_of(company, company.renew(subscription_id))
    assert third is not None
    assert [(step.cause, step.amount.minor) for step in third.steps] == [
        ("discount", 2100),
        ("credit", 1000),
    ]
    assert third.before + total((step.amount for step in third.steps), "BRL") == third.after


def test_a_void_invoice_is_nobodys_earlier_one(small_company: Company) -> None:
    company = small_company
    customer_id, subscription_id, _ = company.paying()
    first = company.invoice(customer_id).id
    company.forward(days=31)
    gone = company.renew(subscription_id)
    with company.begin() as tx:
        tx.session.get_one(Invoice, gone).state = "void"
    company.forward(days=31)
    found = bridge_of(company, company.renew(subscription_id))
    assert found is not None
    assert found.previous_id == first
    with company.begin() as tx:
        row = tx.session.get_one(Invoice, gone)
        row.previous_invoice_id = first
    again = bridge_of(company, gone)
    assert again is not None
    assert again.previous_id == first


def test_an_invoice_without_a_subscription_stands_alone(small_company: Company) -> None:
    company = small_company
    customer_id, _ = company.start()
    fee = DraftLine(
        kind="adjustment",
        reason="fee",
        label="Taxa",
        net=brl(100),
        unit=brl(100),
        quantity=1,
        arithmetic={},
        start=None,
        end=None,
        tax=brl(0),
    )
    with company.begin() as tx:
        alone = Draft(
            customer_id=customer_id,
            subscription_id=None,
            payment_method_id=None,
            currency="BRL",
            reason="reissue",
            due_on=tx.at.date(),
            start=None,
            end=None,
            lines=(fee,),
        )
        [issued] = issue(tx, [alone])
    assert bridge_of(company, issued.invoice_id) is None


def test_a_draft_has_no_tax_document_yet(small_company: Company) -> None:
    company = small_company
    customer_id, _ = company.start()
    invoice_id = company.invoice(customer_id).id
    with company.begin() as tx:
        tx.session.get_one(Invoice, invoice_id).state = "draft"
    with pytest.raises(WrongState), company.begin() as tx:
        set_tax_document(tx, invoice_id, "1")


def test_the_tax_document_is_named_once(company: Company) -> None:
    customer_id, _ = company.start()
    invoice_id = company.invoice(customer_id).id
    for _ in range(2):
        with company.begin() as tx:
            set_tax_document(tx, invoice_id, "2026/90311")
    with pytest.raises(WrongState, match="documented"), company.begin() as tx:
        set_tax_document(tx, invoice_id, "2026/90312")
    assert company.invoice(customer_id).tax_document == "2026/90311"
    with pytest.raises(NotFound), company.begin() as tx:
        set_tax_document(tx, company.new_id(), "1")


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE invoice SET total_minor = 1, due_minor = 1",
        "UPDATE invoice SET number = 7",
        "UPDATE invoice SET currency = 'USD'",
        "UPDATE invoice SET tax_document = 'other'",
        "UPDATE invoice_line SET net_minor = 1",
        "UPDATE invoice_line SET label = 'other'",
        "UPDATE invoice_line SET period_start = NULL",
    ],
)
def test_the_database_lets_nobody_rewrite_an_issued_invoice(company: Company, change: str) -> None:
    customer_id, _ = company.start()
    invoice_id = company.invoice(customer_id).id
    with company.begin() as tx:
        set_tax_document(tx, invoice_id, "1")
    with pytest.raises(DBAPIError, match="is issued"), company.begin() as tx:
        tx.session.execute(text(change))
