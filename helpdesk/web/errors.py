"""How a refusal reads: a status, a short true sentence in the reader's language, never a trace.

A page gets a page, an htmx request a fragment, a program or a socket an object with a
stable code.
"""

from datetime import date
from typing import Any
from urllib.parse import urlencode, urlsplit

import structlog
from flask import (
    Flask,
    Response,
    current_app,
    g,
    jsonify,
    make_response,
    redirect,
    render_template,
    request,
)
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from flask_wtf.csrf import CSRFError  # type: ignore[import-untyped]
from werkzeug.exceptions import HTTPException

from billing_core.domain.money import Money
from billing_core.errors import BillingError
from helpdesk.errors import HelpdeskError, InvalidInput, SignedOut
from helpdesk.web.formats import current_formats
from helpdesk.web.outage import is_outage
from helpdesk.web.refusals import BY_STATUS, FORM_TOO_OLD, OUR_FAULT, OUTAGE, code_of, refusal_of

log = structlog.get_logger()

PROGRAMS = ("/api/", "/hooks/", "/chat/messages", "/chat/seen")  # their callers read JSON


def configure_errors(app: Flask) -> None:
    """Give every refusal its status and its sentence; the last resort catches the rest."""
    app.register_error_handler(HelpdeskError, answer_refusal)
    app.register_error_handler(BillingError, answer_refusal)
    app.register_error_handler(SignedOut, answer_signed_out)
    app.register_error_handler(HTTPException, answer_http)
    app.register_error_handler(Exception, answer_defect)


def answer_refusal(error: Exception) -> ResponseReturnValue:
    refusal = refusal_of(error) or OUR_FAULT
    log.info("refused", status=refusal.status, code=code_of(error), why=str(error))
    response = _answer(refusal.status, sentence_of(error), code=code_of(error), error=error)
    if refusal.retry_after_s:
        response.headers["Retry-After"] = str(refusal.retry_after_s)
    return response


def answer_signed_out(error: SignedOut) -> ResponseReturnValue:
    """Send a person to the sign-in page and back afterwards; tell a program 401."""
    if _reads_json():
        return answer_refusal(error)
    if _is_htmx():
        response = _answer(401, sentence_of(error), code=code_of(error))
        response.headers["HX-Redirect"] = login_url(_path_of(request.headers.get("HX-Current-URL")))
        return response
    wanted = request.full_path.rstrip("?") if request.method == "GET" else ""
    return redirect(login_url(wanted), code=302 if request.method == "GET" else 303)


def login_url(wanted: str) -> str:
    return f"/login?{urlencode({'next': wanted})}" if wanted else "/login"


def answer_http(error: HTTPException) -> ResponseReturnValue:
    status = error.code or 500
    if status < 400:
        return error  # a redirect is not a refusal
    if isinstance(error, CSRFError):
        return _answer(status, gettext(FORM_TOO_OLD), code="form_too_old")
    known = BY_STATUS.get(status) or (OUR_FAULT.sentence if status >= 500 else BY_STATUS[400])
    response = _answer(status, gettext(known), code=code_of(error))
    for name, value in error.get_headers():
        if name.lower() not in ("content-type", "content-length"):
            response.headers[name] = value  # Allow, Retry-After
    if status in (429, 503):
        response.headers.setdefault("Retry-After", "60")
    return response


def answer_defect(error: Exception) -> ResponseReturnValue:
    """The last resort: nobody foresaw this. The trace goes to the log, never to the reader."""
    if is_outage(error):
        log.warning("database unavailable", why=str(error)[:300])
        response = _answer(OUTAGE.status, gettext(OUTAGE.sentence), code="unavailable")
        response.headers["Retry-After"] = str(OUTAGE.retry_after_s)
        return response
    log.exception("defect", exc_info=error)
    return _answer(500, gettext(OUR_FAULT.sentence), code="defect")


def answer_socket_error(error: Exception) -> dict[str, Any]:
    """Return what a socket event answers when its handler raised: a code, nothing more."""
    if refusal_of(error) is None:
        log.exception("defect in a socket event", exc_info=error)
        return {"ok": False, "error": "unavailable" if is_outage(error) else "defect"}
    return {"ok": False, "error": code_of(error)}


def sentence_of(error: BaseException) -> str:
    """Return the sentence for a person, in her language, its amounts written her way."""
    refusal = refusal_of(error) or OUR_FAULT
    values = {name: _written(value) for name, value in refusal.values(error).items()}
    if set(values) == {"message"}:
        said = values["message"]
        return str(gettext(said)) if said else ""
    return str(gettext(refusal.sentence, **values))


def _written(value: Any) -> Any:
    if isinstance(value, Money):
        return current_app.jinja_env.filters["money"](value)
    if isinstance(value, date):
        return current_formats().day(value, "short")
    return value


def _answer(
    status: int, sentence: str, *, code: str, error: BaseException | None = None
) -> Response:
    request_id = g.get("request_id", "")
    if _reads_json():
        body = {"code": code, "message": sentence, "request_id": request_id}
        if isinstance(error, InvalidInput):
            body["field"] = error.field
        return make_response(jsonify(error=body), status)
    template = "ui/error_fragment.html" if _is_htmx() else "ui/error.html"
    facts = {"status": status, "sentence": sentence, "request_id": request_id, "code": code}
    try:
        page = render_template(template, **facts)
    except Exception:  # a broken page about an error must not hide the error
        log.exception("error page failed", template=template)
        return Response(f"{sentence}\n{request_id}\n", status, mimetype="text/plain")
    return make_response(page, status)


def _reads_json() -> bool:
    if request.path.startswith(PROGRAMS):
        return True
    return request.accept_mimetypes.best == "application/json"


def _is_htmx() -> bool:
    return request.headers.get("HX-Request") == "true"


def _path_of(url: str | None) -> str:
    """Return the local part of the page an htmx request came from."""
    parts = urlsplit(url or "")
    return parts.path + (f"?{parts.query}" if parts.query else "")
