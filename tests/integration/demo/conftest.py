"""A small sample company, made once for all that is read of it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from helpdesk.bootstrap import build_services
from helpdesk.demo.addresses import with_addresses
from helpdesk.demo.seed import seed
from helpdesk.jobs.recorded import RecordedJobs
from helpdesk.migrations.runner import migrate
from helpdesk.services import Services
from helpdesk.settings import Settings

NOW = datetime(2026, 11, 17, 15, 0, tzinfo=UTC)
CUSTOMERS = 28
CONVERSATIONS = 8


@dataclass(frozen=True)
class Company:
    settings: Settings
    services: Services  # with the clock where the seed left it
    told: list[str]


@pytest.fixture(scope="session")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    """The sample company, as it is when the seed is done. Read it only."""
    settings = demo_settings(tmp_path_factory.mktemp("company"))
    prepare(settings)
    told: list[str] = []
    seed(
        settings,
        customers=CUSTOMERS,
        conversations=CONVERSATIONS,
        now=lambda: NOW,
        tell=told.append,
    )
    services = open_services(settings)
    yield Company(settings, services, told)
    services.db.close()


def demo_settings(folder: Path) -> Settings:
    return with_addresses(
        Settings(
            data_dir=folder,
            database_url=f"sqlite:///{folder / 'guiche.sqlite'}",
            secret_key="a secret key that only tests use, 32+",
            public_url="http://127.0.0.1:8080",
            cookie_secure=False,
            sample_site=True,
            simple_passwords=True,
        )
    )


def prepare(settings: Settings) -> None:
    services = open_services(settings)
    migrate(services.db.engine)
    services.db.close()


def open_services(settings: Settings) -> Services:
    jobs = RecordedJobs()
    return build_services(settings, clock=lambda: NOW, jobs=lambda _engine: jobs)
