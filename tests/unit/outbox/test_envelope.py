"""The outside of a mail names its thread, and its secrets cannot be guessed or mixed up."""

from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpdesk.outbox.envelope import (
    MOST_REFERENCES,
    id_domain,
    mint_message_id,
    mint_reply_token,
    reply_subject,
    trim_references,
    with_token,
)

SECRET = "s" * 40
ONE = UUID(int=1)


def test_a_second_try_carries_the_same_secrets() -> None:
    assert mint_message_id(SECRET, ONE, "x") == mint_message_id(SECRET, ONE, "x")
    assert mint_reply_token(SECRET, ONE, "a@b.c") == mint_reply_token(SECRET, ONE, "a@b.c")


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(("t" * 40, ONE, "a@b.c"), id="installation"),
        pytest.param((SECRET, uuid4(), "a@b.c"), id="message"),
        pytest.param((SECRET, ONE, "b@b.c"), id="recipient"),
    ],
)
def test_a_token_belongs_to_one_installation_message_and_recipient(
    other: tuple[str, UUID, str],
) -> None:
    assert mint_reply_token(*other) != mint_reply_token(SECRET, ONE, "a@b.c")


def test_a_token_has_160_bits_and_survives_lower_case() -> None:
    token = mint_reply_token(SECRET, ONE, "a@b.c")
    assert len(token) == 32
    assert token == token.lower()
    assert set(token) <= set("abcdefghijklmnopqrstuvwxyz234567")


def test_the_reply_address_keeps_its_mailbox() -> None:
    assert with_token("suporte@sabia.example", "abc") == "suporte+r.abc@sabia.example"
    assert with_token("suporte+x@sabia.example", "abc") == "suporte+r.abc@sabia.example"


def test_our_ids_are_not_those_of_a_colleague_of_the_same_domain() -> None:
    assert id_domain("suporte@Sabia.example") == "guiche.sabia.example"


@pytest.mark.parametrize("subject", ["Conta", "Re: Conta", "RES: Re[2]: re : Conta", "AW: Conta"])
def test_an_answer_has_one_re(subject: str) -> None:
    assert reply_subject(subject) == "Re: Conta"


@given(st.lists(st.text("abc", max_size=3), max_size=60))
def test_references_keep_their_root_their_order_and_their_end(chain: list[str]) -> None:
    kept = trim_references(chain)
    once = list(dict.fromkeys(one for one in chain if one))
    assert len(kept) <= MOST_REFERENCES
    assert list(kept) == [one for one in once if one in kept]
    assert (not once) or (kept[0], kept[-1]) == (once[0], once[-1])
