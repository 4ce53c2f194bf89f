"""What /metrics tells of the books: the last proof, what waits, what differs."""

from collections.abc import Iterator

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import func, select

from billing_core.store.ledger import LedgerProof, LedgerWaiting
from billing_core.store.reconciliation import OPEN_ITEMS, ReconciliationItem
from helpdesk.services import Services


class BooksFigures(Collector):
    """Gauges read from the database at the moment somebody asks. No proof yet: no gauge of it."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def collect(self) -> Iterator[Metric]:
        with self._services.reading() as session:
            proof = session.scalars(
                select(LedgerProof).order_by(LedgerProof.at.desc(), LedgerProof.id.desc()).limit(1)
            ).first()
            waiting = session.scalar(select(func.count()).select_from(LedgerWaiting)) or 0
            differing = session.execute(
                select(ReconciliationItem.gateway, func.count())
                .where(ReconciliationItem.state.in_(OPEN_ITEMS))
                .group_by(ReconciliationItem.gateway)
            ).all()
        yield _gauge("guiche_ledger_unsealed", "Entries that wait for their seal", waiting)
        if proof is not None:
            yield _gauge("guiche_books_faults", "What the last proof found", proof.faults)
            at = int(proof.at.timestamp())
            yield _gauge("guiche_books_proved_timestamp_seconds", "When it was made", at)
            yield _gauge("guiche_ledger_sealed", "Length of the chain", proof.head_seq)
        gauge = GaugeMetricFamily(
            "guiche_gateway_differences",
            "Movements that a gateway tells otherwise, not resolved",
            labels=["gateway"],
        )
        counts = dict.fromkeys(self._services.gateways, 0)
        counts |= {row[0]: row[1] for row in differing}
        for name, count in sorted(counts.items()):
            gauge.add_metric([name], count)
        yield gauge


def _gauge(name: str, help_: str, value: int) -> Metric:
    return GaugeMetricFamily(name, help_, value=value)
