"""Giving back an invoice of several taxed, discounted lines: to the cent, whatever the parts."""

from uuid import UUID

import pytest

from billing_core.catalog import PriceTerms
from billing_core.corrections import ReissueAsk, reissue_invoice
from billing_core.errors import LineTooSmall, NothingToChange
from billing_core.ledger import trial_balance
from billing_core.refunds import RefundAsk, promise_refund, send_refund
from billing_core.store.invoice import CreditNoteLine

from .conftest import Company, brl
from .test_items import DEZ, add_item, redeem, sell, tax

TAXED = PriceTerms(tax_code="ISS")


def taxed(company: Company) -> tuple[UUID, UUID]:
    """Return (customer, open invoice): 129.90 and 3 x 3.33, 10 % off, 2.9375 % tax on top."""
    tax(company, "2.9375")
    customer_id, subscription_id = company.start(company.price(terms=TAXED))
    company.collect(company.invoice(customer_id).id)
    add_item(company, subscription_id, sell(company, "Telas", 333, tax_code="ISS"), quantity=3)
    redeem(company, subscription_id, DEZ)
    company.forward(days=31)
    return customer_id, company.renew(subscription_id)


def books(company: Company, account: str) -> int:
    with company.begin() as tx:
        return trial_balance(tx.session).get((account, "BRL"), brl(0)).minor


def give_back(company: Company, payment_id: UUID, minor: int, **more: object) -> None:
    with company.begin() as tx:
        ask = RefundAsk(payment_id=payment_id, amount=brl(minor), reason="x", **more)  # type: ignore[arg-type]
        refund_id = promise_refund(tx, ask, held=False)
    assert send_refund(company.begin, company.gateway, refund_id) == "succeeded"


@pytest.mark.parametrize("parts", [(1, 1), (3333, 3333, 3333), (5000, 1, 4999)])
def test_the_last_refund_takes_the_tax_that_rounding_left(
    company: Company, parts: tuple[int, ...]
) -> None:
    customer_id, invoice_id = taxed(company)
    invoice = company.invoice(customer_id)
    assert (invoice.discount_minor, invoice.tax_minor) == (1399, 369)
    before = books(company, "tax_payable")
    payment_id = company.collect(invoice_id).payment_id
    assert payment_id is not None
    for minor in parts:
        give_back(company, payment_id, minor)
    give_back(company, payment_id, invoice.total_minor - sum(parts))
    lines = company.lines(invoice_id)
    with company.begin() as tx:
        for line in lines:
            given = tx.session.query(CreditNoteLine).filter_by(invoice_line_id=line.id).all()
            assert sum(one.tax_minor for one in given) == line.tax_minor
            assert sum(one.net_minor for one in given) == line.net_minor
    assert books(company, "tax_payable") - before == invoice.tax_minor


def test_one_line_gives_back_its_own_net_and_tax(company: Company) -> None:
    _, invoice_id = taxed(company)
    payment_id = company.collect(invoice_id).payment_id
    assert payment_id is not None
    plan, screens = company.lines(invoice_id)
    gross = screens.net_minor + screens.tax_minor
    give_back(company, payment_id, gross, lines=((screens.id, brl(gross)),))
    plan, screens = company.lines(invoice_id)
    assert (plan.credited_minor, screens.credited_minor) == (0, gross)
    with pytest.raises(LineTooSmall):
        give_back(company, payment_id, 1, lines=((screens.id, brl(1)),))


def test_correcting_one_line_of_an_open_invoice_leaves_the_other_as_it_is(
    company: Company,
) -> None:
    customer_id, invoice_id = taxed(company)
    plan, screens = company.lines(invoice_id)
    with company.begin() as tx:
        reissue_invoice(
            tx,
            ReissueAsk(
                invoice_id=invoice_id, lines=((plan.id, brl(plan.net_minor // 2)),), reason="x"
            ),
        )
    new_plan, new_screens = company.lines(company.invoice(customer_id).id)
    assert new_plan.net_minor == plan.net_minor // 2
    assert abs(new_plan.tax_minor * 2 - plan.tax_minor) <= 1
    assert abs(new_plan.discount_minor * 2 - plan.discount_minor) <= 1
    same = ("net_minor", "tax_minor", "discount_minor", "arithmetic", "holds_slot")
    assert [getattr(new_screens, name) for name in same] == [
        getattr(screens, name) for name in same
    ]


def test_correcting_one_line_of_a_paid_invoice_gives_back_that_line(company: Company) -> None:
    _, invoice_id = taxed(company)
    company.collect(invoice_id)
    plan, screens = company.lines(invoice_id)

    def correct(net: int) -> None:
        with company.begin() as tx:
            ask = ReissueAsk(invoice_id=invoice_id, lines=((plan.id, brl(net)),), reason="x")
            reissue_invoice(tx, ask)

    with pytest.raises(NothingToChange):
        correct(plan.net_minor)
    correct(0)
    now, other = company.lines(invoice_id)
    assert now.credited_minor == plan.net_minor + plan.tax_minor
    assert other.credited_minor == screens.credited_minor == 0
