"""One watch for every mailbox in use, also for those added or changed while it runs.

Each watch is a thread with a stop of its own: what breaks one leaves the others alone.
"""

from dataclasses import dataclass
from threading import Event, Thread

import structlog

from helpdesk.inbox.poller import MailPoller
from helpdesk.mailboxes.account import MailAccount
from helpdesk.mailboxes.queries import accounts
from helpdesk.services import Services

log = structlog.get_logger()

LOOK_AGAIN_S = 5.0
GONE_S = 5.0


@dataclass(frozen=True, slots=True)
class _Watch:
    account: MailAccount
    stop: Event
    thread: Thread


class MailboxWatch:
    """Keeps a poller running for each mailbox that is fetched."""

    def __init__(self, services: Services, stop: Event) -> None:
        self._services, self._stop = services, stop
        self._running: dict[str, _Watch] = {}

    def run(self) -> None:
        """Look after the watches until `stop` is set, then end them. Never raises."""
        while not self._stop.is_set():
            try:
                self.look()
            except Exception:
                log.exception("mailboxes could not be looked up")
            self._stop.wait(LOOK_AGAIN_S)
        self._end(list(self._running))

    def look(self) -> set[str]:
        """Begin, end and renew watches, so that they are those the database names.

        Return the addresses being watched.
        """
        with self._services.reading() as session:
            wanted = {
                one.address: one
                for one in accounts(session, self._services.settings)
                if one.imap is not None
            }
        self._end(
            [
                address
                for address, watch in self._running.items()
                if address not in wanted or _changed(watch, wanted[address])
            ]
        )
        for address, account in wanted.items():
            if address not in self._running:
                self._begin(account)
        return set(self._running)

    def _begin(self, account: MailAccount) -> None:
        stop = Event()
        door = self._services.mail.door(account)
        poller = MailPoller(self._services, door, stop, address=account.address)
        thread = Thread(target=poller.run, name=f"mailbox {account.address}", daemon=True)
        self._running[account.address] = _Watch(account, stop, thread)
        thread.start()

    def _end(self, addresses: list[str]) -> None:
        """Tell all to stop, then wait for each; one that hangs in the network is left behind."""
        ending = [self._running.pop(address) for address in addresses]
        for watch in ending:
            watch.stop.set()
        for watch in ending:
            watch.thread.join(GONE_S)


def _changed(watch: _Watch, account: MailAccount) -> bool:
    """Say whether the way in is another one, or the watch has ended."""
    return _way_in(watch.account) != _way_in(account) or not watch.thread.is_alive()


def _way_in(account: MailAccount) -> tuple[object, ...]:
    return (account.id, account.imap, account.oauth, account.folder, account.done_folder)
