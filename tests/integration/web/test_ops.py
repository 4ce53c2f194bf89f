"""Health, readiness, figures, and how often one may knock."""

import os
import secrets
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import text

from helpdesk.app import create_app
from helpdesk.inbox.model import Blob, Inbound
from helpdesk.services import Services
from helpdesk.web import limits
from tests.browser import Browser


def add_delivery(services: Services, *, minutes_ago: int) -> None:
    with services.begin() as tx:
        tx.session.add(Blob(sha256="a" * 64, size=1, media_type="text/plain", created_at=tx.at))
        tx.session.flush()
        tx.session.add(
            Inbound(
                id=tx.new_id(),
                source="sms",
                external_key="SM1",
                channel="sms",
                received_at=tx.at - timedelta(minutes=minutes_ago),
                not_before=tx.at,
                headers={},
                blob="a" * 64,
                content_hash="a" * 64,
            )
        )


def test_health_answers_without_a_database(app: Flask, services: Services) -> None:
    services.db.engine.dispose()
    services.settings.data_dir.joinpath("guiche.sqlite").unlink()
    assert app.test_client().get("/healthz").get_json() == {"ok": True}


def test_readiness_tells_how_far_behind_the_inbox_is(app: Flask, services: Services) -> None:
    add_delivery(services, minutes_ago=3)
    answer = app.test_client().get("/readyz")
    assert answer.get_json() == {"ready": True, "inbox_lag_s": 180, "outbox_lag_s": 0}


def test_readiness_does_not_wait_for_a_writer(app: Flask, services: Services) -> None:
    with services.begin() as tx:
        tx.session.add(Blob(sha256="b" * 64, size=1, media_type="text/plain", created_at=tx.at))
        tx.session.flush()
        assert app.test_client().get("/readyz").status_code == 200


def test_a_database_behind_this_program_is_not_ready(
    app: Flask, services_on_both: Services
) -> None:
    app = create_app(services_on_both.settings, services_on_both)
    with services_on_both.begin() as tx:
        tx.session.execute(text("DELETE FROM alembic_version"))
    answer = app.test_client().get("/readyz")
    assert (answer.status_code, answer.get_json()["why"]) == (503, "migrations")


def test_a_database_that_is_gone_is_not_ready(app: Flask, services: Services) -> None:
    services.db.engine.dispose()
    services.settings.data_dir.joinpath("guiche.sqlite").unlink()
    services.settings.data_dir.joinpath("guiche.sqlite").mkdir()
    answer = app.test_client().get("/readyz")
    assert (answer.status_code, answer.get_json()["why"]) == (503, "database")


def test_figures_count_requests_by_pattern_and_rows_by_state(
    app: Flask, services_on_both: Services
) -> None:
    app = create_app(services_on_both.settings, services_on_both)
    add_delivery(services_on_both, minutes_ago=2)
    client = app.test_client()
    client.get("/no/such/page")
    figures = client.get("/metrics").text
    assert 'guiche_http_requests_total{method="GET",route="none",status="404"}' in figures
    assert 'guiche_inbound{state="new"} 1.0' in figures
    assert 'guiche_lag_seconds{queue="inbox"} 120.0' in figures
    assert "/no/such/page" not in figures


@pytest.mark.parametrize(
    ("token", "address", "headers", "allowed"),
    [
        pytest.param("", "127.0.0.1", {}, True, id="this-machine"),
        pytest.param("", "::1", {}, True, id="this-machine-ipv6"),
        pytest.param("", "203.0.113.9", {}, False, id="another-machine"),
        pytest.param("", "127.0.0.1", {"X-Forwarded-For": "203.0.113.9"}, False, id="through-a-proxy"),
        pytest.param("", "203.0.113.9", {"X-Forwarded-For": "127.0.0.1"}, False, id="a-lie"),
        pytest.param("t0ken", "203.0.113.9", {"Authorization": "Bearer t0ken"}, True, id="token"),
        pytest.param("t0ken", "203.0.113.9", {"Authorization": "Bearer wrong"}, False, id="wrong-token"),
        pytest.param("", "203.0.113.9", {"Authorization": "Bearer "}, False, id="no-token-set"),
    ],
)  # fmt: skip
def test_figures_are_for_this_machine_and_for_who_holds_the_token(
    services: Services, token: str, address: str, headers: dict[str, str], allowed: bool
) -> None:
    settings = replace(services.settings, metrics_token=token)
    app = create_app(settings, replace(services, settings=settings))
    answer = app.test_client().get(
        "/metrics", headers=headers, environ_base={"REMOTE_ADDR": address}
    )
    assert answer.status_code == (200 if allowed else 404)


def test_one_network_address_may_knock_only_so_often(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "SIGN_IN", "3 per minute")
    browser = Browser(create_app(services.settings, services))
    statuses = [browser.sign_in("nobody@sabia.example").status_code for _ in range(4)]
    assert statuses == [401, 401, 401, 429]
    assert "Retry-After" in browser.sign_in("nobody@sabia.example").headers
    assert browser.get("/login").status_code == 200  # looking at the door is free


def test_an_invented_proxy_header_does_not_make_another_address(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "SIGN_IN", "2 per minute")
    browser = Browser(create_app(services.settings, services))

    def from_address(invented: str) -> int:
        form = {"email": "nobody@sabia.example", "password": "x"}
        headers = {"X-Forwarded-For": invented}
        return browser.post("/login", form, headers=headers).status_code

    assert [from_address(f"203.0.113.{n}") for n in range(3)] == [401, 401, 429]


@pytest.mark.redis
def test_two_processes_count_together_on_redis(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = os.environ.get("GUICHE_TEST_REDIS")
    if url is None:
        pytest.skip("GUICHE_TEST_REDIS names no Redis server")
    monkeypatch.setattr(limits, "SIGN_IN", "2 per minute")
    settings = replace(services.settings, redis_url=url)
    address = {"REMOTE_ADDR": f"2001:db8::{secrets.token_hex(2)}:{secrets.token_hex(2)}"}

    def process() -> Callable[[], int]:
        app = Flask("one of two")
        app.extensions["guiche"] = replace(services, settings=settings)
        app.add_url_rule("/login", "login", lambda: "", methods=["POST"])
        limits.configure_limits(app)
        return lambda: app.test_client().post("/login", environ_base=address).status_code

    one, two = process(), process()
    assert [one(), two(), one(), two()] == [200, 200, 429, 429]


def test_two_processes_count_requests_together(services: Services, tmp_path: Path) -> None:
    """The figures of a process that is gone stay in the sum."""
    shared = tmp_path / "figures"
    shared.mkdir()
    program = """
import sys
from flask import Flask
from helpdesk.web import ops
app = Flask("one")
ops.configure_figures(app)
for _ in range(3):
    app.test_client().get("/nothing")
if sys.argv[1:]:
    from prometheus_client import CollectorRegistry, generate_latest
    from prometheus_client.multiprocess import MultiProcessCollector
    registry = CollectorRegistry()
    MultiProcessCollector(registry)
    print(generate_latest(registry).decode())
"""
    environment = dict(os.environ, PROMETHEUS_MULTIPROC_DIR=str(shared))
    for arguments in ([], ["show"]):
        shown = subprocess.run(
            [sys.executable, "-c", program, *arguments],
            env=environment, cwd=Path(__file__).parents[3], capture_output=True, text=True, check=True,
        )  # fmt: skip
    line = 'guiche_http_requests_total{method="GET",route="none",status="404"} 6.0'
    assert line in shown.stdout
