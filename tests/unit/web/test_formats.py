"""Amounts, moments and spans of time read the same everywhere, in both languages."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from babel.core import Locale

from billing_core.domain.money import Money
from helpdesk.web.formats import Formats, template_filters

NOW = datetime(2026, 11, 17, 17, 28, tzinfo=UTC)  # 14:28 in São Paulo


def say(message: str, /, **values: Any) -> str:
    return message % values if values else message


def reader(locale: str) -> Formats:
    return Formats(Locale.parse(locale), ZoneInfo("America/Sao_Paulo"), NOW, say)


PT, EN = reader("pt_BR"), reader("en")


@pytest.mark.parametrize(
    ("formats", "amount", "text"),
    [
        pytest.param(PT, Money(12990, "BRL"), "R$\u00a0129,90", id="no-break-space"),
        pytest.param(PT, Money(125548, "BRL"), "R$\u00a01.255,48", id="thousands"),
        pytest.param(EN, Money(125548, "BRL"), "R$1,255.48", id="english"),
        pytest.param(PT, Money(-4794, "BRL"), "\u2212R$\u00a047,94", id="true-minus-first"),
        pytest.param(PT, Money(0, "BRL"), "R$\u00a00,00", id="always-two-decimals"),
        pytest.param(EN, Money(1255, "JPY"), "¥1,255", id="yen-has-none"),
        pytest.param(EN, Money(1255123, "KWD"), "KWD1,255.123", id="dinar-has-three"),
        pytest.param(
            PT, Money(9007199254740993, "BRL"), "R$\u00a090.071.992.547.409,93", id="beyond-doubles"
        ),
    ],
)
def test_an_amount_reads_exactly(formats: Formats, amount: Money, text: str) -> None:
    assert formats.money(amount) == text


def test_an_account_with_two_currencies_sees_the_code() -> None:
    assert EN.money(Money(500, "USD"), code=True) == "$5.00\u00a0USD"


def test_a_gain_can_carry_its_sign() -> None:
    assert PT.money(Money(2000, "BRL"), sign=True) == "+R$\u00a020,00"
    assert PT.money(Money(0, "BRL"), sign=True) == "R$\u00a00,00"


def test_a_figure_is_what_a_person_types() -> None:
    assert PT.figure(Money(125548, "BRL")) == "1255,48"
    assert EN.figure(Money(125548, "BRL")) == "1255.48"
    assert EN.figure(Money(1255, "JPY")) == "1255"


@pytest.mark.parametrize(
    ("form", "pt", "en"),
    [
        ("weekday", "qua., 16 dez. 2026", "Wed, 16 Dec 2026"),
        ("short", "16 dez.", "16 Dec"),
        ("table", "16/12", "16 Dec"),
        ("month", "dez. 2026", "Dec 2026"),
        ("long", "quarta-feira, 16 de dezembro", "Wednesday, 16 December"),
        ("heading", "Quarta-feira, 16 de dezembro", "Wednesday, 16 December"),
    ],
)
def test_a_date_has_the_form_its_place_asks_for(form: Any, pt: str, en: str) -> None:
    assert (PT.day(date(2026, 12, 16), form), EN.day(date(2026, 12, 16), form)) == (pt, en)


def test_the_year_appears_once_it_is_another_one() -> None:
    assert PT.day(date(2027, 1, 16), "short") == "16 jan. 2027"
    assert PT.day(date(2025, 1, 16), "table") == "16/01/2025"
    assert EN.day(date(2025, 1, 16), "table") == "16 Jan 2025"


def test_an_instant_is_dated_in_the_readers_zone_and_a_billing_date_is_not_moved() -> None:
    late_evening = datetime(2026, 12, 17, 2, 30, tzinfo=UTC)
    assert PT.day(late_evening, "table") == "16/12"
    assert PT.day(date(2026, 12, 17), "table") == "17/12"


def test_a_day_near_now_is_named() -> None:
    assert PT.day(NOW, "heading") == "Today, terça-feira, 17 de novembro"
    assert PT.day(NOW - timedelta(days=1), "heading") == "Yesterday, segunda-feira, 16 de novembro"


@pytest.mark.parametrize(
    ("past", "text"),
    [
        (timedelta(seconds=59), "now"),
        (timedelta(seconds=-5), "now"),
        (timedelta(minutes=1), "1 min ago"),
        (timedelta(minutes=59, seconds=59), "59 min ago"),
        (timedelta(minutes=60), "13:28"),
        (timedelta(hours=15), "16 Nov"),
    ],
)
def test_a_past_moment_is_relative_then_a_clock_then_a_date(past: timedelta, text: str) -> None:
    assert EN.ago(NOW - past) == text


def test_a_timeline_moment_says_the_day_unless_it_is_today() -> None:
    assert PT.moment(datetime(2026, 11, 17, 17, 19, tzinfo=UTC)) == "14:19"
    assert PT.moment(datetime(2026, 11, 17, 0, 47, tzinfo=UTC)) == "yesterday, 21:47"
    assert PT.moment(datetime(2026, 11, 14, 12, 14, tzinfo=UTC)) == "14/11 09:14"


def test_a_register_entry_always_says_the_day() -> None:
    assert PT.entry(datetime(2026, 11, 17, 17, 21, tzinfo=UTC)) == "today 14:21"
    assert PT.entry(datetime(2026, 11, 16, 12, 14, tzinfo=UTC)) == "16/11 09:14"


def test_the_full_stamp_names_the_zone_offset() -> None:
    assert PT.stamp(NOW) == "17/11/2026 14:28:00 GMT-03:00"


def test_clock_is_24_hours_and_can_show_seconds() -> None:
    assert PT.clock(NOW) == "14:28"
    assert EN.clock(NOW + timedelta(seconds=7), seconds=True) == "14:28:07"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (48, "48 s"),
        (192, "3 min 12 s"),
        (19320, "5 h 22 min"),
        (47 * 3600, "47 h 0 min"),
        (51 * 3600, "2 d 3 h"),
    ],
)
def test_a_duration_shows_its_two_largest_units(seconds: int, text: str) -> None:
    assert EN.duration(seconds) == text


@pytest.mark.parametrize(
    ("left", "text"),
    [
        (771, "12:51"),
        (0, "00:00"),
        (-250, "\u221204:10"),
        (3599, "59:59"),
        (3600, "1 h 00"),
        (4320, "1 h 12"),
        (-4320, "\u22121 h 12"),
        (51 * 3600, "2 d 3 h"),
    ],
)
def test_time_left_counts_through_zero(left: int, text: str) -> None:
    assert EN.countdown(NOW + timedelta(seconds=left)) == text


def test_filters_ask_who_reads_each_time() -> None:
    readers = iter([PT, EN])
    money = template_filters(lambda: next(readers))["money"]
    assert [money(Money(12990, "BRL")), money(Money(12990, "BRL"))] == [
        "R$\u00a0129,90",
        "R$129.90",
    ]


@pytest.mark.parametrize(
    ("text", "read"),
    [
        pytest.param("+5511987654321", "+55 11 98765-4321", id="brazilian-mobile"),
        pytest.param("+14155550100", "+1 415-555-0100", id="another-country"),
        pytest.param("+999", "+999", id="no-number-stays-what-it-is"),
        pytest.param("ana@exemplo.com.br", "ana@exemplo.com.br", id="an-address-is-left-alone"),
    ],
)
def test_a_telephone_number_is_written_as_people_read_it(text: str, read: str) -> None:
    assert PT.telephone(text) == EN.telephone(text) == read


@pytest.mark.parametrize(
    ("masked", "read"),
    [
        pytest.param("•••.482.118-••", "CPF •••.482.118-••", id="a-person"),
        pytest.param("••.•••.678/0001-••", "CNPJ ••.•••.678/0001-••", id="a-company"),
        pytest.param("•••••1234", "•••••1234", id="of-elsewhere"),
        pytest.param("", "", id="none"),
    ],
)
def test_a_document_says_what_it_is(masked: str, read: str) -> None:
    assert PT.document(masked) == read


@pytest.mark.parametrize(
    ("count", "portuguese", "english"),
    [
        pytest.param(999, "999 B", "999 B", id="bytes"),
        pytest.param(212_400, "212\u00a0kB", "212\u00a0kB", id="kilobytes"),
        pytest.param(1_440_000, "1,4\u00a0MB", "1.4\u00a0MB", id="megabytes"),
    ],
)
def test_a_size_follows_the_language(count: int, portuguese: str, english: str) -> None:
    assert (PT.size(count), EN.size(count)) == (portuguese, english)
