"""The sandbox phone network itself: what it must not do."""

import threading

import pytest

from helpdesk.demo.loopback import NotLoopback, WebhookFailed, loopback_end
from tests.servers.twilio_standin import TwilioStandIn, phone_network


@pytest.mark.parametrize(
    "url",
    [
        "http://203.0.113.7/hook",
        "http://help.example/hook",
        "https://127.0.0.1/hook",
        "http://127.0.0.1.evil.example/hook",
        "http://127.0.0.1@evil.example/hook",
        "ftp://127.0.0.1/",
        "",
    ],
)
def test_it_calls_nobody_outside_this_machine(url: str) -> None:
    with pytest.raises(NotLoopback):
        loopback_end(url)


def test_it_does_not_take_a_webhook_outside_this_machine() -> None:
    with phone_network() as (network, _account), pytest.raises(NotLoopback):
        network.point_to(sms="https://help.example/hooks/sms")


def test_a_customer_without_a_webhook_is_told_so() -> None:
    with phone_network() as (network, _account), pytest.raises(WebhookFailed, match="point_to"):
        network.customer_texts("+5511987654321", "oi", to="+551140041234")


def test_it_ends_and_leaves_no_thread() -> None:
    before = set(threading.enumerate())
    stand_in = TwilioStandIn().start()
    stand_in.stop()
    stand_in.stop()
    assert set(threading.enumerate()) - before == set()


def test_two_networks_share_nothing() -> None:
    with TwilioStandIn() as one, TwilioStandIn() as other:
        assert one.api_url != other.api_url
        assert one.account_sid != other.account_sid
        assert one.auth_token != other.auth_token
