"""A dispute as a line of the timeline: what is claimed, and until when it can be answered."""

from datetime import datetime
from typing import Any

from billing_core.domain.dispute import ANSWERABLE, KEPT, LOST
from billing_core.domain.money import Money
from helpdesk.web.formats import Formats


def dispute_words(data: dict[str, Any], formats: Formats) -> tuple[str, str]:
    """Return (code, what) of a dispute's event."""
    amount = formats.money(Money(data["amount_minor"], data["currency"]))
    if data.get("kind") == "special_return":
        amount = formats.gettext("%(amount)s (MED, Pix)", amount=amount)
    state = data["state"]
    if state in KEPT:
        return "dispute_kept", amount
    if state in LOST:
        return "dispute_lost", amount
    what = amount
    if data["respond_by"] is not None:
        when = formats.entry(datetime.fromisoformat(data["respond_by"]))
        what = formats.gettext("%(amount)s, answer by %(when)s", amount=amount, when=when)
    if data["answer_failed"] and state in ANSWERABLE:
        return "dispute_refused", what
    return ("dispute_waits" if state in ANSWERABLE else "dispute_open"), what
