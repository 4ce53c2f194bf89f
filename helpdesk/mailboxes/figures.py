"""How each mailbox fares, as gauges: the alarm hangs on these."""

from collections.abc import Iterator

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from helpdesk.mailboxes.health import silence_s
from helpdesk.mailboxes.queries import accounts, health
from helpdesk.services import Services


class MailboxFigures(Collector):
    """Gauges of the mailboxes in use, read at the moment somebody asks."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def collect(self) -> Iterator[Metric]:
        now = self._services.clock()
        with self._services.reading() as session:
            known = health(session)
            found = accounts(session, self._services.settings)
        lag = GaugeMetricFamily(
            "guiche_mailbox_lag_seconds", "Time since a mailbox was last read", labels=["mailbox"]
        )
        failing = GaugeMetricFamily(
            "guiche_mailbox_failing", "1 while a way fails", labels=["mailbox", "way"]
        )
        for one in found:
            row = known.get(one.address)
            if one.imap is not None:
                lag.add_metric([one.address], silence_s(row, now, since=one.since))
            failing.add_metric([one.address, "fetch"], int(bool(row and row.fetch_fault)))
            failing.add_metric([one.address, "send"], int(bool(row and row.send_fault)))
        yield lag
        yield failing
