"""Work about customers that nobody waits for."""

from uuid import UUID

from helpdesk.customers import ended_consents, late_payments
from helpdesk.customers.findings import look_again
from helpdesk.jobs.port import job
from helpdesk.services import Services


@job("look_for_duplicates")
def look_for_duplicates(services: Services, customer_id: str) -> None:
    """Look for doubled charges of one customer. Safe to run twice."""
    look_again(services, UUID(customer_id))


@job("open_late_payment")
def open_late_payment(services: Services, payment_id: str, invoice_id: str) -> None:
    """Open the ticket about money that came too late. Safe to run twice."""
    late_payments.open_late_payment(services, UUID(payment_id), UUID(invoice_id))


@job("tell_of_ended_consent")
def tell_of_ended_consent(services: Services, mandate_id: str) -> None:
    """Open the ticket about a standing consent that its payer has ended. Safe to run twice."""
    ended_consents.tell_of_ended_consent(services, UUID(mandate_id))
