"""What one organisation tells the mail channel about itself."""

from dataclasses import dataclass, field

from channels.email.tree import LIMITS, Limits

# Every header of our own begins with this; none is believed on the way in (only
# compared with our own instance name, to recognise mail that came back to us).
CONTROL_PREFIX = "x-guiche-"
INSTANCE_HEADER = "X-Guiche-Instance"


@dataclass(frozen=True, slots=True)
class MailRules:
    """Settings that reading and writing mail depend on; all text is lower-case.

    `authserv_id` is the name our receiving server writes into Authentication-Results;
    with an empty one no result is ever believed. That server must remove headers with
    its own name from arriving mail (RFC 8601, section 5).
    """

    authserv_id: str = ""
    message_id_domains: frozenset[str] = frozenset()  # right of the @ in ids that we mint
    own_addresses: frozenset[str] = frozenset()  # mailboxes that we send from
    instance: str = ""  # tells our mail from that of another installation
    limits: Limits = field(default=LIMITS)
