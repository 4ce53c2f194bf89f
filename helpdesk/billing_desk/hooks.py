"""The doors that payment providers knock on."""

import structlog
from flask import Blueprint, abort, jsonify, request
from flask.typing import ResponseReturnValue
from prometheus_client import Counter

from billing_core.errors import BadSignature
from billing_core.gateway_events import take_delivery
from helpdesk.web.access import public, services

log = structlog.get_logger()
bp = Blueprint("gateway_hooks", __name__, url_prefix="/hooks/gateways")

REFUSED = Counter(
    "guiche_gateway_notices_refused", "Deliveries that a gateway did not sign", ["gateway"]
)


@bp.post("/<name>")
@public("the provider's signature over time and body is the proof")
def receive(name: str) -> ResponseReturnValue:
    """Keep what a gateway pushes, then say so. It repeats whatever it was not thanked for."""
    gateway = services().gateways.get(name)
    if gateway is None:
        abort(404)
    # The raw bytes are what was signed: they must be read before any form is.
    body = request.get_data(cache=True, parse_form_data=False)
    headers = dict(request.headers.items())
    try:
        kept = take_delivery(services().begin, gateway, body, headers, at=services().clock())
    except BadSignature as fault:
        REFUSED.labels(name).inc()
        log.warning("gateway notice refused", gateway=name, why=str(fault), size=len(body))
        return jsonify(error="bad_signature"), 400
    return jsonify(kept=len(kept))
