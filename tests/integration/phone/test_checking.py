"""Testing a number says exactly what is wrong with it."""

import socket
import ssl
from urllib.parse import urlsplit

import pytest
import requests
import urllib3
from urllib3 import HTTPSConnectionPool
from urllib3.exceptions import MaxRetryError

from channels.sms.adapter import SmsAdapter
from channels.twilio_check import line_code
from channels.twilio_gate import Account
from helpdesk.translations.catalogue import compile_catalogues
from tests.integration.phone.office import OURS, PUBLIC, Office
from tests.integration.phone.test_screens import browser
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


def check_at(api_url: str) -> tuple[str, str]:
    """Return name and detail of the one thing that failed at an address."""
    adapter = SmsAdapter(Account(ACCOUNT_SID, "x", api_url), webhook_url=HOOKS["sms"])
    (only,) = adapter.check(OURS)
    assert not only.passed
    return only.name, only.detail


def test_a_port_on_which_nobody_listens_is_said_to_be_so() -> None:
    with nobody_listens() as account:
        port = urlsplit(account.api_url).port
        assert check_at(account.api_url) == ("line", f"refused 127.0.0.1 {port}")


def test_a_server_that_does_not_exist_is_named() -> None:
    assert check_at("https://nowhere.invalid") == ("line", "name_not_found nowhere.invalid 443")


def test_a_line_that_speaks_no_tls_is_said_to_be_so(office: Office) -> None:
    port = urlsplit(office.network.api_url).port
    assert check_at(f"https://127.0.0.1:{port}") == ("line", f"tls 127.0.0.1 {port}")


def test_a_certificate_that_nobody_vouches_for_is_said_to_be_so() -> None:
    inside = ssl.SSLCertVerificationError("self-signed certificate")
    wrapped = MaxRetryError(HTTPSConnectionPool("x"), "/", urllib3.exceptions.SSLError(inside))
    assert line_code(requests.exceptions.SSLError(wrapped)) == "certificate"


def test_a_server_that_says_nothing_is_said_to_be_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("channels.twilio_line.READ_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        assert check_at(f"http://127.0.0.1:{port}") == ("line", f"timeout 127.0.0.1 {port}")


def test_a_provider_in_trouble_is_not_taken_for_wrong_credentials(office: Office) -> None:
    office.network.counter.answers = 503
    adapter = office.services.adapters["voice"]
    (only,) = adapter.check(OURS)  # type: ignore[attr-defined]
    assert (only.name, only.detail) == ("line", "the provider cannot take messages now (503)")


def test_somebody_else_at_the_provider_s_address_is_not_taken_for_it(office: Office) -> None:
    office.network.counter.answers = 200
    adapter = office.services.adapters["voice"]
    (only,) = adapter.check(OURS)  # type: ignore[attr-defined]
    assert (only.name, only.detail.partition(" ")[0]) == ("line", "strange")


def test_the_screen_says_in_words_what_is_wrong_with_the_line(office: Office) -> None:
    compile_catalogues()
    broken = office.services.adapters["sms"]
    broken._account = Account(ACCOUNT_SID, "x", "https://nowhere.invalid")  # type: ignore[attr-defined]
    page = browser(office).post(f"/phone/lines/{OURS}/sms/test").get_data(as_text=True)
    assert "Não existe servidor chamado nowhere.invalid." in page
    assert "GUICHE_TWILIO_TOKEN" not in page
