"""How long a provider gives money back by itself, and whether in parts."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

NO_LIMIT = 36500
"""Days of a window to which the provider names no end."""


@dataclass(frozen=True, slots=True)
class RefundWindow:
    """`days` after the payment's local date, the last one included. None: no way back at all.

    `partial` False: the whole payment or nothing.
    """

    days: int | None
    partial: bool = True

    def open_on(self, day: date, *, paid_on: date) -> bool:
        """Say whether the provider still takes a refund on `day`."""
        return self.days is not None and (day - paid_on).days <= self.days

    def last_day(self, *, paid_on: date) -> date | None:
        """Return the last day of the window; None where there never was one."""
        if self.days is None:
            return None
        return date.fromordinal(paid_on.toordinal() + self.days)

    def takes(self, day: date, *, paid_on: date, partial: bool) -> bool:
        """Say whether the provider takes a refund of a part, or of everything, on `day`."""
        return self.open_on(day, paid_on=paid_on) and (self.partial or not partial)


KNOWN: Mapping[str, Mapping[str, RefundWindow]] = {
    "iugu": {
        "card": RefundWindow(180),
        "pix": RefundWindow(90, partial=False),
        "boleto": RefundWindow(None),
    },
    "asaas": {
        "card": RefundWindow(NO_LIMIT),
        "pix": RefundWindow(90),
        "boleto": RefundWindow(None),
    },
    "pagbank": {
        "card": RefundWindow(NO_LIMIT, partial=False),
        "pix": RefundWindow(90, partial=False),
        "boleto": RefundWindow(None),
    },
}
"""What providers write about their refunds, by provider and rail; read in November 2026.

Iugu states its days. The others state none for cards; Pix itself takes a return for 90 days.
"""


def known_window(provider: str, rail: str) -> RefundWindow:
    """Return a provider's window; one that nobody has looked up has no way back."""
    return KNOWN.get(provider, {}).get(rail, RefundWindow(None))
