"""Serves the real templates with sample values, for eyes and for the accessibility check.

    python -m tests.specimens.app 5010

then open /inbox/48213?lang=en&theme=dark. No database, no sign-in, nothing is stored.
"""

import gettext
import io
import sys
from functools import cache
from pathlib import Path
from typing import Any

from babel.core import Locale
from babel.messages import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from flask import Flask, Response, g, render_template, request
from flask_socketio import Namespace, SocketIO

from helpdesk.web.formats import Formats, template_filters
from helpdesk.web.headers import content_policy
from tests.specimens import samples

ROOT = Path(__file__).resolve().parents[2]


@cache
def catalogue(language: str) -> gettext.NullTranslations:
    """Compile every area's file of one language in memory."""
    merged = Catalog(locale=language)
    for path in sorted((ROOT / "helpdesk" / "translations" / language).glob("*.po")):
        with path.open("rb") as file:
            for message in read_po(file, locale=language):
                if message.id:
                    merged.add(message.id, message.string, context=message.context)
    if language == "en":
        return gettext.NullTranslations()
    compiled = io.BytesIO()
    write_mo(compiled, merged)
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)


def formats() -> Formats:
    words = catalogue(g.language)

    def say(message: str, /, **values: Any) -> str:
        text = words.gettext(message)
        return text % values if values else text

    return Formats(Locale.parse(g.language), samples.ZONE, samples.NOW, say)


def create_specimens() -> Flask:
    app = Flask(
        __name__,
        template_folder=str(ROOT / "templates"),
        static_folder=str(ROOT / "static"),
        static_url_path="/static",
    )
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True
    app.jinja_env.add_extension("jinja2.ext.i18n")
    app.jinja_env.install_gettext_callables(  # type: ignore[attr-defined]
        lambda text: catalogue(g.language).gettext(text),
        lambda one, many, n: catalogue(g.language).ngettext(one, many, n),
        newstyle=True,
    )
    app.jinja_env.filters.update(template_filters(formats))
    app.jinja_env.globals.update(now=lambda: samples.NOW, csrf_token=lambda: "specimen")

    @app.before_request
    def choose_language() -> None:
        asked = request.args.get("lang") or request.cookies.get("lang") or "pt_BR"
        g.language = "en" if asked == "en" else "pt_BR"
        g.theme = request.args.get("theme") or request.cookies.get("theme") or "auto"

    @app.after_request
    def harden(response: Response) -> Response:
        response.headers["Content-Security-Policy"] = content_policy(request.host_url, "'none'")
        response.set_cookie("lang", g.language)
        response.set_cookie("theme", g.theme)
        return response

    add_pages(app)
    return app


def tag() -> str:
    return "en" if g.language == "en" else "pt-BR"


def add_pages(app: Flask) -> None:
    @app.get("/login")
    def login() -> str:
        screen = samples.login(tag(), request.args.get("error", ""))
        return render_template("staff/login.html", login=screen, theme=g.theme)

    @app.get("/inbox")
    def inbox() -> str:
        empty = "empty" in request.args
        queue = samples.empty_queue() if empty else samples.queue(None)
        return render_template(
            "console/page.html",
            shell=samples.shell(tag(), g.theme),
            queue=queue,
            conversation=None,
            panel=None,
        )

    @app.get("/inbox/<int:number>")
    def conversation(number: int) -> str:
        partial = request.headers.get("HX-Request-Type") == "partial"
        return render_template(
            "console/workspace.html" if partial else "console/page.html",
            shell=samples.shell(tag(), g.theme),
            queue=samples.queue(number),
            conversation=samples.conversation(number),
            panel=samples.panel(),
        )

    @app.get("/queue")
    def queue() -> str:
        return render_template("console/queue.html", queue=samples.queue())

    @app.get("/tickets/<ticket>/timeline")
    def timeline(ticket: str) -> str:
        return render_template("console/timeline.html", timeline=samples.timeline())

    @app.get("/tickets/<ticket>/header")
    def header(ticket: str) -> str:
        return render_template(
            "console/header.html", conversation=samples.conversation(), queue=samples.queue()
        )

    @app.get("/tickets/<ticket>/panel")
    def panel(ticket: str) -> str:
        return render_template("console/panel.html", panel=samples.panel())

    @app.get("/tickets/<ticket>/money/<act>/new")
    def money(ticket: str, act: str) -> str:
        return DRAWER

    @app.post("/tickets/<ticket>/<act>")
    def change(ticket: str, act: str) -> tuple[str, int] | str:
        if act in ("reply", "note"):
            return render_template("console/timeline.html", timeline=samples.timeline())
        return "", 204

    @app.post("/preferences/<which>")
    def prefer(which: str) -> tuple[str, int]:
        return "", 204


DRAWER = """<section class="drawer" role="dialog" aria-labelledby="drawer-title"><header><div class="row">
<h2 id="drawer-title" tabindex="-1">Specimen</h2><button class="btn ghost icon end" data-drawer-close aria-label="Close">x</button>
</div></header><div class="body" tabindex="0" role="region" aria-label="Preview"></div>
<footer><div class="row"><span class="end"></span><button class="btn lg pay">Go</button></div></footer></section>"""


class Console(Namespace):  # type: ignore[misc]
    """Answers the console's socket so that the page counts itself live."""

    def on_watch(self, data: dict[str, Any]) -> dict[str, Any]:
        return {"ok": True, "events": []}


def create_server() -> tuple[Flask, SocketIO]:
    app = create_specimens()
    sockets = SocketIO(app, async_mode="threading", transports=["websocket"])
    sockets.on_namespace(Console("/console"))
    return app, sockets


if __name__ == "__main__":
    app, sockets = create_server()
    sockets.run(app, port=int(sys.argv[1]), allow_unsafe_werkzeug=True)
