"""The composition: the only place that reads the wall clock or makes a client."""

import hmac
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from hashlib import sha256
from urllib.parse import unquote, urlsplit

from sqlalchemy import Engine

from billing_core.gateways.bank_line import BankAccess
from billing_core.gateways.boleto import BoletoGateway
from billing_core.gateways.pix import PixGateway, Receiver
from billing_core.gateways.sandbox import Sandbox
from billing_core.gateways.stripe import StripeGateway
from billing_core.ports import Clock, Gateway
from channels.email.adapter import EmailAdapter
from channels.email.client import Cursor, ImapMailbox, MailboxSettings, Tls
from channels.email.rules import MailRules
from channels.email.smtp import SmtpClient, SmtpSettings
from channels.port import Adapter
from channels.sms.adapter import SmsAdapter
from channels.twilio_gate import Account
from channels.voice.adapter import VoiceAdapter
from channels.webchat.adapter import WebChatAdapter
from channels.whatsapp.adapter import WhatsAppAdapter
from helpdesk.db import Database, transaction_is_open
from helpdesk.events.reactions import Reactions
from helpdesk.inbox.blobs import BlobStore
from helpdesk.inbox.poller import MailboxDoor
from helpdesk.jobs.port import Jobs
from helpdesk.outbox.envelope import id_domain
from helpdesk.realtime.presence import build_presence
from helpdesk.realtime.relay import Relay
from helpdesk.services import Services
from helpdesk.settings import Settings

SMTP_TLS: dict[str, Tls] = {"smtp": "none", "smtp+starttls": "starttls", "smtps": "implicit"}


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
    return Services(
        settings=settings,
        clock=clock,
        db=db,
        blobs=BlobStore(settings.data_dir / "blobs"),
        relay=relay,
        presence=build_presence(settings.redis_url, clock),
        adapters=build_adapters(settings, clock) if adapters is None else adapters,
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
    from billing_core.events import DuplicateChargeFound, LatePaymentArrived, PaymentsCaptured
    from helpdesk.billing_desk import disputes, gateway_notices
    from helpdesk.billing_desk import sending as billing_desk
    from helpdesk.customers.findings import hear_of_charges, hear_of_duplicate
    from helpdesk.customers.late_payments import hear_of_late_payment

    billing_desk.connect(reactions)
    gateway_notices.connect(reactions)
    disputes.connect(reactions)
    reactions.on(PaymentsCaptured, hear_of_charges)
    reactions.on(DuplicateChargeFound, hear_of_duplicate)
    reactions.on(LatePaymentArrived, hear_of_late_payment)


def declare_jobs() -> None:
    """Import every module that declares jobs."""
    from helpdesk.billing_desk import jobs  # noqa: F401
    from helpdesk.books import jobs as books  # noqa: F401
    from helpdesk.customers import jobs as customers  # noqa: F401
    from helpdesk.inbox import jobs as inbox  # noqa: F401
    from helpdesk.outbox import jobs as outbox  # noqa: F401
    from helpdesk.reports import jobs as reports  # noqa: F401
    from helpdesk.sla import jobs as sla_jobs  # noqa: F401
    from helpdesk.tickets import jobs as ticket_jobs  # noqa: F401


def build_adapters(settings: Settings, clock: Clock) -> dict[str, Adapter]:
    """Make the adapters of the channels that are set up."""
    adapters: dict[str, Adapter] = {"chat": WebChatAdapter()}
    if settings.mail_address:
        adapters["email"] = _email_adapter(settings, clock)
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
            language=settings.language,
        )
    return adapters


def _email_adapter(settings: Settings, clock: Clock) -> Adapter:
    rules = MailRules(
        authserv_id=settings.mail_authserv_id.lower(),
        message_id_domains=frozenset({id_domain(settings.mail_address)}),
        own_addresses=frozenset({settings.mail_address.lower()}),
        instance=id_domain(settings.mail_address),
    )
    url = urlsplit(settings.smtp_url or "smtp://localhost")
    postman = SmtpClient(
        SmtpSettings(
            host=url.hostname or "localhost",
            port=url.port or {"smtps": 465, "smtp+starttls": 587}.get(url.scheme, 25),
            user=unquote(url.username or ""),
            password=unquote(url.password or ""),
            tls=SMTP_TLS[url.scheme],
        )
    )
    return EmailAdapter(rules, postman, clock=clock)


def build_mailbox(settings: Settings) -> MailboxDoor[Cursor]:
    """Make the way into the mailbox that customers write to.

    A password never crosses the network in the clear: `imap://` begins TLS on any host
    but this machine.
    """
    url = urlsplit(settings.imap_url)
    host = url.hostname or "localhost"
    here = host in ("localhost", "127.0.0.1", "::1")
    plain: Tls = "none" if here else "starttls"
    entry = MailboxSettings(
        host=host,
        port=url.port or (993 if url.scheme == "imaps" else 143),
        user=unquote(url.username or ""),
        password=unquote(url.password or ""),
        tls="implicit" if url.scheme == "imaps" else plain,
        folder=unquote(url.path.strip("/")) or "INBOX",
    )
    return MailboxDoor(entry.folder, lambda: ImapMailbox(entry), Cursor)


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
