"""An office whose every way out works, until a test spoils one."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from html import unescape
from typing import Any
from uuid import UUID

from helpdesk.app import create_app
from helpdesk.jobs.heartbeat import beat
from helpdesk.services import Services
from helpdesk.settings import Settings
from helpdesk.translations.catalogue import compile_catalogues
from tests.browser import Browser, hire
from tests.integration.mailboxes.office import SALES, open_mailbox
from tests.integration.phone.office import OURS, PUBLIC, Office, open_office
from tests.servers.smtp_sink import SmtpSink, running_smtp_sink

HER = "admin@sabia.example"
HOOKS = {name: f"{PUBLIC}/hooks/{name}" for name in ("sms", "whatsapp", "voice")}
LINE = re.compile(r'<li data-way="(\w+)" data-well="(\w+)">(.*?)</li>', re.DOTALL)


@dataclass(frozen=True)
class House:
    """An office with three phone channels and a mail server, all of which work."""

    office: Office
    sink: SmtpSink
    admin: Browser

    @property
    def services(self) -> Services:
        return self.office.services

    def mailbox(self, address: str = SALES, **changes: Any) -> UUID:
        server = {"smtp_host": "127.0.0.1", "smtp_port": self.sink.port, "smtp_security": "none"}
        return open_mailbox(self.services, self.office.agent, address, **(server | changes))

    def tries(self) -> list[tuple[str, str, str]]:
        """Press the button; return way, yes, no or unknown, and what is said, line by line."""
        answer = self.admin.post("/deliveries/try", htmx=True)
        assert answer.status_code == 200
        return lines_of(answer.text)

    def tries_mail(self) -> list[tuple[str, str]]:
        return [(well, said) for way, well, said in self.tries() if way == "email"]

    def has_other_settings(self, settings: Settings) -> "House":
        """Return the same house with these settings."""
        services = replace(self.services, settings=settings)
        admin = Browser(create_app(settings, services))
        admin.sign_in(HER)
        return replace(self, office=replace(self.office, services=services), admin=admin)

    def has_other_adapters(self, **adapters: Any) -> "House":
        """Return the same house with these adapters as well."""
        services = replace(self.services, adapters={**self.services.adapters, **adapters})
        admin = Browser(create_app(services.settings, services))
        admin.sign_in(HER)
        return replace(self, office=replace(self.office, services=services), admin=admin)


def lines_of(page: str) -> list[tuple[str, str, str]]:
    return [
        (way, well, " ".join(unescape(re.sub(r"<[^>]+>", " ", said)).split()))
        for way, well, said in LINE.findall(page)
    ]


@contextmanager
def open_house(make_services: Callable[..., Services], database_url: str) -> Iterator[House]:
    """Set such an office up with a worker that lives and an admin who is signed in."""
    compile_catalogues()
    with open_office(make_services, database_url) as office, running_smtp_sink() as sink:
        office.network.counter.numbers[OURS] = HOOKS
        admin = Browser(office.client.application)
        admin.sign_in(hire(office.services, "admin", language="en"))
        beat(office.services, "worker-1")
        yield House(office, sink, admin)
