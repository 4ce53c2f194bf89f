"""Everything an installation may set, read once from the environment.

Every name starts with `GUICHE_`; `guiche --help` lists them. A wrong value never
starts the product: all faults are named at once.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

_ORIGIN = re.compile(r"https?://[a-z0-9.-]+(:\d{1,5})?")


def is_origin(text: str) -> bool:
    """Say whether a text is an origin as browsers write it: it goes into a security header."""
    return _ORIGIN.fullmatch(text) is not None


class InvalidSettings(Exception):
    """One or more settings are wrong. `faults` holds one sentence for each."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("; ".join(faults))
        self.faults = faults


@dataclass(frozen=True, slots=True)
class Settings:
    data_dir: Path
    database_url: str
    secret_key: str
    redis_url: str = ""  # "" keeps everything in one process
    public_url: str = "http://127.0.0.1:8080"
    company: str = "Sabiá"
    language: str = "pt_BR"  # of people who have not chosen one
    time_zone: str = "America/Sao_Paulo"
    currency: str = "BRL"
    trusted_proxies: int = 0  # how many hops of X-Forwarded-* to believe
    cookie_secure: bool = True  # False only on plain-http loopback
    imap_url: str = ""  # imap://user:password@host:143/INBOX, imaps://…
    smtp_url: str = ""  # smtp://user:password@host:25, smtps://…, smtp+starttls://…
    mail_address: str = ""  # the address customers write to
    mail_authserv_id: str = ""  # whose Authentication-Results we believe
    mail_door: str = ""  # lmtp://127.0.0.1:2424 or smtp://… lets a mail server bring mail
    mailgun_signing_key: str = ""  # signs what Mailgun posts to /hooks/mail/mailgun
    postmark_password: str = ""  # in the address given to Postmark: …@host/hooks/mail/postmark
    sendgrid_password: str = ""  # in the address given to SendGrid
    twilio_account: str = ""
    twilio_token: str = ""
    twilio_api_url: str = ""  # "" is the provider's own
    twilio_api_key: str = ""  # with its secret: telephones in the browser
    twilio_api_secret: str = ""
    sms_number: str = ""
    whatsapp_number: str = ""
    voice_number: str = ""
    live_transcripts: bool = False  # of voicemails not in English; the provider must agree
    stripe_key: str = ""  # a secret or restricted API key; "" leaves Stripe out
    stripe_webhook_secret: str = ""  # signs what Stripe posts to /hooks/gateways/stripe
    stripe_api_url: str = ""  # "" is the provider's own
    bank_url: str = ""  # who takes Pix and boletos, see docs/pix-and-boleto.md; "" leaves them out
    bank_token: str = ""
    bank_webhook_secret: str = ""  # signs what it posts to /hooks/gateways/pix and /boleto
    pix_key: str = ""  # whose account Pix is paid into; "" leaves Pix out
    pix_city: str = "SAO PAULO"  # as payers read it
    inbox_poll_s: int = 20  # between two looks at a mailbox that cannot IDLE
    outbox_per_minute: int = 600  # messages tried on one channel, however many wait
    undo_send_s: int = 0  # how long an agent's answer can be taken back before it leaves
    executor: str = "local"  # stable name of this worker process
    widget_secret: str = ""  # signs visitors' identities; "" accepts anonymous visitors only
    widget_colour: str = "#B5451B"
    site_origins: tuple[str, ...] = ()  # whose pages may embed the widget
    sample_site: bool = False  # serve a page of the sample company with the widget on it
    metrics_token: str = ""  # lets another machine read /metrics; "" lets none
    channels: Mapping[str, str] = field(default_factory=dict)  # GUICHE_CHANNEL_<X> as x
    simple_passwords: bool = False  # cheap password hashing for tests and the demo

    @property
    def database_is_sqlite(self) -> bool:
        return self.database_url.startswith("sqlite")

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> "Settings":
        """Read `GUICHE_*` from `env`. Raises `InvalidSettings` naming every fault."""
        return _Reader(env).settings()


class _Reader:
    def __init__(self, env: Mapping[str, str]) -> None:
        self._env = env
        self._faults: list[str] = []

    def settings(self) -> Settings:
        data_dir = Path(self._text("DATA_DIR", ".data")).absolute()
        values = Settings(
            data_dir=data_dir,
            database_url=self._database(f"sqlite:///{data_dir / 'guiche.sqlite'}"),
            secret_key=self._secret(data_dir),
            redis_url=self._url("REDIS_URL", "", ("redis", "rediss", "unix")),
            public_url=self._url("PUBLIC_URL", "http://127.0.0.1:8080", ("http", "https")).rstrip(
                "/"
            ),
            company=self._text("COMPANY", "Sabiá"),
            language=self._one_of("LANGUAGE", "pt_BR", ("pt_BR", "en")),
            time_zone=self._zone("TIME_ZONE", "America/Sao_Paulo"),
            currency=self._text("CURRENCY", "BRL"),
            trusted_proxies=self._number("TRUSTED_PROXIES", 0, 0, 10),
            cookie_secure=self._text("PUBLIC_URL", "http:").startswith("https:"),
            imap_url=self._url("IMAP_URL", "", ("imap", "imaps")),
            smtp_url=self._url("SMTP_URL", "", ("smtp", "smtps", "smtp+starttls")),
            mail_address=self._text("MAIL_ADDRESS", ""),
            mail_authserv_id=self._text("MAIL_AUTHSERV_ID", ""),
            mail_door=self._url("MAIL_DOOR", "", ("lmtp", "smtp")),
            mailgun_signing_key=self._long_enough("MAILGUN_SIGNING_KEY", 16),
            postmark_password=self._long_enough("POSTMARK_PASSWORD", 16),
            sendgrid_password=self._long_enough("SENDGRID_PASSWORD", 16),
            twilio_account=self._text("TWILIO_ACCOUNT", ""),
            twilio_token=self._text("TWILIO_TOKEN", ""),
            twilio_api_url=self._url("TWILIO_API_URL", "", ("http", "https")),
            twilio_api_key=self._begins("TWILIO_API_KEY", ("SK",)),
            twilio_api_secret=self._text("TWILIO_API_SECRET", ""),
            sms_number=self._text("SMS_NUMBER", ""),
            whatsapp_number=self._text("WHATSAPP_NUMBER", ""),
            voice_number=self._text("VOICE_NUMBER", ""),
            live_transcripts=self._one_of("LIVE_TRANSCRIPTS", "no", ("no", "yes")) == "yes",
            stripe_key=self._begins("STRIPE_KEY", ("sk_", "rk_")),
            stripe_webhook_secret=self._long_enough("STRIPE_WEBHOOK_SECRET", 16),
            stripe_api_url=self._safe_url("STRIPE_API_URL"),
            bank_url=self._safe_url("BANK_URL"),
            bank_token=self._text("BANK_TOKEN", ""),
            bank_webhook_secret=self._long_enough("BANK_WEBHOOK_SECRET", 16),
            pix_key=self._text("PIX_KEY", ""),
            pix_city=self._text("PIX_CITY", "SAO PAULO"),
            inbox_poll_s=self._number("INBOX_POLL_S", 20, 1, 3600),
            outbox_per_minute=self._number("OUTBOX_PER_MINUTE", 600, 1, 100_000),
            undo_send_s=self._number("UNDO_SEND_S", 10, 0, 120),
            executor=self._text("EXECUTOR", "local"),
            widget_secret=self._long_enough("WIDGET_SECRET"),
            widget_colour=self._colour("WIDGET_COLOUR", "#B5451B"),
            site_origins=self._origins("SITE_ORIGINS"),
            sample_site=self._one_of("SAMPLE_SITE", "no", ("no", "yes")) == "yes",
            metrics_token=self._text("METRICS_TOKEN", ""),
            channels=self._beginning("CHANNEL_"),
            simple_passwords=self._one_of("SIMPLE_PASSWORDS", "no", ("no", "yes")) == "yes",
        )
        if (values.imap_url or values.smtp_url) and "@" not in values.mail_address:
            self._faults.append("GUICHE_MAIL_ADDRESS must hold the address customers write to")
        self._whole_gateways(values)
        if self._faults:
            raise InvalidSettings(self._faults)
        return values

    def _whole_gateways(self, values: Settings) -> None:
        """A gateway is set up with everything it needs, or not at all."""
        needs = {
            "TWILIO_API_KEY": ("TWILIO_API_SECRET",),
            "STRIPE_KEY": ("STRIPE_WEBHOOK_SECRET",),
            "STRIPE_WEBHOOK_SECRET": ("STRIPE_KEY",),
            "BANK_URL": ("BANK_TOKEN", "BANK_WEBHOOK_SECRET"),
            "PIX_KEY": ("BANK_URL",),
        }
        for name, others in needs.items():
            missing = [one for one in others if not getattr(values, one.lower())]
            if getattr(values, name.lower()) and missing:
                listed = " and ".join(f"GUICHE_{one}" for one in missing)
                self._faults.append(f"GUICHE_{name} needs {listed} beside it")

    def _text(self, name: str, default: str) -> str:
        return self._env.get(f"GUICHE_{name}", "").strip() or default

    def _beginning(self, prefix: str) -> dict[str, str]:
        """Return what is set under a prefix, by the rest of its name in lower case."""
        begins = f"GUICHE_{prefix}"
        return {
            name.removeprefix(begins).lower(): value.strip()
            for name, value in self._env.items()
            if name.startswith(begins) and value.strip()
        }

    def _checked(self, name: str, default: str, fault: Callable[[str], str | None]) -> str:
        value = self._text(name, default)
        if value and (problem := fault(value)):
            self._faults.append(f"GUICHE_{name} {problem}")
        return value

    def _url(self, name: str, default: str, schemes: tuple[str, ...]) -> str:
        def fault(value: str) -> str | None:
            return None if urlsplit(value).scheme in schemes else f"must start with {schemes[0]}://"

        return self._checked(name, default, fault)

    def _safe_url(self, name: str) -> str:
        """Read an address that secrets are sent to: https, or http on this machine."""

        def fault(value: str) -> str | None:
            parts = urlsplit(value)
            here = parts.hostname in ("localhost", "127.0.0.1", "::1")
            if parts.hostname and (parts.scheme == "https" or (parts.scheme == "http" and here)):
                return None
            return "must start with https:// (http:// only on this machine)"

        return self._checked(name, "", fault)

    def _begins(self, name: str, beginnings: tuple[str, ...]) -> str:
        listed = " or ".join(beginnings)
        return self._checked(
            name, "", lambda value: None if value.startswith(beginnings) else f"must begin {listed}"
        )

    def _one_of(self, name: str, default: str, choices: tuple[str, ...]) -> str:
        return self._checked(
            name,
            default,
            lambda v: None if v in choices else f"must be one of {', '.join(choices)}",
        )

    def _zone(self, name: str, default: str) -> str:
        def fault(value: str) -> str | None:
            try:
                ZoneInfo(value)
            except (ZoneInfoNotFoundError, ValueError):
                return f"names no time zone: {value}"
            return None

        return self._checked(name, default, fault)

    def _colour(self, name: str, default: str) -> str:
        def fault(value: str) -> str | None:
            return None if re.fullmatch(r"#[0-9A-Fa-f]{6}", value) else "must look like #B5451B"

        return self._checked(name, default, fault)

    def _origins(self, name: str) -> tuple[str, ...]:
        """Read origins as browsers write them: they go into a security header."""

        def fault(value: str) -> str | None:
            wrong = [one for one in value.split() if not is_origin(one)]
            return (
                f"must hold origins such as https://shop.example, not {wrong[0]}" if wrong else None
            )

        return tuple(self._checked(name, "", fault).split())

    def _long_enough(self, name: str, least: int = 32) -> str:
        return self._checked(
            name,
            "",
            lambda value: None if len(value) >= least else f"needs at least {least} characters",
        )

    def _number(self, name: str, default: int, low: int, high: int) -> int:
        text = self._text(name, str(default))
        if not text.isdigit() or not low <= int(text) <= high:
            self._faults.append(f"GUICHE_{name} must be a whole number from {low} to {high}")
            return default
        return int(text)

    def _database(self, default: str) -> str:
        value = self._text("DATABASE_URL", default)
        try:
            url = make_url(value)
        except ArgumentError:
            self._faults.append("GUICHE_DATABASE_URL is not a database URL")
            return default
        if url.drivername not in ("sqlite", "postgresql+psycopg"):
            self._faults.append(
                "GUICHE_DATABASE_URL must start with sqlite:/// or postgresql+psycopg://"
            )
        return value

    def _secret(self, data_dir: Path) -> str:
        kept = data_dir / "secret_key"
        value = self._text("SECRET_KEY", "")
        if not value and kept.is_file():
            value = kept.read_text().strip()
        if len(value) < 32:
            self._faults.append(
                "GUICHE_SECRET_KEY needs at least 32 characters "
                "(`guiche migrate` writes one into the data folder)"
            )
        return value
