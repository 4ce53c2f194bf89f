"""The boleto: line and barcode say the same, and the due factor knows its second cycle."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing_core.domain.boleto import (
    Boleto,
    UnreadableBoleto,
    due_date_from_factor,
    due_day,
    factor_of,
    modulo_10,
    modulo_11,
    next_reset,
    read_boleto,
)
from billing_core.domain.money import Money

TODAY = date(2026, 11, 17)
FREE = "0123456789012345678901234"


def brl(minor: int) -> Money:
    return Money(minor, "BRL")


@pytest.mark.parametrize(
    ("factor", "cycle", "day"),
    [
        (0, 1, date(1997, 10, 7)),
        (1000, 1, date(2000, 7, 3)),
        (9999, 1, date(2025, 2, 21)),
        (1000, 2, date(2025, 2, 22)),
        (9999, 2, date(2049, 10, 13)),
        (1000, 3, date(2049, 10, 14)),
    ],
)
def test_a_factor_names_one_day_in_each_cycle(factor: int, cycle: int, day: date) -> None:
    assert due_date_from_factor(factor, cycle) == day


def test_a_cycle_ends_with_the_day_of_its_last_factor() -> None:
    assert [next_reset(cycle) for cycle in (1, 2)] == [date(2025, 2, 21), date(2049, 10, 13)]


@pytest.mark.parametrize(("factor", "cycle"), [(-1, 1), (10000, 1), (999, 2), (1000, 0)])
def test_a_factor_outside_its_cycle_names_no_day(factor: int, cycle: int) -> None:
    with pytest.raises(UnreadableBoleto, match=f"{factor} in cycle {cycle}"):
        due_date_from_factor(factor, cycle)


def test_a_day_before_the_factors_has_none() -> None:
    assert factor_of(date(2000, 7, 3)) == 1000
    with pytest.raises(ValueError, match="2000-07-02"):
        factor_of(date(2000, 7, 2))


def test_the_same_factor_means_another_day_before_and_after_the_restart() -> None:
    assert due_day(1000, on=date(2001, 1, 1)) == date(2000, 7, 3)
    assert due_day(1000, on=date(2025, 2, 1)) == date(2025, 2, 22)
    assert due_day(9999, on=date(2025, 2, 22)) == date(2025, 2, 21)
    assert due_day(9999, on=date(2040, 1, 1)) == date(2049, 10, 13)
    assert due_day(1000, on=date(1999, 1, 1)) == date(2000, 7, 3)


def test_a_day_exactly_at_the_bound_is_ahead_and_one_further_is_behind() -> None:
    ahead = TODAY + timedelta(days=5500)
    assert due_day(factor_of(ahead), on=TODAY) == ahead
    behind = ahead + timedelta(days=1 - 9000)
    assert due_day(factor_of(ahead + timedelta(days=1)), on=TODAY) == behind


def test_factor_zero_has_no_day_and_the_run_up_is_unreadable() -> None:
    assert due_day(0, on=TODAY) is None
    for factor in (1, 999, 10000):
        with pytest.raises(UnreadableBoleto):
            due_day(factor, on=TODAY)


def test_the_check_digits_are_those_of_known_lines() -> None:
    # 001 9 373700000001000 05009401448 16060680935031, a widely printed example
    line = "00190500954014481606906809350314337370000000100"
    assert read_boleto(line, on=date(2008, 1, 1)) == Boleto(
        bank="001",
        amount=brl(1_00),
        due_on=date(2007, 12, 31),
        free_field=line[4:9] + line[10:20] + line[21:31],
    )
    assert modulo_10("001905009") == "5"
    assert read_boleto(line, on=date(2008, 1, 1)).barcode[4] == "3"


def test_a_general_digit_of_0_10_or_11_is_written_as_1() -> None:
    rest = {
        sum(int(d) * w for d, w in zip(reversed(t), (2, 3, 4, 5), strict=False)) % 11: t
        for t in (f"{n:04}" for n in range(2000))
    }
    assert modulo_11(rest[0]) == "1"  # 11
    assert modulo_11(rest[1]) == "1"  # 10
    assert modulo_11(rest[2]) == "9"
    assert modulo_11(rest[10]) == "1"


def test_dots_and_spaces_are_not_read() -> None:
    boleto = Boleto(bank="341", amount=brl(129_90), due_on=date(2026, 12, 5), free_field=FREE)
    line = boleto.line
    spoken = f"{line[:5]}.{line[5:10]} {line[10:15]}.{line[15:21]} {line[21:26]}.{line[26:32]} "
    assert read_boleto(spoken + f"{line[32]} {line[33:]}", on=TODAY) == boleto


@pytest.mark.parametrize("text", ["", "123", "x" * 44, "1" * 48])
def test_other_texts_are_not_boletos(text: str) -> None:
    with pytest.raises(UnreadableBoleto, match="44 or 47"):
        read_boleto(text, on=TODAY)


def test_another_currency_is_not_a_boleto() -> None:
    barcode = Boleto(bank="341", amount=brl(1), due_on=None, free_field=FREE).barcode
    other = barcode[:3] + "8" + barcode[5:]
    with pytest.raises(UnreadableBoleto, match="the check digit"):
        read_boleto(other[:4] + modulo_11(other) + other[4:], on=TODAY)


@pytest.mark.parametrize(
    ("bank", "amount", "free_field"),
    [
        ("34", brl(1), FREE),
        ("341", Money(1, "USD"), FREE),
        ("341", brl(-1), FREE),
        ("341", brl(10**10), FREE),
        ("341", brl(1), FREE[1:]),
    ],
)
def test_what_does_not_fit_is_not_made(bank: str, amount: Money, free_field: str) -> None:
    with pytest.raises(ValueError, match=r"not a|no boleto"):
        Boleto(bank=bank, amount=amount, due_on=None, free_field=free_field)


boletos = st.builds(
    Boleto,
    bank=st.from_regex(r"[0-9]{3}", fullmatch=True),
    amount=st.integers(0, 10**10 - 1).map(brl),
    due_on=st.none() | st.integers(-3499, 5500).map(lambda days: TODAY + timedelta(days=days)),
    free_field=st.from_regex(r"[0-9]{25}", fullmatch=True),
)


@given(boletos)
def test_both_forms_read_back_as_what_they_were_made_from(boleto: Boleto) -> None:
    assert len(boleto.barcode) == 44
    assert len(boleto.line) == 47
    assert read_boleto(boleto.barcode, on=TODAY) == boleto
    assert read_boleto(boleto.line, on=TODAY) == boleto


@given(boletos, st.integers(0, 30), st.integers(1, 9))
def test_one_mistyped_digit_in_the_first_three_fields_is_noticed(
    boleto: Boleto, at: int, more: int
) -> None:
    line = boleto.line
    typed = line[:at] + str((int(line[at]) + more) % 10) + line[at + 1 :]
    with pytest.raises(UnreadableBoleto):
        read_boleto(typed, on=TODAY)


def test_an_unreadable_factor_is_told() -> None:
    with pytest.raises(UnreadableBoleto, match="no due factor 999"):
        due_day(999, on=TODAY)


def test_the_largest_amount_still_fits() -> None:
    large = Boleto(bank="341", amount=brl(10**10 - 1), due_on=None, free_field=FREE)
    assert read_boleto(large.line, on=TODAY).amount == brl(10**10 - 1)


def test_a_wrong_digit_is_told_from_a_wrong_field() -> None:
    good = Boleto(bank="341", amount=brl(5), due_on=None, free_field=FREE)
    code, typed = good.barcode, good.line
    with pytest.raises(UnreadableBoleto, match=r"^the check digit is wrong"):
        read_boleto(code[:4] + str((int(code[4]) + 1) % 10) + code[5:], on=TODAY)
    with pytest.raises(UnreadableBoleto, match=r"^a field's check digit is wrong"):
        read_boleto(typed[:9] + str((int(typed[9]) + 1) % 10) + typed[10:], on=TODAY)
