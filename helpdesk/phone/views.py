"""The telephone room, the screens of our numbers, and what a conversation offers."""

from uuid import UUID, uuid4

from flask import Blueprint, abort, g, jsonify, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from helpdesk.errors import Conflict, InvalidInput
from helpdesk.outbox.queries import reply_channel
from helpdesk.phone import calls, desk, forms
from helpdesk.phone.model import StaffPhone
from helpdesk.phone.port import Softphone
from helpdesk.phone.queries import refusals, template, templates, why_not, window_until
from helpdesk.phone.screen import CallsScreen, CheckScreen, calls_screen, lines_screen
from helpdesk.phone.service import variables_of
from helpdesk.phone.trial import try_number
from helpdesk.phone.words import say_check
from helpdesk.tickets.forms import read_client_msg_id, read_id
from helpdesk.tickets.queries import ticket_visible_to
from helpdesk.web.access import current_agent, requires, services
from helpdesk.web.input import refuse_unknown
from helpdesk.web.shell import shell_screen

bp = Blueprint("phone", __name__)

# Where the telephone in the browser registers, and where it tells how a call sounded.
VOICE_NETWORK = "wss://voice-js.roaming.twilio.com https://eventgw.twilio.com"


# Calls


@bp.get("/phone")
@requires("call.answer")
def room() -> ResponseReturnValue:
    return _room()


@bp.get("/phone/calls")
@requires("call.answer")
def queue() -> ResponseReturnValue:
    """Answer the lists alone: the page asks every few seconds."""
    return render_template("phone/_calls.html", phone=_calls())


@bp.post("/phone/mine")
@requires("call.answer")
def choose_phone() -> ResponseReturnValue:
    try:
        number = forms.read_my_phone(request.form)
    except InvalidInput as fault:
        return _room(problem=gettext(fault.message), status=422)
    if number == "browser" and _softphone() is None:
        abort(404)
    desk.set_my_phone(services(), current_agent(), number)
    return redirect(url_for(".room"), code=303)


@bp.post("/phone/calls/<uuid:call_id>/answer")
@requires("call.answer")
def answer(call_id: UUID) -> ResponseReturnValue:
    try:
        calls.answer_call(services(), current_agent(), call_id)
    except Conflict as fault:
        return _room(problem=gettext(fault.message), status=409)
    return redirect(url_for(".room"), code=303)


@bp.get("/tickets/<uuid:ticket_id>/call")
@requires("call.place")
def choose_number(ticket_id: UUID) -> ResponseReturnValue:
    """Show which numbers of the customer can be called. Nothing happens yet."""
    return _call_drawer(ticket_id)


@bp.post("/tickets/<uuid:ticket_id>/call")
@requires("call.place")
def call(ticket_id: UUID) -> ResponseReturnValue:
    refuse_unknown(request.form, "number", "key")
    agent = current_agent()
    number = request.form.get("number", "")[:20]
    try:
        with services().reading() as session:
            desk.check_callable(session, ticket_visible_to(session, agent, ticket_id), number)
        key = str(read_id(request.form, "key"))
        calls.place_call(services(), agent, ticket_id, number, key=key)
    except Conflict as fault:
        return _call_drawer(ticket_id, problem=gettext(fault.message)), 409
    return _call_drawer(ticket_id, placed=True)


@bp.post("/phone/token")
@requires("call.answer")
def token() -> ResponseReturnValue:
    """Hand out what lets this browser take this person's calls, for an hour."""
    softphone = _softphone()
    if softphone is None:
        abort(404)
    return jsonify({"token": softphone.softphone_token(current_agent().id.hex)})


# Templates of WhatsApp in a conversation


@bp.get("/tickets/<uuid:ticket_id>/templates")
@requires("ticket.reply")
def offer(ticket_id: UUID) -> ResponseReturnValue:
    return _template_drawer(ticket_id)


@bp.post("/tickets/<uuid:ticket_id>/templates/<uuid:template_id>")
@requires("ticket.reply")
def send(ticket_id: UUID, template_id: UUID) -> ResponseReturnValue:
    agent = current_agent()
    with services().reading() as session:
        count = len(variables_of(template(session, template_id).body))
    try:
        values = forms.read_values(request.form, count)
        key = read_client_msg_id(request.form)
        desk.send_template(services(), agent, ticket_id, template_id, values, client_msg_id=key)
    except (InvalidInput, Conflict) as fault:
        return _template_drawer(ticket_id, problem=gettext(fault.message)), 422
    return _template_drawer(ticket_id, sent=True)


# Our numbers


@bp.get("/phone/lines")
@requires("phone.manage")
def lines() -> ResponseReturnValue:
    return _lines()


@bp.post("/phone/lines/<number>")
@requires("phone.manage")
def save_line(number: str) -> ResponseReturnValue:
    try:
        desk.save_line(services(), current_agent(), number, forms.read_line(request.form))
    except InvalidInput as fault:
        return _lines(fault)
    return redirect(url_for(".lines"), code=303)


@bp.post("/phone/lines/<number>/<any(sms, whatsapp, voice):channel>/test")
@requires("phone.manage")
def test(number: str, channel: str) -> ResponseReturnValue:
    """Try a number at the provider and say exactly what is wrong. Sends nothing."""
    if channel not in desk.our_numbers(services().settings).get(number, ()):
        abort(404)
    found = try_number(services().adapters, number, channel)
    checks = [say_check(one, gettext) for one in found]
    with services().reading() as session:
        refused = refusals(session).get(channel)
    screen = CheckScreen(number, channel, checks, refused)
    return render_template("phone/_check.html", check=screen)


@bp.post("/phone/templates")
@requires("phone.manage")
def add_template() -> ResponseReturnValue:
    try:
        desk.add_template(services(), current_agent(), forms.read_template(request.form))
    except InvalidInput as fault:
        return _lines(fault)
    return redirect(url_for(".lines", _anchor="templates"), code=303)


@bp.post("/phone/templates/<uuid:template_id>/turn")
@requires("phone.manage")
def turn_template(template_id: UUID) -> ResponseReturnValue:
    desk.turn_template(services(), current_agent(), template_id)
    return redirect(url_for(".lines", _anchor="templates"), code=303)


@bp.post("/phone/opt-outs/<any(sms, whatsapp):channel>/<number>/end")
@requires("phone.manage")
def end_opt_out(channel: str, number: str) -> ResponseReturnValue:
    desk.end_opt_out(services(), current_agent(), channel, number)
    return redirect(url_for(".lines", _anchor="opt-outs"), code=303)


def _softphone() -> Softphone | None:
    adapter: object = services().adapters.get("voice")
    return adapter if isinstance(adapter, Softphone) and adapter.has_softphone else None


def _calls(problem: str = "") -> CallsScreen:
    agent = current_agent()
    with services().reading() as session:
        mine = session.get(StaffPhone, agent.id)
        return calls_screen(
            session,
            agent,
            my_phone=mine.number if mine else "",
            has_softphone=_softphone() is not None,
            is_set_up=bool(services().settings.voice_number),
            problem=problem,
        )


def _room(*, problem: str = "", status: int = 200) -> ResponseReturnValue:
    screen = _calls(problem)
    if screen.has_softphone and screen.my_phone == "browser":
        g.talks_to = VOICE_NETWORK
    page = render_template("phone/room.html", shell=shell_screen("phone"), phone=screen)
    return page, status


def _lines(fault: InvalidInput | None = None) -> ResponseReturnValue:
    with services().reading() as session:
        screen = lines_screen(
            session,
            desk.our_numbers(services().settings),
            problem=gettext(fault.message) if fault else "",
            field=fault.field if fault else "",
            typed=request.form.to_dict() if fault else None,
        )
    page = render_template("phone/lines.html", shell=shell_screen("phone"), phone=screen)
    return page, 422 if fault else 200


def _call_drawer(ticket_id: UUID, *, problem: str = "", placed: bool = False) -> str:
    agent = current_agent()
    with services().reading() as session:
        ticket = ticket_visible_to(session, agent, ticket_id)
        mine = session.get(StaffPhone, agent.id)
        return render_template(
            "phone/call_drawer.html",
            ticket=ticket,
            numbers=desk.numbers_to_call(session, ticket),
            my_phone=mine.number if mine else "",
            key=str(uuid4()),
            problem=problem,
            placed=placed,
        )


def _template_drawer(ticket_id: UUID, *, problem: str = "", sent: bool = False) -> str:
    agent = current_agent()
    with services().reading() as session:
        ticket = ticket_visible_to(session, agent, ticket_id)
        to = reply_channel(session, ticket, "whatsapp")
        refused = (
            why_not(session, "whatsapp", to.recipient, services().clock(), template=True)
            if to
            else ""
        )
        return render_template(
            "phone/template_drawer.html",
            ticket=ticket,
            to=to.recipient if to else "",
            until=window_until(session, to.recipient) if to else None,
            templates=templates(session, usable=True),
            key=str(uuid4()),
            problem=problem or (gettext(refused) if refused else ""),
            typed=request.form,
            sent=sent,
        )
