"""The visitor's doors: the script to embed, the frame, and her messages."""

import json
from contextlib import closing
from io import BytesIO
from pathlib import Path
from typing import Any, Literal
from uuid import UUID

from flask import (
    Blueprint,
    Response,
    current_app,
    g,
    jsonify,
    render_template,
    request,
    send_file,
)
from flask.typing import ResponseReturnValue
from flask_babel import force_locale
from sqlalchemy.orm import Session

from helpdesk.errors import InvalidInput, SignedOut
from helpdesk.web.access import public, services
from helpdesk.web.formats import current_formats
from helpdesk.web.screen import person
from helpdesk.widget.colours import ink_on
from helpdesk.widget.files import LONGEST_FILE, check_file, file_of
from helpdesk.widget.hours import Hours, is_open, next_opening
from helpdesk.widget.queries import ChatItem, ChatPage, is_reachable, page_of, state_of
from helpdesk.widget.service import ChatPost, chat_key_of, note_seen, post_message
from helpdesk.widget.setup import Setup, setup_of
from helpdesk.widget.slips import Slip, ended_acts, proven_customer, write_slips
from helpdesk.widget.tokens import vouches_in
from helpdesk.widget.visitors import visitor_of

bp = Blueprint("widget", __name__)

OWN_SECRET = "the visitor proves herself with the secret of her conversation"  # noqa: S105
FIELDS = {
    "client_msg_id",
    "text",
    "name",
    "email",
    "page",
    "language",
    "identity",
    "widget",
    "answers",
}
LONGEST_POST = 64 * 1024  # bytes
LONGEST_NUMBER = 9  # digits
LONGEST_NAME = 150  # of a file
LOADER_SETUP = '{ key: "", colour: "#B5451B", ink: "#FFFFFF", greetings: [] }'  # in loader.js
IDENTITY = "X-Visitor-Identity"  # header of the site's signed token


@bp.get("/widget.js")
@public("the script that other sites embed; it holds nothing of anybody")
def loader() -> ResponseReturnValue:
    """Serve the loader with what the page needs before the window is opened."""
    setup = _setup()
    source = Path(str(current_app.static_folder), "widget", "loader.js").read_text()
    about = {
        "key": setup.key,
        "colour": setup.colour,
        "ink": ink_on(setup.colour),
        "greetings": [[one.path, one.delay_s, one.text] for one in setup.greetings],
    }
    answer = Response(
        source.replace(LOADER_SETUP, json.dumps(about, ensure_ascii=False)),
        mimetype="text/javascript",
    )
    answer.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    answer.cache_control.public = True
    answer.cache_control.max_age = 300  # a change of the widget shows within minutes
    answer.add_etag()
    return answer.make_conditional(request)


@bp.get("/chat/frame")
@public("the empty chat window; messages need the conversation's secret")
def frame() -> ResponseReturnValue:
    settings, setup = services().settings, _setup()
    g.frame_ancestors = " ".join(("'self'", *setup.origins))
    language = _language()
    with force_locale(language):
        return render_template(
            "widget/frame.html",
            language=language.replace("_", "-"),
            locale=language,
            company=setup.text(language, "title") or settings.company,
            setup=setup,
            origins=(settings.public_url, *setup.origins),
        )


@bp.get("/chat/theme.css")
@public("two colours of the company")
def theme() -> ResponseReturnValue:
    colour = _setup().colour
    sheet = f":root {{ --w: {colour}; --w-ink: {ink_on(colour)}; }}\n"
    answer = Response(sheet, mimetype="text/css")
    answer.cache_control.max_age = 300
    return answer


@bp.post("/chat/messages")
@public(OWN_SECRET)
def post() -> ResponseReturnValue:
    post_message(services(), _chat_post())
    return jsonify(ok=True), 202


@bp.post("/chat/files")
@public(OWN_SECRET)
def post_file() -> ResponseReturnValue:
    """Take one file, as a message of its own whose text is the file's name."""
    request.max_content_length = LONGEST_FILE + LONGEST_POST
    data = request.form.to_dict()
    if set(data) - FIELDS:
        raise InvalidInput("message", "has unknown fields")
    sent = request.files.get("file")
    if sent is None:
        raise InvalidInput("file.empty", "no file came")
    with closing(sent):
        file = check_file((sent.filename or "file")[-LONGEST_NAME:], sent.stream.read())
    plain = {"client_msg_id": ""} | data | {"text": file.name}
    post_message(services(), ChatPost(secret=_secret(), **plain), file)
    return jsonify(ok=True), 202


@bp.get("/chat/files/<uuid:file_id>")
@public(OWN_SECRET)
def fetch_file(file_id: UUID) -> ResponseReturnValue:
    """Hand out a file to keep, never to run: saved, not shown, not guessed at."""
    chat_key = chat_key_of(_secret())
    with services().reading() as session:
        found = file_of(session, chat_key, file_id)
    response = send_file(
        BytesIO(services().blobs.read(found.blob)),
        mimetype="application/octet-stream",
        as_attachment=True,
        download_name=found.name or "file",
    )
    response.headers["Content-Security-Policy"] = "sandbox; default-src 'none'"
    return response


@bp.get("/chat/messages")
@public(OWN_SECRET)
def messages() -> ResponseReturnValue:
    """Return a page of the conversation; with a proven identity also the money in it."""
    chat_key = chat_key_of(_secret())
    asked = request.args
    before = _id(asked.get("before", ""), "before") if "before" in asked else None
    after = _number(asked.get("after", ""), "after") if "after" in asked else None
    with force_locale(_language()), services().reading() as session:
        page = page_of(session, chat_key, before=before, after=after)
        state = state_of(session, chat_key)
        slips = _slips(session, chat_key, page, bounded=after is None, newest=before is None)
        setup = setup_of(session, services().settings, asked.get("key", ""))
        reachable = is_reachable(session, chat_key)
        agent = person(state.agent_name) if state.agent_name else None
        items = [(item.place, _bubble(item)) for item in page.items]
        items += [(slip.place, _slip(slip)) for slip in slips]
    return jsonify(
        items=[item for _, item in sorted(items, key=lambda one: one[0])],
        earlier=page.earlier,
        later=page.later,
        last_seq=page.last_seq,
        read_seq=page.read_seq,
        agent={"name": agent.first_name, "initials": agent.initials} if agent else None,
        here=state.agent_here,
        solved_at=state.solved_at.isoformat() if state.solved_at else None,
        reachable=reachable,
        **_hours(setup.hours),
    )


@bp.post("/chat/seen")
@public(OWN_SECRET)
def seen() -> ResponseReturnValue:
    """Note how far the visitor's browser, or she herself, has come."""
    chat_key = chat_key_of(_secret())
    data = _json()
    state: Literal["delivered", "read"] = "read" if data.get("state") == "read" else "delivered"
    note_seen(services(), chat_key, _id(data.get("id"), "id"), state)
    return "", 204


def _slips(
    session: Session, chat_key: str, page: ChatPage, *, bounded: bool, newest: bool
) -> list[Slip]:
    """Return the slips that belong on a page, for a visitor whose site vouches for her now.

    Not `bounded`: every slip, for a browser that holds what came before and takes its own.
    """
    try:
        visitor = visitor_of(services(), request.headers.get(IDENTITY, ""))
    except InvalidInput:  # expired while the page was open: she reads on without the slips
        return []
    if visitor is None or not vouches_in(session, visitor, chat_key):
        return []
    customer = proven_customer(session, visitor.subject)
    if customer is None:
        return []
    ended = ended_acts(session, chat_key, customer.id)
    if bounded and page.earlier and page.items:
        ended = [one for one in ended if one.place > page.items[0].place]
    if not newest:
        last = page.items[-1].place if page.items else (0, 0)
        ended = [one for one in ended if one.place < last]
    return list(write_slips(ended, current_formats(), customer.time_zone))


def _hours(hours: Hours) -> dict[str, Any]:
    now = services().clock()
    if is_open(hours, now):
        return {"open": True, "opens_at": None}
    opening = next_opening(hours, now)
    return {"open": False, "opens_at": opening.isoformat() if opening else None}


def _bubble(item: ChatItem) -> dict[str, Any]:
    return {
        "kind": "message",
        "id": str(item.id),
        "place": item.place,
        "mine": item.mine,
        "author": item.author,
        "text": item.text,
        "at": item.at.isoformat(),
        "read": item.read,
        "client_msg_id": item.client_msg_id,
        "files": [
            {"id": str(file.id), "name": file.name, "type": file.media_type, "size": file.size}
            for file in item.files
        ],
    }


def _slip(slip: Slip) -> dict[str, Any]:
    return {
        "kind": "slip",
        "id": str(slip.id),
        "place": slip.place,
        "title": slip.title,
        "rows": slip.rows,
        "at": slip.at.isoformat(),
        "undone": slip.undone,
    }


def _setup() -> Setup:
    """Return the widget that the address names."""
    with services().reading() as session:
        return setup_of(session, services().settings, request.args.get("key", ""))


def _language() -> str:
    """Return the language of the page around the widget, else the company's."""
    asked = request.args.get("lang", "")[:2].lower()
    return {"en": "en", "pt": "pt_BR"}.get(asked, services().settings.language)


def _secret() -> str:
    scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        raise SignedOut
    return secret


def _id(value: object, field: str) -> UUID:
    try:
        return UUID(str(value))
    except ValueError:
        raise InvalidInput(field, "is not a message id") from None


def _number(value: str, field: str) -> int:
    if not value.isascii() or not value.isdigit() or len(value) > LONGEST_NUMBER:
        raise InvalidInput(field, "is not a number of a message")
    return int(value)


def _json() -> dict[str, str]:
    request.max_content_length = LONGEST_POST
    data: Any = request.get_json(silent=True)
    if not isinstance(data, dict):
        raise InvalidInput("message", "is not an object")
    if not all(isinstance(value, str) for value in data.values()):
        raise InvalidInput("message", "fields must be text")
    return data


def _chat_post() -> ChatPost:
    data = _json()
    if set(data) - FIELDS:
        raise InvalidInput("message", "has unknown fields")
    if not data.get("text", "").strip():
        raise InvalidInput("text", "is empty")
    return ChatPost(secret=_secret(), **({"client_msg_id": "", "text": ""} | data))
