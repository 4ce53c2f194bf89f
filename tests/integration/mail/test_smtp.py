"""Handing mail to a server: what is known afterwards is what is said."""

import socket
from concurrent.futures import ThreadPoolExecutor

import pytest

from channels.email.smtp import SmtpClient, SmtpSettings
from channels.port import Refused, Unreachable
from tests.servers.smtp_sink import SmtpSink

ANA, BIA = "ana@cliente.example", "bia@cliente.example"
MAIL = b"Subject: x\r\n\r\n.ponto\r\n..dois\r\nfim"


def client(sink: SmtpSink) -> SmtpClient:
    return SmtpClient(SmtpSettings(sink.host, sink.port, tls="none", timeout=10))


def test_the_mail_arrives_byte_for_byte(sink: SmtpSink) -> None:
    client(sink).send("suporte@sabia.example", [ANA], MAIL)
    (taken,) = sink.messages
    assert taken.sender == "suporte@sabia.example"
    assert taken.recipients == (ANA,)
    assert taken.raw == MAIL + b"\r\n"


def test_line_ends_are_made_right_on_the_way(sink: SmtpSink) -> None:
    client(sink).send("suporte@sabia.example", [ANA], b"Subject: x\n\n.\nfim\n")
    assert sink.messages[0].raw == b"Subject: x\r\n\r\n.\r\nfim\r\n"


def test_each_recipient_has_a_result_of_its_own(sink: SmtpSink) -> None:
    sink.refuse = {BIA: "550 5.1.1 no such user"}
    good, bad = client(sink).send("suporte@sabia.example", [ANA, BIA], MAIL)
    assert good.accepted
    assert not bad.accepted
    assert (bad.address, bad.code) == (BIA, 550)
    assert sink.messages[0].recipients == (ANA,)


def test_one_recipient_who_may_be_tried_again_keeps_the_mail_alive(sink: SmtpSink) -> None:
    sink.refuse = {ANA: "451 4.7.1 later", BIA: "550 5.1.1 no such user"}
    with pytest.raises(Unreachable):
        client(sink).send("suporte@sabia.example", [ANA, BIA], MAIL)


def test_a_server_without_tls_gets_nothing_where_tls_is_asked(sink: SmtpSink) -> None:
    careful = SmtpClient(SmtpSettings(sink.host, sink.port, tls="starttls", timeout=10))
    with pytest.raises(Unreachable):
        careful.send("suporte@sabia.example", [ANA], MAIL)
    assert sink.messages == []


def test_a_password_nobody_accepts_does_not_fail_the_message(sink: SmtpSink) -> None:
    settings = SmtpSettings(sink.host, sink.port, "suporte", "wrong", tls="none", timeout=10)
    with pytest.raises(Unreachable):
        SmtpClient(settings).send("suporte@sabia.example", [ANA], MAIL)


def test_what_the_server_said_is_shown_on_one_short_line(sink: SmtpSink) -> None:
    sink.answer_data = "554-5.7.1 first\r\n554 second" + " x" * 500
    with pytest.raises(Refused) as refusal:
        client(sink).send("suporte@sabia.example", [ANA], MAIL)
    assert "\n" not in str(refusal.value)
    assert len(str(refusal.value)) < 300


def test_a_line_that_breaks_inside_the_content_is_known_to_have_delivered_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening, ThreadPoolExecutor(1) as pool:
        heard = pool.submit(_hangs_up_inside_the_content, listening)
        settings = SmtpSettings("127.0.0.1", listening.getsockname()[1], tls="none", timeout=10)
        with pytest.raises(Unreachable):
            SmtpClient(settings).send("suporte@sabia.example", [ANA], MAIL + b"x" * 20_000_000)
        assert heard.result(10) == [b"ehlo", b"mail", b"rcpt", b"data"]


def _hangs_up_inside_the_content(listening: socket.socket) -> list[bytes]:
    """Play a server that goes away in the middle of a mail; return what it was asked."""
    asked: list[bytes] = []
    line, _ = listening.accept()
    with line, line.makefile("rwb", buffering=0) as talk:
        talk.write(b"220 hello\r\n")
        while not asked or asked[-1] != b"data":
            asked.append(talk.readline()[:4].lower())
            talk.write(b"354 go on\r\n" if asked[-1] == b"data" else b"250 yes\r\n")
        talk.read(100_000)
    return asked
