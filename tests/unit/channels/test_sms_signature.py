"""Only the provider gets in: its signature covers the exact public address and every field."""

import hashlib
import json
import os
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from twilio.request_validator import RequestValidator

from channels.port import BadSignature, Delivery, Unreadable
from channels.sms.adapter import SmsAdapter
from channels.twilio_gate import Account, read_form, signature_fits
from tests.servers.twilio_standin import ACCOUNT_SID, AUTH_TOKEN, signed

HOOK = "https://help.example/hooks/sms"
SID = "SM" + "0" * 32
TEXT = {"MessageSid": SID, "From": "+5511987654321", "To": "+551140041234", "Body": "oi"}


@pytest.fixture
def adapter() -> SmsAdapter:
    return SmsAdapter(Account(ACCOUNT_SID, AUTH_TOKEN), webhook_url=HOOK)


def test_a_text_is_known_by_its_sid(adapter: SmsAdapter) -> None:
    assert adapter.receive(signed(HOOK, TEXT)) == SID


def test_a_callback_is_known_by_its_sid_and_status(adapter: SmsAdapter) -> None:
    keys = {
        adapter.receive(signed(HOOK, TEXT | {"MessageStatus": word}))
        for word in ("sent", "delivered", "sent")
    }
    assert keys == {f"{SID}:sent", f"{SID}:delivered"}


@pytest.mark.parametrize(
    "url",
    [
        pytest.param("http://help.example/hooks/sms", id="another-scheme"),
        pytest.param("https://10.0.0.7/hooks/sms", id="the-address-behind-the-proxy"),
        pytest.param("https://help.example/hooks/sms/", id="another-path"),
        pytest.param("https://help.example/hooks/sms?key=2", id="another-query"),
        pytest.param("https://help.example:99999/hooks/sms", id="no-port-at-all"),
        pytest.param("", id="no-address"),
    ],
)
def test_a_delivery_to_another_address_is_refused(adapter: SmsAdapter, url: str) -> None:
    right = signed(HOOK, TEXT)
    with pytest.raises(BadSignature):
        adapter.receive(Delivery(right.body, right.headers, url))


def test_the_refusal_names_the_address_that_was_checked(adapter: SmsAdapter) -> None:
    right = signed(HOOK, TEXT)
    with pytest.raises(BadSignature, match=r"http://10\.0\.0\.7/hooks/sms"):
        adapter.receive(Delivery(right.body, right.headers, "http://10.0.0.7/hooks/sms?a=1"))


@pytest.mark.parametrize(
    "form",
    [
        pytest.param(TEXT | {"Body": "oi!"}, id="another-text"),
        pytest.param(TEXT | {"From": "+5511900000000"}, id="another-sender"),
        pytest.param(TEXT | {"Extra": ""}, id="one-more-blank-field"),
        pytest.param({k: v for k, v in TEXT.items() if k != "To"}, id="one-field-less"),
    ],
)
def test_a_changed_form_is_refused(adapter: SmsAdapter, form: dict[str, str]) -> None:
    with pytest.raises(BadSignature):
        adapter.receive(Delivery(urlencode(form).encode(), signed(HOOK, TEXT).headers, HOOK))


def test_a_blank_field_is_part_of_what_was_signed(adapter: SmsAdapter) -> None:
    assert adapter.receive(signed(HOOK, TEXT | {"Body": "", "FromCity": ""})) == SID


@pytest.mark.parametrize("signature", ["", "x", "é", "\udcff", "A" * 5000])
def test_a_made_up_signature_is_refused(adapter: SmsAdapter, signature: str) -> None:
    right = signed(HOOK, TEXT)
    with pytest.raises(BadSignature):
        adapter.receive(Delivery(right.body, {"x-twilio-signature": signature}, HOOK))


def test_without_a_token_nobody_gets_in() -> None:
    adapter = SmsAdapter(Account(ACCOUNT_SID, ""), webhook_url=HOOK)
    with pytest.raises(BadSignature):
        adapter.receive(signed(HOOK, TEXT, token=""))


def test_a_strangers_unreadable_bytes_are_refused_and_not_kept(adapter: SmsAdapter) -> None:
    with pytest.raises(BadSignature):
        adapter.receive(Delivery(b"\xff\xfe", {"x-twilio-signature": "x"}, HOOK))


def test_a_signed_delivery_without_a_sid_is_unreadable(adapter: SmsAdapter) -> None:
    with pytest.raises(Unreadable):
        adapter.receive(signed(HOOK, {"Body": "oi"}))


def test_the_standard_port_may_be_written_or_not(adapter: SmsAdapter) -> None:
    right = signed("https://help.example:443/hooks/sms", TEXT)
    assert adapter.receive(Delivery(right.body, right.headers, HOOK)) == SID


def test_an_accounts_token_is_not_shown() -> None:
    assert AUTH_TOKEN not in repr(Account(ACCOUNT_SID, AUTH_TOKEN))


def published_cases() -> list[dict[str, Any]]:
    corpora = Path(os.environ.get("CORPORA", "../shared/corpora"))
    file = corpora / "phone" / "twilio_signatures.json"
    if not file.exists():
        return []
    return [case for case in json.loads(file.read_text()) if "signature" in case]


def test_published_signatures_are_judged_as_published() -> None:
    cases = published_cases()
    if not cases:
        pytest.skip("CORPORA names no folder with phone/twilio_signatures.json")
    judged = {}
    for case in cases:
        body = case.get("form_body") or case.get("body") or urlencode(case["params"])
        try:
            form = read_form(body.encode())
        except Unreadable:
            judged[case["name"]] = False
            continue
        judged[case["name"]] = signature_fits(
            case["url"], form, case["signature"], case["auth_token"]
        )
    assert judged == {case["name"]: case["valid"] for case in cases}


def signed_json(body: bytes, *, claimed: bytes | None = None, token: str = AUTH_TOKEN) -> Delivery:
    """Return a delivery of JSON: its signature covers the address, which holds the body's hash."""
    url = (
        f"{HOOK}?a=1&bodySHA256={hashlib.sha256(body if claimed is None else claimed).hexdigest()}"
    )
    signature = RequestValidator(token).compute_signature(url, {})
    headers = {"content-type": "application/json", "x-twilio-signature": signature}
    return Delivery(body, headers, url)


def test_a_signed_delivery_of_json_is_proven_and_kept_for_a_person(adapter: SmsAdapter) -> None:
    with pytest.raises(Unreadable, match="not a form"):
        adapter.receive(signed_json(b'{"MessageSid": "SM1"}'))


@pytest.mark.parametrize(
    "forged",
    [
        pytest.param(signed_json(b"{}", claimed=b"{ }"), id="another-body"),
        pytest.param(signed_json(b"{}", token="another"), id="another-token"),
        pytest.param(
            signed_json(urlencode(TEXT).encode(), claimed=b"{}"), id="a-form-under-another-hash"
        ),
        pytest.param(signed_json(urlencode(TEXT).encode(), claimed=b""), id="a-form-unsigned"),
    ],
)
def test_json_whose_hash_or_signature_does_not_fit_is_refused(
    adapter: SmsAdapter, forged: Delivery
) -> None:
    with pytest.raises(BadSignature):
        adapter.receive(forged)
