"""What came of an act on a subscription: the same money act acts once."""

from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from .ports import Tx
from .store.subscription import Subscription, SubscriptionAct


def done_before(session: Session, money_act_id: UUID | None, act: str) -> dict[str, Any] | None:
    """Return the result of an act that was done already."""
    if money_act_id is None:
        return None
    found = session.scalars(
        select(SubscriptionAct).where(SubscriptionAct.money_act_id == money_act_id)
    ).first()
    if found is None:
        return None
    if found.act != act:
        raise AssertionError(f"money act {money_act_id} was a {found.act}, not a {act}")
    return found.result


def note_done(
    tx: Tx,
    subscription: Subscription,
    money_act_id: UUID | None,
    act: str,
    result: dict[str, Any],
) -> None:
    """Write down what came of an act; one without an id of its own is not remembered."""
    if money_act_id is None:
        return
    tx.session.add(
        SubscriptionAct(
            id=tx.new_id(),
            subscription_id=subscription.id,
            money_act_id=money_act_id,
            act=act,
            result=result,
            done_at=tx.at,
        )
    )
    tx.session.flush()
