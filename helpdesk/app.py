"""The web application, put together step by step."""

from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

from flask import Flask
from flask_babel import Babel
from flask_socketio import SocketIO
from flask_wtf.csrf import CSRFProtect  # type: ignore[import-untyped]
from werkzeug.middleware.proxy_fix import ProxyFix

from helpdesk.bootstrap import build_services
from helpdesk.logs import configure_logs
from helpdesk.services import Services
from helpdesk.settings import Settings
from helpdesk.web import features
from helpdesk.web.access import check_policies, configure_access, public
from helpdesk.web.errors import answer_socket_error, configure_errors
from helpdesk.web.formats import configure_formats
from helpdesk.web.headers import configure_headers
from helpdesk.web.language import choose_language, choose_time_zone
from helpdesk.web.limits import configure_limits
from helpdesk.web.ops import configure_figures

csrf = CSRFProtect()


def create_app(settings: Settings, services: Services | None = None) -> Flask:
    """Build the application. Raises `PolicyMissing` when a door has no policy."""
    configure_logs()
    root = shipped_folder()
    app = Flask("helpdesk", template_folder=root / "templates", static_folder=root / "static")
    app.view_functions["static"] = public("pictures, styles and scripts of the product itself")(
        app.view_functions["static"]
    )
    configure_settings(app, settings)
    app.extensions["guiche"] = services or build_services(settings)
    configure_language(app, settings)
    configure_headers(app)
    configure_figures(app)
    configure_errors(app)
    configure_access(app)
    configure_formats(app)
    csrf.init_app(app)
    for blueprint in (*features.blueprints(), *features.sample_pages(settings)):
        app.register_blueprint(blueprint)
    for blueprint in features.signed_by_others():
        csrf.exempt(blueprint)
        app.register_blueprint(blueprint)
    configure_limits(app)
    handlers = configure_sockets(app, settings)
    check_policies(app, handlers)
    return app


def shipped_folder() -> Path:
    """Return the folder that holds templates/ and static/: the checkout's, or the wheel's."""
    package = Path(str(resources.files("helpdesk")))
    shipped = package / "_shipped"
    return shipped if shipped.is_dir() else package.parent


def configure_settings(app: Flask, settings: Settings) -> None:
    app.config.update(
        SECRET_KEY=settings.secret_key,
        SESSION_COOKIE_NAME="guiche_form",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=settings.cookie_secure,
        WTF_CSRF_TIME_LIMIT=None,  # a form may stay open all day; the session bounds it
        WTF_CSRF_SSL_STRICT=settings.cookie_secure,
        MAX_CONTENT_LENGTH=30 * 1024 * 1024,
        MAX_FORM_MEMORY_SIZE=5 * 1024 * 1024,
        TEMPLATES_AUTO_RELOAD=False,
    )
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    if settings.trusted_proxies:
        hops = settings.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, hops, hops, hops)  # type: ignore[method-assign]


def configure_language(app: Flask, settings: Settings) -> None:
    app.config["BABEL_DEFAULT_LOCALE"] = settings.language
    app.config["BABEL_DEFAULT_TIMEZONE"] = settings.time_zone
    app.config["BABEL_TRANSLATION_DIRECTORIES"] = str(
        Path(str(resources.files("helpdesk"))) / "translations"
    )
    Babel(app, locale_selector=choose_language, timezone_selector=choose_time_zone)


def configure_sockets(app: Flask, settings: Settings) -> dict[str, Any]:
    """Attach Socket.IO and return every event handler by name, for the policy check."""
    socketio = SocketIO(
        app,
        async_mode="threading",
        message_queue=settings.redis_url or None,
        transports=["websocket"],
        cors_allowed_origins=[settings.public_url],
        manage_session=False,
    )
    socketio.on_error_default(answer_socket_error)
    app.extensions["guiche"].relay.connect(socketio)
    handlers: dict[str, Any] = {}
    namespaces: Mapping[str, Any] = features.namespaces(app.extensions["guiche"])
    for name, namespace in namespaces.items():
        socketio.on_namespace(namespace)
        for attribute in dir(namespace):
            if attribute.startswith("on_"):
                handlers[f"{name} {attribute[3:]}"] = getattr(namespace, attribute)
    return handlers
