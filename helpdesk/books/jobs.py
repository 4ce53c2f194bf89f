"""Sweeps over the books."""

from billing_core.sealing import seal_ledger as seal
from helpdesk.books import service
from helpdesk.jobs.port import job
from helpdesk.services import Services


@job("seal_ledger", queue="money", every="*/5 * * * * *")
def seal_ledger(services: Services) -> None:
    seal(services.begin)


@job("reconcile_gateways", queue="money", every="0 10 4 * * *")
def reconcile_gateways(services: Services) -> None:
    service.reconcile_gateways(services)


@job("prove_books", queue="money", every="0 30 4 * * *")
def prove_books(services: Services) -> None:
    service.prove(services)
