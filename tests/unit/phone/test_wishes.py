"""Words by which customers opt out and in."""

import pytest

from helpdesk.phone.wishes import START, STOP, read_wish


@pytest.mark.parametrize(
    "word",
    [
        "STOP",
        "StopAll",
        "UNSUBSCRIBE",
        "CANCEL",
        "END",
        "QUIT",
        "PARAR",
        "SAIR",
        "CANCELAR",
        "stop.",
    ],
)
def test_a_message_that_is_nothing_but_the_word_is_the_wish(word: str) -> None:
    assert read_wish(word) == read_wish(f"  «{word.lower()}»!\n") == "stop"


@pytest.mark.parametrize("word", ["START", "voltar", "Recomeçar", "UNSTOP"])
def test_and_so_is_the_wish_to_come_back(word: str) -> None:
    assert read_wish(word) == "start"


@pytest.mark.parametrize(
    "text",
    ["", "quero cancelar meu plano", "stop it please", "parar de cobrar", "oi", "...", "s t o p"],
)
def test_anything_else_is_a_message(text: str) -> None:
    assert read_wish(text) == ""


def test_what_the_provider_made_of_it_counts() -> None:
    assert read_wish("me tira dessa lista", provider_word="STOP") == "stop"
    assert read_wish("ajuda", provider_word="HELP") == ""


def test_no_word_is_both() -> None:
    assert not STOP & START
