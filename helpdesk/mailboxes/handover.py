"""`guiche mail ingest`: what a mail server pipes into a program, and what it reads back.

Mail servers take the exit status of such a program for an answer (sysexits.h): whatever is
our own fault must say "come again", or the mail goes back to its sender.
"""

import os
import sys
from collections.abc import Sequence

from helpdesk.inbox.service import ingest_mail
from helpdesk.mailboxes.arrivals import is_expected, main_source, take_delivery
from helpdesk.services import Services


def hand_over(services: Services, raw: bytes, recipients: Sequence[str]) -> int:
    """Store one mail for the mailboxes of its recipients, or for the main one; return the status.

    `recipients` are those of the envelope. Raises what the database or the disk raises.
    """
    if not raw.strip():
        return _say("there is no mail: guiche mail ingest < message.eml", os.EX_DATAERR)
    unknown = [one for one in recipients if not is_expected(services, one)]
    if unknown:
        return _say(f"no mailbox has this address: {', '.join(unknown)}", os.EX_NOUSER)
    if recipients:
        take_delivery(services, raw, recipients)
    else:
        ingest_mail(services, raw, source=main_source(services))
    return os.EX_OK


def come_again(fault: Exception) -> int:
    """Say that a mail was not stored and should be brought again."""
    why = str(fault).partition("\n")[0] or type(fault).__name__
    return _say(f"not stored, bring it again: {why}", os.EX_TEMPFAIL)


def _say(words: str, status: int) -> int:
    print(f"guiche: {' '.join(words.split())[:300]}", file=sys.stderr)  # noqa: T201
    return status
