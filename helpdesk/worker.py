"""The back office of one process: jobs, mailboxes, and looking after dead neighbours."""

import itertools
import signal
import threading
from contextlib import AbstractContextManager, ExitStack
from datetime import timedelta

import structlog
from flask_socketio import SocketIO

from helpdesk.bootstrap import build_services
from helpdesk.jobs import heartbeat
from helpdesk.jobs.engine import Worker
from helpdesk.logs import configure_logs
from helpdesk.mailboxes.arrivals import is_expected, take_delivery
from helpdesk.mailboxes.watch import MailboxWatch
from helpdesk.memory import ease_collections
from helpdesk.services import Services
from helpdesk.settings import Settings

log = structlog.get_logger()
BEAT_S = 5.0
BEATS_BETWEEN_CLEANINGS = 120  # about ten minutes
HISTORY = timedelta(days=1)  # how long the job engine remembers what ended well


class BackOffice:
    """Everything that runs beside the web. Start after fork, stop before exit."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._worker = Worker(services, services.settings)
        self._stopping = threading.Event()
        self._doors = ExitStack()
        self._threads = [threading.Thread(target=self._look_after, name="heartbeat", daemon=True)]
        watch = MailboxWatch(services, self._stopping)
        self._threads.append(threading.Thread(target=watch.run, name="mailboxes", daemon=True))

    def start(self) -> None:
        self._worker.start()
        if self._services.settings.mail_door:
            self._doors.enter_context(_mail_door(self._services))
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Stop within about ten seconds; what is unfinished is resumed at the next start."""
        self._doors.close()  # what is not stored yet, its server brings again
        self._stopping.set()
        for thread in self._threads:
            thread.join(timeout=7)  # the watch waits for its own threads
        self._worker.stop()
        heartbeat.retire(self._services, self._services.settings.executor)

    def _look_after(self) -> None:
        for beat in itertools.count():
            if self._stopping.is_set():
                return
            try:
                heartbeat.beat(self._services, self._services.settings.executor)
                if dead := heartbeat.claim_dead(self._services):
                    count = self._worker.adopt_work_of(dead)
                    log.warning("adopted work of silent workers", executors=dead, jobs=count)
                if beat % BEATS_BETWEEN_CLEANINGS == 1:
                    self._worker.forget(self._services.clock() - HISTORY)
            except Exception:
                log.exception("heartbeat failed")
            self._stopping.wait(BEAT_S)


def _mail_door(services: Services) -> AbstractContextManager[object]:
    """Return the door through which a mail server brings mail."""
    return services.mail.listen(
        services.settings.mail_door,
        accepts=lambda recipient: is_expected(services, recipient),
        take=lambda raw, recipients: take_delivery(services, raw, recipients),
    )


def run_worker(settings: Settings) -> None:
    """Run a worker process until SIGTERM or SIGINT."""
    configure_logs()
    services = build_services(settings)
    if settings.redis_url:
        services.relay.connect(SocketIO(message_queue=settings.redis_url))
    office = BackOffice(services)
    ease_collections()
    done = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: done.set())
    office.start()
    log.info("worker started", executor=settings.executor)
    done.wait()
    office.stop()
    services.db.close()
