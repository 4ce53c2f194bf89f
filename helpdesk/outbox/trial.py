"""Trying every way that messages leave, all at once. Nothing is sent, nothing is stored."""

from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import structlog
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from channels.port import Adapter, Check
from helpdesk.jobs.heartbeat import living
from helpdesk.mailboxes.account import MailAccount
from helpdesk.mailboxes.port import Verdict
from helpdesk.mailboxes.queries import switched_on
from helpdesk.mailboxes.trial import told, try_sending
from helpdesk.outbox.log import TOO_OLD
from helpdesk.outbox.model import Outbound
from helpdesk.outbox.queries import ADDRESSED_BY, due, tried_since
from helpdesk.phone.desk import our_numbers
from helpdesk.phone.trial import try_number
from helpdesk.phone.words import say_check
from helpdesk.services import Services

log = structlog.get_logger()

AT_ONCE: Final = 16
PATIENCE_S: Final = 45.0  # for all of them; each line has a limit of its own as well
OURS_OR_PHONE: Final = ("email", "chat", "sms", "whatsapp", "voice")


@dataclass(frozen=True, slots=True)
class WayOut:
    """One way and what came of trying it."""

    channel: str
    name: str  # address or number; "" where the channel is all there is
    well: bool | None  # None: this channel cannot be tried
    said: str = ""
    detail: str = ""  # what the server said
    failed: tuple[Check, ...] = ()  # of what a number needs


@dataclass(frozen=True, slots=True)
class SendingJob:
    """Whether anybody takes messages out of the queue."""

    workers: int  # processes that live
    oldest_s: int | None  # for how long some message could have left already; None: none waits
    stuck: bool  # one waits for too long, and nothing of its channel is being tried

    @property
    def well(self) -> bool:
        return self.workers > 0 and not self.stuck


@dataclass(frozen=True, slots=True)
class Trial:
    job: SendingJob
    ways: tuple[WayOut, ...]


def try_ways_out(services: Services, to: str) -> Trial:
    """Try each mailbox as far as a mail to `to` would go, and what each number needs.

    No transaction is open while servers are waited for.
    """
    with services.reading() as session:
        job = sending_job(session, services.adapters, services.clock())
        mailboxes = [
            one for one in switched_on(session, services.settings) if one.locked or one.smtp
        ]
    numbers = [
        (number, channel)
        for number, channels in our_numbers(services.settings).items()
        for channel in channels
    ]
    pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="trial")
    mails = [pool.submit(try_sending, services.mail, account, to) for account in mailboxes]
    checks = [pool.submit(try_number, services.adapters, *number) for number in numbers]
    every: list[Future[Any]] = [*mails, *checks]
    wait(every, timeout=PATIENCE_S)
    pool.shutdown(wait=False, cancel_futures=True)
    ways = [_mailbox(*one, to) for one in zip(mailboxes, mails, strict=True)]
    ways += [_number(*number, found) for number, found in zip(numbers, checks, strict=True)]
    ways += [WayOut(name, "", None) for name in services.adapters if name not in OURS_OR_PHONE]
    return Trial(job, tuple(ways))


def sending_job(session: Session, adapters: Mapping[str, Adapter], at: datetime) -> SendingJob:
    """Return how the sending job fares, by the processes that live and by what is due."""
    oldest, stuck = None, False
    for channel in dict.fromkeys([*ADDRESSED_BY, *adapters]):
        for outbound_id in due(session, at, channel, limit=1):
            since = session.get_one(Outbound, outbound_id).not_before
            oldest = min(oldest or since, since)
            is_idle = not tried_since(session, channel, at - TOO_OLD, most=1)
            stuck = stuck or (at - since > TOO_OLD and is_idle)
    return SendingJob(
        workers=living(session, at),
        oldest_s=int((at - oldest).total_seconds()) if oldest else None,
        stuck=stuck,
    )


def _mailbox(account: MailAccount, found: Future[Verdict], to: str) -> WayOut:
    if fault := _no_answer(found, account.address):
        return WayOut("email", account.address, False, fault)
    verdict = told("sending", found.result(), account, to=to)
    return WayOut("email", account.address, verdict.well, verdict.said, verdict.detail)


def _number(number: str, channel: str, found: Future[list[Check]]) -> WayOut:
    if fault := _no_answer(found, number):
        return WayOut(channel, number, False, fault)
    failed = tuple(say_check(one, _) for one in found.result() if not one.passed)
    return WayOut(channel, number, not failed if found.result() else None, failed=failed)


def _no_answer(found: Future[Any], name: str) -> str:
    """Return why a try came to no end of its own; "" where it did."""
    if not found.done() or found.cancelled():
        return str(_("No answer within %(seconds)s seconds.", seconds=int(PATIENCE_S)))
    if fault := found.exception():
        log.error("trying a way out broke", name=name, exc_info=fault)
        return str(_("Trying it ended in a fault of ours. The log says more."))
    return ""
