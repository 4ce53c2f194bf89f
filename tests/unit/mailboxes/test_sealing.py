"""Secrets at rest open with the key they were sealed with, in the column they were made for."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpdesk.mailboxes.sealing import SealBroken, seal, unseal

KEY = "a secret key that only tests use, 32+"


@given(st.text(min_size=1, max_size=300))
def test_what_was_sealed_opens_and_does_not_show(value: str) -> None:
    sealed = seal(KEY, "mailbox.secret", value)
    assert unseal(KEY, "mailbox.secret", sealed) == value
    assert sealed.isascii()
    assert sealed != seal(KEY, "mailbox.secret", value)


def test_the_password_is_not_in_what_is_stored() -> None:
    sealed = seal(KEY, "mailbox.secret", "correct horse battery staple")
    assert b"horse" not in base64.b64decode(sealed)


def test_nothing_stays_nothing() -> None:
    assert seal(KEY, "mailbox.secret", "") == unseal(KEY, "mailbox.secret", "") == ""


@pytest.mark.parametrize("at", [0, 5, 30, -1])
def test_a_value_that_somebody_changed_does_not_open(at: int) -> None:
    whole = bytearray(base64.b64decode(seal(KEY, "mailbox.secret", "correct horse")))
    whole[at] ^= 1
    with pytest.raises(SealBroken):
        unseal(KEY, "mailbox.secret", base64.b64encode(whole).decode())


@pytest.mark.parametrize(
    ("key", "purpose"), [(KEY + "!", "mailbox.secret"), (KEY, "mailbox.dkim_key")]
)
def test_another_key_or_another_column_does_not_open_it(key: str, purpose: str) -> None:
    with pytest.raises(SealBroken):
        unseal(key, purpose, seal(KEY, "mailbox.secret", "correct horse"))


@pytest.mark.parametrize("garbage", ["x", "not base64 é", "AAAA"])
def test_garbage_does_not_open(garbage: str) -> None:
    with pytest.raises(SealBroken):
        unseal(KEY, "mailbox.secret", garbage)
