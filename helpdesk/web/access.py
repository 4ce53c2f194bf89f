"""Every route and socket event says who may use it, or the product does not start."""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

import structlog
from flask import Flask, current_app, g, request

from helpdesk.errors import Forbidden, SignedOut
from helpdesk.services import Services
from helpdesk.staff.agent import Agent as Agent
from helpdesk.staff.policy import PERMISSIONS
from helpdesk.staff.service import session_agent

View = TypeVar("View", bound=Callable[..., Any])


class PolicyMissing(RuntimeError):
    """A route or socket event declares no policy, or names one that does not exist."""


SESSION_COOKIE = "guiche_session"


def configure_access(app: Flask) -> None:
    """Find out who is asking before anything else looks at the request."""
    app.before_request(load_agent)


def load_agent() -> None:
    """Set `g.agent` from the session cookie; None is a visitor. Costs one query, and only then."""
    g.agent = None
    token = request.cookies.get(SESSION_COOKIE, "")
    if not token or request.endpoint == "static":
        return
    g.agent = session_agent(services(), token)
    if g.agent is not None:
        structlog.contextvars.bind_contextvars(staff_id=str(g.agent.id))


def services() -> Services:
    """Return what `bootstrap` built for this app."""
    return cast(Services, current_app.extensions["guiche"])


def current_agent() -> Agent:
    """Return who is asking. Raises `SignedOut`."""
    agent: Agent | None = g.get("agent")
    if agent is None:
        raise SignedOut
    return agent


def requires(permission: str) -> Callable[[View], View]:
    """Let only those through whose role holds `permission`. Raises `SignedOut`, `Forbidden`."""

    def guard(view: View) -> View:
        @wraps(view)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            if not current_agent().may(permission):
                raise Forbidden(permission)
            return view(*args, **kwargs)

        guarded.policy = permission  # type: ignore[attr-defined]
        return cast(View, guarded)

    return guard


def public(reason: str) -> Callable[[View], View]:
    """Declare that anybody may call this, and why that is safe."""

    def mark(view: View) -> View:
        view.policy = f"public: {reason}"  # type: ignore[attr-defined]
        return view

    return mark


def check_policies(app: Flask, socket_handlers: dict[str, Callable[..., Any]]) -> None:
    """Raise `PolicyMissing` naming every route and socket event without a known policy."""
    faults = []
    handlers = {
        f"route {rule}": app.view_functions[rule.endpoint] for rule in app.url_map.iter_rules()
    }
    handlers |= {f"socket {name}": handler for name, handler in socket_handlers.items()}
    for name, handler in handlers.items():
        policy = getattr(handler, "policy", None)
        if policy is None:
            faults.append(f"{name} declares no policy")
        elif policy not in PERMISSIONS and not policy.startswith("public: "):
            faults.append(f"{name} names an unknown permission: {policy}")
    if faults:
        raise PolicyMissing("; ".join(sorted(faults)))
