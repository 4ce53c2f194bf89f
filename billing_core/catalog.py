"""What is sold. A price is never edited: a new version is added and old subscriptions keep theirs."""

from collections.abc import Mapping
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from .domain.money import Money
from .errors import NotFound
from .ports import Tx
from .store.catalog import Plan, Price, Product
from .store.views import PriceView

Interval = Literal["day", "week", "month", "year"]


def add_product(tx: Tx, code: str, name: str) -> UUID:
    product = Product(id=tx.new_id(), code=code, name=name)
    tx.session.add(product)
    tx.session.flush()
    return product.id


def add_plan(
    tx: Tx, product_id: UUID, *, code: str, name: str, features: Mapping[str, Any] | None = None
) -> UUID:
    plan = Plan(
        id=tx.new_id(), product_id=product_id, code=code, name=name, features=dict(features or {})
    )
    tx.session.add(plan)
    tx.session.flush()
    return plan.id


def add_price(
    tx: Tx, plan_id: UUID, *, amount: Money, interval: Interval = "month", interval_count: int = 1
) -> UUID:
    """Put a price on sale. The plan's earlier version with this rhythm and currency goes off sale."""
    if tx.session.get(Plan, plan_id) is None:
        raise NotFound("plan", plan_id)
    same = (
        Price.plan_id == plan_id,
        Price.currency == amount.currency,
        Price.interval == interval,
        Price.interval_count == interval_count,
    )
    earlier = tx.session.scalar(select(func.max(Price.version)).where(*same)) or 0
    for old in tx.session.scalars(select(Price).where(*same, Price.valid_until.is_(None))):
        old.valid_until = tx.at
    tx.session.flush()
    price = Price(
        id=tx.new_id(),
        plan_id=plan_id,
        version=earlier + 1,
        valid_from=tx.at,
        interval=interval,
        interval_count=interval_count,
        currency=amount.currency,
        unit_minor=amount.minor,
    )
    tx.session.add(price)
    tx.session.flush()
    return price.id


def plans_on_sale(session: Session, currency: str | None = None) -> list[PriceView]:
    """Return every price on sale now, the cheapest first."""
    query = (
        select(Price, Plan, Product)
        .join(Plan, Plan.id == Price.plan_id)
        .join(Product, Product.id == Plan.product_id)
        .where(Price.valid_until.is_(None))
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
