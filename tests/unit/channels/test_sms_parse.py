"""A text webhook becomes a message, a receipt or nothing."""

from contextlib import suppress
from urllib.parse import urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from channels.port import Delivery, Inbound, Receipt, Unreadable
from channels.twilio_gate import read_form, read_number, with_query
from channels.twilio_texts import parse

SID = "SM" + "a" * 32


def post(form: dict[str, str], url: str = "https://help.example/hooks/sms") -> Delivery:
    return Delivery(urlencode(form).encode(), {}, url)


def message(**fields: str) -> Delivery:
    base = {
        "MessageSid": SID,
        "SmsStatus": "received",
        "From": "+5511987654321",
        "To": "+551140041234",
        "Body": "Fui cobrada duas vezes",
    }
    return post(base | fields)


def only(delivery: Delivery) -> Inbound | Receipt:
    (item,) = parse(delivery)
    return item


def test_a_text_keeps_its_sid_its_sender_and_every_word() -> None:
    item = only(message(Body="  Olá, São João! €5 + R$ 3 😀\n2ª linha & mais=1 "))
    assert isinstance(item, Inbound)
    assert (item.channel, item.external_id) == ("sms", SID)
    assert (item.sender.kind, item.sender.value) == ("phone", "+5511987654321")
    assert item.text == item.reply_text == "  Olá, São João! €5 + R$ 3 😀\n2ª linha & mais=1 "
    assert item.recipients == ("+551140041234",)


def test_the_network_proves_a_sender() -> None:
    item = only(message())
    assert isinstance(item, Inbound)
    assert item.sender.verified
    assert item.trust == "verified"


@settings(deadline=None)  # the first number loads the tables of all countries
@given(st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=300))
def test_no_text_is_changed_on_its_way_in(text: str) -> None:
    item = only(message(Body=text))
    assert isinstance(item, Inbound)
    assert item.text == text


def test_a_zero_byte_that_no_database_can_hold_is_made_visible() -> None:
    item = only(message(Body="a\0b"))
    assert isinstance(item, Inbound)
    assert item.text == "a\ufffdb"


@pytest.mark.parametrize(
    ("address", "number"),
    [
        pytest.param("+5511987654321", "+5511987654321", id="mobile-with-ninth-digit"),
        pytest.param("+551187654321", "+5511987654321", id="mobile-without-ninth-digit"),
        pytest.param("+553188887777", "+5531988887777", id="short-form-of-another-state"),
        pytest.param("+552122223333", "+552122223333", id="landline-stays"),
        pytest.param("+55 (11) 98765-4321", "+5511987654321", id="written-by-a-person"),
        pytest.param("+14155552671", "+14155552671", id="another-country-stays"),
        pytest.param("+266696687", None, id="hidden-behind-a-code"),
        pytest.param("+86282452253", None, id="hidden-behind-a-real-looking-number"),
        pytest.param("29110", None, id="short-code"),
        pytest.param("BANCO", None, id="sender-name"),
        pytest.param("", None, id="nothing"),
    ],
)
def test_a_number_has_one_form(address: str, number: str | None) -> None:
    assert read_number(address) == number


def test_a_short_code_is_no_telephone() -> None:
    item = only(message(From="29110"))
    assert isinstance(item, Inbound)
    assert (item.sender.kind, item.sender.value) == ("external", "29110")


def test_pictures_are_named_and_stay_at_the_provider() -> None:
    item = only(
        message(
            Body="",
            NumMedia="2",
            MediaUrl0="https://api.twilio.com/m/0",
            MediaContentType0="image/jpeg",
            MediaUrl1="https://api.twilio.com/m/1",
            MediaContentType1="application/pdf",
        )
    )
    assert isinstance(item, Inbound)
    assert item.text == ""
    assert item.data["media_0_url"] == "https://api.twilio.com/m/0"
    assert item.data["media_1_type"] == "application/pdf"
    assert item.files == ()


@pytest.mark.parametrize("count", ["-1", "two", "99999999", "²"])
def test_a_media_count_nobody_can_believe_does_no_harm(count: str) -> None:
    item = only(message(NumMedia=count))
    assert isinstance(item, Inbound)
    assert not [name for name in item.data if name.startswith("media_")]


def callback(status: str, **fields: str) -> Delivery:
    base = {"MessageSid": SID, "MessageStatus": status, "From": "+551140041234"}
    return post(base | {"To": "+5511987654321"} | fields)


@pytest.mark.parametrize("word", ["sent", "delivered", "read", "undelivered", "failed"])
def test_a_status_word_is_a_receipt_of_that_state(word: str) -> None:
    assert only(callback(word)) == Receipt("sms", SID, word)  # type: ignore[arg-type]


@pytest.mark.parametrize("word", ["queued", "accepted", "scheduled", "sending"])
def test_a_message_that_has_not_left_is_no_news(word: str) -> None:
    assert parse(callback(word)) == []


def test_a_cancelled_message_has_failed() -> None:
    assert only(callback("canceled")) == Receipt("sms", SID, "failed")


def test_a_status_nobody_knows_is_kept_for_a_person() -> None:
    with pytest.raises(Unreadable, match="teleported"):
        parse(callback("teleported"))


def test_a_known_error_code_is_explained() -> None:
    item = only(callback("undelivered", ErrorCode="30003"))
    assert isinstance(item, Receipt)
    assert item.reason == "30003: the phone is switched off or out of reach"


def test_an_unknown_error_code_keeps_the_providers_words() -> None:
    item = only(callback("failed", ErrorCode="39999", ErrorMessage="Carrier on strike"))
    assert isinstance(item, Receipt)
    assert item.reason == "39999: Carrier on strike"


def test_a_receipt_brings_back_the_key_that_we_sent_along() -> None:
    url = with_query("https://help.example/hooks/sms?org=1", key="k-1")
    assert url == "https://help.example/hooks/sms?org=1&key=k-1"
    delivery = callback("delivered")
    item = only(Delivery(delivery.body, {}, url))
    assert isinstance(item, Receipt)
    assert item.key == "k-1"


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"Body=hello", id="no-sid"),
        pytest.param(b"MessageSid=..%2F..%2Fetc&Body=x", id="sid-is-a-path"),
        pytest.param(b"MessageSid=%FF%FE", id="not-utf8"),
        pytest.param(b"\xff\xfe\x00", id="raw-bytes"),
        pytest.param(b"&".join(b"f%d=1" % n for n in range(400)), id="too-many-fields"),
        pytest.param(b"Body=" + b"x" * 300_000, id="too-long"),
        pytest.param(b'{"MessageSid": "SM1"}', id="json"),
    ],
)
def test_bytes_that_are_no_text_are_unreadable(body: bytes) -> None:
    with pytest.raises(Unreadable):
        parse(Delivery(body))


@settings(deadline=None)  # the first number loads the tables of all countries
@given(st.binary(max_size=400))
def test_any_bytes_are_read_or_refused_and_nothing_else(body: bytes) -> None:
    with suppress(Unreadable):
        assert all(isinstance(item, Inbound | Receipt) for item in parse(Delivery(body)))


def test_repeated_fields_are_all_kept() -> None:
    form = read_form(b"a=1&b=&a=2")
    assert (form["a"], form.getlist("a"), form["b"]) == ("1", ["1", "2"], "")
    assert form.getlist("c") == []
