"""The composition: the only place that reads the wall clock or makes a client."""

import hmac
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from hashlib import sha256
from urllib.parse import urlsplit
from uuid import UUID

from sqlalchemy import Engine

from billing_core.gateways.bank_line import BankAccess
from billing_core.gateways.boleto import BoletoGateway
from billing_core.gateways.pix import PixGateway, Receiver
from billing_core.gateways.sandbox import Sandbox
from billing_core.gateways.stripe import StripeGateway
from billing_core.ports import Clock, Gateway
from channels import telegram
from channels.email.adapter import EmailAdapter, Postman
from channels.email.client import Cursor, ImapMailbox, MailboxSettings
from channels.email.door import DoorSettings, MailDoor
from channels.email.oauth import OauthSettings, TokenSource
from channels.email.posted import MailgunHook, PostmarkHook, SendgridHook
from channels.email.rules import MailRules
from channels.email.signing import DkimKey, sign
from channels.email.smtp import RecipientResult, SmtpClient, SmtpSettings
from channels.port import Adapter, ChannelError, Outbound, Refused, Uncertain, Unreachable
from channels.sms.adapter import SmsAdapter
from channels.twilio_gate import Account
from channels.voice.adapter import SoftphoneKey, VoiceAdapter
from channels.voice.answer import Line
from channels.webchat.adapter import WebChatAdapter
from channels.whatsapp.adapter import WhatsAppAdapter
from helpdesk.db import Database, transaction_is_open
from helpdesk.events.reactions import Reactions
from helpdesk.inbox.blobs import BlobStore
from helpdesk.jobs.port import Jobs
from helpdesk.mailboxes.account import MailAccount, account_of_settings
from helpdesk.mailboxes.door import MailboxDoor
from helpdesk.mailboxes.health import keep_refresh_token
from helpdesk.mailboxes.port import Hook, Verdict
from helpdesk.mailboxes.queries import account_for
from helpdesk.outbox.envelope import instance_domain
from helpdesk.realtime.presence import build_presence
from helpdesk.realtime.relay import Relay
from helpdesk.services import Services
from helpdesk.settings import Settings

TRIAL_S = 8.0  # somebody waits before the screen


def wall_clock() -> datetime:
    """Return now, in UTC."""
    return datetime.now(UTC)


def build_services(
    settings: Settings,
    *,
    clock: Clock = wall_clock,
    jobs: Callable[[Engine], Jobs] | None = None,
    adapters: Mapping[str, Adapter] | None = None,
    gateways: Mapping[str, Gateway] | None = None,
) -> Services:
    """Make the one `Services` of this process. Tests hand in what they want to control."""
    reactions = Reactions()
    relay = Relay()
    db = Database(
        settings.database_url,
        clock=clock,
        reactions=reactions,
        jobs=jobs or durable_jobs(settings),
        publish=relay.publish,
    )
    connect_reactions(reactions)
    declare_jobs()
    mail = build_mail(settings, clock, db)
    return Services(
        settings=settings,
        clock=clock,
        db=db,
        blobs=BlobStore(settings.data_dir / "blobs"),
        relay=relay,
        presence=build_presence(settings.redis_url, clock),
        adapters=build_adapters(settings, clock, mail, db) if adapters is None else adapters,
        mail=mail,
        gateways=build_gateways(settings, db.separate_engine(), clock)
        if gateways is None
        else gateways,
    )


def durable_jobs(settings: Settings) -> Callable[[Engine], Jobs]:
    def make(engine: Engine) -> Jobs:
        from helpdesk.jobs.engine import DurableJobs  # 3 s to import: not for every command

        return DurableJobs(engine, settings.database_url)

    return make


def connect_reactions(reactions: Reactions) -> None:
    """Say which feature hears of which event."""
    from billing_core.events import (
        DuplicateChargeFound,
        LatePaymentArrived,
        MandateChanged,
        PaymentsCaptured,
    )
    from helpdesk.billing_desk import disputes, gateway_notices
    from helpdesk.billing_desk import sending as billing_desk
    from helpdesk.customers.ended_consents import hear_of_consent
    from helpdesk.customers.findings import hear_of_charges, hear_of_duplicate
    from helpdesk.customers.late_payments import hear_of_late_payment

    billing_desk.connect(reactions)
    gateway_notices.connect(reactions)
    disputes.connect(reactions)
    reactions.on(PaymentsCaptured, hear_of_charges)
    reactions.on(DuplicateChargeFound, hear_of_duplicate)
    reactions.on(LatePaymentArrived, hear_of_late_payment)
    reactions.on(MandateChanged, hear_of_consent)


def declare_jobs() -> None:
    """Import every module that declares jobs."""
    from helpdesk.billing_desk import jobs  # noqa: F401
    from helpdesk.books import jobs as books  # noqa: F401
    from helpdesk.customers import jobs as customers  # noqa: F401
    from helpdesk.inbox import jobs as inbox  # noqa: F401
    from helpdesk.outbox import jobs as outbox  # noqa: F401
    from helpdesk.phone import jobs as phone  # noqa: F401
    from helpdesk.reports import jobs as reports  # noqa: F401
    from helpdesk.sla import jobs as sla_jobs  # noqa: F401
    from helpdesk.tickets import jobs as ticket_jobs  # noqa: F401
    from helpdesk.widget import jobs as widget_jobs  # noqa: F401


def build_adapters(
    settings: Settings,
    clock: Clock,
    postman: Postman | None = None,
    db: Database | None = None,
) -> dict[str, Adapter]:
    """Make the adapters of the channels that are set up. A mailbox may be added any time.

    Without `db` a telephone line is always open.
    """
    adapters: dict[str, Adapter] = {
        "chat": WebChatAdapter(),
        **telegram.adapters(settings.channels),
        "email": _email_adapter(settings, clock, postman or MailNetwork(settings, clock)),
    }
    account = Account(settings.twilio_account, settings.twilio_token, settings.twilio_api_url)

    def hook(channel: str) -> str:
        return f"{settings.public_url}/hooks/{channel}"

    if account.sid and settings.sms_number:
        adapters["sms"] = SmsAdapter(account, webhook_url=hook("sms"))
    if account.sid and settings.whatsapp_number:
        adapters["whatsapp"] = WhatsAppAdapter(account, webhook_url=hook("whatsapp"))
    if account.sid and settings.voice_number:
        adapters["voice"] = VoiceAdapter(
            account,
            webhook_url=hook("voice"),
            company=settings.company,
            line=_phone_line(settings, clock, db) if db else Line,
            softphone=SoftphoneKey(settings.twilio_api_key, settings.twilio_api_secret)
            if settings.twilio_api_key
            else None,
            live_transcripts=settings.live_transcripts,
        )
    return adapters


def _phone_line(settings: Settings, clock: Clock, db: Database) -> Callable[[], Line]:
    from helpdesk.phone.lines import line_reader

    read = line_reader(db, settings, clock)
    return lambda: Line(**asdict(read()))


def _email_adapter(settings: Settings, clock: Clock, postman: Postman) -> Adapter:
    domain = instance_domain(settings.mail_address, settings.public_url)
    rules = MailRules(
        authserv_id=settings.mail_authserv_id.lower(),
        message_id_domains=frozenset({domain}),
        own_addresses=frozenset({settings.mail_address.lower()} - {""}),
        instance=domain,
    )
    return EmailAdapter(rules, postman, clock=clock)


class MailNetwork:
    """The servers of our mailboxes: IMAP to read, SMTP to send, tokens to enter both."""

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        *,
        find: Callable[[str], MailAccount | None] | None = None,
        renewed: Callable[[UUID, str], None] = lambda _id, _token: None,
    ) -> None:
        self._settings, self._clock, self._renewed = settings, clock, renewed
        self._find = find or (lambda _: account_of_settings(settings))
        self._tokens: dict[UUID, TokenSource] = {}
        self.hooks = _mail_hooks(settings)

    def door(self, account: MailAccount) -> MailboxDoor[Cursor]:
        entry = self._imap(account)
        return MailboxDoor(
            entry.folder, lambda: ImapMailbox(entry), Cursor, done_folder=account.done_folder
        )

    def send(
        self, sender: str, recipients: Sequence[str], raw: bytes
    ) -> tuple[RecipientResult, ...]:
        """Send through the mailbox that `sender` is the address of."""
        account = self._find(sender)
        if account is None or account.smtp is None:
            raise Unreachable(f"the mailbox {sender} does not send")
        return SmtpClient(self._smtp(account)).send(sender, recipients, _signed(account, raw))

    def listen(
        self,
        url: str,
        *,
        accepts: Callable[[str], bool],
        take: Callable[[bytes, tuple[str, ...]], None],
    ) -> MailDoor:
        parts = urlsplit(url)
        lmtp = parts.scheme == "lmtp"
        port = parts.port if parts.port is not None else 2424 if lmtp else 2525
        settings = DoorSettings(parts.hostname or "127.0.0.1", port, lmtp=lmtp)
        return MailDoor(settings, accepts=accepts, take=take)

    def try_fetching(self, account: MailAccount) -> Verdict:
        try:
            with ImapMailbox(replace(self._imap(account), timeout=TRIAL_S)) as box:
                return Verdict(count=box.count())
        except ChannelError as fault:
            return Verdict(fault.code or "unreachable", str(fault))

    def try_sending(self, account: MailAccount, to: str) -> Verdict:
        try:
            _signed(account, f"From: {account.address}\r\n\r\n".encode())
            SmtpClient(replace(self._smtp(account), timeout=TRIAL_S)).probe(account.address, to)
        except ChannelError as fault:
            return Verdict(fault.code or "unreachable", str(fault))
        return Verdict()

    def send_on_trial(self, account: MailAccount, letter: Outbound) -> Verdict:
        client = SmtpClient(replace(self._smtp(account), timeout=TRIAL_S))
        adapter = _email_adapter(self._settings, self._clock, _OneMailbox(account, client))
        try:
            adapter.send(letter)
        except Uncertain as fault:
            return Verdict("uncertain", str(fault))
        except Refused as fault:
            return Verdict(fault.code or "unwritable", str(fault))
        except ChannelError as fault:
            return Verdict(fault.code or "unreachable", str(fault))
        return Verdict()

    def _imap(self, account: MailAccount) -> MailboxSettings:
        line = account.imap
        if line is None:
            raise ValueError(f"{account.address} is not fetched")
        return MailboxSettings(
            line.host,
            line.user,
            line.password,
            port=line.port,
            tls=line.security,
            folder=account.folder,
            tokens=self._tokens_of(account),
        )

    def _smtp(self, account: MailAccount) -> SmtpSettings:
        line = account.smtp
        if line is None:
            raise ValueError(f"{account.address} does not send")
        return SmtpSettings(
            line.host,
            line.port,
            line.user,
            line.password,
            tls=line.security,
            tokens=self._tokens_of(account),
        )

    def _tokens_of(self, account: MailAccount) -> TokenSource | None:
        """Return what gives the account's tokens: one source for reading and sending."""
        ways, owner = account.oauth, account.id
        if ways is None or owner is None:
            return None
        asked = OauthSettings(
            ways.kind, ways.client_id, ways.client_secret, ways.refresh_token, ways.token_url
        )
        known = self._tokens.get(owner)
        if known is None or not known.serves(asked):
            known = TokenSource(
                asked, clock=self._clock, renewed=lambda token: self._renewed(owner, token)
            )
            self._tokens[owner] = known
        return known


@dataclass(frozen=True, slots=True)
class _OneMailbox:
    """A postman who knows one mailbox, whether it is in use or not."""

    account: MailAccount
    client: SmtpClient

    def send(
        self, sender: str, recipients: Sequence[str], raw: bytes
    ) -> tuple[RecipientResult, ...]:
        return self.client.send(sender, recipients, _signed(self.account, raw))


def _signed(account: MailAccount, raw: bytes) -> bytes:
    if account.dkim is None:
        return raw
    return sign(raw, DkimKey(account.dkim.domain, account.dkim.selector, account.dkim.key))


def _mail_hooks(settings: Settings) -> dict[str, Hook]:
    """Make the readers of the providers that are set up."""
    hooks: dict[str, Hook] = {}
    if settings.mailgun_signing_key:
        hooks["mailgun"] = MailgunHook(settings.mailgun_signing_key)
    if settings.postmark_password:
        hooks["postmark"] = PostmarkHook(settings.postmark_password)
    if settings.sendgrid_password:
        hooks["sendgrid"] = SendgridHook(settings.sendgrid_password)
    return hooks


def build_mail(settings: Settings, clock: Clock, db: Database) -> MailNetwork:
    """Make the network side of every mailbox there is, and will be, a row of."""

    def find(address: str) -> MailAccount | None:
        with db.reading() as session:
            return account_for(session, settings, address)

    def renewed(mailbox_id: UUID, token: str) -> None:
        with db.begin() as tx:
            keep_refresh_token(tx, settings, mailbox_id, token)

    return MailNetwork(settings, clock, find=find, renewed=renewed)


def build_gateways(settings: Settings, books: Engine, clock: Clock) -> dict[str, Gateway]:
    """Make the payment gateways that are set up; the sandbox always is.

    The sandbox keeps its `books` through an engine of its own, and signs its notices with a
    secret that only this installation can make.
    """
    secret = hmac.new(settings.secret_key.encode(), b"sandbox notices", sha256).hexdigest()
    sandbox = Sandbox(books, clock, transaction_is_open=transaction_is_open, secret=secret)
    gateways: dict[str, Gateway] = {"sandbox": sandbox}
    if settings.stripe_key:
        gateways["stripe"] = StripeGateway(
            settings.stripe_key,
            settings.stripe_webhook_secret,
            clock,
            transaction_is_open=transaction_is_open,
            api_url=settings.stripe_api_url,
        )
    if settings.bank_url:
        bank = BankAccess(settings.bank_url, settings.bank_token, settings.bank_webhook_secret)
        gateways["boleto"] = BoletoGateway(bank, transaction_is_open=transaction_is_open)
        if settings.pix_key:
            payee = Receiver(settings.pix_key, settings.company, settings.pix_city)
            gateways["pix"] = PixGateway(bank, payee, transaction_is_open=transaction_is_open)
    return gateways
