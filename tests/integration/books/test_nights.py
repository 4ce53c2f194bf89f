"""What happens to the books by itself: sealed, compared, proved, and shown in the figures."""

from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import text

from billing_core.store.ledger import LedgerProof
from helpdesk.app import create_app
from helpdesk.books import service
from helpdesk.jobs.port import run_job
from helpdesk.services import Services
from tests.conftest import TestClock

from .conftest import Sold


@pytest.fixture
def sold(services: Services, sell: Callable[[Services], Sold]) -> Sold:
    return sell(services)


def figures(services: Services) -> dict[str, float]:
    app: Flask = create_app(services.settings, services=services)
    body = app.test_client().get("/metrics").get_data(as_text=True)
    lines = [line.rsplit(" ", 1) for line in body.splitlines() if line[0] != "#"]
    return {name: float(value) for name, value in lines}


def test_a_good_night_leaves_a_proof_with_the_head_of_the_chain(
    sold: Sold, clock: TestClock
) -> None:
    services = sold.services
    run_job(services, "seal_ledger", ())
    clock.forward(days=1)
    run_job(services, "reconcile_gateways", ())
    run_job(services, "prove_books", ())
    with services.begin() as tx:
        [proof] = tx.session.query(LedgerProof)
        assert (proof.faults, proof.entries, proof.head_seq) == (0, 2, 2)
    shown = figures(services)
    assert shown["guiche_books_faults"] == 0
    assert shown["guiche_ledger_sealed"] == 2
    assert shown["guiche_ledger_unsealed"] == 0
    assert shown["guiche_books_proved_timestamp_seconds"] == clock.at.timestamp()
    assert shown['guiche_gateway_differences{gateway="sandbox"}'] == 0


def test_before_the_first_proof_there_is_no_figure_of_it(services: Services) -> None:
    assert "guiche_books_faults" not in figures(services)


def test_a_difference_with_the_gateway_fails_the_proof(sold: Sold, clock: TestClock) -> None:
    services = sold.services
    with services.begin() as tx:
        tx.session.execute(text("UPDATE sandbox_charge SET amount_minor = 1"))
    clock.forward(days=1)
    [compared] = service.reconcile_gateways(services)
    assert compared.open == 1
    proof = service.prove(services)
    assert proof.first_faults == [
        "sandbox, 2026-11-17: 1 movements differ from the gateway's report"
    ]
    shown = figures(services)
    assert shown["guiche_books_faults"] == 1
    assert shown['guiche_gateway_differences{gateway="sandbox"}'] == 1


def test_days_that_still_differ_are_compared_again(sold: Sold, clock: TestClock) -> None:
    services = sold.services
    with services.begin() as tx:
        tx.session.execute(text("UPDATE sandbox_charge SET amount_minor = 1"))
    clock.forward(days=1)
    service.reconcile_gateways(services)
    with services.begin() as tx:
        tx.session.execute(text("UPDATE sandbox_charge SET amount_minor = 12990"))
    clock.forward(days=3)
    compared = service.reconcile_gateways(services)
    assert [(one.day.isoformat(), one.counts) for one in compared] == [
        ("2026-11-17", {"matched": 1}),
        ("2026-11-20", {}),
    ]


def test_a_gateway_without_a_report_is_left_for_the_next_night(sold: Sold) -> None:
    sold.services.gateways["sandbox"].behave("drop_before", on="report")  # type: ignore[attr-defined]
    assert service.reconcile_gateways(sold.services) == []
