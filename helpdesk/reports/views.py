"""The supervisor's board. The page once; its two regions again after every hint."""

from dataclasses import replace
from datetime import UTC

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from helpdesk.billing_desk.words import reason
from helpdesk.reports import queries, service
from helpdesk.reports.forms import BoardAsk
from helpdesk.reports.queries import Scope
from helpdesk.reports.screen import BoardScreen, Choice, FiguresScreen, ListsScreen
from helpdesk.reports.words import chart_words, metric_name, span, tenths
from helpdesk.tickets.model import CHANNELS
from helpdesk.web.access import current_agent, requires, services
from helpdesk.web.formats import current_formats
from helpdesk.web.shell import shell_screen

bp = Blueprint("reports", __name__)
bp.add_app_template_filter(lambda seconds: span(current_formats(), seconds), "span")
bp.add_app_template_filter(lambda value: tenths(current_formats(), value), "tenths")
bp.add_app_template_filter(metric_name, "metric_name")
bp.add_app_template_filter(reason, "act_reason")


@bp.get("/live")
@requires("board.read")
def live() -> ResponseReturnValue:
    ask = BoardAsk.parse(request.args)
    with services().reading() as session:
        board = BoardScreen(
            figures=_figures(session, ask),
            lists=_lists(session, ask),
            channels=tuple(Choice(name, "", name == ask.channel) for name in CHANNELS),
            teams=tuple(
                Choice(str(team.id), team.name, team.id == ask.team_id)
                for team in queries.teams(session)
            ),
        )
    return render_template("reports/live.html", shell=shell_screen("live"), board=board)


@bp.get("/live/figures")
@requires("board.read")
def figures() -> ResponseReturnValue:
    ask = BoardAsk.parse(request.args)
    with services().reading() as session:
        return render_template("reports/figures.html", figures=_figures(session, ask))


@bp.get("/live/lists")
@requires("board.read")
def lists() -> ResponseReturnValue:
    ask = BoardAsk.parse(request.args)
    with services().reading() as session:
        return render_template("reports/lists.html", lists=_lists(session, ask))


def _figures(session: Session, ask: BoardAsk) -> FiguresScreen:
    formats = current_formats()
    screen = service.figures_screen(
        session,
        _scope(ask),
        now=formats.now.astimezone(UTC),
        zone=formats.zone,
        words=chart_words(formats),
    )
    return replace(screen, query=ask.query)


def _lists(session: Session, ask: BoardAsk) -> ListsScreen:
    formats = current_formats()
    now = formats.now.astimezone(UTC)
    screen = service.lists_screen(session, _scope(ask), now=now, zone=formats.zone)
    return replace(screen, query=ask.query)


def _scope(ask: BoardAsk) -> Scope:
    return Scope(current_agent(), ask.channel, ask.team_id)
