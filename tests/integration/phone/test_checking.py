"""Testing a number says exactly what is wrong with it."""

import pytest

from channels.sms.adapter import SmsAdapter
from channels.twilio_gate import Account
from tests.integration.phone.office import OURS, PUBLIC, Office
from tests.servers.twilio_standin import ACCOUNT_SID, nobody_listens

HOOKS = {name: f"{PUBLIC}/hooks/{name}" for name in ("sms", "whatsapp", "voice")}


def results(office: Office, channel: str) -> dict[str, bool]:
    adapter = office.services.adapters[channel]
    return {one.name: one.passed for one in adapter.check(OURS)}  # type: ignore[attr-defined]


@pytest.mark.parametrize("channel", ["sms", "whatsapp", "voice"])
def test_a_number_that_is_set_up_rightly_passes_everything(office: Office, channel: str) -> None:
    office.network.counter.numbers[OURS] = HOOKS
    assert results(office, channel) == {
        "credentials": True,
        "number": True,
        "webhook": True,
        "signature": True,
    } | ({"reports": True} if channel == "voice" else {})


def test_a_call_whose_end_is_reported_elsewhere_is_said_to_be_so(office: Office) -> None:
    """A caller who hangs up during the greeting is known by that report alone."""
    office.network.counter.numbers[OURS] = HOOKS | {"reports": ""}
    assert results(office, "voice")["reports"] is False


@pytest.mark.parametrize("channel", ["sms", "voice"])
def test_an_address_that_is_asked_instead_of_posted_to_is_named(
    office: Office, channel: str
) -> None:
    office.network.counter.numbers[OURS] = HOOKS | {"method": "GET"}
    adapter = office.services.adapters[channel]
    failed = [one for one in adapter.check(OURS) if not one.passed]  # type: ignore[attr-defined]
    assert [(one.name, one.detail) for one in failed] == [("webhook", f"GET {HOOKS[channel]}")]


@pytest.mark.parametrize("channel", ["sms", "whatsapp", "voice"])
def test_a_number_that_is_not_ours_is_said_to_be_so(office: Office, channel: str) -> None:
    assert results(office, channel) == {"credentials": True, "number": False}


def test_refused_credentials_are_said_to_be_so(office: Office) -> None:
    office.network.auth_token = "another"
    adapter = office.services.adapters["sms"]
    (only,) = adapter.check(OURS)  # type: ignore[attr-defined]
    assert (only.name, only.passed) == ("credentials", False)
    assert "20003" in only.detail


@pytest.mark.parametrize("channel", ["sms", "whatsapp", "voice"])
def test_another_webhook_address_is_named_and_its_signature_would_not_fit(
    office: Office, channel: str
) -> None:
    office.network.counter.numbers[OURS] = dict.fromkeys(HOOKS, "https://old.example/hook")
    adapter = office.services.adapters[channel]
    failed = [one for one in adapter.check(OURS) if not one.passed]  # type: ignore[attr-defined]
    assert [(one.name, one.detail) for one in failed] == [
        ("webhook", "https://old.example/hook"),
        ("signature", HOOKS[channel]),
        *([("reports", "https://old.example/hook")] if channel == "voice" else []),
    ]


def test_a_standard_port_in_the_address_is_another_address_and_still_fits(office: Office) -> None:
    office.network.counter.numbers[OURS] = {"sms": "https://help.example:443/hooks/sms"}
    assert results(office, "sms") == {
        "credentials": True,
        "number": True,
        "webhook": False,
        "signature": True,
    }


def test_a_network_that_is_down_is_said_to_be_so() -> None:
    with nobody_listens() as account:
        adapter = SmsAdapter(Account(ACCOUNT_SID, "x", account.api_url), webhook_url=HOOKS["sms"])
        (only,) = adapter.check(OURS)
    assert not only.passed
    assert "could not be reached" in only.detail
