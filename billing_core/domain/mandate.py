"""The life of a payer's standing consent (Pix Automático), and what may be charged under it.

A trigger in the database holds the same list of steps.
"""

from typing import Literal, get_args

from .money import Money

State = Literal["requested", "pending", "accepted", "refused", "cancelled", "expired"]
STATES: tuple[str, ...] = get_args(State)

EDGES: dict[str, tuple[str, ...]] = {
    "requested": ("pending", "accepted", "refused", "cancelled", "expired"),
    "pending": ("accepted", "refused", "cancelled", "expired"),
    "accepted": ("cancelled", "expired"),
    "refused": (),
    "cancelled": (),
    "expired": (),
}
"""requested: our row; the gateway may not have it yet. pending: the payer has not answered."""

ENDED = "mandate_ended"
TOO_LARGE = "mandate_limit_exceeded"

_CODES: dict[str, State] = {"refused_by_payer": "refused", "expired": "expired"}


def state_of(receipt_state: str, code: str) -> State:
    """Return the state that a gateway's answer means. A failure of another kind ends the consent."""
    if receipt_state == "pending":
        return "pending"
    if receipt_state == "succeeded":
        return "accepted"
    return _CODES.get(code, "cancelled")


def refusal_of(state: str, maximum: Money | None, asked: Money) -> str:
    """Say why a charge under the consent must not even be sent; empty when it may.

    The words are those of declines, so that dunning treats both alike.
    """
    if state != "accepted":
        return ENDED
    if maximum is not None and maximum < asked:
        return TOO_LARGE
    return ""
