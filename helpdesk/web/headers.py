"""Request ids, one log line per request, and the security headers every answer carries."""

import re
import secrets
import time
from urllib.parse import urlsplit

import structlog
from flask import Flask, Response, g, request

from helpdesk.settings import Settings

log = structlog.get_logger()

_REQUEST_ID = re.compile(r"[A-Za-z0-9_-]{8,64}")
_NOBODY = "'none'"
_PERMISSIONS = ", ".join(
    f"{name}=()"
    for name in ("accelerometer", "camera", "display-capture", "geolocation", "gyroscope",
                 "magnetometer", "microphone", "midi", "payment", "usb")
)  # fmt: skip


def configure_headers(app: Flask) -> None:
    """Set the headers every answer carries."""
    settings: Settings = app.extensions["guiche"].settings
    app.before_request(begin_request)

    @app.after_request
    def finish(response: Response) -> Response:
        log_request(response)
        return set_headers(response, settings)


def begin_request() -> None:
    """Give the request its id: the caller's where it is a short plain word, else our own."""
    given = request.headers.get("X-Request-ID", "")
    g.request_id = given if _REQUEST_ID.fullmatch(given) else secrets.token_hex(8)
    g.began = time.perf_counter()
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request_id=g.request_id)


def took_s() -> float:
    """Return how long this request has taken so far."""
    return time.perf_counter() - float(g.get("began", time.perf_counter()))


def log_request(response: Response) -> None:
    """Write one line; the route's pattern, not the address, which may hold a secret."""
    if request.endpoint == "static":
        return
    log.info(
        "request",
        method=request.method,
        route=route_name(),
        status=response.status_code,
        ms=round(took_s() * 1000, 1),
    )


def route_name() -> str:
    """Return the pattern this request matched; "none" where it matched none."""
    return str(request.url_rule.rule) if request.url_rule else "none"


def set_headers(response: Response, settings: Settings) -> Response:
    headers = response.headers
    ancestors = g.get("frame_ancestors", _NOBODY)  # a view that may be framed says by whom
    talks_to = g.get("talks_to", "")  # a page on which somebody speaks says over which network
    headers["X-Request-ID"] = g.get("request_id", "")
    headers.setdefault(
        "Content-Security-Policy", content_policy(settings.public_url, ancestors, talks_to)
    )
    headers["X-Content-Type-Options"] = "nosniff"
    headers.setdefault("Referrer-Policy", "same-origin")
    headers["Permissions-Policy"] = (
        _PERMISSIONS.replace("microphone=()", "microphone=(self)") if talks_to else _PERMISSIONS
    )
    headers["Cross-Origin-Opener-Policy"] = "same-origin"
    headers.setdefault("Cross-Origin-Resource-Policy", _resource_policy(ancestors))
    if ancestors == _NOBODY:
        headers["X-Frame-Options"] = "DENY"
    if settings.public_url.startswith("https:"):
        headers["Strict-Transport-Security"] = "max-age=31536000; includeSubDomains"
    _set_cache(response)
    return response


def content_policy(public_url: str, frame_ancestors: str, talks_to: str = "") -> str:
    """Return the Content-Security-Policy: everything from ourselves, nothing inline.

    `talks_to` names what else a page may connect to, as sources separated by spaces.
    """
    here = urlsplit(public_url)
    socket = f"{'wss' if here.scheme == 'https' else 'ws'}://{here.netloc}"
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self' data:",
            "font-src 'self'",
            "media-src 'self'",
            f"connect-src 'self' {socket} {talks_to}".rstrip(),
            "frame-src 'self'",
            f"frame-ancestors {frame_ancestors}",
            "form-action 'self'",
            "base-uri 'none'",
            "object-src 'none'",
        )
    )


def _resource_policy(ancestors: str) -> str:
    # The widget's files are the only ones that other sites load.
    for_others = ancestors != _NOBODY or request.path.startswith("/static/widget/")
    return "cross-origin" if for_others else "same-origin"


def _set_cache(response: Response) -> None:
    if request.path.startswith("/static/vendor/") and response.status_code == 200:
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
    elif request.endpoint == "static":
        response.headers.setdefault("Cache-Control", "no-cache")
    else:
        response.headers.setdefault("Cache-Control", "no-store")
