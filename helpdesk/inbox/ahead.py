"""Before many mails are filed in one transaction: what each of them will ask, asked at once.

The turns are taken and the tickets locked first, so that what is found out stays true.
"""

from collections.abc import Sequence

from channels.port import Inbound as Said
from helpdesk.customers.queries import ask_ahead_for_handles
from helpdesk.db import UnitOfWork
from helpdesk.inbox.blocking import ask_ahead_who_is_blocked
from helpdesk.inbox.filing import turns_of
from helpdesk.inbox.threading import ask_ahead_for_leads
from helpdesk.inbox.turns import take_turns
from helpdesk.mailboxes.queries import ask_ahead_which_are_ours, without_tag
from helpdesk.sla.queries import ask_ahead_for_clocks
from helpdesk.tickets.numbers import take_numbers
from helpdesk.tickets.participants import ask_ahead_who_takes_part
from helpdesk.tickets.queries import lock_ahead


def look_ahead(tx: UnitOfWork, mails: Sequence[Said]) -> None:
    """Find out at once what filing these mails will ask. The numbers left over go back after."""
    session = tx.session
    senders = {mail.sender for mail in mails if mail.sender.value}
    take_turns(tx, [turn for mail in mails for turn in turns_of(mail)])
    named = [one for mail in mails for one in mail.data.get("cc", "").split(", ")]
    others = [*named, *map(without_tag, named)]
    ask_ahead_which_are_ours(session, [*others, *(sender.value for sender in senders)])
    ask_ahead_who_is_blocked(session, senders)
    ask_ahead_for_handles(session, {(sender.kind, sender.value) for sender in senders})
    tickets = ask_ahead_for_leads(session, mails)
    lock_ahead(tx, tickets)
    ask_ahead_who_takes_part(session, tickets, senders)
    ask_ahead_for_clocks(session, tickets, channels={mail.channel for mail in mails})
    take_numbers(tx, "ticket", len(mails))
