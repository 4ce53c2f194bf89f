"""A payer objects: what that blocks, what the books say, and how it is answered."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from billing_core.disputes import (
    accept_dispute,
    answer_to_send,
    answers_to_send,
    contest_dispute,
    disputes_due,
    disputes_to_sync,
    record_dispute,
    send_answer,
    sync_dispute,
)
from billing_core.domain.dispute import (
    LOST,
    OPEN,
    STATES,
    State,
    hold_of,
    may_follow,
    stage_of,
)
from billing_core.domain.money import Money
from billing_core.errors import (
    CurrencyMismatch,
    DeadlinePassed,
    NotFound,
    NothingToChange,
    RefundTooLarge,
    UnreadableNotice,
    WrongState,
)
from billing_core.events import DisputeAnswerFailed, DisputeChanged, DisputeOpened
from billing_core.gateway_events import read_event, store_event
from billing_core.ledger import trial_balance
from billing_core.ports import DisputeNotice
from billing_core.refunds import RefundAsk, promise_refund, release_refund, send_refund
from billing_core.store.dispute import Dispute, DisputeAnswer
from billing_core.store.payment import Refund

from .conftest import Company, brl

DUE = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)


def notice(
    company: Company,
    payment_id: UUID,
    state: str = "needs_response",
    minor: int = 12990,
    *,
    ref: str = "dp_1",
    respond_by: datetime | None = DUE,
) -> DisputeNotice:
    payment_ref = company.payment(payment_id).gateway_ref
    return DisputeNotice(ref, payment_ref, state, "fraudulent", brl(minor), respond_by)


def told(company: Company, one: DisputeNotice, *, asked: bool = False) -> UUID:
    with company.begin() as tx:
        dispute_id = record_dispute(tx, "sandbox", one, asked=asked)
    assert dispute_id is not None
    return dispute_id


def dispute(company: Company, dispute_id: UUID) -> Dispute:
    with company.begin() as tx:
        return tx.session.get_one(Dispute, dispute_id)


def refund(company: Company, payment_id: UUID, minor: int, **more: bool) -> UUID:
    with company.begin() as tx:
        ask = RefundAsk(payment_id=payment_id, amount=brl(minor), reason="x")
        return promise_refund(tx, ask, held=more.get("held", False))


def book(company: Company, *accounts: str) -> list[int]:
    with company.begin() as tx:
        books = trial_balance(tx.session)
    return [books.get((account, "BRL"), brl(0)).minor for account in accounts]


def opened(company: Company, payment_id: UUID, minor: int = 12990) -> UUID:
    """Let the sandbox's bank open a dispute, and hear of it by its notice."""
    key = next(
        one.key
        for one in company.gateway.charges()
        if one.ref == company.payment(payment_id).gateway_ref
    )
    event = company.gateway.open_dispute(key, brl(minor), respond_by=DUE)
    with company.begin() as tx:
        stored = store_event(tx, "sandbox", event)
    assert read_event(company.begin, company.gateways, stored) == "read"
    assert event.dispute is not None
    with company.begin() as tx:
        return tx.session.query(Dispute).filter_by(gateway_ref=event.dispute.ref).one().id


def test_a_dispute_blocks_what_it_claims_and_the_books_show_where_the_money_is(
    company: Company,
) -> None:
    _, _, payment_id = company.paying()
    dispute_id = opened(company, payment_id, 10000)
    assert company.payment(payment_id).disputed_minor == 10000
    assert book(company, "cash_at_gateway", "disputed_funds") == [2990, 10000]
    with pytest.raises(RefundTooLarge) as refused:
        refund(company, payment_id, 3000)
    assert refused.value.left == brl(2990)
    [event] = company.told(DisputeOpened)
    assert isinstance(event, DisputeOpened)
    assert (event.dispute_id, event.amount, event.reserved) == (dispute_id, brl(10000), brl(10000))
    assert event.respond_by == DUE


@pytest.mark.parametrize(("won", "books"), [(True, [12990, 0, 0]), (False, [2990, 0, 10000])])
def test_the_end_of_a_dispute_moves_the_money_back_or_away(
    company: Company, won: bool, books: list[int]
) -> None:
    _, _, payment_id = company.paying()
    dispute_id = opened(company, payment_id, 10000)
    ref = dispute(company, dispute_id).gateway_ref
    company.gateway.decide_dispute(ref, won=won)
    state = sync_dispute(company.begin, company.gateway, dispute_id)
    assert state == ("won" if won else "lost")
    assert book(company, "cash_at_gateway", "disputed_funds", "dispute_losses") == books
    assert company.payment(payment_id).disputed_minor == (0 if won else 10000)
    assert sync_dispute(company.begin, company.gateway, dispute_id) == state
    [changed] = company.told(DisputeChanged)
    assert isinstance(changed, DisputeChanged)
    assert (changed.before, changed.state) == ("needs_response", state)


def test_a_refund_that_has_left_is_linked_and_not_paid_twice(company: Company) -> None:
    _, _, payment_id = company.paying()
    refund_id = refund(company, payment_id, 9000)
    assert send_refund(company.begin, company.gateway, refund_id) == "succeeded"
    dispute_id = told(company, notice(company, payment_id))
    assert dispute(company, dispute_id).reserved_minor == 3990
    assert company.payment(payment_id).balance.left == brl(0)
    with company.begin() as tx:
        assert tx.session.get_one(Refund, refund_id).dispute_id == dispute_id
    # The gateway did take all of it, and the books do not pretend otherwise.
    assert book(company, "cash_at_gateway", "disputed_funds") == [-9000, 12990]
    event = company.gateway.bounce_refund(str(refund_id))
    with company.begin() as tx:
        stored = store_event(tx, "sandbox", event)
    read_event(company.begin, company.gateways, stored)
    assert dispute(company, dispute_id).reserved_minor == 12990


def test_a_promise_that_is_withdrawn_is_claimed_by_the_dispute(small_company: Company) -> None:
    company = small_company
    _, _, payment_id = company.paying()
    refund_id = refund(company, payment_id, 9000, held=True)
    dispute_id = told(company, notice(company, payment_id))
    with company.begin() as tx:
        assert tx.session.get_one(Refund, refund_id).dispute_id is None
        release_refund(tx, refund_id, "refused")
    assert company.payment(payment_id).disputed_minor == 12990
    assert dispute(company, dispute_id).reserved_minor == 12990


def test_two_disputes_share_what_is_there_the_older_first(small_company: Company) -> None:
    company = small_company
    _, _, payment_id = company.paying()
    first = told(company, notice(company, payment_id, minor=8000))
    company.forward(minutes=1)
    second = told(company, notice(company, payment_id, minor=8000, ref="dp_2"))
    assert [dispute(company, one).reserved_minor for one in (first, second)] == [8000, 4990]
    told(company, notice(company, payment_id, "won", minor=8000))
    assert [dispute(company, one).reserved_minor for one in (first, second)] == [0, 8000]


def test_a_warning_moves_nothing_and_lets_a_refund_prevent_the_dispute(
    small_company: Company,
) -> None:
    company = small_company
    _, _, payment_id = company.paying()
    dispute_id = told(company, notice(company, payment_id, "early_warning"))
    assert book(company, "cash_at_gateway", "disputed_funds") == [12990, 0]
    refund_id = refund(company, payment_id, 12990)
    assert send_refund(company.begin, company.gateway, refund_id) == "succeeded"
    told(company, notice(company, payment_id, "prevented"))
    assert dispute(company, dispute_id).state == "prevented"


def test_a_notice_told_twice_is_one_dispute_and_says_nothing_new(small_company: Company) -> None:
    company = small_company
    _, _, payment_id = company.paying()
    one = notice(company, payment_id)
    assert told(company, one) == told(company, one)
    assert len(company.told(DisputeOpened)) == 1
    assert company.told(DisputeChanged) == []


def test_a_late_notice_moves_nothing_back_but_an_answer_may(small_company: Company) -> None:
    company = small_company
    _, _, payment_id = company.paying()
    dispute_id = told(company, notice(company, payment_id, "lost"))
    assert book(company, "cash_at_gateway", "dispute_losses") == [0, 12990]
    told(company, notice(company, payment_id, "needs_response"))
    assert dispute(company, dispute_id).state == "lost"
    told(company, notice(company, payment_id, "won"), asked=True)
    assert dispute(company, dispute_id).state == "won"
    assert book(company, "cash_at_gateway", "disputed_funds", "dispute_losses") == [12990, 0, 0]


@pytest.mark.parametrize("first", STATES)
def test_whatever_the_gateway_answers_the_books_follow(
    small_company: Company, first: State
) -> None:
    """The fixture proves the books; here the reservation has to agree with the last word."""
    company = small_company
    price_id = company.price()
    for then in STATES:
        _, _, payment_id = company.paying(price_id)
        dispute_id = told(company, notice(company, payment_id, first, minor=5000, ref=then))
        told(company, notice(company, payment_id, then, minor=7000, ref=then), asked=True)
        row = dispute(company, dispute_id)
        claims = 0 if hold_of(then) == "none" else 7000
        assert (row.state, row.reserved_minor, row.held) == (then, claims, hold_of(then))
        assert company.payment(payment_id).disputed_minor == claims


@pytest.mark.parametrize("state", STATES)
def test_a_closed_dispute_is_never_open_again_by_a_pushed_notice(state: State) -> None:
    forward = {after for after in STATES if may_follow(state, after, asked=False)}
    assert state not in forward
    if stage_of(state) == "closed":
        assert forward <= {"pre_arbitration", *OPEN, *LOST}
    assert all(may_follow(state, after, asked=True) for after in STATES if after != state)


def test_a_deadline_that_moves_is_told(small_company: Company) -> None:
    company = small_company
    _, _, payment_id = company.paying()
    dispute_id = told(company, notice(company, payment_id))
    later = DUE + timedelta(days=3)
    told(company, notice(company, payment_id, respond_by=later))
    assert dispute(company, dispute_id).respond_by == later
    [event] = company.told(DisputeChanged)
    assert isinstance(event, DisputeChanged)
    assert event.before == event.state == "needs_response"


def test_a_dispute_of_a_charge_we_do_not_know_is_nobodys(small_company: Company) -> None:
    company = small_company
    with company.begin() as tx:
        one = DisputeNotice("dp_1", "ch_unknown", "lost", "fraudulent", brl(1), None)
        assert record_dispute(tx, "sandbox", one) is None
        with pytest.raises(NotFound):
            contest_dispute(tx, company.new_id(), {"text": "x"})


def test_a_notice_that_cannot_be_true_is_refused(small_company: Company) -> None:
    company = small_company
    _, _, payment_id = company.paying()
    ref = company.payment(payment_id).gateway_ref
    with company.begin() as tx:
        with pytest.raises(UnreadableNotice):
            record_dispute(tx, "sandbox", notice_of(ref, "sleeping", brl(1)))
        with pytest.raises(CurrencyMismatch):
            record_dispute(tx, "sandbox", notice_of(ref, "lost", Money(1, "USD")))


def notice_of(payment_ref: str, state: str, amount: Money) -> DisputeNotice:
    return DisputeNotice("dp_1", payment_ref, state, "fraudulent", amount, None)


def contest(company: Company, dispute_id: UUID) -> UUID:
    with company.begin() as tx:
        return contest_dispute(tx, dispute_id, {"communication": "She watched it."})


def test_evidence_is_a_row_first_and_arrives_once(company: Company) -> None:
    _, _, payment_id = company.paying()
    dispute_id = opened(company, payment_id)
    with company.begin() as tx:
        assert disputes_due(tx.session, DUE) == [dispute_id]
        assert disputes_due(tx.session, DUE - timedelta(seconds=1)) == []
    answer_id = contest(company, dispute_id)
    assert contest(company, dispute_id) == answer_id
    with company.begin() as tx:
        assert disputes_due(tx.session, DUE) == []
        assert answers_to_send(tx.session, company.at) == [answer_id]
    company.gateway.behave("drop_after", on="answer")
    assert send_answer(company.begin, company.gateway, answer_id) == "unknown"
    assert dispute(company, dispute_id).state == "needs_response"
    company.forward(minutes=5)
    with company.begin() as tx:
        assert answers_to_send(tx.session, company.at) == [answer_id]
    assert send_answer(company.begin, company.gateway, answer_id) == "sent"
    assert send_answer(company.begin, company.gateway, answer_id) is None
    assert answer_to_send(company.begin, answer_id) is None
    assert dispute(company, dispute_id).state == "under_review"
    with pytest.raises(WrongState):
        contest(company, dispute_id)


class SlowLine:
    """A way to the sandbox on which another worker overtakes every call."""

    name = "sandbox"

    def __init__(self, company: Company, answer_id: UUID) -> None:
        self.company, self.answer_id = company, answer_id

    def answer_dispute(self, ref: str, **more: object) -> None:
        send_answer(self.company.begin, self.company.gateway, self.answer_id)
        self.company.gateway.answer_dispute(ref, **more)  # type: ignore[arg-type]


def test_an_answer_that_two_workers_send_is_given_once(small_company: Company) -> None:
    company = small_company
    _, _, payment_id = company.paying()
    dispute_id = opened(company, payment_id)
    answer_id = contest(company, dispute_id)
    line = SlowLine(company, answer_id)
    assert send_answer(company.begin, line, answer_id) == "sent"  # type: ignore[arg-type]
    assert len(company.told(DisputeChanged)) == 1
    with pytest.raises(NotFound):
        send_answer(company.begin, company.gateway, company.new_id())


def test_an_accepted_dispute_is_lost_money(company: Company) -> None:
    _, _, payment_id = company.paying()
    dispute_id = opened(company, payment_id)
    with company.begin() as tx:
        answer_id = accept_dispute(tx, dispute_id, given_by=company.new_id())
    assert send_answer(company.begin, company.gateway, answer_id) == "sent"
    assert dispute(company, dispute_id).state == "accepted"
    assert book(company, "disputed_funds", "dispute_losses") == [0, 12990]


def test_an_answer_the_gateway_refuses_is_told_and_another_may_follow(company: Company) -> None:
    _, _, payment_id = company.paying()
    dispute_id = told(company, notice(company, payment_id, ref="dp_nobody_knows"))
    answer_id = contest(company, dispute_id)
    assert send_answer(company.begin, company.gateway, answer_id) == "failed"
    [event] = company.told(DisputeAnswerFailed)
    assert isinstance(event, DisputeAnswerFailed)
    assert event.code
    assert contest(company, dispute_id) != answer_id
    assert sync_dispute(company.begin, company.gateway, dispute_id) is None


def test_an_answer_after_the_deadline_or_without_a_word_is_refused(small_company: Company) -> None:
    company = small_company
    _, _, payment_id = company.paying()
    dispute_id = told(company, notice(company, payment_id))
    with company.begin() as tx, pytest.raises(NothingToChange):
        contest_dispute(tx, dispute_id, {"communication": "  "})
    company.forward(days=30)
    with pytest.raises(DeadlinePassed):
        contest(company, dispute_id)


def test_the_banks_decision_overrules_an_answer_on_its_way(small_company: Company) -> None:
    company = small_company
    _, _, payment_id = company.paying()
    dispute_id = opened(company, payment_id)
    answer_id = contest(company, dispute_id)
    order = answer_to_send(company.begin, answer_id)
    assert order is not None
    told(company, notice(company, payment_id, "lost", ref=order.ref), asked=True)
    assert send_answer(company.begin, company.gateway, answer_id) == "sent"
    assert dispute(company, dispute_id).state == "lost"
    with company.begin() as tx:
        assert tx.session.get_one(DisputeAnswer, answer_id).state == "sent"


def test_open_disputes_are_asked_about_from_time_to_time(small_company: Company) -> None:
    company = small_company
    _, _, payment_id = company.paying()
    dispute_id = opened(company, payment_id)
    company.forward(days=1)
    with company.begin() as tx:
        assert disputes_to_sync(tx.session, company.at) == [dispute_id]
    company.gateway.behave("drop_before", on="find")
    assert sync_dispute(company.begin, company.gateway, dispute_id) is None
    assert sync_dispute(company.begin, company.gateway, dispute_id) == "needs_response"
    with company.begin() as tx:
        assert disputes_to_sync(tx.session, company.at) == []
