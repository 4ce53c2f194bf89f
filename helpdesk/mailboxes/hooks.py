"""The door for providers that post mail to us."""

from typing import Final

from flask import Blueprint, Response, abort, request
from flask.typing import ResponseReturnValue

from channels.port import BadSignature, Delivery, Unreadable
from helpdesk.inbox.service import store_unreadable
from helpdesk.mailboxes.arrivals import main_source, take_in
from helpdesk.web.access import public, services

# Other pages take less. What providers let through (25 to 35 MB) grows on its way to us.
LARGEST_POST: Final = 80 * 1024 * 1024

bp = Blueprint("mail_hooks", __name__, url_prefix="/hooks/mail")


@bp.post("/<provider>")
@bp.post("/<provider>/mime")  # Mailgun sends the whole mail to an address that ends so
@public("the provider's signature or password is the proof")
def receive(provider: str) -> ResponseReturnValue:
    """Store what a provider posts, then answer it. It repeats whatever is not stored."""
    hook = services().mail.hooks.get(provider)
    if hook is None:
        abort(404)
    request.max_content_length = LARGEST_POST
    headers = {name.lower(): value for name, value in request.headers.items()}
    delivery = Delivery(request.get_data(parse_form_data=False), headers, request.path)
    try:
        posted = hook(delivery, now=services().clock())
    except BadSignature as fault:
        return _plain(str(fault), 403)
    except Unreadable as fault:
        store_unreadable(
            services(),
            source=main_source(services()),
            channel="email",
            delivery=delivery,
            why=str(fault),
        )
        return _plain("held for a person", 200)  # it is kept: to repeat it helps nobody
    take_in(services(), posted.raw, posted.recipients, name=posted.key)
    return _plain("stored", 200)


def _plain(words: str, status: int) -> Response:
    return Response(words, status=status, content_type="text/plain; charset=utf-8")
