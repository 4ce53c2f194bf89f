"""Pix's special return (MED): a bank claims a fraud, and ours keeps the money back until it is decided."""

from collections.abc import Iterator
from datetime import UTC, timedelta
from uuid import UUID

import pytest
from sqlalchemy import select

from billing_core.disputes import accept_dispute, contest_dispute, send_answer, sync_dispute
from billing_core.domain.dispute import hold_of
from billing_core.errors import RefundTooLarge
from billing_core.events import DisputeOpened
from billing_core.gateway_events import store_event
from billing_core.ledger import trial_balance
from billing_core.notices import dump_event, load_event
from billing_core.payments import collect_invoice
from billing_core.ports import DisputeNotice, GatewayEvent
from billing_core.reconcile import reconcile_day
from billing_core.refunds import RefundAsk, promise_refund
from billing_core.store.dispute import Dispute
from billing_core.store.payment import Payment
from billing_core.subscriptions import NewMethod, add_payment_method, use_payment_method
from helpdesk.demo.bank_standin.reading import Refused
from helpdesk.demo.bank_standin.server import BankStandIn

from .conftest import Company, brl
from .test_mandates import Town


@pytest.fixture
def town(company: Company) -> Iterator[Town]:
    with BankStandIn(lambda: company.at) as bank:
        yield Town(company, bank)


def paid(town: Town) -> Payment:
    """Pay the open month by Pix."""
    with town.company.begin() as tx:
        method_id = add_payment_method(
            tx,
            NewMethod(customer_id=town.customer_id, kind="pix", token="payer-1", gateway="pix"),
        )
        use_payment_method(tx, town.subscription_id, method_id)
    collect_invoice(town.company.begin, town.gateways, town.invoice_id())
    [charge] = town.bank.books.charges()
    town.bank.books.pay(charge.id)
    assert town.hear() == ["read"]
    return payment_of(town)


def payment_of(town: Town) -> Payment:
    with town.company.begin() as tx:
        return tx.session.scalars(select(Payment)).one()


def claimed(town: Town, minor: int = 129_90) -> Dispute:
    asked = town.bank.books.claim_fraud(paid(town).gateway_ref, minor)
    assert set(town.hear()) == {"read"}
    row = dispute_of(town)
    assert row.gateway_ref == asked.id
    return row


def dispute_of(town: Town) -> Dispute:
    with town.company.begin() as tx:
        return tx.session.scalars(select(Dispute)).one()


def cash(town: Town) -> int:
    with town.company.begin() as tx:
        return trial_balance(tx.session)["cash_at_gateway", "BRL"].minor


def answer(town: Town, *, agrees: bool) -> str | None:
    dispute_id = dispute_of(town).id
    with town.company.begin() as tx:
        answer_id: UUID = (
            accept_dispute(tx, dispute_id)
            if agrees
            else contest_dispute(tx, dispute_id, {"communication": "She used it for a month."})
        )
    return send_answer(town.company.begin, town.pix, answer_id)


def test_what_a_bank_claims_is_kept_back_and_cannot_be_refunded(town: Town) -> None:
    row = claimed(town, 100_00)
    assert (row.kind, row.state, row.reason) == ("special_return", "needs_response", "fraud")
    assert row.respond_by == (town.company.at + timedelta(days=7)).astimezone(UTC)
    assert payment_of(town).disputed_minor == 100_00
    assert cash(town) == 29_90
    ask = RefundAsk(payment_id=payment_of(town).id, amount=brl(30_00), reason="goodwill")
    with town.company.begin() as tx, pytest.raises(RefundTooLarge):
        promise_refund(tx, ask, held=False)
    [told] = town.company.told(DisputeOpened)
    assert isinstance(told, DisputeOpened)
    assert told.kind == "special_return"


def test_who_agrees_gives_the_money_back_through_the_bank(town: Town) -> None:
    claimed(town)
    assert answer(town, agrees=True) == "sent"
    assert set(town.hear()) == {"read"}
    row = dispute_of(town)
    assert (row.state, hold_of("accepted")) == ("accepted", "lost")
    assert cash(town) == 0
    assert town.company.faults() == []


@pytest.mark.parametrize(
    ("give_back", "state", "left"), [(False, "won", 129_90), (True, "lost", 0)]
)
def test_who_objects_waits_for_what_the_banks_decide(
    town: Town, give_back: bool, state: str, left: int
) -> None:
    row = claimed(town)
    assert answer(town, agrees=False) == "sent"
    asked = town.bank.books.special_return(row.gateway_ref)
    assert asked.words == {"communication": "She used it for a month."}
    assert dispute_of(town).state == "under_review"
    town.bank.books.decide_return(asked.id, give_back=give_back)
    assert sync_dispute(town.company.begin, town.pix, row.id) == state
    assert cash(town) == left


def test_the_banks_report_tells_of_it(town: Town) -> None:
    claimed(town, 50_00)
    day = town.company.at.date()
    assert reconcile_day(town.company.begin, town.pix, day).counts == {"matched": 2}


def test_nobody_claims_what_was_not_paid_or_long_ago(town: Town) -> None:
    payment = paid(town)
    town.company.forward(days=81)
    with pytest.raises(Refused):
        town.bank.books.claim_fraud(payment.gateway_ref, 100)


def test_an_answer_about_an_unknown_return_is_refused(town: Town) -> None:
    row = claimed(town)
    with town.company.begin() as tx:
        tx.session.get_one(Dispute, row.id).gateway_ref = "unknown"
    assert sync_dispute(town.company.begin, town.pix, row.id) is None
    assert answer(town, agrees=True) == "failed"


def test_a_notice_kept_before_there_were_returns_is_a_chargeback(small_company: Company) -> None:
    notice = DisputeNotice("dp_1", "ch_1", "needs_response", "fraudulent", brl(100), None)
    event = GatewayEvent("evt_1", "dispute", dispute=notice, payment_ref="ch_1")
    with small_company.begin() as tx:
        store_event(tx, "sandbox", event)
    said = dump_event(event)
    assert load_event(said) == event
    del said["dispute"]["kind"]
    assert load_event(said) == event
