"""Signing in and out, and what somebody may choose about her own screen."""

from datetime import timedelta
from typing import Literal
from urllib.parse import urlsplit

from flask import Blueprint, Response, g, make_response, redirect, render_template, request
from flask import session as form_session
from flask.typing import ResponseReturnValue
from flask_babel import get_locale
from flask_wtf.csrf import CSRFError  # type: ignore[import-untyped]

from helpdesk.errors import InvalidInput, SignInLocked, WrongPassword
from helpdesk.staff import service
from helpdesk.staff.forms import HOME, ChoiceForm, SignInForm, safe_next
from helpdesk.staff.screen import LoginScreen
from helpdesk.web.access import SESSION_COOKIE, current_agent, public, requires, services
from helpdesk.web.errors import answer_http
from helpdesk.web.language import LANGUAGE_COOKIE

bp = Blueprint("staff", __name__)

Fault = Literal["", "wrong", "locked", "signed_out", "expired"]


@bp.get("/")
@requires("console.use")
def home() -> ResponseReturnValue:
    return redirect(HOME)


@bp.get("/login")
@public("the door itself")
def login() -> ResponseReturnValue:
    next_url = safe_next(request.args.get("next"))
    if g.agent is not None:
        return redirect(next_url)
    signed_out = request.args.get("reason") == "signed_out"
    return _login_page(next_url=next_url, fault="signed_out" if signed_out else "")


@bp.post("/login")
@public("the door itself; attempts are counted for each account and address")
def sign_in() -> ResponseReturnValue:
    form = SignInForm.parse(request.form)
    ask = service.SignInAsk(
        email=form.email,
        password=form.password,
        user_agent=request.headers.get("User-Agent", ""),
        old_token=request.cookies.get(SESSION_COOKIE, ""),
    )
    try:
        opened = service.sign_in(services(), ask)
    except WrongPassword:
        return _login_page(401, email=form.email, next_url=form.next_url, fault="wrong")
    except SignInLocked as locked:
        page = _login_page(
            429,
            email=form.email,
            next_url=form.next_url,
            fault="locked",
            minutes=-(-locked.seconds // 60),
        )
        page.headers["Retry-After"] = str(locked.seconds)
        return page
    form_session.clear()  # a token for forms that was handed out before is worth nothing now
    response = make_response(redirect(form.next_url, code=303))
    response.set_cookie(
        SESSION_COOKIE,
        opened.token,
        max_age=service.SESSION_LIFE,  # a length: the browser's clock may be wrong
        path="/",
        secure=services().settings.cookie_secure,
        httponly=True,
        samesite="Lax",
    )
    return response


@bp.post("/logout")
@requires("self.preferences")
def logout() -> ResponseReturnValue:
    service.sign_out(services(), current_agent())
    form_session.clear()
    response = make_response(redirect("/login", code=303))
    response.delete_cookie(SESSION_COOKIE, path="/")
    return response


@bp.post("/preferences/theme")
@requires("self.preferences")
def choose_theme() -> ResponseReturnValue:
    form = ChoiceForm.parse(request.form, "theme")
    service.choose_theme(services(), current_agent(), form.value)
    return _back()


@bp.post("/preferences/language")
@public("the sign-in page speaks the language of this browser; a person's own is hers alone")
def choose_language() -> ResponseReturnValue:
    form = ChoiceForm.parse(request.form, "language")
    if form.value not in service.LANGUAGES:
        raise InvalidInput("language", "There is no such language.")
    if g.agent is not None:
        service.choose_language(services(), g.agent, form.value)
    response = _back()
    _remember_language(response, form.value)  # the sign-in page speaks it too
    return response


@bp.errorhandler(CSRFError)
def form_too_old(error: CSRFError) -> ResponseReturnValue:
    """A sign-in page left open for days: show it again, with a fresh token."""
    if request.endpoint != "staff.sign_in":
        return answer_http(error)
    return _login_page(400, email=request.form.get("email", "")[:254], fault="expired")


def _login_page(
    status: int = 200,
    *,
    email: str = "",
    next_url: str = HOME,
    fault: Fault = "",
    minutes: int = 0,
) -> Response:
    company = services().settings.company
    language = str(get_locale()).replace("_", "-")
    screen = LoginScreen(
        company=company,
        language=language,
        email=email,
        next_url="" if next_url == HOME else next_url,
        error=fault,
        minutes=minutes,
    )
    page = render_template(
        "staff/login.html",
        login=screen,
        language=language,
        company=company,
        languages=service.LANGUAGES,
        error=fault,
    )
    return make_response(page, status)


def _back() -> Response:
    """Return to the page the choice was made on; a script only needs to know that it is kept."""
    if request.headers.get("HX-Request") == "true":
        return make_response("", 204, {"HX-Refresh": "true"})
    came_from = urlsplit(request.referrer or "")
    query = f"?{came_from.query}" if came_from.query else ""
    page = came_from.path + query
    if came_from.path != "/login":
        page = safe_next(page)
    return make_response(redirect(page, code=303))


def _remember_language(response: Response, language: str) -> None:
    response.set_cookie(
        LANGUAGE_COOKIE,
        language,
        max_age=timedelta(days=365),
        secure=services().settings.cookie_secure,
        httponly=True,
        samesite="Lax",
    )
