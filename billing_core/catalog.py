"""What is sold. A price is never edited: a new version is added and old subscriptions keep theirs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from .domain.money import Money
from .domain.pricing import Model, Tier, read_tiers
from .domain.tax import read_percent
from .errors import NoSuchCode, NotFound, UnreadableAmount, UnreadableTiers
from .metrics import record_mrr_of_tax
from .ports import Tx
from .store.catalog import Plan, Price, Product, TaxRate
from .store.views import PriceView

Interval = Literal["day", "week", "month", "year"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceTerms:
    """What a price says besides its amount and rhythm.

    `tiers` rise, and the last has no end: needed for tiered and volume. `meter` names what
    is measured; the price is then billed when the period is over. `tax_code` names a rate
    in force; `tax_inclusive` means that the price contains it.
    """

    model: Model = "per_unit"
    tiers: Sequence[Tier] = ()
    meter: str | None = None
    proration: Literal["day", "second"] = "day"
    trial_days: int = 0
    tax_code: str | None = None
    tax_inclusive: bool = False


PLAIN = PriceTerms()
"""So much for each unit, by the day, no trial, no tax."""


def add_product(tx: Tx, code: str, name: str) -> UUID:
    product = Product(id=tx.new_id(), code=code, name=name)
    tx.session.add(product)
    tx.session.flush()
    return product.id


def add_plan(
    tx: Tx,
    product_id: UUID,
    *,
    code: str,
    name: str,
    features: Mapping[str, Any] | None = None,
    kind: Literal["plan", "add_on"] = "plan",
) -> UUID:
    """Add a plan; an `add_on` is sold beside another plan only."""
    plan = Plan(
        id=tx.new_id(),
        product_id=product_id,
        code=code,
        name=name,
        features=dict(features or {}),
        kind=kind,
    )
    tx.session.add(plan)
    tx.session.flush()
    return plan.id


def add_price(
    tx: Tx,
    plan_id: UUID,
    *,
    amount: Money,
    interval: Interval = "month",
    interval_count: int = 1,
    terms: PriceTerms = PLAIN,
) -> UUID:
    """Put a price on sale. The plan's earlier version with this rhythm and currency goes off sale.

    `amount` is for one unit and one period; with tiers it is not used.

    Raises:
        NotFound: no such plan.
        UnreadableTiers: they do not fit the model, do not rise, or end.
        NoSuchCode: no tax rate of that code is in force.
    """
    if tx.session.get(Plan, plan_id) is None:
        raise NotFound("plan", plan_id)
    tiers = _checked_tiers(terms)
    if terms.tax_code is not None:
        _rate_in_force(tx.session, terms.tax_code)
    same = (
        Price.plan_id == plan_id,
        Price.currency == amount.currency,
        Price.interval == interval,
        Price.interval_count == interval_count,
    )
    price = Price(
        id=tx.new_id(),
        plan_id=plan_id,
        version=_take_off_sale(tx, *same) + 1,
        valid_from=tx.at,
        interval=interval,
        interval_count=interval_count,
        currency=amount.currency,
        unit_minor=amount.minor,
        model=terms.model,
        tiers=tiers,
        meter=terms.meter,
        proration=terms.proration,
        trial_days=terms.trial_days,
        tax_code=terms.tax_code,
        tax_inclusive=terms.tax_inclusive,
    )
    tx.session.add(price)
    tx.session.flush()
    return price.id


def _take_off_sale(tx: Tx, *same: ColumnElement[bool]) -> int:
    """Take the version that is on sale off it; return the number of the last one."""
    earlier = tx.session.scalar(select(func.max(Price.version)).where(*same)) or 0
    for old in tx.session.scalars(select(Price).where(*same, Price.valid_until.is_(None))):
        old.valid_until = tx.at
    tx.session.flush()
    return earlier


def withdraw_price(tx: Tx, price_id: UUID) -> None:
    """Take a price off sale. Whoever has it keeps it; twice is fine."""
    price = tx.session.get(Price, price_id)
    if price is None:
        raise NotFound("price", price_id)
    if price.valid_until is None:
        price.valid_until = tx.at
        tx.session.flush()


def set_tax_rate(tx: Tx, code: str, *, name: str, percent: str | Sequence[tuple[str, str]]) -> UUID:
    """Put a rate in force from now on; lines written before keep theirs.

    `percent` is a decimal such as "5" or "2.9375", or the (code, percent) of several taxes
    that are asked for together: a price has one rate, and the rate as many parts as needed.

    Raises:
        UnreadableAmount: no percentage, no parts, one that is named twice, or more than 100
            in all.
    """
    parts = [] if isinstance(percent, str) else list(percent)
    in_all = percent if isinstance(percent, str) else _sum_of(parts)
    read_percent(in_all)
    earlier = tx.session.scalar(select(func.max(TaxRate.version)).where(TaxRate.code == code)) or 0
    for old in tx.session.scalars(
        select(TaxRate).where(TaxRate.code == code, TaxRate.valid_until.is_(None))
    ):
        old.valid_until = tx.at
    tx.session.flush()
    rate = TaxRate(
        id=tx.new_id(),
        code=code,
        version=earlier + 1,
        name=name,
        percent=in_all,
        parts=[list(part) for part in parts],
        valid_from=tx.at,
    )
    tx.session.add(rate)
    tx.session.flush()
    record_mrr_of_tax(tx, code)
    return rate.id


def plans_on_sale(
    session: Session, currency: str | None = None, *, kind: str = "plan"
) -> list[PriceView]:
    """Return every price of a kind (plan or add_on) on sale now, the cheapest first."""
    query = (
        select(Price, Plan, Product)
        .join(Plan, Plan.id == Price.plan_id)
        .join(Product, Product.id == Plan.product_id)
        .where(Price.valid_until.is_(None), Plan.kind == kind)
        .order_by(Price.currency, Price.unit_minor, Plan.code)
    )
    if currency is not None:
        query = query.where(Price.currency == currency)
    return [
        PriceView(
            price_id=price.id,
            plan_id=plan.id,
            product_name=product.name,
            plan_name=plan.name,
            amount=Money(price.unit_minor, price.currency),
            interval=price.interval,
            interval_count=price.interval_count,
            features=plan.features,
        )
        for price, plan, product in session.execute(query)
    ]


def _checked_tiers(terms: PriceTerms) -> list[dict[str, Any]]:
    stored = [tier.arithmetic for tier in terms.tiers]
    if stored:
        read_tiers(stored)
    if bool(stored) != (terms.model in ("tiered", "volume")) and terms.model != "usage":
        raise UnreadableTiers(f"model {terms.model} with {len(stored)} tiers")
    if terms.model == "usage" and terms.meter is None:
        raise UnreadableTiers("usage without a meter")
    return stored


def _sum_of(parts: Sequence[tuple[str, str]]) -> str:
    if not parts or len({code for code, _ in parts}) != len(parts):
        raise UnreadableAmount(", ".join(code for code, _ in parts))
    for _, percent in parts:
        read_percent(percent)
    return str(sum(Decimal(percent) for _, percent in parts))


def _rate_in_force(session: Session, code: str) -> TaxRate:
    rate = session.scalars(
        select(TaxRate).where(TaxRate.code == code, TaxRate.valid_until.is_(None))
    ).first()
    if rate is None:
        raise NoSuchCode("tax rate", code)
    return rate
