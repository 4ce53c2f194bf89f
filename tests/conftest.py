"""Fixtures every test may use: a database of each kind, a settable clock, services."""

import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from helpdesk.bootstrap import build_services
from helpdesk.jobs.recorded import RecordedJobs
from helpdesk.services import Services
from helpdesk.settings import Settings
from tests.databases import fresh_sqlite, throwaway_postgres


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--full", action="store_true", help="also the slow sizes")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the slow sizes out unless they were asked for."""
    if config.getoption("--full"):
        return
    slow = [item for item in items if "slow" in item.keywords]
    config.hook.pytest_deselected(items=slow)
    items[:] = [item for item in items if "slow" not in item.keywords]


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Where nothing may be skipped, a skip is a failure that says so."""
    if report.skipped and os.environ.get("GUICHE_NO_SKIP") and not hasattr(report, "wasxfail"):
        report.outcome = "failed"


@pytest.fixture
def full(request: pytest.FixtureRequest) -> bool:
    """True when the slow sizes were asked for."""
    return bool(request.config.getoption("--full"))


MORNING = datetime(2026, 11, 17, 12, 0, tzinfo=UTC)  # a Tuesday, 09:00 in São Paulo


class TestClock:
    """A clock that stands still until a test moves it."""

    __test__ = False

    def __init__(self, at: datetime = MORNING) -> None:
        self.at = at

    def __call__(self) -> datetime:
        return self.at

    def forward(self, **delta: float) -> datetime:
        self.at += timedelta(**delta)
        return self.at


@pytest.fixture
def clock() -> TestClock:
    return TestClock()


def postgres_url() -> str | None:
    """The PostgreSQL server that tests may make databases on; None where there is none."""
    return os.environ.get("GUICHE_TEST_PG")


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.pg)])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A migrated, empty database of each kind in turn."""
    if request.param == "sqlite":
        yield fresh_sqlite(tmp_path)
        return
    server = postgres_url()
    if server is None:
        pytest.skip("GUICHE_TEST_PG names no PostgreSQL server")
    yield from throwaway_postgres(server)


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """A migrated, empty SQLite file."""
    return fresh_sqlite(tmp_path)


@pytest.fixture
def make_settings(tmp_path: Path) -> Callable[..., Settings]:
    def make(**changes: object) -> Settings:
        values: dict[str, object] = {
            "data_dir": tmp_path,
            "database_url": f"sqlite:///{tmp_path / 'guiche.sqlite'}",
            "secret_key": "a secret key that only tests use, 32+",
            "public_url": "http://localhost",
            "cookie_secure": False,
            "simple_passwords": True,
        }
        return Settings(**(values | changes))  # type: ignore[arg-type]

    return make


@pytest.fixture
def make_services(
    make_settings: Callable[..., Settings], clock: TestClock
) -> Iterator[Callable[..., Services]]:
    """Return a function that builds services on a migrated database, with recorded jobs."""
    made: list[Services] = []

    def make(database_url: str, **options: object) -> Services:
        jobs = RecordedJobs()
        services = build_services(
            make_settings(database_url=database_url),
            clock=clock,
            jobs=lambda _engine: jobs,
            **options,  # type: ignore[arg-type]
        )
        made.append(services)
        return services

    yield make
    for services in made:
        services.db.close()


@pytest.fixture
def services(make_services: Callable[..., Services], sqlite_url: str) -> Services:
    """Services on a fresh SQLite file; the quick choice where the database kind is not the point."""
    return make_services(sqlite_url)


@pytest.fixture
def services_on_both(make_services: Callable[..., Services], database_url: str) -> Services:
    """Services on SQLite and again on PostgreSQL."""
    return make_services(database_url)


def drain(services: Services) -> int:
    """Run the jobs that committed transactions asked for."""
    jobs = services.db.jobs
    assert isinstance(jobs, RecordedJobs)
    return jobs.drain(services)
