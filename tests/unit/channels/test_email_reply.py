"""The new words of a reply, without what it quotes and without loss."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from channels.email.reply import reply_text
from tests.unit.channels.mail import read, sample


@pytest.mark.parametrize(
    ("name", "reply"),
    [
        ("reply-gmail-pt", "Recebi o estorno, obrigada!\n\n- caiu hoje\n- valor certo"),
        ("reply-outlook-pt", "Podem mudar para o plano anual? A partir de dezembro já."),
        ("reply-iphone-es", "¿Y el reembolso?"),
    ],
)
def test_the_samples_give_their_new_words(name: str, reply: str) -> None:
    assert read(sample(name)).reply_text == reply


@pytest.mark.parametrize(
    "header",
    [
        "On Tue, Nov 17, 2026 at 9:40 AM Sabiá <suporte@sabia.example> wrote:",
        "Em ter., 17 de nov. de 2026 às 09:40, Sabiá <suporte@sabia.example> escreveu:",
        "Em ter., 17 de nov. de 2026 às 09:40, Sabiá <\nsuporte@sabia.example> escreveu:",
        "El mar, 17 nov 2026 a las 9:40, Sabiá (<suporte@sabia.example>) escribió:",
        "-----Mensagem original-----",
        "-----Original Message-----",
        "De: Sabiá <suporte@sabia.example>\nEnviado em: terça-feira\nPara: Ana\nAssunto: x\n",
        "De: Sabiá <suporte@sabia.example>\nEnviado el: martes\nPara: Ana\nAsunto: x\n",
        "From: Sabiá <suporte@sabia.example>\nSent: Tuesday\nTo: Ana\nSubject: x\n",
    ],
)
def test_everything_below_an_attribution_is_quoted(header: str) -> None:
    assert reply_text(f"Obrigada!\n\n{header}\n\n> Olá, Ana.\n> Até logo.") == "Obrigada!"


def test_a_reply_below_the_quote_is_found() -> None:
    text = "On Tue, Nov 17, 2026 at 9:40 AM Sabiá <a@x.example> wrote:\n> Tudo certo?\n\nNão ainda."
    assert reply_text(text) == "Não ainda."


@pytest.mark.parametrize(
    "text",
    [
        "Thanks, that worked, but now my card is refused.\nWhat now?",
        "Quero:\n\n- cancelar\n- receber de volta",
        "Em novembro fui cobrada duas vezes.\nO que o sistema escreveu: erro 12.",
        "De: São Paulo\nnão chegou nada",
        "> citado\n> e mais nada",
        "Obrigado, mas o valor está errado:\nR$ 10",
    ],
)
def test_words_that_only_look_like_a_quote_stay(text: str) -> None:
    assert reply_text(text) == text


def test_a_signature_after_two_dashes_is_left_out() -> None:
    assert reply_text("Pode cancelar.\n\n-- \nAna Souza\nFinanceiro") == "Pode cancelar."


def test_long_lines_and_long_mails_come_back_whole() -> None:
    text = "\n".join(f"linha {at} " + "palavra " * 60 for at in range(400)).strip()
    assert reply_text(text).split() == text.split()


@given(text=st.text(max_size=400))
@settings(max_examples=200, deadline=None)
def test_a_reply_is_never_empty_where_something_was_written(text: str) -> None:
    assert bool(reply_text(text)) == bool(text.strip())
