"""The sandbox phone network as tests use it, and the signed deliveries it would make."""

import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from urllib.parse import urlencode

from twilio.request_validator import RequestValidator

from channels.port import Adapter, Delivery, Refused, SendError, Uncertain, Unreachable
from channels.twilio_gate import Account
from helpdesk.demo.twilio_standin import TwilioStandIn, Weather

__all__ = [
    "ACCOUNT_SID",
    "AUTH_TOKEN",
    "TwilioStandIn",
    "Weather",
    "nobody_listens",
    "phone_network",
    "sending",
    "sending_failures",
    "signed",
]

ACCOUNT_SID = "AC" + "1" * 32
AUTH_TOKEN = "a token that only tests know"

Make = Callable[[Account], Adapter]
Give = Callable[[], AbstractContextManager[Adapter]]


@contextmanager
def phone_network(*, app_url: str = "") -> Iterator[tuple[TwilioStandIn, Account]]:
    """Run a stand-in; yield it with the account that reaches it."""
    with TwilioStandIn(account_sid=ACCOUNT_SID, auth_token=AUTH_TOKEN, app_url=app_url) as stand_in:
        yield stand_in, Account(ACCOUNT_SID, AUTH_TOKEN, api_url=stand_in.api_url)


@contextmanager
def nobody_listens() -> Iterator[Account]:
    """Yield an account whose network is down: its port is bound, and nobody answers."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield Account(ACCOUNT_SID, AUTH_TOKEN, f"http://127.0.0.1:{bound.getsockname()[1]}")


def signed(url: str, form: Mapping[str, str], *, token: str = AUTH_TOKEN) -> Delivery:
    """Return a delivery of `form` as the provider posts it to `url`."""
    return Delivery(
        body=urlencode(form).encode(),
        headers={
            "content-type": "application/x-www-form-urlencoded",
            "x-twilio-signature": RequestValidator(token).compute_signature(url, dict(form)),
        },
        url=url,
    )


def sending(make: Make, weather: Weather | None = None) -> Give:
    """Return what gives an adapter whose network is up and treats messages like `weather`."""

    @contextmanager
    def give() -> Iterator[Adapter]:
        with phone_network() as (network, account):
            network.weather = weather or Weather()
            yield make(account)

    return give


def sending_failures(make: Make) -> dict[str, tuple[Give, type[SendError]]]:
    """Return each way in which a text can fail to leave, and what the port promises for it."""

    @contextmanager
    def give_a_network_that_is_down() -> Iterator[Adapter]:
        with nobody_listens() as account:
            yield make(account)

    return {
        "refused": (sending(make, Weather(refuse=21610)), Refused),
        "too-many-requests": (sending(make, Weather(answer=429)), Unreachable),
        "out-of-order": (sending(make, Weather(answer=503)), Unreachable),
        "nobody-listens": (give_a_network_that_is_down, Unreachable),
        "answer-lost": (sending(make, Weather(drop_answer=True)), Uncertain),
        "answer-lost-behind-a-gateway": (sending(make, Weather(answer=504)), Uncertain),
    }
