"""Reading what was asked of the bank, and its no."""

from datetime import date

from billing_core.domain.money import Money
from billing_core.errors import BillingError


class Refused(Exception):
    """The bank said no: `status` of HTTP and a word for why."""

    def __init__(self, status: int, code: str) -> None:
        super().__init__(code)
        self.status, self.code = status, code


def read_amount(said: object) -> int:
    """Read "129.90" as cents. Raises `Refused` for anything that is not more than zero."""
    try:
        minor = Money.parse(str(said), "BRL").minor
    except BillingError:
        minor = 0
    if minor <= 0:
        raise Refused(400, "unreadable")
    return minor


def read_day(said: object) -> date | None:
    try:
        return date.fromisoformat(str(said)) if said else None
    except ValueError as fault:
        raise Refused(400, "unreadable") from fault
