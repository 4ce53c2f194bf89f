"""A whole refund, from promise to settlement, and everything that may go wrong on the way."""

from uuid import UUID

import pytest
from sqlalchemy import update
from sqlalchemy.exc import DBAPIError

from billing_core.domain.money import Money
from billing_core.domain.refund import EDGES, STATES
from billing_core.errors import (
    AmountNotPositive,
    CurrencyMismatch,
    IllegalEdge,
    LineNotOfInvoice,
    LineTooSmall,
    NotFound,
    RefundTooLarge,
    StaleInputs,
    WrongState,
)
from billing_core.events import (
    RefundFailed,
    RefundReleased,
    RefundRequested,
    RefundSucceeded,
    RefundUnknown,
)
from billing_core.gateway_events import events_to_read, read_event, store_event
from billing_core.ledger import trial_balance
from billing_core.payments import record_capture
from billing_core.refunds import (
    RefundAsk,
    RefundOutcome,
    approve_refund,
    ask_from,
    payload_of,
    preview_refund,
    promise_refund,
    reconcile_refund,
    refund_to_send,
    refunds_to_reconcile,
    refunds_to_send,
    release_refund,
    send_refund,
    settle_refund,
)
from billing_core.store.invoice import CreditNote
from billing_core.store.payment import Refund

from .conftest import Company, brl


def ask(payment_id: UUID, minor: int = 5000, **more: object) -> RefundAsk:
    return RefundAsk(payment_id=payment_id, amount=brl(minor), reason="duplicate", **more)  # type: ignore[arg-type]


def promise(company: Company, payment_id: UUID, minor: int = 5000, *, held: bool = False) -> UUID:
    with company.begin() as tx:
        return promise_refund(tx, ask(payment_id, minor), held=held)


def refund_of(company: Company, refund_id: UUID) -> Refund:
    with company.begin() as tx:
        return tx.session.get_one(Refund, refund_id)


def note_of(company: Company, refund_id: UUID) -> CreditNote:
    with company.begin() as tx:
        return tx.session.get_one(CreditNote, tx.session.get_one(Refund, refund_id).credit_note_id)


def amounts(company: Company, payment_id: UUID) -> tuple[int, int]:
    payment = company.payment(payment_id)
    return payment.refunded_minor, payment.reserved_minor


def test_a_whole_refund_from_promise_to_the_books(company: Company) -> None:
    """The guided tour: promise, send, settle."""
    customer_id, _, payment_id = company.paying()

    refund_id = promise(company, payment_id, 12990)
    assert amounts(company, payment_id) == (0, 12990)
    assert note_of(company, refund_id).state == "draft"

    assert send_refund(company.begin, company.gateway, refund_id) == "succeeded"
    assert amounts(company, payment_id) == (12990, 0)
    assert company.gateway.refunds()[0].amount == brl(12990)
    assert refund_of(company, refund_id).gateway_ref == company.gateway.refunds()[0].ref
    note = note_of(company, refund_id)
    assert (note.state, note.number, note.series) == ("issued", 1, "NC-2026")
    with company.begin() as tx:
        books = trial_balance(tx.session)
    assert books["cash_at_gateway", "BRL"] == brl(0)
    assert books["refunds", "BRL"] == brl(12990)
    assert sum(money.minor for money in books.values()) == 0
    [invoice] = company.account(customer_id).invoices
    assert (invoice.payment_state, invoice.refundable) == ("refunded", brl(0))
    assert invoice.lines[0].credited == brl(12990)
    assert [type(event) for event in company.events if "Refund" in type(event).__name__] == [
        RefundRequested,
        RefundSucceeded,
    ]


def test_a_held_refund_reserves_but_is_not_sent_before_it_is_approved(
    small_company: Company,
) -> None:
    company = small_company
    _, _, payment_id = company.paying()
    refund_id = promise(company, payment_id, held=True)
    assert send_refund(company.begin, company.gateway, refund_id) is None
    assert amounts(company, payment_id) == (0, 5000)
    with company.begin() as tx:
        assert refunds_to_send(tx.session) == []
        approve_refund(tx, refund_id)
        approve_refund(tx, refund_id)
    with company.begin() as tx:
        assert refunds_to_send(tx.session) == [refund_id]
    assert send_refund(company.begin, company.gateway, refund_id) == "succeeded"
    assert [event.held for event in company.told(RefundRequested)] == [True, False]  # type: ignore[attr-defined]


def test_a_released_refund_gives_its_reservation_and_its_lines_back(company: Company) -> None:
    customer_id, _, payment_id = company.paying()
    refund_id = promise(company, payment_id, held=True)
    with company.begin() as tx:
        release_refund(tx, refund_id, "refused")
        release_refund(tx, refund_id, "refused")
    assert amounts(company, payment_id) == (0, 0)
    assert note_of(company, refund_id).state == "void"
    assert company.account(customer_id).invoices[0].refundable == brl(12990)
    assert len(company.told(RefundReleased)) == 1
    with company.begin() as tx, pytest.raises(WrongState):
        approve_refund(tx, refund_id)
    assert send_refund(company.begin, company.gateway, refund_id) is None


def test_what_was_sent_cannot_be_released(small_company: Company) -> None:
    _, _, payment_id = small_company.paying()
    refund_id = promise(small_company, payment_id)
    refund_to_send(small_company.begin, refund_id)
    with small_company.begin() as tx, pytest.raises(WrongState):
        release_refund(tx, refund_id, "expired")


def test_a_declined_refund_fails_and_releases_the_money(company: Company) -> None:
    customer_id, _, payment_id = company.paying()
    company.gateway.behave("decline", on="refund", code="account_closed")
    refund_id = promise(company, payment_id)
    assert send_refund(company.begin, company.gateway, refund_id) == "failed"
    assert amounts(company, payment_id) == (0, 0)
    [event] = company.told(RefundFailed)
    assert isinstance(event, RefundFailed)
    assert (event.code, event.reversed) == ("account_closed", False)
    assert company.account(customer_id).invoices[0].refundable == brl(12990)
    again = promise(company, payment_id, 12990)
    assert again != refund_id
    assert send_refund(company.begin, company.gateway, again) == "succeeded"


@pytest.mark.parametrize("act", ["drop_before", "drop_after"])
def test_no_answer_keeps_the_reservation_until_the_gateway_answers(
    company: Company, act: str
) -> None:
    _, _, payment_id = company.paying()
    company.gateway.behave(act, on="refund")  # type: ignore[arg-type]
    refund_id = promise(company, payment_id)
    assert send_refund(company.begin, company.gateway, refund_id) == "unknown"
    assert amounts(company, payment_id) == (0, 5000)
    assert len(company.told(RefundUnknown)) == 1
    company.forward(hours=100)  # age alone decides nothing
    with company.begin() as tx:
        assert refunds_to_reconcile(tx.session, company.at) == [refund_id]
    assert reconcile_refund(company.begin, company.gateway, refund_id) == "succeeded"
    assert len(company.gateway.refunds()) == 1
    assert amounts(company, payment_id) == (5000, 0)
    with company.begin() as tx:
        assert refunds_to_reconcile(tx.session, company.at) == []


def test_a_gateway_that_stays_silent_changes_nothing(small_company: Company) -> None:
    company = small_company
    _, _, payment_id = company.paying()
    company.gateway.behave("drop_after", on="refund", times=2)
    refund_id = promise(company, payment_id)
    assert send_refund(company.begin, company.gateway, refund_id) == "unknown"
    assert send_refund(company.begin, company.gateway, refund_id) == "unknown"
    company.gateway.behave("drop_before", on="find")
    assert reconcile_refund(company.begin, company.gateway, refund_id) is None
    assert refund_of(company, refund_id).state == "unknown"
    assert len(company.told(RefundUnknown)) == 1
    assert len(company.gateway.refunds()) == 1
    assert reconcile_refund(company.begin, company.gateway, refund_id) == "succeeded"


def test_a_crash_between_the_gateway_and_our_commit_refunds_once(company: Company) -> None:
    _, _, payment_id = company.paying()
    refund_id = promise(company, payment_id)
    order = refund_to_send(company.begin, refund_id)
    assert order is not None
    company.gateway.refund(payment_ref=order.payment_ref, amount=order.amount, key=order.key)
    # Here the process dies. After the restart the same refund is sent again.
    assert refund_of(company, refund_id).state == "sending"
    assert send_refund(company.begin, company.gateway, refund_id) == "succeeded"
    assert len(company.gateway.refunds()) == 1
    assert len(company.told(RefundSucceeded)) == 1


def test_settling_twice_moves_the_money_once(company: Company) -> None:
    _, _, payment_id = company.paying()
    refund_id = promise(company, payment_id)
    refund_to_send(company.begin, refund_id)
    for _ in range(3):
        assert settle_refund(company.begin, refund_id, RefundOutcome("succeeded", "re_1")) == (
            "succeeded"
        )
    assert settle_refund(company.begin, refund_id, RefundOutcome("unknown")) == "succeeded"
    assert amounts(company, payment_id) == (5000, 0)
    assert len(company.told(RefundSucceeded)) == 1


def test_a_late_answer_arrives_as_a_notice_and_repeats_do_nothing(company: Company) -> None:
    _, _, payment_id = company.paying()
    company.gateway.behave("late", on="refund")
    refund_id = promise(company, payment_id)
    assert send_refund(company.begin, company.gateway, refund_id) == "pending"
    assert settle_refund(company.begin, refund_id, RefundOutcome("unknown")) == "pending"
    assert amounts(company, payment_id) == (0, 5000)
    [notice] = company.gateway.settle_pending()
    with company.begin() as tx:
        first = store_event(tx, "sandbox", notice)
        assert store_event(tx, "sandbox", notice) == first
        assert events_to_read(tx.session, company.at) == [first]
    for _ in range(2):
        assert read_event(company.begin, company.gateways, first) == "read"
    with company.begin() as tx:
        assert events_to_read(tx.session, company.at) == []
    assert amounts(company, payment_id) == (5000, 0)
    assert len(company.told(RefundSucceeded)) == 1


def test_a_refund_that_comes_back_later_is_booked_back(company: Company) -> None:
    customer_id, _, payment_id = company.paying()
    refund_id = promise(company, payment_id, 12990)
    send_refund(company.begin, company.gateway, refund_id)
    notice = company.gateway.bounce_refund(str(refund_id))
    with company.begin() as tx:
        stored = store_event(tx, "sandbox", notice)
    read_event(company.begin, company.gateways, stored)
    assert refund_of(company, refund_id).state == "failed"
    assert amounts(company, payment_id) == (0, 0)
    [event] = company.told(RefundFailed)
    assert isinstance(event, RefundFailed)
    assert (event.reversed, event.code) == (True, "account_closed")
    assert company.account(customer_id).invoices[0].refundable == brl(12990)
    with company.begin() as tx:
        assert trial_balance(tx.session)["cash_at_gateway", "BRL"] == brl(12990)


def test_a_final_state_hears_nothing_more(small_company: Company) -> None:
    company = small_company
    _, _, payment_id = company.paying()
    company.gateway.behave("decline", on="refund")
    refund_id = promise(company, payment_id)
    send_refund(company.begin, company.gateway, refund_id)
    for word in ("pending", "unknown", "failed"):
        outcome = RefundOutcome(word, "x")
        assert settle_refund(company.begin, refund_id, outcome) == "failed"
    assert amounts(company, payment_id) == (0, 0)


def test_an_answer_to_something_never_sent_is_a_defect(small_company: Company) -> None:
    _, _, payment_id = small_company.paying()
    refund_id = promise(small_company, payment_id, held=True)
    with pytest.raises(IllegalEdge):
        settle_refund(small_company.begin, refund_id, RefundOutcome("succeeded", "x"))


@pytest.mark.parametrize(
    ("amount", "refusal"),
    [
        (brl(12991), RefundTooLarge),
        (brl(10**9), RefundTooLarge),
        (brl(0), AmountNotPositive),
        (brl(-1), AmountNotPositive),
        (Money(1, "USD"), CurrencyMismatch),
    ],
)
def test_an_impossible_amount_is_refused_and_changes_nothing(
    small_company: Company, amount: Money, refusal: type[Exception]
) -> None:
    company = small_company
    _, _, payment_id = company.paying()
    request = RefundAsk(payment_id=payment_id, amount=amount, reason="other")
    with company.begin() as tx:
        with pytest.raises(refusal):
            preview_refund(tx.session, request, tx.at)
        with pytest.raises(refusal):
            promise_refund(tx, request, held=False)
    assert amounts(company, payment_id) == (0, 0)
    assert company.told(RefundRequested) == []


def test_what_does_not_exist_is_not_found(small_company: Company) -> None:
    company = small_company
    nothing = company.new_id()
    with company.begin() as tx:
        with pytest.raises(NotFound):
            preview_refund(tx.session, ask(nothing), tx.at)
        with pytest.raises(NotFound):
            promise_refund(tx, ask(nothing), held=False)
        with pytest.raises(NotFound):
            approve_refund(tx, nothing)


def test_one_act_makes_one_refund(company: Company) -> None:
    _, _, payment_id = company.paying()
    act = company.new_id()
    with company.begin() as tx:
        first = promise_refund(tx, ask(payment_id, money_act_id=act), held=False)
    with company.begin() as tx:
        assert promise_refund(tx, ask(payment_id, money_act_id=act), held=False) == first
    assert amounts(company, payment_id) == (0, 5000)


def test_two_equal_partial_refunds_are_two_refunds(small_company: Company) -> None:
    company = small_company
    _, _, payment_id = company.paying()
    for _ in range(2):
        send_refund(company.begin, company.gateway, promise(company, payment_id))
    assert amounts(company, payment_id) == (10000, 0)
    with company.begin() as tx, pytest.raises(RefundTooLarge) as refused:
        promise_refund(tx, ask(payment_id), held=False)
    assert refused.value.left == brl(2990)


def test_the_preview_says_what_the_promise_does(company: Company) -> None:
    customer_id, _, payment_id = company.paying()
    with company.begin() as tx:
        preview = preview_refund(tx.session, ask(payment_id), tx.at)
    rows = {row.item: (row.before, row.after) for row in preview.rows}
    assert preview.amount == brl(5000)
    assert rows["payment.kept"] == (brl(12990), brl(7990))
    assert rows["payment.left"] == (brl(12990), brl(7990))
    assert rows["invoice.left"] == (brl(12990), brl(7990))
    assert rows["credit.balance"] == (brl(0), brl(0))
    assert rows["next_charge"] == (brl(12990), brl(12990))
    assert rows["subscription.state"] == ("active", "active")
    with company.begin() as tx:
        promise_refund(tx, ask(payment_id), held=False, expected=preview.inputs_hash)
    assert company.account(customer_id).invoices[0].refundable == rows["payment.left"][1]


def test_a_preview_of_an_account_that_changed_is_refused(company: Company) -> None:
    _, _, payment_id = company.paying()
    with company.begin() as tx:
        preview = preview_refund(tx.session, ask(payment_id), tx.at)
    promise(company, payment_id, 100)
    with company.begin() as tx, pytest.raises(StaleInputs):
        promise_refund(tx, ask(payment_id), held=False, expected=preview.inputs_hash)
    assert amounts(company, payment_id) == (0, 100)


def test_the_ask_survives_its_payload() -> None:
    from uuid import uuid4

    for act in (None, uuid4()):
        request = ask(uuid4(), 7, money_act_id=act, lines=((uuid4(), brl(7)),))
        assert ask_from(payload_of(request)) == request


def test_lines_may_be_named_and_are_checked_one_by_one(small_company: Company) -> None:
    company = small_company
    customer_id, _, payment_id = company.paying()
    [line] = company.lines(company.invoice(customer_id).id)
    with company.begin() as tx:
        refused = [
            (((line.id, brl(12991)),), 12990, LineTooSmall),
            (((line.id, brl(4000)),), 5000, RefundTooLarge),
            (((payment_id, brl(5000)),), 5000, LineNotOfInvoice),
            (((line.id, Money(5000, "USD")),), 5000, CurrencyMismatch),
            (((line.id, brl(2500)), (line.id, brl(2500))), 5000, LineNotOfInvoice),
        ]
        for lines, minor, refusal in refused:
            with pytest.raises(refusal):
                promise_refund(tx, ask(payment_id, minor, lines=lines), held=False)
        promise_refund(tx, ask(payment_id, lines=((line.id, brl(5000)),)), held=False)
    assert company.lines(company.invoice(customer_id).id)[0].credited_minor == 5000


def test_money_without_an_invoice_is_refunded_without_touching_one(company: Company) -> None:
    customer_id, _, payment_id = company.paying()
    paid = company.payment(payment_id)
    key = company.gateway.charges()[0].key
    again = company.gateway.repeat_capture(key)
    with company.begin() as tx:
        surplus = record_capture(
            tx,
            customer_id=customer_id,
            amount=again.amount,
            gateway="sandbox",
            gateway_ref=again.ref,
            payment_method_id=paid.payment_method_id,
        )
    with company.begin() as tx:
        preview = preview_refund(tx.session, ask(surplus, 12990), tx.at)
    assert "invoice.left" not in {row.item for row in preview.rows}
    refund_id = promise(company, surplus, 12990)
    assert send_refund(company.begin, company.gateway, refund_id) == "succeeded"
    view = company.account(customer_id)
    assert view.invoices[0].refundable == brl(12990)
    assert view.payments_without_invoice[0].refundable == brl(0)
    with company.begin() as tx:
        assert trial_balance(tx.session)["unapplied_payments", "BRL"] == brl(0)


def test_the_gateway_refuses_more_than_it_has(small_company: Company) -> None:
    """Somebody refunded in the gateway's own console: ours fails, nothing is lost."""
    company = small_company
    _, _, payment_id = company.paying()
    ref = company.payment(payment_id).gateway_ref
    company.gateway.refund(payment_ref=ref, amount=brl(10000), key="outside")
    refund_id = promise(company, payment_id)
    assert send_refund(company.begin, company.gateway, refund_id) == "failed"
    assert amounts(company, payment_id) == (0, 0)


@pytest.mark.parametrize("before", STATES)
def test_the_database_itself_refuses_an_illegal_step(company: Company, before: str) -> None:
    _, _, payment_id = company.paying()
    refund_id = promise(company, payment_id, held=True)
    path = {
        "awaiting_approval": [],
        "requested": ["requested"],
        "released": ["released"],
        "sending": ["requested", "sending"],
        "pending": ["requested", "sending", "pending"],
        "unknown": ["requested", "sending", "unknown"],
        "succeeded": ["requested", "sending", "succeeded"],
        "failed": ["requested", "sending", "failed"],
    }[before]

    def step(state: str) -> None:
        with company.begin() as tx:
            tx.session.execute(update(Refund).where(Refund.id == refund_id).values(state=state))

    for state in path:
        step(state)
    for after in STATES:
        if after == before or after in EDGES[before]:
            continue
        with pytest.raises(DBAPIError):
            step(after)
    assert refund_of(company, refund_id).state == before
    _undo(company, refund_id)


def _undo(company: Company, refund_id: UUID) -> None:
    """These steps moved no money: take the row away, so that the books can be checked."""
    from billing_core.store.payment import Payment

    with company.begin() as tx:
        refund = tx.session.get_one(Refund, refund_id)
        tx.session.get_one(Payment, refund.payment_id).reserved_minor = 0
        tx.session.delete(refund)
