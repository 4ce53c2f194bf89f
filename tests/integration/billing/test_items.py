"""Several items on one invoice: add-ons, tiers, tax, coupons and what was used."""

from datetime import date, timedelta
from uuid import UUID

import pytest
from sqlalchemy import select

from billing_core.catalog import (
    PriceTerms,
    add_plan,
    add_price,
    plans_on_sale,
    set_tax_rate,
    withdraw_price,
)
from billing_core.corrections import ReissueAsk, reissue_invoice
from billing_core.coupons import NewCoupon, add_coupon, redeem_coupon, remove_coupon
from billing_core.domain.invoice import DraftLine
from billing_core.domain.money import Money
from billing_core.domain.pricing import Tier
from billing_core.domain.proration import Span
from billing_core.errors import (
    AmountNotPositive,
    AnotherCouponIsOn,
    CouponForOtherPlans,
    CouponOver,
    CurrencyMismatch,
    NoSuchCode,
    NotFound,
    NotMeasured,
    UnreadableAmount,
    UnreadableTiers,
    UsageTooSmall,
)
from billing_core.item_lines import lines_for, unused_line
from billing_core.ledger import trial_balance
from billing_core.store.catalog import CouponRedemption, Price
from billing_core.store.invoice import Invoice, InvoiceLine
from billing_core.store.lines import balance_of_line
from billing_core.store.subscription import Subscription, SubscriptionItem
from billing_core.store.terms import terms_of
from billing_core.subscriptions import (
    PlanChangeAsk,
    cancel_at_period_end,
    change_plan,
    preview_plan_change,
)
from billing_core.usage import NewUsage, record_usage, unbilled_usage

from .conftest import Company, brl

DEZ = NewCoupon(code="DEZ", name="Dez por cento", off="10", periods=None)


def sell(company: Company, name: str, minor: int, **terms: object) -> UUID:
    """Put an add-on on sale and return its price."""
    with company.begin() as tx:
        plan_id = add_plan(
            tx, company.product_id, code=f"{name}-{company.new_id()}", name=name, kind="add_on"
        )
        return add_price(tx, plan_id, amount=brl(minor), terms=PriceTerms(**terms))  # type: ignore[arg-type]


def tax(company: Company, percent: str = "5") -> None:
    with company.begin() as tx:
        set_tax_rate(tx, "ISS", name="Imposto sobre serviços", percent=percent)


def add_item(company: Company, subscription_id: UUID, price_id: UUID, quantity: int = 1) -> UUID:
    """Put an add-on on a subscription without billing it for the running period."""
    company.forward(seconds=1)  # ids are ordered by time
    with company.begin() as tx:
        item = SubscriptionItem(
            id=tx.new_id(),
            subscription_id=subscription_id,
            price_id=price_id,
            quantity=quantity,
            added_on=date(2026, 11, 20),
        )
        tx.session.add(item)
        return item.id


def redeem(company: Company, subscription_id: UUID, new: NewCoupon) -> None:
    with company.begin() as tx:
        add_coupon(tx, new)
        redeem_coupon(tx, subscription_id, new.code)


def next_invoice(company: Company, subscription_id: UUID, days: int = 31) -> UUID:
    company.forward(days=days)
    return company.renew(subscription_id)


def figures(company: Company, invoice_id: UUID) -> list[tuple[str, int, int, int]]:
    """Return (label, net, tax, discount) of each line."""
    return [
        (line.label, line.net_minor, line.tax_minor, line.discount_minor)
        for line in company.lines(invoice_id)
    ]


def totals(company: Company, invoice_id: UUID) -> tuple[int, int, int, int]:
    with company.begin() as tx:
        row = tx.session.get_one(Invoice, invoice_id)
        return row.discount_minor, row.tax_minor, row.total_minor, row.due_minor


def test_a_plan_and_its_add_ons_are_one_invoice_and_one_slot(company: Company) -> None:
    _, subscription_id = company.start(company.price("Família", 12990))
    add_item(company, subscription_id, sell(company, "Telas", 990), quantity=3)
    tiers = (Tier(2, "500"), Tier(None, "300"))
    add_item(
        company,
        subscription_id,
        sell(company, "Perfis", 0, model="tiered", tiers=tiers),
        quantity=5,
    )
    invoice_id = next_invoice(company, subscription_id)
    assert figures(company, invoice_id) == [
        ("Família", 12990, 0, 0),
        ("Telas", 2970, 0, 0),
        ("Perfis", 1900, 0, 0),
    ]
    lines = company.lines(invoice_id)
    assert [line.holds_slot for line in lines] == [True, False, False]
    assert lines[2].arithmetic["steps"] == [
        {"units": 2, "unit": "500", "flat_minor": 0},
        {"units": 3, "unit": "300", "flat_minor": 0},
    ]
    with company.begin() as tx:
        row = tx.session.get_one(Subscription, subscription_id)
        row.current_period_start, row.current_period_end = date(2026, 11, 16), date(2026, 12, 16)
        row.next_bill_at = tx.at
    assert company.renew(subscription_id) == invoice_id, "the slot is one for all lines"


def test_an_item_that_has_ended_is_not_billed(small_company: Company) -> None:
    company = small_company
    _, subscription_id = company.start()
    item_id = add_item(company, subscription_id, sell(company, "Telas", 990))
    with company.begin() as tx:
        tx.session.get_one(SubscriptionItem, item_id).ended_on = date(2026, 11, 25)
    assert len(figures(company, next_invoice(company, subscription_id))) == 1


@pytest.mark.parametrize(
    ("inclusive", "net", "tax_minor", "total"),
    [
        pytest.param(False, 12990, 650, 13640, id="on-top"),
        pytest.param(True, 12371, 619, 12990, id="inside"),
    ],
)
def test_tax_is_on_top_of_the_price_or_inside_it(
    company: Company, inclusive: bool, net: int, tax_minor: int, total: int
) -> None:
    tax(company)
    price_id = company.price(terms=PriceTerms(tax_code="ISS", tax_inclusive=inclusive))
    customer_id, _ = company.start(price_id)
    invoice = company.invoice(customer_id)
    assert (invoice.tax_minor, invoice.total_minor) == (tax_minor, total)
    [line] = company.lines(invoice.id)
    assert (line.net_minor, line.tax_minor) == (net, tax_minor)
    assert line.arithmetic["tax"] == {"code": "ISS", "percent": "5", "inclusive": inclusive}
    with company.begin() as tx:
        books = {account: money.minor for (account, _), money in trial_balance(tx.session).items()}
    assert books == {"receivable": total, "revenue": -net, "tax_payable": -tax_minor}


BRAZIL = (("ISS", "5"), ("PIS", "0.65"), ("COFINS", "3"))


def parts_of(line: InvoiceLine | DraftLine) -> dict[str, int]:
    return {part["code"]: part["minor"] for part in line.arithmetic["tax"]["parts"]}


def test_several_taxes_go_together_and_each_is_told(company: Company) -> None:
    """ISS beside PIS and COFINS: one line, three taxes, one sum in the books."""
    with company.begin() as tx:
        set_tax_rate(tx, "servicos", name="Serviços", percent=BRAZIL)
    customer_id, _ = company.start(company.price(terms=PriceTerms(tax_code="servicos")))
    invoice = company.invoice(customer_id)
    [line] = company.lines(invoice.id)
    assert parts_of(line) == {"ISS": 650, "PIS": 84, "COFINS": 390}
    assert (line.net_minor, line.tax_minor, invoice.total_minor) == (12990, 1124, 14114)
    span = Span(date(2026, 12, 1), date(2026, 12, 16), date(2026, 11, 16), date(2026, 12, 16))
    back = unused_line(line, span, left=brl(14114), reason="plan_change")
    assert (back.tax, parts_of(back)) == (brl(-562), {"ISS": 325, "PIS": 42, "COFINS": 195})
    capped = unused_line(line, span, left=brl(1000), reason="plan_change")
    assert sum(parts_of(capped).values()) == -capped.tax.minor
    right = ReissueAsk(invoice_id=invoice.id, lines=((line.id, brl(10000)),), reason="our_mistake")
    with company.begin() as tx:
        again = reissue_invoice(tx, right).invoice_id
        assert again is not None
        books = {account: money.minor for (account, _), money in trial_balance(tx.session).items()}
    [corrected] = company.lines(again)
    assert sum(parts_of(corrected).values()) == corrected.tax_minor == 865
    assert books["tax_payable"] == -865


@pytest.mark.parametrize(
    "parts",
    [
        pytest.param((), id="none"),
        pytest.param((("ISS", "5"), ("ISS", "3")), id="named-twice"),
        pytest.param((("ISS", "60"), ("PIS", "41")), id="more-than-the-price"),
        pytest.param((("ISS", "-5"),), id="negative"),
    ],
)
def test_parts_that_are_no_rate_are_refused(
    small_company: Company, parts: tuple[tuple[str, str], ...]
) -> None:
    with small_company.begin() as tx, pytest.raises(UnreadableAmount):
        set_tax_rate(tx, "servicos", name="", percent=parts)


def test_a_new_rate_counts_from_the_next_line_on(small_company: Company) -> None:
    company = small_company
    tax(company, "5")
    customer_id, subscription_id = company.start(company.price(terms=PriceTerms(tax_code="ISS")))
    first = company.invoice(customer_id).id
    tax(company, "2.9375")
    second = next_invoice(company, subscription_id)
    assert totals(company, first)[1] == 650
    assert totals(company, second)[1] == 382


def test_a_coupon_comes_off_before_tax_for_as_many_periods_as_it_has(company: Company) -> None:
    tax(company)
    _, subscription_id = company.start(company.price(minor=10000, terms=PriceTerms(tax_code="ISS")))
    redeem(company, subscription_id, NewCoupon(code="DUAS", name="Duas", off=brl(2000), periods=2))
    found = [totals(company, next_invoice(company, subscription_id)) for _ in range(3)]
    assert found == [(2000, 400, 8400, 8400), (2000, 400, 8400, 8400), (0, 500, 10500, 10500)]


def test_a_discounted_line_names_its_coupon(small_company: Company) -> None:
    company = small_company
    _, subscription_id = company.start()
    redeem(company, subscription_id, DEZ)
    [line] = company.lines(next_invoice(company, subscription_id))
    assert (line.net_minor, line.discount_minor) == (11691, 1299)
    assert line.arithmetic["off_minor"] == 1299
    assert line.arithmetic["discount"] == {"code": "DEZ", "percent": "10"}


def test_an_amount_is_spread_over_the_items_of_its_plans(small_company: Company) -> None:
    company = small_company
    _, subscription_id = company.start(company.price("Plano", 10000))
    telas, perfis = sell(company, "Telas", 100), sell(company, "Perfis", 200)
    for price_id in (telas, perfis):
        add_item(company, subscription_id, price_id)
    with company.begin() as tx:
        plans = [tx.session.get_one(Price, id).plan_id for id in (telas, perfis)]
    off = NewCoupon(code="UM", name="Um real", off=brl(100), plan_ids=plans)
    redeem(company, subscription_id, off)
    assert figures(company, next_invoice(company, subscription_id)) == [
        ("Plano", 10000, 0, 0),
        ("Telas", 67, 0, 33),
        ("Perfis", 133, 0, 67),
    ]


def test_an_amount_comes_off_prices_and_never_off_what_was_used(small_company: Company) -> None:
    company = small_company
    _, subscription_id = company.start(company.price("Plano", 10000))
    calls = sell(company, "Chamadas", 10, model="usage", meter="calls")
    item_id = add_item(company, subscription_id, calls)
    redeem(company, subscription_id, NewCoupon(code="UM", name="Um real", off=brl(100)))
    with company.begin() as tx:
        record_usage(tx, NewUsage(item_id=item_id, quantity=30, used_at=tx.at, key="a"))
    found = figures(company, next_invoice(company, subscription_id))
    assert sorted(found) == [("Chamadas", 300, 0, 0), ("Plano", 9900, 0, 100)]


def test_a_coupon_is_refused_where_it_does_not_belong(company: Company) -> None:
    _, subscription_id = company.start()
    other = company.price("Outro", 500)
    with company.begin() as tx:
        plan_id = tx.session.get_one(Price, other).plan_id
        add_coupon(tx, NewCoupon(code="OUTRO", name="", off="10", plan_ids=[plan_id]))
        add_coupon(tx, NewCoupon(code="USD", name="", off=Money(100, "USD")))
        add_coupon(tx, NewCoupon(code="VELHO", name="", off="10", redeem_until=tx.at))
        add_coupon(tx, NewCoupon(code="UM", name="", off="10", most=1))
        add_coupon(tx, NewCoupon(code="DOIS", name="", off="10"))
    for code, refusal in (
        ("NENHUM", NoSuchCode),
        ("OUTRO", CouponForOtherPlans),
        ("VELHO", CouponOver),
        ("USD", CurrencyMismatch),
    ):
        with pytest.raises(refusal), company.begin() as tx:
            redeem_coupon(tx, subscription_id, code)
    with company.begin() as tx:
        first = redeem_coupon(tx, subscription_id, "UM")
        assert redeem_coupon(tx, subscription_id, "UM") == first, "twice is once"
    with pytest.raises(AnotherCouponIsOn), company.begin() as tx:
        redeem_coupon(tx, subscription_id, "DOIS")
    _, second = company.start(other)
    with pytest.raises(CouponOver), company.begin() as tx:
        redeem_coupon(tx, second, "UM")


def test_a_removed_coupon_makes_room_for_another(small_company: Company) -> None:
    company = small_company
    _, subscription_id = company.start(company.price(minor=10000))
    redeem(company, subscription_id, DEZ)
    with company.begin() as tx:
        remove_coupon(tx, subscription_id)
    with pytest.raises(NotFound), company.begin() as tx:
        remove_coupon(tx, subscription_id)
    redeem(company, subscription_id, NewCoupon(code="METADE", name="", off="50"))
    assert totals(company, next_invoice(company, subscription_id))[0] == 5000


def test_a_coupon_is_a_percentage_or_a_positive_amount(small_company: Company) -> None:
    with pytest.raises(AmountNotPositive), small_company.begin() as tx:
        add_coupon(tx, NewCoupon(code="NADA", name="", off=brl(0)))
    for text in ("0", "ten"):
        with pytest.raises(UnreadableAmount), small_company.begin() as tx:
            add_coupon(tx, NewCoupon(code="NADA", name="", off=text))


def test_the_running_period_keeps_the_discount_it_was_billed_with(small_company: Company) -> None:
    """20.00 less 5.00, half of it back: 7.50; 30.00 less 5.00, half of it: 12.50."""
    company = small_company
    _, subscription_id = company.start(company.price(minor=2000))
    once = NewCoupon(code="CINCO", name="Cinco", off=brl(500), periods=1)
    redeem(company, subscription_id, once)
    [line] = company.lines(next_invoice(company, subscription_id))
    assert line.period_start is not None
    assert line.period_end is not None
    start, end = line.period_start, line.period_start + timedelta(days=30)
    half = Span(start + timedelta(days=15), end, start, end)
    with company.begin() as tx:
        terms = terms_of(tx.session, subscription_id)[subscription_id]
        assert terms.main.off is None, "the next period has no discount"
        now = terms.running(half.start)
        [rest] = lines_for(now.main, half, kind="proration_charge", reason="plan_change")
        after = terms.running(line.period_end)
    left = balance_of_line(line, "BRL").left
    back = unused_line(line, half, left=left, reason="plan_change")
    assert (back.net, back.discount) == (brl(-750), brl(-250))
    assert (rest.net, rest.discount) == (brl(750), brl(250))
    assert after.main.off is None


def test_unused_time_gives_back_its_tax_and_never_more_than_is_left(company: Company) -> None:
    tax(company, "20")
    customer_id, _ = company.start(company.price(minor=3000, terms=PriceTerms(tax_code="ISS")))
    [line] = company.lines(company.invoice(customer_id).id)
    span = Span(date(2026, 12, 1), date(2026, 12, 16), date(2026, 11, 16), date(2026, 12, 16))
    back = unused_line(line, span, left=brl(3600), reason="plan_change")
    assert (back.net, back.tax) == (brl(-1500), brl(-300))
    assert (back.arithmetic["days"], back.arithmetic["of_days"]) == (15, 30)
    capped = unused_line(line, span, left=brl(1000), reason="plan_change")
    assert (capped.net, capped.tax) == (brl(-833), brl(-167))
    assert capped.arithmetic["cap_minor"] == 1000


def test_a_corrected_line_gives_back_its_right_price(small_company: Company) -> None:
    company = small_company
    customer_id, _ = company.start(company.price(minor=3000))
    [line] = company.lines(company.invoice(customer_id).id)
    line.net_minor, line.arithmetic = 1500, line.arithmetic | {"corrected_from_minor": 3000}
    span = Span(date(2026, 12, 1), date(2026, 12, 16), date(2026, 11, 16), date(2026, 12, 16))
    assert unused_line(line, span, left=brl(1500), reason="plan_change").net == brl(-750)


def test_what_was_used_is_billed_when_the_period_is_over(company: Company) -> None:
    _, subscription_id = company.start(company.price("Plano", 5000))
    per_call = sell(
        company, "Chamadas", 0, model="usage", meter="calls", tiers=(Tier(None, "0.35"),)
    )
    item_id = add_item(company, subscription_id, per_call)

    def use(quantity: int, key: str) -> UUID:
        with company.begin() as tx:
            return record_usage(
                tx, NewUsage(item_id=item_id, quantity=quantity, used_at=tx.at, key=key)
            )

    assert use(1000, "a") == use(1000, "a"), "the same key counts once"
    use(501, "b")
    company.forward(days=31)
    use(7, "late or early: after midnight")
    first = company.renew(subscription_id)
    assert figures(company, first) == [("Chamadas", 525, 0, 0), ("Plano", 5000, 0, 0)]
    usage = company.lines(first)[0]
    assert (usage.kind, usage.quantity, usage.arithmetic["meter"]) == ("usage", 1501, "calls")
    assert (usage.period_start, usage.period_end) == (date(2026, 11, 16), date(2026, 12, 16))
    with company.begin() as tx:
        assert unbilled_usage(tx.session, item_id) == 7
    second = next_invoice(company, subscription_id)
    assert figures(company, second)[0] == ("Chamadas", 2, 0, 0)
    assert len(figures(company, next_invoice(company, subscription_id))) == 1, "nothing was used"


def test_a_percentage_comes_off_what_was_used_in_the_periods_it_covers(
    small_company: Company,
) -> None:
    company = small_company
    _, subscription_id = company.start(company.price("Plano", 5000))
    item_id = add_item(
        company, subscription_id, sell(company, "Chamadas", 100, model="usage", meter="calls")
    )
    redeem(company, subscription_id, NewCoupon(code="DEZ", name="", off="10", periods=1))
    found = []
    for key in "abc":
        with company.begin() as tx:
            record_usage(tx, NewUsage(item_id=item_id, quantity=10, used_at=tx.at, key=key))
        lines = company.lines(next_invoice(company, subscription_id))
        found.append([(line.label, line.discount_minor) for line in lines])
    assert found == [
        [("Chamadas", 0), ("Plano", 500)],
        [("Chamadas", 100), ("Plano", 0)],
        [("Chamadas", 0), ("Plano", 0)],
    ]


def test_the_last_usage_is_billed_when_a_subscription_ends(company: Company) -> None:
    customer_id, subscription_id = company.start()
    item_id = add_item(
        company, subscription_id, sell(company, "Chamadas", 100, model="usage", meter="calls")
    )
    with company.begin() as tx:
        cancel_at_period_end(tx, subscription_id)
        record_usage(tx, NewUsage(item_id=item_id, quantity=3, used_at=tx.at, key="a"))
    invoice_id = next_invoice(company, subscription_id)
    assert figures(company, invoice_id) == [("Chamadas", 300, 0, 0)]
    last = company.invoice(customer_id)
    assert (last.reason, last.period_end) == ("usage", date(2026, 12, 16))


def test_a_plan_of_usage_alone_has_no_first_invoice(small_company: Company) -> None:
    company = small_company
    metered = company.price("Chamadas", 10, terms=PriceTerms(model="usage", meter="calls"))
    customer_id, subscription_id = company.start(metered)
    with company.begin() as tx:
        assert tx.session.scalars(select(Invoice.id)).all() == []
        [item] = tx.session.scalars(select(SubscriptionItem)).all()
        record_usage(tx, NewUsage(item_id=item.id, quantity=30, used_at=tx.at, key="a"))
    next_invoice(company, subscription_id)
    assert company.invoice(customer_id).total_minor == 300


def test_usage_needs_a_meter_and_a_unit(small_company: Company) -> None:
    company = small_company
    company.start()
    with company.begin() as tx:
        [item] = tx.session.scalars(select(SubscriptionItem)).all()
        new = NewUsage(item_id=item.id, quantity=1, used_at=tx.at, key="a")
    with pytest.raises(NotMeasured), company.begin() as tx:
        record_usage(tx, new)
    none = NewUsage(item_id=item.id, quantity=0, used_at=company.at, key="a")
    with pytest.raises(UsageTooSmall), company.begin() as tx:
        record_usage(tx, none)
    nowhere = NewUsage(item_id=company.new_id(), quantity=1, used_at=company.at, key="a")
    with pytest.raises(NotFound), company.begin() as tx:
        record_usage(tx, nowhere)


def test_the_catalogue_refuses_what_does_not_fit(small_company: Company) -> None:
    company = small_company
    for terms in (
        PriceTerms(model="tiered"),
        PriceTerms(tiers=(Tier(None, "1"),)),
        PriceTerms(model="usage"),
        PriceTerms(model="volume", tiers=(Tier(5, "1"),)),
    ):
        with pytest.raises(UnreadableTiers):
            company.price(terms=terms)
    with pytest.raises(NoSuchCode):
        company.price(terms=PriceTerms(tax_code="ISS"))
    with pytest.raises(UnreadableAmount):
        tax(company, "5%")


def test_add_ons_are_on_a_shelf_of_their_own(small_company: Company) -> None:
    company = small_company
    plan, add_on = company.price("Plano", 1000), sell(company, "Telas", 990)
    with company.begin() as tx:
        assert [one.price_id for one in plans_on_sale(tx.session)] == [plan]
        assert [one.price_id for one in plans_on_sale(tx.session, kind="add_on")] == [add_on]
        withdraw_price(tx, plan)
        withdraw_price(tx, plan)
        assert plans_on_sale(tx.session, "BRL") == []
    with pytest.raises(NotFound), company.begin() as tx:
        withdraw_price(tx, company.new_id())


def test_an_old_subscription_keeps_its_price(small_company: Company) -> None:
    company = small_company
    price_id = company.price(minor=1000)
    _, subscription_id = company.start(price_id)
    with company.begin() as tx:
        plan_id = tx.session.get_one(Price, price_id).plan_id
        add_price(tx, plan_id, amount=brl(2000))
    assert totals(company, next_invoice(company, subscription_id))[2] == 1000


@pytest.mark.parametrize(("currency", "minor"), [("JPY", 1500), ("TND", 12345)])
def test_currencies_without_cents_and_with_three_decimals_are_exact(
    small_company: Company, currency: str, minor: int
) -> None:
    company = small_company
    customer_id, _ = company.start(company.price(minor=minor, currency=currency))
    invoice = company.invoice(customer_id)
    assert (invoice.total_minor, invoice.currency) == (minor, currency)


def test_the_forecast_is_the_next_invoice(company: Company) -> None:
    tax(company)
    price_id = company.price(minor=10000, terms=PriceTerms(tax_code="ISS"))
    customer_id, subscription_id, _ = company.paying(price_id)
    add_item(company, subscription_id, sell(company, "Telas", 990), quantity=2)
    redeem(company, subscription_id, NewCoupon(code="UM", name="", off=brl(1000)))
    coming = company.account(customer_id).next_charge
    assert coming is not None
    invoice_id = next_invoice(company, subscription_id)
    assert coming.gross == brl(totals(company, invoice_id)[2])


def test_a_redemption_is_never_forgotten(small_company: Company) -> None:
    company = small_company
    _, subscription_id = company.start()
    redeem(company, subscription_id, NewCoupon(code="UM", name="", off="10"))
    next_invoice(company, subscription_id)
    with company.begin() as tx:
        [row] = tx.session.scalars(select(CouponRedemption)).all()
    assert (row.live, row.periods_left, row.covered_until) == (False, 0, date(2027, 1, 16))


def test_a_change_for_a_few_cents_waits_for_the_next_invoice(company: Company) -> None:
    """No gateway takes 30 cents: the change happens, its two lines come with the renewal."""
    _, subscription_id, _ = company.paying(company.price("Plus", 10000))
    dearer = company.price("Família", 10050)
    company.forward(days=12)
    ask = PlanChangeAsk(subscription_id=subscription_id, new_price_id=dearer)
    with company.begin() as tx:
        preview = preview_plan_change(tx.session, ask, tx.at)
        done = change_plan(tx, ask, expected=preview.inputs_hash)
    assert (preview.charge_now, done.state, done.invoice_id) == (None, "applied", None)
    renewal = next_invoice(company, subscription_id, days=19)
    assert sum(net for _, net, _, _ in figures(company, renewal)) == 10050 + 30
