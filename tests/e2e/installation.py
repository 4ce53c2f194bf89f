"""A whole installation as a customer would run it, with real networks around it on loopback."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

from sqlalchemy import select

from billing_core.domain.money import Money
from billing_core.payments import record_capture
from billing_core.store.payment import Payment
from billing_core.store.subscription import PaymentMethod
from helpdesk.bootstrap import build_services
from helpdesk.cli import migrate_all
from helpdesk.demo.company import MovingClock, hire, live_two_years, open_catalogue
from helpdesk.demo.people import Person
from helpdesk.demo.twilio_standin import TwilioStandIn
from helpdesk.jobs.recorded import RecordedJobs
from helpdesk.services import Services
from helpdesk.settings import Settings
from helpdesk.translations.catalogue import compile_catalogues
from tests.servers.dovecot import Dovecot, running_dovecot
from tests.servers.smtp_sink import SmtpSink, running_smtp_sink

ROOT = Path(__file__).parent.parent.parent
SUPPORT = "suporte@sabia.example"
AUTHSERV = "mx.sabia.example"
WIDGET_SECRET = "a secret between the site and the widget"
READY_S = 60

MARIANA = Person(
    name="Mariana Alves Prado",
    key="mariana.prado",
    email="mariana@exemplo.com.br",
    phone="+5511987654321",
    language="pt_BR",
    time_zone="America/Sao_Paulo",
    document_masked="•••.482.118-••",
    method="card",
    brand="Visa",
    last4="4417",
    plan="familia",
    months=3,
    day=16,
    leaves=False,
)


@dataclass
class Installation:
    """Where everything is, and the processes that run it."""

    url: str
    settings: Settings
    env: Mapping[str, str]
    mailbox: Dovecot
    sink: SmtpSink
    phone: TwilioStandIn
    customer_id: UUID
    services: Services  # for looking only: its jobs go nowhere
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def run(self, *command: str) -> subprocess.Popen[bytes]:
        """Start one of our processes."""
        path = self.settings.data_dir / f"{command[0]}-{len(self.processes)}.log"
        with path.open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "helpdesk", *command],
                cwd=ROOT,
                env=dict(self.env),
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.processes.append(process)
        return process

    def kill(self) -> None:
        """End the newest process and its children at once, as a power cut does."""
        process = self.processes.pop()
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def stop(self) -> None:
        for process in reversed(self.processes):
            process.terminate()
        for process in self.processes:
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def logs(self) -> str:
        """Everything the processes said, for the message of a failed test."""
        return "\n".join(
            f"== {path.name}\n{path.read_text(errors='replace')[-4000:]}"
            for path in sorted(self.settings.data_dir.glob("*.log"))
        )


@contextmanager
def installation(
    folder: Path, *, database_url: str = "", redis_url: str = ""
) -> Iterator[Installation]:
    """Run an installation: all in one process, or with `redis_url` two web processes and a worker."""
    with ExitStack() as stack:
        mailbox = stack.enter_context(running_dovecot())
        sink = stack.enter_context(running_smtp_sink())
        phone = stack.enter_context(TwilioStandIn())
        url = f"http://127.0.0.1:{free_port()}"
        env = _environment(folder, url, mailbox, sink, phone)
        env["GUICHE_DATABASE_URL"] = database_url or f"sqlite:///{folder / 'guiche.sqlite'}"
        if redis_url:
            env["GUICHE_REDIS_URL"] = redis_url
        settings = Settings.from_env(env)
        compile_catalogues()
        migrate_all(settings)
        services, customer_id = found_company(settings)
        stack.callback(services.db.close)
        made = Installation(url, settings, env, mailbox, sink, phone, customer_id, services)
        stack.callback(made.stop)
        bind = url.removeprefix("http://")
        if redis_url:
            made.run("worker")
            made.run("web", "--bind", bind, "--workers", "2")
        else:
            made.run("up", "--bind", bind)
        wait_until_ready(made)
        phone.point_to(
            sms=f"{url}/hooks/sms", whatsapp=f"{url}/hooks/whatsapp", voice=f"{url}/hooks/voice"
        )
        yield made


def _environment(
    folder: Path, url: str, mailbox: Dovecot, sink: SmtpSink, phone: TwilioStandIn
) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GUICHE_")}
    return kept | {
        "PYTHONPATH": str(ROOT),
        "GUICHE_DATA_DIR": str(folder),
        "GUICHE_SECRET_KEY": "a secret key that only tests use, 32+",
        "GUICHE_PUBLIC_URL": url,
        "GUICHE_IMAP_URL": (
            f"imap://{mailbox.user}:{mailbox.password}@{mailbox.host}:{mailbox.port}/INBOX"
        ),
        "GUICHE_SMTP_URL": f"smtp://{sink.host}:{sink.port}",
        "GUICHE_MAIL_ADDRESS": SUPPORT,
        "GUICHE_MAIL_AUTHSERV_ID": AUTHSERV,
        "GUICHE_INBOX_POLL_S": "2",
        "GUICHE_UNDO_SEND_S": "0",
        "GUICHE_OUTBOX_PER_MINUTE": "100000",
        "GUICHE_TWILIO_ACCOUNT": phone.account_sid,
        "GUICHE_TWILIO_TOKEN": phone.auth_token,
        "GUICHE_TWILIO_API_URL": phone.api_url,
        "GUICHE_SMS_NUMBER": "+551140041234",
        "GUICHE_WHATSAPP_NUMBER": "+551140045678",
        "GUICHE_VOICE_NUMBER": "+551140049999",
        "GUICHE_WIDGET_SECRET": WIDGET_SECRET,
        "GUICHE_SAMPLE_SITE": "yes",
        "GUICHE_SIMPLE_PASSWORDS": "yes",
    }


def found_company(settings: Settings) -> tuple[Services, UUID]:
    """Hire three people and let one customer be charged for three months, the last time twice."""
    now = datetime.now(UTC)
    clock = MovingClock(now - timedelta(days=130))
    jobs = RecordedJobs()
    services = build_services(settings, clock=clock, jobs=lambda _engine: jobs)
    hire(services)
    prices = open_catalogue(services)
    ids = live_two_years(services, clock, [MARIANA], prices, until=now - timedelta(hours=1))
    charge_again(services, clock, ids[MARIANA.key])
    clock.move_to(now)
    return services, ids[MARIANA.key]


def charge_again(services: Services, clock: MovingClock, customer_id: UUID) -> None:
    """Repeat the last charge two minutes later, as an acquirer does after a timeout."""
    with services.reading() as session:
        last = session.scalars(
            select(Payment)
            .where(Payment.customer_id == customer_id)
            .order_by(Payment.captured_at.desc())
            .limit(1)
        ).one()
        method = session.get(PaymentMethod, last.payment_method_id)
    assert method is not None
    clock.at = last.captured_at + timedelta(minutes=2, seconds=14)
    amount = Money(last.captured_minor, last.currency)
    receipt = services.gateways["sandbox"].charge(
        method_token=method.token, amount=amount, key=f"again-{last.id}", reference="repeated"
    )
    with services.begin() as tx:
        record_capture(
            tx,
            customer_id=customer_id,
            amount=amount,
            gateway="sandbox",
            gateway_ref=receipt.ref,
            payment_method_id=method.id,
        )


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_until_ready(made: Installation) -> None:
    deadline = time.monotonic() + READY_S
    while time.monotonic() < deadline:
        if any(process.poll() is not None for process in made.processes):
            break
        try:
            with urllib.request.urlopen(f"{made.url}/healthz", timeout=2) as answer:
                if answer.status == 200:
                    return
        except OSError:
            time.sleep(0.2)
    raise AssertionError(f"the installation did not become ready\n{made.logs()}")
