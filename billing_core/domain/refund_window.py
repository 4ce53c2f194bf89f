"""How long a provider gives money back by itself, and whether in parts."""

from dataclasses import dataclass
from datetime import date


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
