"""What only Telegram does: groups, files, lengths, and a token that nobody may read."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from channels.port import BadSignature, File, Inbound, Outbound, Party, Refused, SendError
from channels.telegram.adapter import TelegramAdapter
from channels.telegram.client import Bot
from tests.contract.adapters.telegram import (
    CASES,
    TOKEN,
    BotApi,
    adapter,
    running,
    update,
)

LETTER = Outbound(
    key="0190",
    channel="telegram",
    to=Party("external", "telegram:41"),
    sender="Sabiá",
    text="Já devolvemos.",
)


def test_a_message_names_its_writer_by_the_number_that_telegram_proves() -> None:
    (said,) = adapter().parse(update())
    assert isinstance(said, Inbound)
    assert (said.sender.kind, said.sender.value) == ("external", "telegram:41")
    assert (said.sender.name, said.sender.verified, said.trust) == ("Ana Souza", True, "verified")
    assert said.external_id == "41:9"
    assert said.sent_at is not None
    assert said.sent_at.utcoffset() == timedelta(0)


@pytest.mark.parametrize(
    "message",
    [
        {"chat": {"id": -7, "type": "group"}},
        {"from": {"id": 3, "is_bot": True}},
        {"text": None, "sticker": {"file_id": "x"}},
        {"text": "  "},
    ],
    ids=["group", "bot", "sticker", "blank"],
)
def test_what_nobody_asks_us_is_no_message(message: dict[str, Any]) -> None:
    assert list(adapter().parse(update(**message))) == []


def test_the_largest_picture_is_fetched_when_it_is_wanted() -> None:
    sizes = [{"file_id": "small"}, {"file_id": "large"}]
    (said,) = adapter().parse(update(text=None, photo=sizes))
    assert isinstance(said, Inbound)
    assert said.data["media_0_url"] == "telegram-file:large"
    with running(BotApi()) as api:
        file = adapter(api.url).fetch_media(said.data["media_0_url"])
    assert (file.name, file.content) == ("a.jpg", b"\xff\xd8\xffpicture")
    assert b"large" in api.calls[0][1]


def test_a_picture_goes_as_one_and_a_paper_as_a_document() -> None:
    for media_type, method in (("image/png", "sendPhoto"), ("application/pdf", "sendDocument")):
        with running(BotApi()) as api:
            file = File('a"\r\nb.bin', media_type, b"content")
            assert adapter(api.url).send(replace(LETTER, files=(file,))) == "41:77"
        ((called, body),) = api.calls
        assert called == method
        assert b"content" in body
        assert b'"\r\nb.bin' not in body


@pytest.mark.parametrize(
    "change",
    [
        {"text": "a" * 4097},
        {"text": "a" * 1025, "files": (File("a", "", b""),)},
        {"files": (File("a", "", b""), File("b", "", b""))},
    ],
    ids=["long", "long-beside-a-file", "two-files"],
)
def test_what_telegram_would_cut_is_not_sent(change: dict[str, Any]) -> None:
    with running(BotApi()) as api, pytest.raises(Refused):
        adapter(api.url).send(replace(LETTER, **change))
    assert api.calls == []


@pytest.mark.parametrize("way", CASES[0].failures)
def test_no_fault_tells_the_token(way: str) -> None:
    give, _ = CASES[0].failures[way]
    with give() as failing, pytest.raises(SendError) as fault:
        failing.send(LETTER)
    assert TOKEN not in f"{fault.value!r}"


def test_the_token_never_goes_in_the_clear() -> None:
    with pytest.raises(Refused, match="https"):
        TelegramAdapter(Bot(TOKEN, "s", "http://telegram.example")).send(LETTER)


def test_a_bot_without_a_secret_takes_nothing() -> None:
    with pytest.raises(BadSignature):
        TelegramAdapter(Bot(TOKEN, "")).receive(update(secret=""))
