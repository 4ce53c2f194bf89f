from datetime import date, timedelta

import pytest

from billing_core.domain.refund_window import NO_LIMIT, RefundWindow, known_window

PAID_ON = date(2026, 1, 15)


def after(days: int) -> date:
    return PAID_ON + timedelta(days=days)


@pytest.mark.parametrize(
    ("provider", "rail", "days", "partial", "takes"),
    [
        ("iugu", "card", 180, True, True),
        ("iugu", "card", 181, False, False),
        ("iugu", "pix", 90, False, True),
        ("iugu", "pix", 90, True, False),
        ("iugu", "pix", 91, False, False),
        ("iugu", "boleto", 0, False, False),
        ("asaas", "card", 1000, True, True),
        ("asaas", "pix", 90, True, True),
        ("asaas", "pix", 91, False, False),
        ("asaas", "boleto", 1, False, False),
        ("pagbank", "card", 1000, False, True),
        ("pagbank", "card", 1, True, False),
        ("pagbank", "pix", 90, False, True),
        ("pagbank", "pix", 90, True, False),
        ("pagbank", "pix", 91, False, False),
        ("pagbank", "boleto", 1, False, False),
        ("nobody", "card", 0, False, False),
        ("iugu", "cheque", 0, False, False),
    ],
)
def test_a_provider_takes_refunds_in_its_window_only(
    provider: str, rail: str, days: int, partial: bool, takes: bool
) -> None:
    window = known_window(provider, rail)
    assert window.takes(after(days), paid_on=PAID_ON, partial=partial) is takes


def test_a_window_has_a_last_day_or_never_opens() -> None:
    assert RefundWindow(90).last_day(paid_on=PAID_ON) == after(90)
    assert RefundWindow(None).last_day(paid_on=PAID_ON) is None
    assert RefundWindow(90).open_on(after(90), paid_on=PAID_ON)
    assert not RefundWindow(90).open_on(after(91), paid_on=PAID_ON)
    assert not RefundWindow(None).open_on(PAID_ON, paid_on=PAID_ON)


def test_a_window_without_an_end_is_a_hundred_years() -> None:
    window = RefundWindow(NO_LIMIT)
    assert window.open_on(after(36500), paid_on=PAID_ON)
    assert not window.open_on(after(36501), paid_on=PAID_ON)
    assert window.partial
