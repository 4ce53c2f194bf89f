"""The refund drawer says what the provider takes back before anybody promises it."""

from typing import Any

import pytest

from billing_core.domain.refund_window import RefundWindow
from tests.integration.billing_desk.test_drawers import text_of
from tests.integration.billing_desk.world import Desk


@pytest.mark.parametrize(
    ("window", "said"),
    [
        (RefundWindow(180), "refund until"),
        (RefundWindow(90, partial=False), "only the whole"),
        (RefundWindow(None), "the provider cannot refund it"),
    ],
)
def test_each_charge_says_until_when_it_can_be_given_back(
    desk: Desk,
    sign_in: Any,
    window: RefundWindow,
    said: str,
) -> None:
    desk.gateway.refund_windows = {"card": window}
    answer = sign_in().get(f"/tickets/{desk.ticket_id}/money/refund/new")
    assert said in text_of(answer)


def test_a_closed_window_is_refused_with_the_way_on(desk: Desk, sign_in: Any) -> None:
    desk.gateway.refund_windows = {"card": RefundWindow(None)}
    browser = sign_in()
    typed = {"payment": str(desk.payment_id), "amount": "10.00", "reason": "goodwill"}
    answer = browser.post(f"/tickets/{desk.ticket_id}/money/refund/preview", typed)
    assert answer.status_code == 409
    assert "has no way to refund this charge" in text_of(answer)
    page = answer.get_data(as_text=True)
    assert f"/tickets/{desk.ticket_id}/money/credit/new" in page
    assert 'id="money-instead"' in page


def test_the_preview_shows_the_last_day(desk: Desk, sign_in: Any) -> None:
    typed = {"payment": str(desk.payment_id), "amount": "10.00", "reason": "goodwill"}
    answer = sign_in().post(f"/tickets/{desk.ticket_id}/money/refund/preview", typed)
    assert answer.status_code == 200
    assert "The provider refunds until" in text_of(answer)


def test_a_window_that_closed_long_ago_names_its_day(desk: Desk, sign_in: Any) -> None:
    browser = sign_in()
    desk.services.clock.forward(minutes=1)  # type: ignore[attr-defined]
    desk.gateway.refund_windows = {"card": RefundWindow(-1)}
    answer = browser.get(f"/tickets/{desk.ticket_id}/money/refund/new")
    assert "the provider refunded it until" in text_of(answer)
