"""What the money drawers post, as typed values or `InvalidInput`."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, cast
from uuid import UUID

from billing_core.corrections import ReissueAsk
from billing_core.credits import CreditAsk
from billing_core.domain.money import Money
from billing_core.errors import UnreadableAmount
from billing_core.refunds import RefundAsk
from billing_core.subscriptions import PlanChangeAsk
from helpdesk.billing_desk.acts import Request
from helpdesk.errors import InvalidInput
from helpdesk.web.input import refuse_unknown

Form = Mapping[str, str]

REASONS = (
    "duplicate",
    "our_mistake",
    "service_disruption",
    "order_change",
    "product_unsatisfactory",
    "goodwill",
    "fraudulent",
)
"""Codes; words.py says them in the reader's language."""

LARGEST_MINOR = 10**11
LONGEST_NOTE = 2000


def read_amount(text: str, currency: str, language: str, field: str = "amount") -> Money:
    """Read an amount as people type it: `1.255,48` in pt-BR, `1,255.48` in English.

    More decimals than the currency has, words, zero and less raise `InvalidInput`.
    """
    compact = re.sub(r"[\s\u00a0]|R\$", "", text)
    point, group = (",", ".") if language.startswith("pt") else (".", ",")
    grouped = rf"[0-9]{{1,3}}(\{group}[0-9]{{3}})+(\{point}[0-9]{{1,3}})?"
    plain = rf"[0-9]{{1,12}}(\{point}[0-9]{{1,3}})?"
    foreign = rf"[0-9]{{1,12}}\{group}[0-9]{{1,2}}"  # cannot be a group: those have three digits
    if re.fullmatch(grouped, compact):
        digits = compact.replace(group, "").replace(point, ".")
    elif re.fullmatch(plain, compact) or re.fullmatch(foreign, compact):
        digits = compact.replace(",", ".")
    else:
        raise InvalidInput(field, "This is not an amount.")
    try:
        amount = Money.parse(digits, currency)
    except UnreadableAmount:
        raise InvalidInput(field, "This currency has no such decimals.") from None
    if not 0 < amount.minor <= LARGEST_MINOR:
        raise InvalidInput(field, "The amount must be more than zero.")
    return amount


@dataclass(frozen=True, slots=True)
class Reader:
    """Who typed it and about whose money."""

    customer_id: UUID
    currency: str
    language: str


def read_refund(form: Form, reader: Reader) -> Request:
    refuse_unknown(form, "payment", "amount", "reason", "courtesy")
    reason = _reason(form)
    ask = RefundAsk(
        payment_id=_id(form, "payment"),
        amount=_amount(form, "amount", reader),
        reason=reason,
    )
    if not _is_given(form, "courtesy"):
        return Request(ask)
    courtesy = _amount(form, "courtesy", reader)
    return Request(ask, CreditAsk(customer_id=reader.customer_id, amount=courtesy, reason=reason))


def read_credit(form: Form, reader: Reader) -> Request:
    refuse_unknown(form, "amount", "reason")
    return Request(
        CreditAsk(
            customer_id=reader.customer_id,
            amount=_amount(form, "amount", reader),
            reason=_reason(form),
        )
    )


def read_plan(form: Form, reader: Reader) -> Request:  # noqa: ARG001 - all readers look alike
    refuse_unknown(form, "subscription", "price", "when")
    when = _one_of(form, "when", ("now", "period_end"))
    return Request(
        PlanChangeAsk(
            subscription_id=_id(form, "subscription"),
            new_price_id=_id(form, "price"),
            when=cast(Literal["now", "period_end"], when),
            reason="order_change",
        )
    )


def read_reissue(form: Form, reader: Reader) -> Request:
    refuse_unknown(form, "invoice", "line", "right", "reason", "settle_by")
    settle_by = _one_of(form, "settle_by", ("refund", "credit"))
    right = form.get("right", "").strip()
    nothing = bool(re.fullmatch(r"0+([.,]0+)?", right))  # it should not have been charged at all
    amount = Money.zero(reader.currency) if nothing else _amount(form, "right", reader)
    return Request(
        ReissueAsk(
            invoice_id=_id(form, "invoice"),
            lines=((_id(form, "line"), amount),),
            reason=_reason(form),
            settle_by=cast(Literal["refund", "credit"], settle_by),
        )
    )


READERS = {
    "refund": read_refund,
    "credit": read_credit,
    "plan": read_plan,
    "reissue": read_reissue,
}
"""By the word in the address. The act of `plan` is a plan_change."""


@dataclass(frozen=True, slots=True)
class Confirmation:
    key: str
    tell: bool
    accepted: bool


def read_confirmation(form: Form) -> Confirmation:
    refuse_unknown(form, "key", "tell", "accepted")
    return Confirmation(
        key=str(_id(form, "key")),
        tell=form.get("tell") == "1",
        accepted=form.get("accepted") == "1",
    )


@dataclass(frozen=True, slots=True)
class Decision:
    request_hash: str
    note: str


def read_decision(form: Form) -> Decision:
    refuse_unknown(form, "request_hash", "note")
    note = form.get("note", "").replace("\x00", "").strip()
    if len(note) > LONGEST_NOTE:
        raise InvalidInput("note", "This is too long.")
    return Decision(form.get("request_hash", ""), note)


def _amount(form: Form, field: str, reader: Reader) -> Money:
    return read_amount(form.get(field, ""), reader.currency, reader.language, field)


def _is_given(form: Form, field: str) -> bool:
    return bool(re.sub(r"[0.,\s]", "", form.get(field, "")))


def _reason(form: Form) -> str:
    return _one_of(form, "reason", REASONS)


def _one_of(form: Form, field: str, known: tuple[str, ...]) -> str:
    value = form.get(field, "")
    if value not in known:
        raise InvalidInput(field, "Choose one of the list.")
    return value


def _id(form: Form, field: str) -> UUID:
    try:
        return UUID(form.get(field, ""))
    except ValueError:
        raise InvalidInput(field, "Choose one of the list.") from None
