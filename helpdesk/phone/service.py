"""What customers wish, and what we may send them: helpers that take a transaction."""

import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Final

from channels.port import Inbound as Said
from helpdesk.db import UnitOfWork
from helpdesk.errors import InvalidInput
from helpdesk.events.service import Actor, append_event, audit
from helpdesk.phone.model import MessageTemplate, OptOut, RefusedDelivery
from helpdesk.phone.queries import WRITTEN
from helpdesk.phone.wishes import read_wish
from helpdesk.services import Services
from helpdesk.tickets.model import Ticket

LONGEST_WORD: Final = 40
LONGEST_VALUE: Final = 200  # of one variable of a template
NOTE_REFUSALS_EVERY: Final = timedelta(seconds=10)  # a stranger who knocks all day writes little

_VARIABLE = re.compile(r"\{\{(\d{1,2})\}\}")


def hear_wish(tx: UnitOfWork, ticket: Ticket | None, said: Said) -> None:
    """Record a customer's wish to be written to no more, or again. The ticket is locked.

    Without a ticket, where her messages are held, it counts all the same.
    """
    if said.channel not in WRITTEN or said.sender.kind == "external":
        return
    wish = read_wish(said.text, provider_word=said.data.get("opt_out", ""))
    if not wish:
        return
    known = tx.session.get(OptOut, (said.channel, said.sender.value), with_for_update=True)
    holds = known is not None and known.ended_at is None
    if holds == (wish == "stop"):
        return
    if known is None:
        known = OptOut(channel=said.channel, number=said.sender.value)
        tx.session.add(known)
    if wish == "stop":
        known.word = " ".join(said.text.split())[:LONGEST_WORD]
        known.opted_out_at, known.ended_at = tx.at, None
    else:
        known.ended_at = tx.at
    kind = "phone.opted_out" if wish == "stop" else "phone.opted_in"
    data = {"channel": said.channel, "number": said.sender.value}
    if ticket is None:
        audit(tx, kind, actor=Actor.system(), data=data)
    else:
        append_event(tx, ticket, kind, actor=Actor.system(), data=data)


def variables_of(body: str) -> list[str]:
    """Return the names of what a template leaves open, each once, in order of their numbers."""
    return sorted(set(_VARIABLE.findall(body)), key=int)


def fill_template(template: MessageTemplate, values: Sequence[str]) -> tuple[str, dict[str, str]]:
    """Return the text as the customer reads it, and the variables as the provider wants them.

    Raises `InvalidInput` naming the variable that is missing or that WhatsApp would refuse.
    """
    names = variables_of(template.body)
    filled: dict[str, str] = {}
    for place, name in enumerate(names):
        value = " ".join(values[place].split()) if place < len(values) else ""
        if not value:
            raise InvalidInput(f"value_{name}", "Fill in everything that the template leaves open.")
        if len(value) > LONGEST_VALUE:
            raise InvalidInput(f"value_{name}", "This text is too long to send.")
        filled[name] = value
    return render(template.body, filled), filled


def render(body: str, values: Mapping[str, str]) -> str:
    """Put values into a template. What has none stays as it stands."""
    return _VARIABLE.sub(lambda found: values.get(found[1], found[0]), body)


def note_refusal(services: Services, channel: str, reason: str) -> None:
    """Remember that a delivery was not let in, for the people who set the channel up."""
    with services.begin() as tx:
        row = tx.session.get(RefusedDelivery, channel, with_for_update=True)
        if row is None:
            row = RefusedDelivery(channel=channel, times=0)
            tx.session.add(row)
        elif row.reason == reason and tx.at - row.last_at < NOTE_REFUSALS_EVERY:
            return
        row.times, row.reason, row.last_at = row.times + 1, reason[:500], tx.at
