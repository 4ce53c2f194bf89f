"""Standing consents: asked for from a row of ours, answered by the payer in her bank's application.

An accepted one is a payment method. Whatever the gateway says is settled here; nothing
leads back from a consent that has ended.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal, cast
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from .domain.mandate import EDGES, state_of
from .domain.money import Money
from .errors import AmountNotPositive, GatewayDeclined, GatewayUnreachable, NotFound, WrongState
from .events import MandateChanged
from .ports import Begin, Gateways, MandateAsk, MandateGateway, Receipt, Tx
from .store.locks import lock_all
from .store.mandate import Mandate
from .subscriptions import NewMethod, add_payment_method, use_payment_method

RAIL = "pix_automatico"
LONGEST_WAIT = timedelta(hours=1)  # before a gateway is asked again about the same consent
ASKED = ("requested", "pending")

Period = Literal["week", "month", "quarter", "half_year", "year"]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewMandate:
    """What a payer is asked to consent to. With a subscription, it is charged so once she does."""

    customer_id: UUID
    payer: str  # as the gateway knows her
    currency: str
    max_amount: Money | None  # of one charge; None: no limit
    period: Period
    starts_on: date
    subscription_id: UUID | None = None
    gateway: str = "pix"


def request_mandate(tx: Tx, new: NewMandate, *, key: str) -> UUID:
    """Write down that a consent is wanted, once per `key`. `send_mandate` asks for it.

    Raises:
        AmountNotPositive: the maximum is not more than zero.
    """
    known = tx.session.scalar(select(Mandate.id).where(Mandate.one_time_key == key))
    if known is not None:
        return known
    if new.max_amount is not None and new.max_amount.minor <= 0:
        raise AmountNotPositive(new.max_amount)
    mandate = Mandate(
        id=tx.new_id(),
        one_time_key=key,
        customer_id=new.customer_id,
        subscription_id=new.subscription_id,
        gateway=new.gateway,
        payer=new.payer,
        currency=new.currency,
        max_minor=None if new.max_amount is None else new.max_amount.minor,
        period=new.period,
        starts_on=new.starts_on,
        state="requested",
        ask_at=tx.at,
        requested_at=tx.at,
        changed_at=tx.at,
    )
    tx.session.add(mandate)
    tx.session.flush()
    return mandate.id


def cancel_mandate(tx: Tx, mandate_id: UUID) -> None:
    """End a consent from our side: nothing is charged under it from now on.

    `send_mandate` tells the gateway. Raises `WrongState` where it has ended already.
    """
    mandate = _lock(tx, mandate_id)
    if not EDGES[mandate.state]:
        raise WrongState("mandate", mandate.id, mandate.state)
    mandate.cancel_asked_at, mandate.ask_at = mandate.cancel_asked_at or tx.at, tx.at


def send_mandate(begin: Begin, gateways: Gateways, mandate_id: UUID) -> str:
    """Tell the gateway what our row wants, and learn how the consent stands; return its state.

    Safe to run twice: the key is the row's id. No answer changes nothing.
    """
    with begin() as tx:
        mandate = tx.session.get(Mandate, mandate_id)
        if mandate is None:
            raise NotFound("mandate", mandate_id)
        state, cancel = mandate.state, mandate.cancel_asked_at is not None
        gateway_name, ask = mandate.gateway, _ask_of(mandate)
    gateway = mandate_gateway(gateways, gateway_name)
    if gateway is None or not EDGES[state]:
        return state
    try:
        receipt = _carry_out(gateway, ask, cancel=cancel)
    except GatewayUnreachable:
        return state
    settle_mandate(begin, gateway, receipt)
    with begin() as tx:
        return tx.session.get_one(Mandate, mandate_id).state


def settle_mandate(begin: Begin, gateway: MandateGateway, receipt: Receipt) -> UUID | None:
    """Book how a consent stands. The second to tell finds nothing to do. None: it is not ours."""
    try:
        id = UUID(receipt.key)
    except ValueError:
        return None
    with begin() as tx:
        known = tx.session.get(Mandate, id)
        if known is None:
            return None
        accepted = receipt.state == "succeeded"
        if accepted and known.payment_method_id is None and known.cancel_asked_at is None:
            _become_method(tx, known, gateway.method_token(receipt.ref))
        mandate = _lock(tx, id)
        mandate.gateway_ref = receipt.ref or mandate.gateway_ref
        # The longer it takes, the rarer the question: a payer may think it over for days.
        mandate.ask_at = tx.at + min((tx.at - mandate.requested_at) / 4, LONGEST_WAIT)
        after = state_of(receipt.state, receipt.code)
        if after in EDGES[mandate.state]:
            mandate.state, mandate.code, mandate.changed_at = after, receipt.code, tx.at
            tx.emit(
                MandateChanged(
                    mandate_id=id,
                    customer_id=mandate.customer_id,
                    subscription_id=mandate.subscription_id,
                    state=after,
                    code=receipt.code,
                )
            )
        return id


def mandates_to_send(session: Session, at: datetime, limit: int = 100) -> Sequence[UUID]:
    """Return consents that are asked for, or to be cancelled, and whose turn has come."""
    return session.scalars(
        select(Mandate.id)
        .where(
            or_(
                Mandate.state.in_(ASKED),
                (Mandate.state == "accepted") & Mandate.cancel_asked_at.is_not(None),
            ),
            Mandate.ask_at <= at,
        )
        .order_by(Mandate.ask_at, Mandate.id)
        .limit(limit)
    ).all()


def mandate_gateway(gateways: Gateways, name: str) -> MandateGateway | None:
    """Return a gateway that takes consents; None: there is none of that name."""
    gateway = gateways.get(name)
    if gateway is None or RAIL not in gateway.rails:
        return None
    return cast(MandateGateway, gateway)


def _ask_of(mandate: Mandate) -> MandateAsk:
    return MandateAsk(
        key=str(mandate.id),
        payer=mandate.payer,
        max_amount=mandate.maximum,
        period=cast(Period, mandate.period),
        starts_on=mandate.starts_on,
    )


def _carry_out(gateway: MandateGateway, ask: MandateAsk, *, cancel: bool) -> Receipt:
    nothing = ask.max_amount or Money.zero("BRL")
    known = gateway.find_mandate(ask.key)
    if cancel:
        if known is None:  # it never arrived
            return Receipt(ask.key, "", "failed", nothing, "cancelled_by_receiver")
        return gateway.cancel_mandate(key=ask.key)
    if known is not None:
        return known
    try:
        return gateway.ask_mandate(ask)
    except GatewayDeclined as declined:
        return Receipt(ask.key, "", "failed", nothing, declined.code)


def _become_method(tx: Tx, mandate: Mandate, token: str) -> None:
    """Save the consent as a way to pay. The subscription is locked first, as everywhere."""
    method_id = add_payment_method(
        tx,
        NewMethod(
            customer_id=mandate.customer_id,
            kind="pix_automatico",
            token=token,
            gateway=mandate.gateway,
        ),
    )
    if mandate.subscription_id is not None:
        use_payment_method(tx, mandate.subscription_id, method_id)
    mandate.payment_method_id = method_id
    tx.session.flush()


def _lock(tx: Tx, mandate_id: UUID) -> Mandate:
    found = lock_all(tx.session, select(Mandate).where(Mandate.id == mandate_id))
    if not found:
        raise NotFound("mandate", mandate_id)
    return found[0]
