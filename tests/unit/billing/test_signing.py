"""Signed deliveries, and that Stripe's own library signs and checks the same way."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing_core.errors import BadSignature
from billing_core.gateways.signing import FRESH, check_signature, header_of, sign_body

AT = datetime(2026, 11, 17, 12, 0, tzinfo=UTC)


@given(body=st.binary(max_size=200), secret=st.text(min_size=1, max_size=40))
def test_what_was_signed_is_believed(body: bytes, secret: str) -> None:
    secret = secret.encode(errors="replace").decode()
    check_signature(body, sign_body(body, secret, at=AT), secret, at=AT)


@given(body=st.binary(max_size=50), other=st.binary(max_size=50))
def test_another_body_is_not_believed(body: bytes, other: bytes) -> None:
    if body == other:
        return
    with pytest.raises(BadSignature):
        check_signature(other, sign_body(body, "s", at=AT), "s", at=AT)


@pytest.mark.parametrize("away", [FRESH, -FRESH, timedelta()])
def test_a_fresh_one_is_believed(away: timedelta) -> None:
    check_signature(b"x", sign_body(b"x", "s", at=AT), "s", at=AT + away)


@pytest.mark.parametrize("away", [FRESH, -FRESH])
def test_one_second_more_is_too_much(away: timedelta) -> None:
    late = away + timedelta(seconds=1 if away > timedelta() else -1)
    with pytest.raises(BadSignature, match="too long ago"):
        check_signature(b"x", sign_body(b"x", "s", at=AT), "s", at=AT + late)


@pytest.mark.parametrize(
    "signature",
    [
        "",
        "v1=00",
        "t=,v1=00",
        "t=x,v1=00",
        "t=-1,v1=00",
        "t=\u0661,v1=00",
        f"t={'9' * 40},v1=00",
        "t=1",
    ],
)
def test_what_is_no_signature_is_refused(signature: str) -> None:
    with pytest.raises(BadSignature):
        check_signature(b"x", signature, "s", at=AT)


def test_an_empty_secret_fits_nothing() -> None:
    with pytest.raises(BadSignature):
        check_signature(b"x", sign_body(b"x", "", at=AT), "", at=AT)


def test_one_of_several_signatures_is_enough() -> None:
    old, new = sign_body(b"x", "old", at=AT), sign_body(b"x", "new", at=AT)
    both = f"{old}, {new.partition(',')[2]}"
    for secret in ("old", "new"):
        check_signature(b"x", both, secret, at=AT)


def test_letters_that_are_not_ascii_are_no_signature() -> None:
    with pytest.raises(BadSignature):
        check_signature(b"x", f"t={int(AT.timestamp())},v1=é", "s", at=AT)


def test_a_header_is_found_whatever_its_case() -> None:
    assert header_of({"STRIPE-signature": "x"}, "Stripe-Signature") == "x"
    assert header_of({}, "Stripe-Signature") == ""


@given(body=st.text(max_size=80))
def test_stripes_own_library_signs_and_checks_alike(body: str) -> None:
    from stripe import WebhookSignature

    given = sign_body(body.encode(), "whsec", at=AT)
    assert WebhookSignature.verify_header(body, given, "whsec", tolerance=None)
    seconds = int(AT.timestamp())
    theirs = WebhookSignature._compute_signature(f"{seconds}.{body}", "whsec")
    check_signature(body.encode(), f"t={seconds},v1={theirs},v0=old", "whsec", at=AT)
