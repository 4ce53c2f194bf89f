"""What the sandbox can do beyond the contract: for demo and tests."""

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from datetime import UTC, date, datetime, timedelta

import pytest

from billing_core.domain.boleto import read_boleto
from billing_core.domain.brcode import parse
from billing_core.domain.money import Money
from billing_core.errors import (
    BadSignature,
    GatewayDeclined,
    GatewayUnreachable,
    KeyReused,
    TransactionOpen,
    UnreadableNotice,
)
from billing_core.gateways.sandbox import Sandbox
from billing_core.gateways.sandbox_hands import SIGNATURE_HEADER
from billing_core.gateways.signing import sign_body
from billing_core.ports import Receipt
from helpdesk.db import make_engine

AT = datetime(2026, 11, 17, 12, 0, tzinfo=UTC)


def brl(minor: int) -> Money:
    return Money(minor, "BRL")


class World:
    """One sandbox, a clock, and whether a transaction of ours is open."""

    def __init__(self, url: str) -> None:
        self.at = AT
        self.in_transaction = False
        self.engine = make_engine(url)
        self.box = Sandbox(
            self.engine,
            lambda: self.at,
            transaction_is_open=lambda: self.in_transaction,
            secret="whsec",
        )

    def charge(self, name: str = "one", *, method: str = "tok_visa", minor: int = 10000) -> Receipt:
        return self.box.charge(method_token=method, amount=brl(minor), key=name, reference="r")

    def refund(self, ref: str, minor: int = 10000, *, name: str = "back") -> Receipt:
        return self.box.refund(payment_ref=ref, amount=brl(minor), key=name)


@pytest.fixture
def world(sqlite_url: str) -> Iterator[World]:
    made = World(sqlite_url)
    yield made
    made.engine.dispose()


def test_it_refuses_to_be_called_inside_a_transaction(world: World) -> None:
    world.in_transaction = True
    box = world.box
    calls: tuple[Callable[[], object], ...] = (
        world.charge,
        lambda: world.refund("ch_1"),
        lambda: box.withdraw(key="x"),
        lambda: box.find_charge("x"),
        lambda: box.find_refund("x"),
        lambda: box.find_dispute("x"),
        lambda: box.answer_dispute("x", evidence=None, key="y"),
        lambda: box.report(AT.date()),
    )
    for call in calls:
        with pytest.raises(TransactionOpen):
            call()
    assert box.charges() == []


def test_a_rule_may_be_for_one_customer_or_one_key(world: World) -> None:
    world.box.behave("decline", on="charge", method_prefix="tok_ana", times=None)
    world.box.behave("decline", on="charge", key_prefix="bad-", code="lost_card")
    for method, name, declined in (
        ("tok_ana_1", "a", "card_declined"),
        ("tok_ana_1", "b", "card_declined"),
        ("tok_bia", "bad-1", "lost_card"),
        ("tok_bia", "bad-2", None),
    ):
        with nullcontext() if declined is None else pytest.raises(GatewayDeclined, match=declined):
            world.charge(name, method=method)
    world.box.behave_well()
    assert world.charge("c", method="tok_ana_1").state == "succeeded"


def test_a_rule_holds_for_as_many_calls_as_it_says(world: World) -> None:
    world.box.behave("drop_before", on="charge", times=2)
    for _ in range(2):
        with pytest.raises(GatewayUnreachable):
            world.charge()
    assert world.charge().state == "succeeded"


def test_calls_grouped_together_are_the_same_calls(world: World) -> None:
    with world.box.together():
        first = world.charge()
        assert world.charge() == first
        world.refund(first.ref, 100)
    assert [one.key for one in world.box.charges()] == ["one"]
    world.box.behave("decline", on="charge")
    with world.box.together(), pytest.raises(GatewayDeclined):
        world.charge("two")
    assert world.charge("three").state == "succeeded"


def test_a_repeated_capture_is_a_second_charge_with_its_own_reference(world: World) -> None:
    first = world.charge("once")
    again = world.box.repeat_capture("once")
    assert again.amount == first.amount
    assert again.ref != first.ref
    assert world.refund(again.ref).state == "succeeded"


def test_a_bounced_refund_can_be_given_again(world: World) -> None:
    first = world.charge()
    world.refund(first.ref, name="bounces")
    notice = world.box.bounce_refund("bounces")
    assert notice.receipt is not None
    assert (notice.receipt.state, notice.receipt.code) == ("failed", "account_closed")
    assert world.refund(first.ref, name="again").state == "succeeded"


def test_refunds_stop_at_what_was_charged(world: World) -> None:
    first = world.charge()
    world.refund(first.ref, 6000, name="a")
    with pytest.raises(GatewayDeclined, match="amount_too_large"):
        world.refund(first.ref, 6000, name="b")
    with pytest.raises(GatewayDeclined, match="amount_too_large"):
        world.box.refund(payment_ref=first.ref, amount=Money(1, "USD"), key="c")
    world.refund(first.ref, 4000, name="d")


def test_a_key_belongs_to_one_card_and_one_payment(world: World) -> None:
    first, second = world.charge("one"), world.charge("two")
    with pytest.raises(KeyReused):
        world.charge("one", method="tok_other")
    world.refund(first.ref, 100)
    with pytest.raises(KeyReused):
        world.refund(second.ref, 100)


@pytest.mark.parametrize(
    ("method", "days", "refused"),
    [
        pytest.param("tok_visa", 180, "", id="a-card-on-the-last-day"),
        pytest.param("tok_visa", 181, "refund_too_late", id="a-card-too-late"),
        pytest.param("pix_ana", 91, "refund_too_late", id="pix-too-late"),
        pytest.param("mandate_ana", 90, "", id="pix-automatico-on-the-last-day"),
        pytest.param("boleto_ana", 0, "refund_not_supported", id="a-boleto-never"),
    ],
)
def test_a_rail_takes_refunds_as_long_as_it_says(
    world: World, method: str, days: int, refused: str
) -> None:
    first = world.charge(method=method)
    if first.state == "pending":
        world.box.receive_payment("one")
    world.at += timedelta(days=days)
    with pytest.raises(GatewayDeclined, match=refused) if refused else nullcontext():
        world.refund(first.ref)


@pytest.mark.parametrize(
    ("method", "due_on", "until"),
    [
        pytest.param("pix_ana", None, AT + timedelta(days=1), id="pix-a-day"),
        pytest.param("boleto_ana", None, AT + timedelta(days=3), id="boleto-three-days"),
        pytest.param(
            "boleto_ana",
            date(2026, 11, 20),
            datetime(2026, 11, 21, tzinfo=UTC),
            id="until-the-due-day-ends",
        ),
    ],
)
def test_a_payer_is_told_how_and_until_when_to_pay(
    world: World, method: str, due_on: date | None, until: datetime
) -> None:
    receipt = world.box.charge(
        method_token=method, amount=brl(100), key="k", reference="r", due_on=due_on
    )
    assert receipt.pay_by is not None
    assert receipt.pay_by.expires_at == until
    assert receipt.pay_by.rail == method.partition("_")[0]
    if receipt.pay_by.rail == "pix":
        told = parse(receipt.pay_by.code)
        assert (told.error, told.crc_matches, told.amount) == ("", True, "1.00")
    else:
        for code in (receipt.pay_by.code, receipt.pay_by.barcode):
            assert read_boleto(code, on=AT.date()).amount == brl(100)


def test_a_boleto_that_was_withdrawn_can_still_be_paid(world: World) -> None:
    world.charge(method="boleto_ana")
    assert world.box.withdraw(key="one").code == "withdrawn"
    notice = world.box.receive_payment("one")
    assert notice.receipt is not None
    assert notice.receipt.state == "succeeded"


def test_a_withdrawal_that_gets_no_answer_may_have_happened(world: World) -> None:
    for act, state in (("drop_before", "pending"), ("drop_after", "failed")):
        world.charge(act, method="pix_ana")
        world.box.behave(act, on="withdraw")  # type: ignore[arg-type]
        with pytest.raises(GatewayUnreachable):
            world.box.withdraw(key=act)
        found = world.box.find_charge(act)
        assert found is not None
        assert found.state == state


def test_a_dispute_holds_its_amount_until_it_is_won(world: World) -> None:
    first = world.charge()
    opened = world.box.open_dispute("one", brl(10000)).dispute
    assert opened is not None
    with pytest.raises(GatewayDeclined, match="amount_too_large"):
        world.refund(first.ref, 1)
    told = world.box.decide_dispute(opened.ref, won=True).dispute
    assert told is not None
    assert told.state == "won"
    assert world.refund(first.ref, 1, name="now").state == "succeeded"


def test_a_lost_dispute_keeps_its_amount(world: World) -> None:
    first = world.charge()
    opened = world.box.open_dispute("one", brl(10000)).dispute
    assert opened is not None
    world.box.decide_dispute(opened.ref, won=False)
    with pytest.raises(GatewayDeclined):
        world.refund(first.ref, 1)


def test_one_answer_to_a_dispute_counts_once_by_its_key(world: World) -> None:
    world.charge()
    opened = world.box.open_dispute("one", brl(100)).dispute
    assert opened is not None
    for act in ("drop_before", "drop_after"):
        world.box.behave(act, on="answer")
        with pytest.raises(GatewayUnreachable):
            world.box.answer_dispute(opened.ref, evidence={"name": "Ana"}, key="k")
    world.box.answer_dispute(opened.ref, evidence={"name": "Ana"}, key="k")
    with pytest.raises(KeyReused):
        world.box.answer_dispute(opened.ref, evidence=None, key="k")
    with pytest.raises(GatewayDeclined):
        world.box.answer_dispute("dp_nowhere", evidence=None, key="k2")


@pytest.mark.parametrize("body", [b"{", b"[]", b"{}", b'{"events": [{}]}'])
def test_signed_nonsense_is_unreadable(world: World, body: bytes) -> None:
    headers = {SIGNATURE_HEADER.upper(): sign_body(body, "whsec", at=AT)}
    with pytest.raises(UnreadableNotice):
        world.box.read_events(body, headers, at=AT)


def test_without_a_secret_no_notice_is_believed(world: World) -> None:
    silent = Sandbox(world.engine, lambda: AT, transaction_is_open=lambda: False)
    with pytest.raises(BadSignature):
        silent.read_events(b"{}", {SIGNATURE_HEADER: sign_body(b"{}", "", at=AT)}, at=AT)


def test_a_late_answer_ends_when_it_is_settled(world: World) -> None:
    world.box.behave("late", on="charge", times=2)
    world.charge("a")
    first = world.charge("b")
    [one, two] = world.box.settle_pending(succeed=False)
    assert [event.receipt.state for event in (one, two) if event.receipt] == ["failed", "failed"]
    assert world.box.settle_pending() == []
    with pytest.raises(GatewayDeclined):
        world.refund(first.ref, 1)
