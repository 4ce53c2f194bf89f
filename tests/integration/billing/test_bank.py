"""The bank's two gateways against the stand-in, beyond what every gateway must do."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import SimpleQueue
from threading import Thread
from uuid import uuid4

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
from billing_core.gateways.bank_line import SIGNATURE, BankAccess, paper_id
from billing_core.gateways.boleto import BoletoGateway
from billing_core.gateways.pix import PixGateway, Receiver
from billing_core.gateways.signing import sign_body
from billing_core.ports import MandateAsk, Receipt
from helpdesk.demo.bank_standin.reading import Refused
from helpdesk.demo.bank_standin.server import BankStandIn

NOW = datetime(2026, 11, 17, 15, 0, tzinfo=UTC)  # a Tuesday, noon in Brasília
RECEIVER = Receiver(key="pix@sabia.example", name="Sabiá Assinaturas", city="São Paulo")


def brl(minor: int) -> Money:
    return Money(minor, "BRL")


@dataclass
class Town:
    """A bank, its two gateways, and a clock that stands still until a test moves it."""

    at: datetime
    in_transaction: bool = False

    def open(self) -> "Town":
        self.bank = BankStandIn(lambda: self.at).start()
        access = BankAccess(self.bank.url, self.bank.token, self.bank.secret, timeout_s=5)
        self.pix = PixGateway(access, RECEIVER, transaction_is_open=lambda: self.in_transaction)
        self.boleto = BoletoGateway(access, transaction_is_open=lambda: self.in_transaction)
        return self

    def pix_charge(
        self, minor: int = 129_90, *, key: str = "", due_on: date | None = None
    ) -> Receipt:
        return self.pix.charge(
            method_token="payer-1",
            amount=brl(minor),
            key=key or str(uuid4()),
            reference="FAT-1",
            due_on=due_on,
        )

    def paid(self, minor: int = 129_90) -> Receipt:
        asked = self.pix_charge(minor)
        self.bank.books.pay(asked.ref)
        found = self.pix.find_charge(asked.key)
        assert found is not None
        assert found.state == "succeeded"
        return found

    def boleto_charge(self, *, due_on: date | None = date(2026, 11, 20)) -> Receipt:
        return self.boleto.charge(
            method_token="payer-1",
            amount=brl(129_90),
            key=str(uuid4()),
            reference="FAT-1",
            due_on=due_on,
        )

    def mandate(self, *, most: int | None = 200_00, accept: bool = True) -> Receipt:
        asked = self.pix.ask_mandate(
            MandateAsk(
                key=str(uuid4()),
                payer="payer-1",
                max_amount=None if most is None else brl(most),
                period="month",
                starts_on=date(2026, 12, 1),
            )
        )
        assert asked.state == "pending"
        self.bank.books.answer_mandate(asked.ref, accept=accept)
        return asked

    def automatic(
        self, mandate: Receipt, minor: int = 129_90, *, due_on: date | None, key: str = ""
    ) -> Receipt:
        return self.pix.charge(
            method_token=self.pix.method_token(mandate.ref),
            amount=brl(minor),
            key=key or str(uuid4()),
            reference="FAT-1",
            due_on=due_on,
        )


@pytest.fixture
def town() -> Iterator[Town]:
    made = Town(NOW).open()
    try:
        yield made
        assert made.bank.books.over_refunds() == []
    finally:
        made.bank.stop()


# ---- Pix ----


def test_a_pix_charge_is_a_code_that_leads_its_payer_to_that_charge(town: Town) -> None:
    asked = town.pix_charge(key="0191d1f0-0000-7000-8000-000000000001")
    assert asked.ref == "0191d1f0000070008000000000000001"
    assert asked.state == "pending"
    assert asked.pay_by is not None
    said = parse(asked.pay_by.code)
    assert said.valid
    assert (said.amount, said.name, said.city) == ("129.90", "Sabia Assinaturas", "Sao Paulo")
    assert asked.pay_by.expires_at == NOW + timedelta(days=1)
    town.bank.books.pay_code(asked.pay_by.code)
    found = town.pix.find_charge(asked.key)
    assert found == Receipt(asked.key, asked.ref, "succeeded", brl(129_90))


def test_a_due_day_ends_at_midnight_in_brasilia(town: Town) -> None:
    asked = town.pix_charge(due_on=date(2026, 11, 20))
    assert asked.pay_by is not None
    assert asked.pay_by.expires_at == datetime(2026, 11, 21, 2, 59, 59, tzinfo=UTC)


def test_an_expired_pix_charge_cannot_be_paid(town: Town) -> None:
    asked = town.pix_charge()
    town.at += timedelta(days=1)
    assert [one.id for one in town.bank.books.expire_due()] == [asked.ref]
    found = town.pix.find_charge(asked.key)
    assert found is not None
    assert (found.state, found.code, found.pay_by) == ("failed", "expired", None)
    with pytest.raises(Refused):
        town.bank.books.pay(asked.ref)
    with pytest.raises(GatewayDeclined, match="expired"):
        town.pix_charge(key=asked.key)


def test_a_withdrawn_pix_charge_cannot_be_paid_and_a_paid_one_not_withdrawn(town: Town) -> None:
    asked, paid = town.pix_charge(), town.paid()
    withdrawn = town.pix.withdraw(key=asked.key)
    assert (withdrawn.state, withdrawn.code) == ("failed", "withdrawn")
    with pytest.raises(Refused):
        town.bank.books.pay(asked.ref)
    assert town.pix.withdraw(key=paid.key).state == "succeeded"
    with pytest.raises(GatewayDeclined, match="no_such_charge"):
        town.pix.withdraw(key="never")


def test_a_refund_is_in_process_until_the_bank_has_carried_it_out(town: Town) -> None:
    paid = town.paid()
    asked = town.pix.refund(payment_ref=paid.ref, amount=brl(50_00), key="r1")
    assert asked.state == "pending"
    town.bank.books.settle_refunds()
    found = town.pix.find_refund("r1")
    assert found is not None
    assert (found.state, found.amount) == ("succeeded", brl(50_00))


def test_a_refund_that_the_bank_refused_can_be_asked_for_again_under_another_key(
    town: Town,
) -> None:
    paid = town.paid()
    town.pix.refund(payment_ref=paid.ref, amount=brl(129_90), key="r1")
    town.bank.books.settle_refunds(succeed=False)
    found = town.pix.find_refund("r1")
    assert found is not None
    assert (found.state, found.code) == ("failed", "no_balance")
    with pytest.raises(GatewayDeclined, match="no_balance"):
        town.pix.refund(payment_ref=paid.ref, amount=brl(129_90), key="r1")
    town.pix.refund(payment_ref=paid.ref, amount=brl(129_90), key="r2")
    town.bank.books.settle_refunds()
    again = town.pix.find_refund("r2")
    assert again is not None
    assert again.state == "succeeded"


def test_nothing_unpaid_or_unknown_is_refunded(town: Town) -> None:
    asked = town.pix_charge()
    with pytest.raises(GatewayDeclined, match="not_paid"):
        town.pix.refund(payment_ref=asked.ref, amount=brl(1), key="r1")
    with pytest.raises(GatewayDeclined, match="no_such_charge"):
        town.pix.refund(payment_ref="nowhere", amount=brl(1), key="r2")


def test_the_bank_carries_out_a_refund_that_is_too_large_and_tells_on_it() -> None:
    town = Town(NOW).open()
    try:
        paid = town.paid(100_00)
        for key in ("r1", "r2"):
            town.pix.refund(payment_ref=paid.ref, amount=brl(60_00), key=key)
        assert town.bank.books.over_refunds() == [paid.ref]
    finally:
        town.bank.stop()


def test_pix_moves_only_reais(town: Town) -> None:
    with pytest.raises(GatewayDeclined, match="currency"):
        town.pix.charge(method_token="p", amount=Money(1, "USD"), key="k", reference="r")
    assert town.bank.requests == []


def test_a_boleto_has_no_disputes_and_pix_only_those_the_bank_knows(town: Town) -> None:
    assert town.pix.find_dispute("x") is None
    assert town.boleto.find_dispute("x") is None
    with pytest.raises(GatewayDeclined, match="no_such_dispute"):
        town.pix.answer_dispute("x", evidence=None, key="k")
    with pytest.raises(GatewayDeclined, match="no_disputes"):
        town.boleto.answer_dispute("x", evidence=None, key="k")


def test_refund_windows_are_those_of_the_rail(town: Town) -> None:
    window = town.pix.refund_windows["pix"]
    assert window.last_day(paid_on=date(2026, 1, 1)) == date(2026, 4, 1)
    assert town.pix.refund_windows["pix_automatico"] == window
    assert not town.boleto.refund_windows["boleto"].open_on(NOW.date(), paid_on=NOW.date())


# ---- Pix Automático ----


def test_a_charge_under_an_accepted_mandate_is_taken_on_its_day(town: Town) -> None:
    mandate = town.mandate()
    found = town.pix.find_mandate(mandate.key)
    assert found is not None
    assert (found.state, found.amount) == ("succeeded", brl(200_00))
    asked = town.automatic(mandate, due_on=date(2026, 12, 1))
    assert (asked.state, asked.pay_by) == ("pending", None)
    town.bank.books.pay(asked.ref)
    paid = town.pix.find_charge(asked.key)
    assert paid is not None
    assert paid.state == "succeeded"


@pytest.mark.parametrize("accept", [True, False])
def test_without_consent_nothing_is_scheduled(town: Town, accept: bool) -> None:
    mandate = town.mandate(accept=accept)
    if accept:
        assert town.pix.cancel_mandate(key=mandate.key).code == "cancelled_by_receiver"
    else:
        found = town.pix.find_mandate(mandate.key)
        assert found is not None
        assert (found.state, found.code) == ("failed", "refused_by_payer")
    with pytest.raises(GatewayDeclined, match="mandate_ended"):
        town.automatic(mandate, due_on=date(2026, 12, 1))


def test_a_mandate_has_a_maximum_or_none(town: Town) -> None:
    with pytest.raises(GatewayDeclined, match="mandate_limit_exceeded"):
        town.automatic(town.mandate(most=129_89), due_on=date(2026, 12, 1))
    asked = town.automatic(town.mandate(most=None), 9_999_00, due_on=None)
    assert asked.state == "pending"


def test_cancelling_a_mandate_ends_what_is_scheduled_under_it(town: Town) -> None:
    mandate = town.mandate()
    asked = town.automatic(mandate, due_on=date(2026, 12, 1))
    town.bank.books.cancel_mandate(mandate.ref, "cancelled_by_payer")
    found = town.pix.find_charge(asked.key)
    assert found is not None
    assert (found.state, found.code) == ("failed", "mandate_ended")
    with pytest.raises(GatewayDeclined, match="no_such_mandate"):
        town.pix.cancel_mandate(key="never")
    assert town.pix.find_mandate("never") is None


def test_the_payer_may_cancel_a_scheduled_charge_until_the_day_before(town: Town) -> None:
    mandate = town.mandate()
    asked = town.automatic(mandate, due_on=date(2026, 11, 18))
    town.at = datetime(2026, 11, 18, 3, 0, tzinfo=UTC)  # midnight in Brasília
    with pytest.raises(Refused, match="too_late"):
        town.bank.books.payer_cancels(asked.ref)
    town.at -= timedelta(seconds=1)
    town.bank.books.payer_cancels(asked.ref)
    found = town.pix.find_charge(asked.key)
    assert found is not None
    assert (found.state, found.code) == ("failed", "cancelled_by_payer")


def test_an_automatic_charge_is_tried_again_three_times_within_seven_days(town: Town) -> None:
    mandate = town.mandate()
    for day in (1, 3, 5, 8):
        asked = town.automatic(mandate, due_on=date(2026, 12, day))
        with pytest.raises(GatewayDeclined, match="already_scheduled"):
            town.automatic(mandate, due_on=date(2026, 12, day))
        town.bank.books.refuse_payment(asked.ref)
    with pytest.raises(GatewayDeclined, match="too_many_retries"):
        town.automatic(mandate, due_on=date(2026, 12, 7))


def test_a_retry_after_seven_days_is_too_late(town: Town) -> None:
    mandate = town.mandate()
    first = town.automatic(mandate, due_on=date(2026, 12, 1))
    town.bank.books.refuse_payment(first.ref)
    with pytest.raises(GatewayDeclined, match="too_many_retries"):
        town.automatic(mandate, due_on=date(2026, 12, 9))


# ---- boleto ----


def test_a_boleto_has_a_line_and_a_barcode_that_say_amount_and_day(town: Town) -> None:
    asked = town.boleto_charge()
    assert asked.state == "pending"
    assert asked.pay_by is not None
    said = read_boleto(asked.pay_by.code, on=NOW.date())
    assert said == read_boleto(asked.pay_by.barcode, on=NOW.date())
    assert (said.amount, said.due_on) == (brl(129_90), date(2026, 11, 20))
    town.bank.books.pay_code(asked.pay_by.code)
    found = town.boleto.find_charge(asked.key)
    assert found == Receipt(asked.key, asked.ref, "succeeded", brl(129_90))


def test_a_withdrawn_boleto_can_still_be_paid_until_the_bank_has_closed_it(town: Town) -> None:
    town.at = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)  # a Friday: closed on Tuesday
    early, late = town.boleto_charge(), town.boleto_charge()
    for asked in (early, late):
        withdrawn = town.boleto.withdraw(key=asked.key)
        assert (withdrawn.state, withdrawn.code) == ("failed", "withdrawn")
    town.at = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)
    town.bank.books.pay(early.ref)
    found = town.boleto.find_charge(early.key)
    assert found is not None
    assert found.state == "succeeded"
    town.at = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)
    with pytest.raises(Refused):
        town.bank.books.pay(late.ref)


def test_a_boleto_gives_nothing_back_and_has_no_disputes(town: Town) -> None:
    with pytest.raises(GatewayDeclined, match="no_refund_rail"):
        town.boleto.refund(payment_ref="x", amount=brl(1), key="k")
    with pytest.raises(GatewayDeclined, match="no_disputes"):
        town.boleto.answer_dispute("x", evidence=None, key="k")
    assert town.boleto.find_refund("k") is None
    assert town.boleto.find_dispute("x") is None
    assert town.bank.requests == []


def test_a_boleto_without_a_due_day_gets_one_from_the_bank(town: Town) -> None:
    asked = town.boleto_charge(due_on=None)
    assert asked.pay_by is not None
    assert read_boleto(asked.pay_by.code, on=NOW.date()).due_on == date(2026, 11, 20)


def test_withdrawing_an_unknown_boleto_is_declined(town: Town) -> None:
    with pytest.raises(GatewayDeclined, match="no_such_charge"):
        town.boleto.withdraw(key="never")


# ---- the line ----


@pytest.mark.parametrize("act", ["drop_before", "drop_after", "error_before", "error_after"])
def test_a_broken_line_leaves_the_outcome_unknown_and_the_key_finds_out(
    town: Town, act: str
) -> None:
    town.bank.behave(act, on="charge")  # type: ignore[arg-type]
    with pytest.raises(GatewayUnreachable):
        town.pix_charge(key="k")
    found = town.pix.find_charge("k")
    assert (found is not None) is act.endswith("after")
    assert town.pix_charge(key="k").state == "pending"
    assert len(town.bank.books.charges()) == 1


def test_a_bank_that_does_not_answer_in_time_is_unreachable(town: Town) -> None:
    access = BankAccess(town.bank.url, town.bank.token, town.bank.secret, timeout_s=1)
    hasty = BoletoGateway(access, transaction_is_open=lambda: False)
    town.bank.behave("hold", on="charge")
    with pytest.raises(GatewayUnreachable):
        hasty.charge(method_token="p", amount=brl(1), key="k", reference="r")
    town.bank.release()
    assert town.boleto.find_charge("k") is not None


def test_wrong_credentials_are_no_refusal_of_the_charge(town: Town) -> None:
    access = BankAccess(town.bank.url, "wrong", town.bank.secret)
    stranger = BoletoGateway(access, transaction_is_open=lambda: False)
    with pytest.raises(GatewayUnreachable, match="401"):
        stranger.find_charge("k")


def test_nobody_at_the_address_is_unreachable() -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as gone:
        url = f"http://127.0.0.1:{gone.server_port}"
    nobody = BoletoGateway(BankAccess(url, "t", "s"), transaction_is_open=lambda: False)
    with pytest.raises(GatewayUnreachable):
        nobody.report(NOW.date())


@pytest.mark.parametrize(
    ("status", "body"),
    [
        pytest.param(404, b"<html>nothing here</html>", id="a-proxy's-404"),
        pytest.param(404, b'{"code": "no_such_address"}', id="another-address"),
        pytest.param(404, b"[]", id="json-of-somebody-else"),
        pytest.param(404, b'{"code": 7}', id="a-code-that-is-none"),
        pytest.param(200, b'{"key": "k"}', id="half-an-answer"),
        pytest.param(200, b'{"key": "k", "state": "?", "amount": "1.00"}', id="a-strange-state"),
        pytest.param(200, b"[]", id="a-list"),
        pytest.param(503, b'{"code": "busy"}', id="busy"),
        pytest.param(429, b'{"code": "slow_down"}', id="too-many"),
    ],
)
def test_an_answer_the_bank_did_not_write_says_nothing(status: int, body: bytes) -> None:
    class Odd(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Odd) as odd:
        thread = Thread(target=odd.serve_forever, daemon=True)
        thread.start()
        access = BankAccess(f"http://localhost:{odd.server_port}/", "t", "s")
        gateway = BoletoGateway(access, transaction_is_open=lambda: False)
        with pytest.raises(GatewayUnreachable):
            gateway.find_charge("k")
        odd.shutdown()
        thread.join()


@pytest.mark.parametrize("url", ["http://bank.example", "ftp://localhost", "https://", "bank"])
def test_credentials_never_cross_the_network_in_the_clear(url: str) -> None:
    with pytest.raises(ValueError, match="not the address of a bank"):
        BankAccess(url, "t", "s")


def test_a_secure_address_is_called_securely() -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as plain:
        thread = Thread(target=plain.handle_request, daemon=True)
        thread.start()
        access = BankAccess(f"https://127.0.0.1:{plain.server_port}", "t", "s", timeout_s=5)
        with pytest.raises(GatewayUnreachable, match="SSL"):
            BoletoGateway(access, transaction_is_open=lambda: False).find_charge("k")
        thread.join(timeout=10)


def test_the_bank_is_never_called_inside_a_transaction(town: Town) -> None:
    town.in_transaction = True
    calls: tuple[Callable[[], object], ...] = (
        town.pix_charge,
        town.boleto_charge,
        lambda: town.pix.find_charge("k"),
        lambda: town.pix.refund(payment_ref="x", amount=brl(1), key="k"),
        lambda: town.boleto.withdraw(key="k"),
        lambda: town.pix.report(NOW.date()),
    )
    for call in calls:
        with pytest.raises(TransactionOpen):
            call()
    assert town.bank.requests == []


def test_a_key_belongs_to_one_request_at_the_bank_too(town: Town) -> None:
    town.pix_charge(100, key="k")
    with pytest.raises(KeyReused):
        town.pix_charge(101, key="k")


def test_what_the_bank_cannot_read_is_declined(town: Town) -> None:
    with pytest.raises(GatewayDeclined, match="unreadable"):
        town.pix_charge(0)


def test_a_key_becomes_letters_and_digits_alone() -> None:
    assert paper_id("0191d1f0-0000-7000-8000-000000000001") == "0191d1f0000070008000000000000001"
    assert paper_id(paper_id("key-1")) == paper_id("key-1")
    assert len({paper_id(key) for key in ("a", "b", "ção" * 10, "x" * 99, "x_" * 15)}) == 5


# ---- notices and reports ----


def test_notices_say_what_asking_says(town: Town) -> None:
    paid = town.paid()
    town.pix.refund(payment_ref=paid.ref, amount=brl(1_00), key="r1")
    town.bank.books.settle_refunds()
    outside = town.bank.books.refund_outside(paid.ref, 2_00)
    mandate = town.mandate()
    events = [
        town.pix.read_events(one.body, town.bank.notices.headers(one), at=town.at)[0]
        for one in town.bank.notices.said("pix")
    ]
    assert [event.kind for event in events] == ["charge", "refund", "refund", "mandate"]
    assert events[0].receipt == paid
    assert events[1].receipt == town.pix.find_refund("r1")
    assert events[1].payment_ref == paid.ref
    made_outside = events[2].receipt
    assert made_outside is not None
    assert made_outside.key == made_outside.ref == outside.id
    assert town.pix.find_refund(outside.id) == made_outside
    assert events[3].receipt == town.pix.find_mandate(mandate.key)
    assert len({event.id for event in events}) == 4


def test_a_boleto_s_notice_goes_to_its_own_hook(town: Town) -> None:
    asked = town.boleto_charge()
    town.bank.books.pay(asked.ref)
    [notice] = town.bank.notices.said()
    assert notice.rail == "boleto"
    [event] = town.boleto.read_events(notice.body, town.bank.notices.headers(notice), at=town.at)
    assert event.receipt == town.boleto.find_charge(asked.key)


def test_a_notice_counts_only_when_it_is_signed_and_fresh(town: Town) -> None:
    town.paid()
    [notice] = town.bank.notices.said()
    headers = town.bank.notices.headers(notice)
    lower = {SIGNATURE.lower(): headers[SIGNATURE]}
    assert town.pix.read_events(notice.body, lower, at=town.at)
    for body, given, at in (
        (notice.body, {}, town.at),
        (notice.body + b" ", headers, town.at),
        (notice.body, headers, town.at + timedelta(minutes=6)),
        (notice.body, {SIGNATURE: sign_body(notice.body, "other", at=town.at)}, town.at),
    ):
        with pytest.raises(BadSignature):
            town.pix.read_events(body, given, at=at)


@pytest.mark.parametrize(
    "said",
    [
        "not json",
        "[]",
        "7",
        "{}",
        '{"id": "1", "kind": "weather", "weather": {}}',
        '{"id": "1", "kind": "charge", "charge": {"state": "CONCLUIDA"}}',
        '{"id": "1", "kind": "refund", "refund": null}',
    ],
)
def test_a_signed_notice_that_says_nothing_is_unreadable(town: Town, said: str) -> None:
    body = said.encode()
    signed = {SIGNATURE: sign_body(body, town.bank.secret, at=town.at)}
    with pytest.raises(UnreadableNotice):
        town.pix.read_events(body, signed, at=town.at)


def test_notices_are_repeated_and_reordered_on_demand_and_again_until_taken(town: Town) -> None:
    heard: list[str] = []
    answers = [503]

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            [event] = town.pix.read_events(body, dict(self.headers.items()), at=town.at)
            heard.append(event.id)
            self.send_response(answers.pop() if answers else 200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Hook) as hook:
        thread = Thread(target=hook.serve_forever, daemon=True)
        thread.start()
        town.bank.notices.point_to(pix=f"http://127.0.0.1:{hook.server_port}/hooks/gateways/pix")
        town.paid(), town.paid()
        first, second = (one.id for one in town.bank.notices.said())
        assert town.bank.notices.deliver(backwards=True) == [503, 200]
        assert town.bank.notices.deliver(copies=2) == [200, 200]
        assert town.bank.notices.deliver() == []
        assert heard == [second, first, second, second]
        hook.shutdown()
        thread.join()


def test_a_bank_may_say_everything_by_itself(town: Town) -> None:
    heard: SimpleQueue[bytes] = SimpleQueue()

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.end_headers()
            heard.put(body)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Hook) as hook:
        thread = Thread(target=hook.serve_forever, daemon=True)
        thread.start()
        url = f"http://127.0.0.1:{hook.server_port}"
        town.bank.notices.point_to(pix=f"{url}/pix", boleto=f"{url}/boleto")
        town.bank.say_at_once = True
        town.paid()
        [notice] = town.bank.notices.said()
        assert heard.get(timeout=30) == notice.body
        hook.shutdown()
        thread.join()


def test_the_daily_report_lists_what_moved_that_day_on_that_rail(town: Town) -> None:
    paid = town.paid()
    boleto = town.boleto_charge()
    town.bank.books.pay(boleto.ref)
    town.pix_charge()
    town.at += timedelta(days=1)
    town.pix.refund(payment_ref=paid.ref, amount=brl(1_00), key="r1")
    town.bank.books.settle_refunds()
    [charge] = town.pix.report(NOW.date())
    assert (charge.kind, charge.ref, charge.key, charge.amount, charge.at) == (
        "charge",
        paid.ref,
        paid.key,
        brl(129_90),
        NOW,
    )
    [refund] = town.pix.report(NOW.date() + timedelta(days=1))
    assert (refund.kind, refund.key, refund.amount) == ("refund", "r1", brl(1_00))
    [line] = town.boleto.report(NOW.date())
    assert line.key == boleto.key


def test_the_bank_refuses_requests_it_cannot_read(town: Town) -> None:
    connection = HTTPConnection("127.0.0.1", int(town.bank.url.rpartition(":")[2]), timeout=5)
    login = {"Authorization": f"Bearer {town.bank.token}"}
    for method, path, body, status in (
        ("PUT", "/v1/boletos/x", "{", 400),
        ("PUT", "/v1/boletos/x", "[]", 400),
        ("PUT", "/v1/boletos/x", json.dumps({"key": "x", "amount": "-1.00"}), 400),
        ("PUT", "/v1/boletos/x", json.dumps({"amount": "1.00"}), 400),
        ("PUT", "/v1/boletos/x", json.dumps({"key": "x", "amount": "1.00", "due_on": "?"}), 400),
        ("PUT", "/v1/pix/mandates/x", json.dumps({"key": "x"}), 400),
        ("GET", "/v1/report?rail=pix", "", 400),
        ("GET", "/v1/nothing", "", 404),
        ("GET", "/v1/boletos/x", "", 404),
    ):
        connection.request(method, path, body, login)
        answer = connection.getresponse()
        answer.read()
        assert answer.status == status, (method, path, body)
    connection.close()
