"""Widgets as an administrator sees them: list, form, preview, snippet, test."""

from uuid import UUID

from flask import Blueprint, redirect, render_template, request
from flask.typing import ResponseReturnValue

from helpdesk.errors import InvalidInput
from helpdesk.web.access import current_agent, requires, services
from helpdesk.web.errors import sentence_of
from helpdesk.web.shell import shell_screen
from helpdesk.widget import desk
from helpdesk.widget.colours import ink_on
from helpdesk.widget.forms import MOST_FIELDS, MOST_GREETINGS, as_values, read_widget
from helpdesk.widget.hours import is_open
from helpdesk.widget.model import Widget
from helpdesk.widget.screen import WidgetLine, WidgetScreen, WidgetsScreen
from helpdesk.widget.setup import Setup, default_setup, setup_from

bp = Blueprint("widgets", __name__)

HEX_LENGTH = 7  # #RRGGBB


@bp.get("/widgets")
@requires("widget.manage")
def index() -> ResponseReturnValue:
    with services().reading() as session:
        rows = desk.widgets(session)
    own = default_setup(services().settings)
    lines = [_line(setup_from(row), str(row.id), on=row.disabled_at is None) for row in rows]
    screen = WidgetsScreen((*lines, _line(own, "", on=True)))
    return render_template("widget/list.html", shell=shell_screen("widgets"), widgets=screen)


@bp.get("/widgets/new")
@requires("widget.manage")
def new() -> ResponseReturnValue:
    own = default_setup(services().settings)
    return _page(None, as_values(own))


@bp.get("/widgets/<uuid:widget_id>")
@requires("widget.manage")
def show(widget_id: UUID) -> ResponseReturnValue:
    with services().reading() as session:
        row = desk.widget(session, widget_id)
    return _page(row, as_values(setup_from(row)), saved="saved" in request.args)


@bp.post("/widgets")
@requires("widget.manage")
def create() -> ResponseReturnValue:
    return _save(None)


@bp.post("/widgets/<uuid:widget_id>")
@requires("widget.manage")
def save(widget_id: UUID) -> ResponseReturnValue:
    return _save(widget_id)


@bp.post("/widgets/<uuid:widget_id>/<any(on, off):state>")
@requires("widget.manage")
def switch(widget_id: UUID, state: str) -> ResponseReturnValue:
    desk.switch_widget(services(), current_agent(), widget_id, on=state == "on")
    return redirect(f"/widgets/{widget_id}", code=303)


def _save(widget_id: UUID | None) -> ResponseReturnValue:
    """Write the form, or show it again as it was typed with what is wrong."""
    try:
        form = read_widget(request.form)
    except InvalidInput as fault:
        row = None
        if widget_id is not None:
            with services().reading() as session:
                row = desk.widget(session, widget_id)
        return _page(row, request.form.to_dict(), fault=fault), 422
    saved = desk.save_widget(services(), current_agent(), form, widget_id)
    return redirect(f"/widgets/{saved}?saved", code=303)


def _line(setup: Setup, widget_id: str, *, on: bool) -> WidgetLine:
    return WidgetLine(
        id=widget_id,
        name=setup.name,
        colour=setup.colour,
        origins=setup.origins,
        on=on,
        open_now=is_open(setup.hours, services().clock()),
    )


def _page(
    row: Widget | None,
    values: dict[str, str],
    *,
    saved: bool = False,
    fault: InvalidInput | None = None,
) -> str:
    colour = values.get("colour", "")
    usable = len(colour) == HEX_LENGTH and (fault is None or fault.field != "colour")
    script = f"{services().settings.public_url}/widget.js?key={row.key}" if row else ""
    screen = WidgetScreen(
        id=str(row.id) if row else "",
        values=values,
        ink=ink_on(colour) if usable else "",
        fields=MOST_FIELDS,
        greetings=MOST_GREETINGS,
        on=row is None or row.disabled_at is None,
        key=row.key if row else "",
        script=script,
        snippet=f'<script src="{script}" async></script>' if row else "",
        saved=saved,
        wrong=fault.field if fault else "",
        problem=sentence_of(fault) if fault else "",
    )
    return render_template("widget/widget.html", shell=shell_screen("widgets"), widget=screen)
