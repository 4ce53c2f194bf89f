"""The chain of the books: whatever changes in an entry changes its seal."""

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

import pytest

from billing_core.domain.chain import ORIGIN, Sealed, hash_after

ENTRY = Sealed(
    entry_id=UUID(int=1),
    at=datetime(2026, 11, 17, 12, 0, 0, 123456, tzinfo=UTC),
    reason="captured",
    source_kind="payment",
    source_id=UUID(int=2),
    customer_id=UUID(int=3),
    lines=[(0, "cash_at_gateway", "debit", "BRL", 100), (1, "receivable", "credit", "BRL", 100)],
)
SEAL = hash_after(ORIGIN, 1, ENTRY)


def test_a_seal_never_changes_its_spelling() -> None:
    assert SEAL == SPELLED
    assert len(ORIGIN) == 64


SPELLED = "0ea4273ee952c40395d8ce4fa440bcd3beb9cd6db52ad8599b79888c97159d89"


@pytest.mark.parametrize(
    "changed",
    [
        replace(ENTRY, entry_id=UUID(int=9)),
        replace(ENTRY, at=ENTRY.at + timedelta(microseconds=1)),
        replace(ENTRY, reason="refunded"),
        replace(ENTRY, source_kind="refund"),
        replace(ENTRY, source_id=UUID(int=9)),
        replace(ENTRY, customer_id=UUID(int=9)),
        replace(ENTRY, lines=ENTRY.lines[:1]),
        replace(ENTRY, lines=[(0, "cash_at_gateway", "debit", "BRL", 101), ENTRY.lines[1]]),
        replace(ENTRY, lines=list(reversed(ENTRY.lines))),
    ],
)
def test_any_change_of_an_entry_breaks_its_seal(changed: Sealed) -> None:
    assert hash_after(ORIGIN, 1, changed) != SEAL


def test_a_seal_depends_on_its_place_and_on_the_one_before() -> None:
    assert hash_after(ORIGIN, 2, ENTRY) != SEAL
    assert hash_after(SEAL, 1, ENTRY) != SEAL


def test_the_same_instant_in_another_zone_is_the_same_entry() -> None:
    here = timezone(timedelta(hours=-3))
    assert hash_after(ORIGIN, 1, replace(ENTRY, at=ENTRY.at.astimezone(here))) == SEAL


def test_a_machine_that_lives_in_another_zone_seals_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as elsewhere:
        elsewhere.setenv("TZ", "America/Sao_Paulo")
        time.tzset()
        sealed = hash_after(ORIGIN, 1, ENTRY)
    time.tzset()
    assert sealed == SEAL
