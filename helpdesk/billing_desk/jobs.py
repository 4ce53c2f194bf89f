"""Jobs of money acts. Each is safe to run twice."""

from uuid import UUID

from billing_core.errors import GatewayUnreachable
from billing_core.invoicing import run_billing
from billing_core.payments import collect_batch, invoices_to_collect
from helpdesk.billing_desk import approvals, sending
from helpdesk.jobs.port import job
from helpdesk.services import Services


@job("send_refund", queue="money", retry_on=GatewayUnreachable)
def send_refund(services: Services, act_id: str) -> None:
    sending.send_refund(services, UUID(act_id))


@job("collect_change", queue="money", retry_on=GatewayUnreachable)
def collect_change(services: Services, act_id: str) -> None:
    sending.collect_change(services, UUID(act_id))


@job("finish_money_act", queue="money")
def finish_money_act(services: Services, act_id: str) -> None:
    sending.finish(services, UUID(act_id))


@job("expire_money_acts", queue="money", every="0 * * * * *")
def expire_money_acts(services: Services) -> None:
    approvals.expire_acts(services)


@job("reconcile_money", queue="money", every="*/15 * * * * *")
def reconcile_money(services: Services) -> None:
    sending.reconcile(services)


@job("bill_due", queue="money", every="30 * * * * *")
def bill_due(services: Services) -> None:
    """Bill the periods that have begun, and collect what nobody has tried to collect."""
    for gateway in services.gateways.values():
        run_billing(services.begin, gateway, batch=50)
        with services.reading() as session:
            untried = invoices_to_collect(session, services.clock(), limit=500)
        collect_batch(services.begin, gateway, untried)
