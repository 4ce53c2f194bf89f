"""The doors that providers knock on."""

from flask import Blueprint, Response, abort, request
from flask.typing import ResponseReturnValue

from channels.port import Answer, BadSignature, Delivery, Unreadable
from helpdesk.inbox.service import store_delivery, store_unreadable
from helpdesk.phone.service import note_refusal
from helpdesk.web.access import public, services

bp = Blueprint("hooks", __name__, url_prefix="/hooks")

# Every other channel's provider calls us and proves it. Mail is fetched, a chat is our own.
NOT_POSTED = ("email", "chat")


@bp.post("/<channel>")
@public("the provider's signature over address and body is the proof")
def receive(channel: str) -> ResponseReturnValue:
    """Store what a provider posts, then answer it. It repeats whatever is not stored."""
    adapter = None if channel in NOT_POSTED else services().adapters.get(channel)
    if adapter is None:
        abort(404)
    delivery = _delivery()
    try:
        key = adapter.receive(delivery)
    except BadSignature as fault:
        note_refusal(services(), channel, str(fault))
        return _plain(Answer(str(fault), status=403))
    except Unreadable as fault:
        store_unreadable(
            services(), source=channel, channel=channel, delivery=delivery, why=str(fault)
        )
        return _plain(Answer("unreadable", status=400))
    store_delivery(services(), source=channel, channel=channel, key=key, delivery=delivery)
    return _plain(adapter.answer(delivery))


def _delivery() -> Delivery:
    """Return the request as the provider made it: by the public address, not by a proxy's."""
    query = request.query_string.decode("latin-1")
    url = services().settings.public_url + request.path + (f"?{query}" if query else "")
    headers = {name.lower(): value for name, value in request.headers.items()}
    # The raw bytes are what was signed: they must be read before any form is.
    return Delivery(request.get_data(cache=True, parse_form_data=False), headers, url)


def _plain(answer: Answer) -> Response:
    return Response(answer.body, status=answer.status, content_type=answer.content_type)
