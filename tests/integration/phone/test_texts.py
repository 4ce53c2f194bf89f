"""Texts in both directions against the sandbox phone network, in good and bad weather."""

import socket
import threading

import pytest

from channels.port import File, Outbound, Party, Receipt, Refused, Uncertain, Unreachable
from channels.sms.adapter import SmsAdapter
from channels.twilio_gate import Account
from tests.integration.phone.conftest import Line
from tests.servers.twilio_standin import ACCOUNT_SID, AUTH_TOKEN, Weather, nobody_listens

ANA = "+5511987654321"
OURS = "+551140041234"


def reply(
    text: str = "Devolvemos R$ 129,90.", *, channel: str = "sms", key: str = "k1"
) -> Outbound:
    kind = "whatsapp" if channel == "whatsapp" else "phone"
    return Outbound(
        key=key,
        channel=channel,
        to=Party(kind, ANA),  # type: ignore[arg-type]  # one of the two
        sender=OURS,
        text=text,
    )


def test_a_customers_text_arrives_once_however_often_it_is_posted(line: Line) -> None:
    sid = line.network.customer_texts(ANA, "Fui cobrada 2x 😡", to=OURS, copies=3)
    (item,) = line.door.messages()
    assert line.door.calls == 3
    assert (item.external_id, item.text) == (sid, "Fui cobrada 2x 😡")
    assert item.sender.value == ANA


def test_a_whatsapp_message_arrives_at_its_own_door(line: Line) -> None:
    line.network.customer_texts(
        f"whatsapp:{ANA}", "Oi", to=f"whatsapp:{OURS}", name="Ana", media=(("https://m/1", "a/b"),)
    )
    (item,) = line.door.messages()
    assert (item.channel, item.sender.kind, item.sender.name) == ("whatsapp", "whatsapp", "Ana")
    assert item.data["media_0_url"] == "https://m/1"


def test_a_forged_text_is_refused_with_a_reason(line: Line) -> None:
    line.network.auth_token = "another"
    with pytest.raises(Exception, match="403"):
        line.network.customer_texts(ANA, "oi", to=OURS)
    assert line.door.messages() == []
    assert "does not fit" in line.door.refused[0]


def test_our_text_leaves_and_its_way_is_reported(line: Line) -> None:
    sid = line.sms.send(reply(key="message-7"))
    (text,) = line.network.texts(to=ANA)
    assert (text.sid, text.sender, text.body) == (sid, OURS, "Devolvemos R$ 129,90.")
    assert line.network.wait_until_quiet()
    assert line.door.receipts() == [
        Receipt("sms", sid, "sent", key="message-7"),
        Receipt("sms", sid, "delivered", key="message-7"),
    ]


def test_our_whatsapp_message_leaves_between_prefixed_addresses(line: Line) -> None:
    line.network.weather = Weather(outcome="read")
    line.whatsapp.send(reply(channel="whatsapp"))
    (text,) = line.network.texts()
    assert (text.sender, text.to) == (f"whatsapp:{OURS}", f"whatsapp:{ANA}")
    assert line.network.wait_until_quiet()
    assert [r.state for r in line.door.receipts()] == ["sent", "delivered", "read"]
    assert {r.channel for r in line.door.receipts()} == {"whatsapp"}


def test_reports_may_come_backwards_and_twice(line: Line) -> None:
    line.network.weather = Weather(backwards=True, copies=2)
    line.sms.send(reply())
    assert line.network.wait_until_quiet()
    assert line.door.calls == 6
    assert [r.state for r in line.door.receipts()] == ["delivered", "sent"]


def test_reports_may_overtake_the_answer(line: Line) -> None:
    line.network.weather = Weather(callbacks_first=True)
    sid = line.sms.send(reply())
    assert {r.provider_id for r in line.door.receipts()} == {sid}


@pytest.mark.parametrize("outcome", ["undelivered", "failed"])
def test_a_message_that_did_not_arrive_says_why(line: Line, outcome: str) -> None:
    line.network.weather = Weather(outcome=outcome, error_code="30005")  # type: ignore[arg-type]
    line.sms.send(reply())
    assert line.network.wait_until_quiet()
    last = line.door.receipts()[-1]
    assert (last.state, last.reason) == (
        outcome,
        "30005: the number does not exist or is out of service",
    )


def test_a_refused_message_is_final_and_explained(line: Line) -> None:
    line.network.weather = Weather(refuse=21610)
    with pytest.raises(Refused, match="21610: the customer asked to receive no more messages"):
        line.sms.send(reply())
    assert line.network.texts() == []


def test_too_long_a_message_is_refused_by_the_network(line: Line) -> None:
    with pytest.raises(Refused, match="21617"):
        line.sms.send(reply("x" * 1601))


def test_a_wrong_token_is_refused(line: Line) -> None:
    wrong = Account(ACCOUNT_SID, "wrong", api_url=line.network.api_url)
    with pytest.raises(Refused, match="20003"):
        SmsAdapter(wrong, webhook_url=line.door.public_url).send(reply())


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_network_that_takes_nothing_now_may_be_asked_again(line: Line, status: int) -> None:
    line.network.weather = Weather(answer=status)
    with pytest.raises(Unreachable, match=str(status)):
        line.sms.send(reply())
    assert line.network.texts() == []


@pytest.mark.parametrize("status", [502, 504])
def test_a_gateway_that_lost_the_answer_leaves_the_outcome_open(line: Line, status: int) -> None:
    line.network.weather = Weather(answer=status)
    with pytest.raises(Uncertain):
        line.sms.send(reply())


def test_a_lost_answer_is_uncertain_and_the_report_settles_it(line: Line) -> None:
    line.network.weather = Weather(drop_answer=True)
    with pytest.raises(Uncertain):
        line.sms.send(reply(key="message-8"))
    assert len(line.network.texts()) == 1
    assert line.network.wait_until_quiet()
    assert {(r.key, r.state) for r in line.door.receipts()} == {
        ("message-8", "sent"),
        ("message-8", "delivered"),
    }


def test_an_answer_that_does_not_come_is_uncertain(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("channels.twilio_line.READ_S", 0.3)
    line.network.weather = Weather(hold_s=30)
    with pytest.raises(Uncertain):
        line.sms.send(reply())
    assert len(line.network.texts()) == 1


def test_a_network_that_is_down_is_unreachable() -> None:
    with nobody_listens() as account, pytest.raises(Unreachable):
        SmsAdapter(account, webhook_url="http://127.0.0.1/").send(reply())


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(b"", id="hangs-up"),
        pytest.param(b"HTTP/1.1 201 Created\r\nContent-Length: 9\r\n\r\n<html>oh>", id="no-json"),
        pytest.param(b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n{}", id="no-sid"),
        pytest.param(b"HTTP/1.1 201 Created\r\nContent-Length: 99\r\n\r\n{", id="cut-short"),
        pytest.param(b"\x00\x01\x02\r\n\r\n", id="no-http"),
    ],
)
def test_an_answer_that_cannot_be_read_is_uncertain(answer: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer_once() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(answer)

        thread = threading.Thread(target=answer_once, daemon=True)
        thread.start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        adapter = SmsAdapter(Account(ACCOUNT_SID, AUTH_TOKEN, url), webhook_url="http://x/")
        with pytest.raises(Uncertain):
            adapter.send(reply())
        thread.join(timeout=10)


def test_a_proxy_of_the_environment_is_not_asked_for_the_stand_in(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    assert line.sms.send(reply())


def test_a_handle_of_another_kind_is_refused(line: Line) -> None:
    with pytest.raises(Refused):
        line.sms.send(reply(channel="whatsapp"))
    with pytest.raises(Refused):
        line.whatsapp.send(reply())
    assert line.network.texts() == []


def test_a_file_is_refused_before_anything_leaves(line: Line) -> None:
    with_file = Outbound(
        key="k",
        channel="sms",
        to=Party("phone", ANA),
        sender=OURS,
        text="veja",
        files=(File("a.pdf", "application/pdf", b"%PDF"),),
    )
    with pytest.raises(Refused, match="files"):
        line.sms.send(with_file)
    assert line.network.texts() == []
