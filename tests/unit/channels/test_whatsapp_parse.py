"""WhatsApp comes by the same forms as SMS, under prefixed addresses."""

from urllib.parse import urlencode

from channels.port import Delivery, Inbound, Receipt
from channels.twilio_texts import parse

SID = "SM" + "b" * 32


def post(**fields: str) -> Delivery:
    base = {
        "MessageSid": SID,
        "SmsStatus": "received",
        "From": "whatsapp:+551187654321",
        "To": "whatsapp:+5511940041234",
        "Body": "Oi",
        "ProfileName": "Ana Lúcia",
    }
    return Delivery(urlencode(base | fields).encode(), {}, "https://help.example/hooks/whatsapp")


def test_the_sender_is_a_whatsapp_handle_with_her_profile_name() -> None:
    (item,) = parse(post())
    assert isinstance(item, Inbound)
    assert item.channel == "whatsapp"
    assert (item.sender.kind, item.sender.name) == ("whatsapp", "Ana Lúcia")
    assert item.sender.verified


def test_the_short_form_of_a_brazilian_account_is_the_same_person() -> None:
    short, long = (parse(post(From=f"whatsapp:{n}")) for n in ("+551187654321", "+5511987654321"))
    assert isinstance(short[0], Inbound)
    assert isinstance(long[0], Inbound)
    assert short[0].sender == long[0].sender
    assert short[0].data["address"] == "whatsapp:+551187654321"


def test_a_location_is_kept_as_facts() -> None:
    (item,) = parse(post(Body="", Latitude="-23.55", Longitude="-46.63"))
    assert isinstance(item, Inbound)
    assert (item.data["latitude"], item.data["longitude"]) == ("-23.55", "-46.63")


def test_a_read_mark_is_a_receipt() -> None:
    assert parse(post(MessageStatus="read")) == [Receipt("whatsapp", SID, "read")]


def test_a_whatsapp_message_at_the_sms_door_is_still_a_whatsapp_message() -> None:
    (item,) = parse(post())
    assert item.channel == "whatsapp"
