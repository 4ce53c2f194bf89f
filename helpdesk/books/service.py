"""What is done with the books on a schedule. None of it changes them."""

from datetime import UTC, date, timedelta

import structlog

from billing_core.errors import GatewayError
from billing_core.proof import Proof, prove_books, record_proof
from billing_core.reconcile import Reconciled, days_to_reconcile, reconcile_day
from helpdesk.services import Services

log = structlog.get_logger()


def reconcile_gateways(services: Services) -> list[Reconciled]:
    """Compare yesterday (UTC), and every day that still has differences, with each gateway.

    A gateway that does not answer is tried again the next time; the others are compared.
    """
    yesterday = services.clock().astimezone(UTC).date() - timedelta(days=1)
    done = []
    for name in sorted(services.gateways):
        with services.reading() as session:
            days = days_to_reconcile(session, name)
        for day in sorted({*days, yesterday}):
            compared = _compare(services, name, day)
            if compared is not None:
                done.append(compared)
    return done


def _compare(services: Services, gateway: str, day: date) -> Reconciled | None:
    try:
        compared = reconcile_day(services.begin, services.gateways[gateway], day)
    except GatewayError as fault:
        log.warning("no report", gateway=gateway, day=day.isoformat(), why=str(fault)[:300])
        return None
    if compared.open:
        log.error("gateway differs", gateway=gateway, day=day.isoformat(), **compared.counts)
    return compared


def prove(services: Services) -> Proof:
    """Prove the books, remember the outcome, and be loud about a fault."""
    with services.reading() as session:
        proof = prove_books(session)
    with services.begin() as tx:
        record_proof(tx, proof)
    head = f"{proof.chain.head_seq}:{proof.chain.head_hash}"
    if proof.faults:
        log.error("books wrong", faults=proof.faults, first=proof.first_faults[:10], head=head)
    else:
        log.info("books proved", entries=proof.chain.sealed + proof.chain.waiting, head=head)
    return proof
