"""The boleto's barcode (44 digits) and the line of 47 digits that people type.

The barcode: bank (3), currency 9, check digit, due factor (4), amount in cents (10), free
field of the bank (25). The line holds the same in five fields, three with a digit of their
own. Source: FEBRABAN's layout of the collection boleto. Amounts are BRL.
"""

import re
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import cycle

from .money import Money

FIRST_BASE = date(1997, 10, 7)  # factor 0 of the first cycle
SECOND_CYCLE = date(2025, 2, 22)  # factor 1000 for the second time
CYCLE_DAYS = 9000  # factors 1000 to 9999
LARGEST_FACTOR = 9999
FAR_AHEAD = 5500  # days; a factor that points further ahead belongs to the cycle before
LARGEST_AMOUNT = 10**10 - 1  # cents

_REAL = "9"  # the currency's digit


class UnreadableBoleto(ValueError):
    """Not a boleto: its digits are too few, too many, or do not check."""


@dataclass(frozen=True, slots=True)
class Boleto:
    """What both forms say. Amount zero: any; no due day: payable at sight."""

    bank: str  # 3 digits
    amount: Money
    due_on: date | None
    free_field: str  # 25 digits, the bank's own

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[0-9]{3}", self.bank):
            raise ValueError(f"not a bank's number: {self.bank!r}")
        if not re.fullmatch(r"[0-9]{25}", self.free_field):
            raise ValueError(f"not a free field: {self.free_field!r}")
        if self.amount.currency != "BRL" or not 0 <= self.amount.minor <= LARGEST_AMOUNT:
            raise ValueError(f"no boleto can be over {self.amount}")

    @property
    def barcode(self) -> str:
        """Return the 44 digits that are drawn as bars."""
        factor = 0 if self.due_on is None else factor_of(self.due_on)
        head, tail = self.bank + _REAL, f"{factor:04}{self.amount.minor:010}{self.free_field}"
        return head + modulo_11(head + tail) + tail

    @property
    def line(self) -> str:
        """Return the 47 digits that people type, without the dots."""
        return _line(self.barcode)


def read_boleto(text: str, *, on: date) -> Boleto:
    """Read a line or a barcode, dots and spaces aside, as somebody holding it on day `on`.

    A due factor names a day every 9000 days; the one counts that is no more than 5500 days
    ahead of `on` and nearest to that bound. Raises `UnreadableBoleto`.
    """
    digits = re.sub(r"[ .\-]", "", text)
    if not re.fullmatch(r"[0-9]{44}|[0-9]{47}", digits):
        raise UnreadableBoleto("a boleto has 44 or 47 digits")
    barcode = digits if len(digits) == 44 else _barcode(digits)
    if barcode[3] != _REAL or modulo_11(barcode[:4] + barcode[5:]) != barcode[4]:
        raise UnreadableBoleto("the check digit is wrong")
    if _line(barcode) != digits and len(digits) == 47:
        raise UnreadableBoleto("a field's check digit is wrong")
    return Boleto(
        bank=barcode[:3],
        amount=Money(int(barcode[9:19]), "BRL"),
        due_on=due_day(int(barcode[5:9]), on=on),
        free_field=barcode[19:],
    )


def factor_of(day: date) -> int:
    """Return the due factor of a day, 1000 to 9999. Raises ValueError before 2000-07-03."""
    days = (day - SECOND_CYCLE).days % CYCLE_DAYS
    if day < due_date_from_factor(1000, 1):
        raise ValueError(f"{day} has no due factor")
    return 1000 + days


def due_date_from_factor(factor: int, in_cycle: int) -> date:
    """Return the day that a factor names in a cycle. The first cycle knows factors below 1000."""
    lowest = 0 if in_cycle == 1 else 1000
    if in_cycle < 1 or not lowest <= factor <= LARGEST_FACTOR:
        raise UnreadableBoleto(f"no due factor {factor} in cycle {in_cycle}")
    if in_cycle == 1:
        return FIRST_BASE + timedelta(days=factor)
    return SECOND_CYCLE + timedelta(days=CYCLE_DAYS * (in_cycle - 2) + factor - 1000)


def next_reset(in_cycle: int) -> date:
    """Return the day of a cycle's last factor, 9999; the factor restarts at 1000 after it."""
    return due_date_from_factor(LARGEST_FACTOR, in_cycle)


def due_day(factor: int, *, on: date) -> date | None:
    """Return the day a factor means to somebody who holds it on day `on`; None for factor 0.

    Raises `UnreadableBoleto` for 1 to 999, which no cycle but the first's run-up had.
    """
    if factor == 0:
        return None
    if not 1000 <= factor <= LARGEST_FACTOR:
        raise UnreadableBoleto(f"no due factor {factor}")
    first = due_date_from_factor(factor, 1)
    latest = on + timedelta(days=FAR_AHEAD)
    cycles = max(0, (latest - first).days // CYCLE_DAYS)
    return first + timedelta(days=CYCLE_DAYS * cycles)


def modulo_10(digits: str) -> str:
    """Return the check digit of one field: weights 2, 1 from the right, digits of products added."""
    total = 0
    for digit, weight in zip(reversed(digits), cycle((2, 1)), strict=False):
        tens, ones = divmod(int(digit) * weight, 10)
        total += tens + ones
    return str(-total % 10)


def modulo_11(digits: str) -> str:
    """Return the general check digit: weights 2 to 9 from the right; 0, 10 and 11 become 1."""
    weighted = zip(reversed(digits), cycle(range(2, 10)), strict=False)
    rest = 11 - sum(int(digit) * weight for digit, weight in weighted) % 11
    return str(rest if rest < 10 else 1)


def _line(barcode: str) -> str:
    free = barcode[19:]
    parts = (barcode[:4] + free[:5], free[5:15], free[15:])
    return "".join(part + modulo_10(part) for part in parts) + barcode[4] + barcode[5:19]


def _barcode(line: str) -> str:
    free = line[4:9] + line[10:20] + line[21:31]
    return line[:4] + line[32] + line[33:] + free
