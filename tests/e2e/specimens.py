"""A browser on the specimen pages: real templates, styles and scripts, made-up values."""

import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flask import request
from playwright.sync_api import Browser, sync_playwright
from werkzeug.serving import make_server

from tests.specimens.app import create_server

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--font-render-hinting=none",
)


class Specimens:
    """The running server: where it is, and every form it was sent."""

    def __init__(self) -> None:
        self.posts: list[tuple[str, dict[str, Any]]] = []
        app, _ = create_server()

        @app.before_request
        def record() -> None:
            if request.method == "POST":
                self.posts.append((request.path, request.form.to_dict()))

        self._server = make_server("127.0.0.1", 0, app, threaded=True)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def sent(self, path_end: str) -> list[dict[str, Any]]:
        return [form for path, form in list(self.posts) if path.endswith(path_end)]

    def stop(self) -> None:
        self._server.shutdown()


def chromium() -> str | None:
    return shutil.which("chromium")


@contextmanager
def open_browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=list(FLAGS))
        try:
            yield browser
        finally:
            browser.close()
