"""From where money comes back when an invoice was paid partly by the customer's credit.

The four orders and their names are Recurly's; its pages disagree on a default, so the
person who asks chooses one and the credit note keeps it.
"""

from dataclasses import dataclass
from typing import Literal, get_args

from ..errors import AmountNotPositive, RefundTooLarge
from .money import Money

CreditOrder = Literal["transaction_first", "credit_first", "all_credit", "all_transaction"]
ORDERS: tuple[CreditOrder, ...] = get_args(CreditOrder)


@dataclass(frozen=True, slots=True)
class Shares:
    """`money` goes back the way it came; `balance` returns to the customer's credit."""

    money: Money
    balance: Money


def share(order: CreditOrder, asked: Money, *, money_left: Money, credit_left: Money) -> Shares:
    """Split what is given back; the shares add up to `asked`.

    `money_left` is what was received and not given back, `credit_left` what the invoice drew
    from the credit balance and did not return. Only `all_credit` turns money into balance.

    Raises:
        AmountNotPositive: nothing was asked for.
        RefundTooLarge: carries what the order leaves.
    """
    if asked.minor <= 0:
        raise AmountNotPositive(asked)
    money_left, credit_left = _at_least_nothing(money_left), _at_least_nothing(credit_left)
    nothing = Money.zero(asked.currency)
    match order:
        case "all_transaction":
            shares, left = Shares(asked, nothing), money_left
        case "all_credit":
            shares, left = Shares(nothing, asked), money_left + credit_left
        case "transaction_first":
            money = min(asked, money_left)
            shares, left = Shares(money, asked - money), money_left + credit_left
        case _:  # credit_first
            balance = min(asked, credit_left)
            shares, left = Shares(asked - balance, balance), money_left + credit_left
    if asked > left:
        raise RefundTooLarge(asked, left)
    return shares


def _at_least_nothing(amount: Money) -> Money:
    return max(amount, Money.zero(amount.currency))
