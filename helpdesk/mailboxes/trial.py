"""Trying a mailbox, and saying exactly what came of it. Nothing is stored.

What tries waits for servers: no transaction may be open meanwhile.
"""

from typing import Final
from uuid import UUID

from flask_babel import gettext as _

from channels.port import Outbound, Party
from helpdesk.mailboxes.account import MailAccount
from helpdesk.mailboxes.dressing import dress
from helpdesk.mailboxes.port import MailLines, Verdict
from helpdesk.mailboxes.screen import VerdictScreen, Way
from helpdesk.mailboxes.words import said, went_well
from helpdesk.outbox.envelope import instance_domain, mint_message_id
from helpdesk.settings import Settings
from helpdesk.staff.agent import Agent

# Where our own sentence is exact, and no server has said a word.
OUR_WORDS: Final = frozenset(
    {
        "name_not_found", "refused", "timeout", "hung_up", "certificate", "tls", "unreachable",
        "no_login", "letters", "uncertain", "unwritable",
    }
)  # fmt: skip


def try_fetching(lines: MailLines, account: MailAccount) -> Verdict:
    """Enter the mailbox and its folder, and change nothing."""
    return _unfit(account, "fetching") or lines.try_fetching(account)


def try_sending(lines: MailLines, account: MailAccount, to: str) -> Verdict:
    """Go as far as a mail to `to` would, without its content."""
    return _unfit(account, "sending") or lines.try_sending(account, to)


def try_signature(lines: MailLines, account: MailAccount, letter: Outbound) -> Verdict:
    """Really send a mail that wears the mailbox's signature."""
    return _unfit(account, "signature") or lines.send_on_trial(account, letter)


def signature_mail(settings: Settings, account: MailAccount, agent: Agent, key: UUID) -> Outbound:
    """Return a mail to somebody of ours, dressed as an answer of hers would be.

    It says that a machine wrote it, so that no machine answers.
    """
    body = _("Below this line stands the signature of %(address)s, as customers get it.", address=account.address)  # fmt: skip
    dressed = dress(body, account, agent=agent.name, company=settings.company)
    domain = instance_domain(settings.mail_address, settings.public_url)
    return Outbound(
        key=str(key),
        channel="email",
        to=Party("email", agent.email),
        sender=account.address,
        sender_name=account.name,
        text=dressed.text,
        html=dressed.html,
        subject=_("Test of the signature of %(address)s", address=account.address),
        message_id=mint_message_id(settings.secret_key, key, domain),
        automatic=True,
    )


def told(way: Way, verdict: Verdict, account: MailAccount, *, to: str) -> VerdictScreen:
    """Return a verdict in the reader's language."""
    if verdict.code:
        line = account.imap if way == "fetching" else account.smtp
        detail = "" if verdict.code in OUR_WORDS else verdict.detail
        return VerdictScreen(way, False, said(verdict.code, account, line, to=to), detail)
    if way == "signature":
        return VerdictScreen(way, True, _("A mail with this signature went to %(to)s.", to=to))
    return VerdictScreen(way, True, went_well(account, verdict.count, to=to))


def _unfit(account: MailAccount, way: Way) -> Verdict | None:
    """Return why there is nothing to try; None where there is."""
    if account.locked:
        return Verdict("secret")
    if (account.imap if way == "fetching" else account.smtp) is None:
        return Verdict("no_server")
    signature = account.signature_text + account.signature_html
    if way == "signature" and not signature.strip():
        return Verdict("no_signature")
    return None
