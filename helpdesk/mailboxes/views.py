"""Setting mailboxes up: the list, one mailbox, its tests and the look of its signature."""

from dataclasses import replace
from uuid import UUID, uuid4

from flask import Blueprint, make_response, redirect, render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from helpdesk.errors import Conflict, InvalidInput, NotFound
from helpdesk.mailboxes import service
from helpdesk.mailboxes.account import MailAccount, opened
from helpdesk.mailboxes.dressing import preview
from helpdesk.mailboxes.forms import FIELDS, read_mailbox, read_signature, read_switch
from helpdesk.mailboxes.model import Mailbox
from helpdesk.mailboxes.queries import health
from helpdesk.mailboxes.screen import FormScreen, MailboxesScreen, VerdictScreen, Way
from helpdesk.mailboxes.showing import DEFAULTS, form_of, line_of, lines
from helpdesk.mailboxes.trial import (
    signature_mail,
    told,
    try_fetching,
    try_sending,
    try_signature,
)
from helpdesk.web.access import current_agent, requires, services
from helpdesk.web.errors import sentence_of
from helpdesk.web.shell import shell_screen

bp = Blueprint("mailboxes", __name__, url_prefix="/mailboxes")

NOTICES = ("added", "changed", "on", "off")


@bp.get("")
@requires("mailbox.manage")
def index() -> ResponseReturnValue:
    told = request.args.get("done", "")
    with services().reading() as session:
        found = lines(session, services().settings, services().clock())
    screen = MailboxesScreen(found, told if told in NOTICES else "")
    return render_template("mailboxes/list.html", shell=shell_screen("mailboxes"), mailboxes=screen)


@bp.get("/new")
@requires("mailbox.manage")
def new() -> ResponseReturnValue:
    return _form_page(FormScreen("", DEFAULTS | {"name": services().settings.company}))


@bp.post("")
@requires("mailbox.manage")
def add() -> ResponseReturnValue:
    try:
        mailbox_id = service.add_mailbox(services(), current_agent(), read_mailbox(request.form))
    except (InvalidInput, Conflict) as wrong:
        return _refused(FormScreen("", {}), wrong)
    return redirect(f"/mailboxes/{mailbox_id}?done=added", code=303)


@bp.get("/<uuid:mailbox_id>")
@requires("mailbox.manage")
def show(mailbox_id: UUID) -> ResponseReturnValue:
    return _form_page(_saved(mailbox_id), done=request.args.get("done", ""))


@bp.post("/<uuid:mailbox_id>")
@requires("mailbox.manage")
def change(mailbox_id: UUID) -> ResponseReturnValue:
    known = _saved(mailbox_id)
    try:
        facts = read_mailbox(request.form, address=known.values["address"])
        service.change_mailbox(services(), current_agent(), mailbox_id, facts)
    except InvalidInput as wrong:
        return _refused(known, wrong)
    return redirect(f"/mailboxes/{mailbox_id}?done=changed", code=303)


@bp.post("/<uuid:mailbox_id>/switch")
@requires("mailbox.manage")
def switch(mailbox_id: UUID) -> ResponseReturnValue:
    on = read_switch(request.form)
    service.switch(services(), current_agent(), mailbox_id, on=on)
    return redirect(f"/mailboxes/{mailbox_id}?done={'on' if on else 'off'}", code=303)


@bp.post("/<uuid:mailbox_id>/try/<any(fetching, sending):way>")
@requires("mailbox.manage")
def try_out(mailbox_id: UUID, way: Way) -> ResponseReturnValue:
    """Try the saved mailbox and say what came of it. No transaction is open meanwhile."""
    account, to = _account(mailbox_id), current_agent().email
    verdict = (
        try_fetching(services().mail, account)
        if way == "fetching"
        else try_sending(services().mail, account, to)
    )
    return _verdict(mailbox_id, told(way, verdict, account, to=to))


@bp.post("/<uuid:mailbox_id>/try/signature")
@requires("mailbox.manage")
def send_signature(mailbox_id: UUID) -> ResponseReturnValue:
    """Mail the saved signature to whoever asks, and say what came of it. It is kept nowhere."""
    agent, account = current_agent(), _account(mailbox_id)
    letter = signature_mail(services().settings, account, agent, uuid4())
    verdict = try_signature(services().mail, account, letter)
    return _verdict(mailbox_id, told("signature", verdict, account, to=agent.email))


@bp.post("/signature")
@requires("mailbox.manage")
def signature() -> ResponseReturnValue:
    """Show how a signature will stand below a mail; nothing is kept."""
    text, html = read_signature(request.form)
    page = _signature_page(text, html, request.form.get("address", "")[:320])
    return render_template("mailboxes/_signature.html", page=page)


def _account(mailbox_id: UUID) -> MailAccount:
    with services().reading() as session:
        return opened(services().settings, _row(session, mailbox_id))


def _verdict(mailbox_id: UUID, verdict: VerdictScreen) -> str:
    if request.headers.get("HX-Request") == "true":
        return render_template("mailboxes/_verdict.html", verdict=verdict)
    return _form_page(replace(_saved(mailbox_id), verdicts={verdict.way: verdict}))


def _row(session: Session, mailbox_id: UUID) -> Mailbox:
    row = session.get(Mailbox, mailbox_id)
    if row is None:
        raise NotFound("mailbox")
    return row


def _saved(mailbox_id: UUID) -> FormScreen:
    now = services().clock()
    with services().reading() as session:
        row = _row(session, mailbox_id)
        line = line_of(services().settings, row, health(session).get(row.address), now)
    return replace(form_of(row), line=line)


def _refused(known: FormScreen, wrong: InvalidInput | Conflict) -> ResponseReturnValue:
    """Show the form again as it was filled in, secrets apart, with what is wrong."""
    typed = {name: request.form.get(name, "") for name in FIELDS if name not in service.SECRETS}
    name = wrong.field if isinstance(wrong, InvalidInput) else "address"
    screen = replace(known, values={**known.values, **typed}, wrong=name, fault=sentence_of(wrong))
    status = 422 if isinstance(wrong, InvalidInput) else 409
    return make_response(_form_page(screen), status)


def _form_page(screen: FormScreen, *, done: str = "") -> str:
    text, html = screen.values.get("signature_text", ""), screen.values.get("signature_html", "")
    page = _signature_page(text, html, screen.values.get("address", ""))
    screen = replace(screen, preview=page)
    return render_template(
        "mailboxes/mailbox.html",
        shell=shell_screen("mailboxes"),
        mailbox=screen,
        done=done if done in NOTICES else "",
    )


def _signature_page(text: str, html: str, address: str) -> str:
    """Return a whole page for a frame that can do nothing."""
    settings = services().settings
    account = MailAccount(
        address=address or settings.mail_address,
        name=settings.company,
        imap=None,
        smtp=None,
        signature_text=text,
        signature_html=html,
    )
    shown = preview(account, agent=current_agent().name, company=settings.company)
    return f"<!doctype html><html><body>{shown}</body></html>"
