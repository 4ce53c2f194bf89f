"""For those who run the product: is it alive, may it be used, and its figures."""

import hmac
import ipaddress
import os
from typing import Any

import structlog
from flask import Blueprint, Flask, Response, jsonify, request
from flask.typing import ResponseReturnValue
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Counter,
    Histogram,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector

from helpdesk.books.figures import BooksFigures
from helpdesk.errors import NotFound
from helpdesk.mailboxes.figures import MailboxFigures
from helpdesk.migrations.runner import pending
from helpdesk.web.access import public, services
from helpdesk.web.headers import route_name, took_s
from helpdesk.web.queues import Lag, QueueFigures, lag_of

log = structlog.get_logger()
bp = Blueprint("ops", __name__)

REQUESTS = Counter("guiche_http_requests", "Answered requests", ["method", "route", "status"])
LATENCY = Histogram(
    "guiche_http_request_seconds",
    "Time to the answer",
    ["route"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)


def configure_figures(app: Flask) -> None:
    """Count every answered request."""

    @app.after_request
    def count(response: Response) -> Response:
        REQUESTS.labels(_method(), route_name(), str(response.status_code)).inc()
        LATENCY.labels(route_name()).observe(took_s())
        return response


def _method() -> str:
    known = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
    return request.method if request.method in known else "other"


@bp.get("/healthz")
@public("says only that the process answers")
def healthz() -> ResponseReturnValue:
    return jsonify(ok=True)


@bp.get("/readyz")
@public("says only whether the product can be used, and how far behind it is")
def readyz() -> ResponseReturnValue:
    """503 until the database answers and has this version's schema. Lag is told, not judged."""
    try:
        # Reading must not queue behind a writer, as every other connection on SQLite would.
        behind = pending(services().db.engine.execution_options(guiche_write=False))
        lag = Lag() if behind else lag_of(services())
    except Exception as error:
        log.warning("not ready", why=str(error)[:300])
        return _not_ready("database")
    if behind:
        return _not_ready("migrations")
    facts: dict[str, Any] = {"inbox_lag_s": lag.inbox_s, "outbox_lag_s": lag.outbox_s}
    return jsonify(ready=True, **facts)


def _not_ready(why: str) -> ResponseReturnValue:
    return jsonify(ready=False, why=why), 503, {"Retry-After": "5"}


@bp.get("/metrics")
@public("answers this machine, and whoever holds the token of the settings")
def metrics() -> ResponseReturnValue:
    if not may_read_metrics(services().settings.metrics_token):
        raise NotFound("metrics")
    figures = CollectorRegistry()
    figures.register(QueueFigures(services()))
    figures.register(BooksFigures(services()))
    figures.register(MailboxFigures(services()))
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        MultiProcessCollector(figures)  # type: ignore[no-untyped-call]
        text = generate_latest(figures)
    else:
        text = generate_latest(REGISTRY) + generate_latest(figures)
    return Response(text, content_type=CONTENT_TYPE_LATEST)


def may_read_metrics(token: str) -> bool:
    """Say whether this request comes from this machine itself or carries `token`."""
    given = request.headers.get("Authorization", "")
    if token and hmac.compare_digest(given.encode(), f"Bearer {token}".encode()):
        return True
    # A proxy on this machine makes every visitor look local: its mark closes the door.
    relayed = any(name in request.headers for name in ("X-Forwarded-For", "Forwarded", "Via"))
    return not relayed and _is_loopback(request.remote_addr or "")


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False
