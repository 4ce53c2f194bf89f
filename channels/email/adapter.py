"""The mail channel as the helpdesk sees it."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Protocol

from channels.email.compose import ascii_address, compose_mail
from channels.email.parse import dedupe_key, parse_mail
from channels.email.rules import MailRules
from channels.email.smtp import RecipientResult
from channels.port import Answer, Delivery, Inbound, Outbound, Receipt, Refused, Unreadable

IMAP_KEY_HEADER = "x-imap-key"
# Set where a mail did not pass our own server: nobody took forged results out of it.
UNJUDGED_HEADER = "x-unjudged"

_IMAP_KEY = re.compile(r"\d{1,10}:\d{1,10}")


class Postman(Protocol):
    """What sends a finished mail; `SmtpClient` is the real one."""

    def send(
        self, sender: str, recipients: Sequence[str], raw: bytes
    ) -> tuple[RecipientResult, ...]: ...


class EmailAdapter:
    """E-mail: one delivery is the bytes of one mail."""

    name = "email"

    def __init__(
        self, rules: MailRules, postman: Postman, *, clock: Callable[[], datetime]
    ) -> None:
        self.rules = rules
        self.postman = postman
        self.clock = clock

    def receive(self, delivery: Delivery) -> str:
        """Return `uidvalidity:uid` where the poller gave it, else the hash of the mail."""
        if not delivery.body.strip():
            raise Unreadable("empty")
        if key := delivery.headers.get(IMAP_KEY_HEADER):
            if not _IMAP_KEY.fullmatch(key):
                raise Unreadable("not a mailbox key")
            return key
        return dedupe_key(delivery.body)

    def answer(self, delivery: Delivery) -> Answer:  # noqa: ARG002 - nobody waits for one
        return Answer()

    def parse(self, delivery: Delivery) -> Iterable[Inbound | Receipt]:
        """Read one mail: the message, then a receipt for each mail of ours it reports lost.

        A mail that names no sender is `Unreadable`, unless a machine sent it.
        """
        rules = self.rules
        if UNJUDGED_HEADER in delivery.headers:
            rules = replace(rules, authserv_id="")
        found = parse_mail(delivery.body, rules, self.receive(delivery))
        for one in found:
            if isinstance(one, Inbound) and not one.sender.value and one.auto is None:
                raise Unreadable("names no sender")
        return found

    def send(self, message: Outbound) -> str:
        """Hand one mail to the server; return its Message-ID, the one that was given."""
        try:
            recipient = ascii_address(message.to.value)
            raw = compose_mail(message, at=self.clock(), instance=self.rules.instance)
        except (ValueError, LookupError) as fault:
            raise Refused("cannot be written as a mail") from fault
        self.postman.send(ascii_address(message.sender), [recipient], raw)
        return message.message_id
