"""Jobs of money acts. Each is safe to run twice."""

from uuid import UUID

import structlog

from billing_core.errors import GatewayUnreachable
from billing_core.gateway_events import read_event
from billing_core.invoicing import run_billing
from billing_core.mandates import mandates_to_send, send_mandate
from helpdesk.billing_desk import approvals, disputes, gateway_notices, sending, transfers
from helpdesk.jobs.port import job
from helpdesk.services import Services

log = structlog.get_logger()


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
    """Bill the periods that have begun, collect what is open, and ask again where it failed."""
    run = run_billing(services.begin, services.gateways, batch=50)
    for id, fault in run.faults:
        log.error("not billed", subscription=str(id), fault=fault)
    for id, fault in run.dunning.faults:
        log.error("not asked again", invoice=str(id), fault=fault)


@job("read_gateway_event", queue="money", retry_on=GatewayUnreachable)
def read_gateway_event(services: Services, notice_id: str) -> None:
    """Read one notice of a gateway. Safe to run twice."""
    read_event(services.begin, services.gateways, UUID(notice_id))


@job("read_gateway_events", queue="money", every="*/15 * * * * *")
def read_gateway_events(services: Services) -> None:
    """Read the notices that lost their wake-up, and those that wait for their next try."""
    gateway_notices.read_due(services)


@job("tell_of_outside_refund", queue="default")
def tell_of_outside_refund(services: Services, refund_id: str) -> None:
    gateway_notices.tell_of_outside_refund(services, UUID(refund_id))


@job("send_mandates", queue="money", every="*/30 * * * * *")
def send_mandates(services: Services) -> None:
    """Ask payers for consents, end those that we cancelled, and hear how they stand."""
    with services.reading() as session:
        due = mandates_to_send(session, services.clock())
    for mandate_id in due:
        send_mandate(services.begin, services.gateways, mandate_id)


@job("tell_of_dispute", queue="default")
def tell_of_dispute(services: Services, dispute_id: str) -> None:
    disputes.tell_of_dispute(services, UUID(dispute_id))


@job("tell_of_contradiction", queue="default")
def tell_of_contradiction(services: Services, refund_id: str) -> None:
    disputes.tell_of_contradiction(services, UUID(refund_id))


@job("answer_disputes", queue="money", every="15 * * * * *")
def answer_disputes(services: Services) -> None:
    """Send the answers to disputes that wait, and ask how the open ones stand."""
    disputes.answer_disputes(services)


@job("forget_payees", queue="money", every="0 17 * * * *")
def forget_payees(services: Services) -> None:
    """Forget bank details that were typed for a transfer nobody confirmed."""
    transfers.forget_unused(services)
