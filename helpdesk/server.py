"""Serving the web application with gunicorn, configured in one place."""

import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from flask import Flask
from gunicorn.app.base import BaseApplication
from prometheus_client import multiprocess

from helpdesk.app import create_app
from helpdesk.realtime.ending import end_sockets
from helpdesk.settings import Settings

# A websocket holds a thread for its whole life: threads = sockets + requests at once.
THREADS = 256


class Server(BaseApplication):  # type: ignore[misc]
    """One gunicorn master with `workers` processes; the app is built after the fork."""

    def __init__(self, settings: Settings, *, bind: str, workers: int, back_office: bool) -> None:
        self._settings = settings
        self._bind, self._workers, self._back_office = bind, workers, back_office
        super().__init__()

    def load_config(self) -> None:
        options: dict[str, Any] = {
            "bind": self._bind,
            "workers": self._workers,
            "worker_class": "gthread",
            "threads": THREADS,
            "worker_connections": THREADS * 4,
            "graceful_timeout": 15,  # a bound: sockets are closed at once, so it takes a few
            "timeout": 60,
            "control_socket_disable": True,
            "proc_name": "guiche",
            "loglevel": "warning",
            "post_worker_init": self._begin,
            "worker_exit": _wait_for_the_end,
            "on_starting": _forget_old_figures,
            "child_exit": _retire_figures,
        }
        for name, value in options.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        return create_app(self._settings)

    def _begin(self, worker: Any) -> None:
        """Start the back office where this process has one, and prepare for a quick end."""
        office = None
        if self._back_office:
            from helpdesk.worker import BackOffice  # imports the job engine: 3 s

            office = BackOffice(worker.wsgi.extensions["guiche"])
            office.start()
        engine = worker.wsgi.extensions["socketio"].server.eio

        def end() -> None:
            end_sockets(engine)  # each one holds a thread that the worker waits for
            if office is not None:
                office.stop()

        worker.ending = threading.Thread(target=end, name="ending")
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
            signal.signal(number, _also(worker.ending, signal.getsignal(number)))


def _also(thread: threading.Thread, handler: Any) -> Callable[[int, Any], None]:
    """Return a signal handler that starts `thread` once and then does what was done before."""

    def handle(number: int, frame: Any) -> None:
        if thread.ident is None:
            thread.start()
        if callable(handler):
            handler(number, frame)

    return handle


def _wait_for_the_end(_arbiter: Any, worker: Any) -> None:
    ending: threading.Thread | None = getattr(worker, "ending", None)
    if ending is None:
        return
    if ending.ident is None:
        ending.start()
    ending.join(timeout=12)


def _forget_old_figures(_arbiter: Any) -> None:
    """Several processes share their metrics through files; those of the last start are stale."""
    if folder := os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        for path in Path(folder).glob("*.db"):
            path.unlink()


def _retire_figures(_arbiter: Any, worker: Any) -> None:
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        multiprocess.mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]


def serve(settings: Settings, *, bind: str, workers: int = 1, back_office: bool = False) -> None:
    """Serve until stopped. `back_office` also runs jobs in the (single) worker process."""
    Server(settings, bind=bind, workers=workers, back_office=back_office).run()
