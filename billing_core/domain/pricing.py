"""What a quantity costs for one full period, step by step and exactly; one rounding at the end."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

from ..errors import UnreadableAmount, UnreadableTiers
from .money import Money, round_half_away

Model = Literal["flat", "per_unit", "tiered", "volume", "usage"]
MODELS: tuple[Model, ...] = ("flat", "per_unit", "tiered", "volume", "usage")


def read_unit(text: str) -> Fraction:
    """Read the price of one unit in minor units, such as "12.5". Raises `UnreadableAmount`."""
    if not re.fullmatch(r"[0-9]{1,15}(\.[0-9]{1,9})?", text):
        raise UnreadableAmount(text)
    return Fraction(text)


@dataclass(frozen=True, slots=True)
class Tier:
    """Units up to and including `up_to`; None: all that follow.

    `unit` is the price of one unit in minor units, as written: it may be less than a cent.
    `flat_minor` is asked for once, when the tier is reached.
    """

    up_to: int | None
    unit: str
    flat_minor: int = 0

    @property
    def arithmetic(self) -> dict[str, Any]:
        return {"up_to": self.up_to, "unit": self.unit, "flat_minor": self.flat_minor}


def read_tiers(rows: Sequence[dict[str, Any]]) -> tuple[Tier, ...]:
    """Read tiers as they are stored. Raises `UnreadableTiers` unless they rise and the last has no end."""
    try:
        tiers = tuple(Tier(row["up_to"], row["unit"], row.get("flat_minor", 0)) for row in rows)
        ends = [tier.up_to for tier in tiers]
        for tier in tiers:
            read_unit(tier.unit)
    except (KeyError, TypeError, UnreadableAmount) as fault:
        raise UnreadableTiers(str(fault)) from fault
    if any(type(tier.flat_minor) is not int or tier.flat_minor < 0 for tier in tiers):
        raise UnreadableTiers("a flat amount is a whole number, not negative")
    if not ends or ends[-1] is not None:
        raise UnreadableTiers("the last tier has no end")
    before = 0
    for end in ends[:-1]:
        if type(end) is not int or end <= before:
            raise UnreadableTiers("tiers rise")
        before = end
    return tiers


@dataclass(frozen=True, slots=True)
class Charge:
    """What a quantity costs for a full period. `steps` explain an amount that is not unit x quantity."""

    amount: Money
    unit: Money
    quantity: int
    model: Model
    steps: tuple[dict[str, Any], ...] = ()

    @property
    def arithmetic(self) -> dict[str, Any]:
        """{unit_minor, quantity, currency}; {full_minor, model, steps} where that is not all.

        A step is {units, unit, flat_minor}: units x unit + flat, in minor units; `unit` is
        written as a decimal. full_minor is the sum of the steps, rounded once.
        """
        facts: dict[str, Any] = {
            "unit_minor": self.unit.minor,
            "quantity": self.quantity,
            "currency": self.amount.currency,
        }
        if self.amount != self.unit.times(self.quantity) or self.steps:
            facts |= {"full_minor": self.amount.minor, "model": self.model}
        if self.steps:
            facts["steps"] = list(self.steps)
        return facts


@dataclass(frozen=True, slots=True)
class Pricing:
    """How a price turns a quantity into an amount.

    flat: the same for any quantity. per_unit: unit x quantity. tiered: each tier's units at
    that tier's price. volume: all units at the price of the tier they reach together.
    usage: measured units, by tiers where there are any, else by unit.
    """

    model: Model
    unit: Money
    tiers: tuple[Tier, ...] = ()

    def charge(self, quantity: int) -> Charge:
        """Return what `quantity` (0 or more) costs. Nothing used costs nothing."""
        if quantity < 0:
            raise ValueError(f"quantity {quantity}")
        if self.model == "flat":
            return Charge(self.unit, self.unit, quantity, self.model)
        if not self.tiers:
            return Charge(self.unit.times(quantity), self.unit, quantity, self.model)
        steps = self._all_in_one(quantity) if self.model == "volume" else self._each(quantity)
        exact = sum((_cost(step) for step in steps), Fraction(0))
        amount = Money(round_half_away(exact), self.unit.currency)
        return Charge(amount, self.unit, quantity, self.model, tuple(steps))

    def _each(self, quantity: int) -> list[dict[str, Any]]:
        steps = []
        below = 0
        for tier in self.tiers:
            top = quantity if tier.up_to is None else min(quantity, tier.up_to)
            if top <= below:
                break
            steps.append(_step(tier, top - below))
            below = top
        return steps

    def _all_in_one(self, quantity: int) -> list[dict[str, Any]]:
        for tier in self.tiers:
            if quantity and (tier.up_to is None or quantity <= tier.up_to):
                return [_step(tier, quantity)]
        return []


def _step(tier: Tier, units: int) -> dict[str, Any]:
    return {"units": units, "unit": tier.unit, "flat_minor": tier.flat_minor}


def _cost(step: dict[str, Any]) -> Fraction:
    units, flat = int(step["units"]), int(step["flat_minor"])
    return units * read_unit(step["unit"]) + flat


def round_together(exact: Sequence[Fraction]) -> list[int]:
    """Round parts so that they add up to their rounded sum.

    Each is rounded down, and what is missing goes to the largest remainders, the earlier
    part first among equals.
    """
    parts = [value.numerator // value.denominator for value in exact]
    missing = round_half_away(sum(exact, Fraction(0))) - sum(parts)
    by_remainder = sorted(range(len(exact)), key=lambda place: parts[place] - exact[place])
    for place in by_remainder[:missing]:
        parts[place] += 1
    return parts
