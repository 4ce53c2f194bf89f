"""Texts on their way from the network into a conversation, through the signed door."""

from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlencode

import pytest
from twilio.request_validator import RequestValidator

from helpdesk.demo.loopback import WebhookFailed
from helpdesk.inbox.jobs import fetch_media
from helpdesk.phone.model import RefusedDelivery
from helpdesk.tickets.model import Message, Ticket
from tests.conftest import TestClock, drain
from tests.integration.phone.office import ANA, JPEG, OURS, PNG, PUBLIC, Office
from tests.servers.twilio_standin import AUTH_TOKEN


def test_r4_the_same_event_twice_in_parallel_is_one_message(office_on_both: Office) -> None:
    office = office_on_both
    form = {
        "MessageSid": "SM" + "7" * 32,
        "SmsStatus": "received",
        "From": ANA,
        "To": OURS,
        "Body": "Fui cobrada duas vezes",
        "NumMedia": "0",
    }
    signature = RequestValidator(AUTH_TOKEN).compute_signature(f"{PUBLIC}/hooks/sms", form)

    def post(_: int) -> int:
        return (
            office.client.application.test_client()
            .post(
                "/hooks/sms",
                data=urlencode(form),
                content_type="application/x-www-form-urlencoded",
                headers={"X-Twilio-Signature": signature},
            )
            .status_code
        )

    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(post, range(8))) == {200}
    drain(office.services)
    assert len(office.inbound()) == len(office.messages()) == len(office.rows(Ticket)) == 1


def test_r4_two_messages_214_ms_apart_are_one_conversation(
    office_on_both: Office, clock: TestClock
) -> None:
    office = office_on_both
    for body in ("Fui cobrada", "duas vezes"):
        office.network.customer_texts(ANA, body, to=OURS)
        clock.forward(milliseconds=214)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda _: drain(office.services), range(2)))
    drain(office.services)
    assert {one.body for one in office.messages()} == {"Fui cobrada", "duas vezes"}
    assert {one.ticket_id for one in office.messages()} == {office.ticket().id}


def test_r4_an_album_of_pictures_is_one_conversation_with_every_picture_once(
    office_on_both: Office,
) -> None:
    office = office_on_both
    for n in range(4):  # WhatsApp sends an album as so many messages
        picture = office.network.shelf.add(PNG + bytes([n]), "image/png")
        office.network.customer_texts(
            f"whatsapp:{ANA}", "", to=f"whatsapp:{OURS}", name="Ana", media=(picture,), copies=2
        )
    drain(office.services)
    assert office.ticket().subject == "Enviou um arquivo."
    assert len(office.messages()) == 4
    assert {one.message_id for one in office.files()} == {one.id for one in office.messages()}
    assert [one.media_type for one in office.files()] == ["image/png"] * 4
    assert len(office.network.shelf.handed_out) == 4


def test_several_files_of_one_text_are_fetched_typed_and_named_by_us(office: Office) -> None:
    shelf = office.network.shelf
    office.text(
        "olha os comprovantes",
        media=(
            shelf.add(PNG, "text/html"),  # what the network claims is not asked
            shelf.add(JPEG, "image/jpeg"),
            shelf.add(b"<script>alert(1)</script>", "image/png"),
        ),
    )
    assert [(one.name, one.media_type) for one in office.files()] == [
        ("1.png", "image/png"),
        ("2.jpg", "image/jpeg"),
        ("3.bin", "application/octet-stream"),
    ]
    assert shelf.leaks == 0
    assert office.events("message.files") == [
        {"message_id": str(office.messages()[0].id), "count": 3}
    ]


def test_a_file_that_is_not_there_yet_is_fetched_later_and_the_others_stay(office: Office) -> None:
    shelf = office.network.shelf
    first, late = shelf.add(PNG, "image/png"), shelf.add(JPEG, "image/jpeg")
    shelf.broken.add(late[0].rpartition("/")[2])
    with pytest.raises(Exception, match="404"):
        office.text("duas fotos", media=(first, late))
    assert [one.name for one in office.files()] == ["1.png"]
    shelf.broken.clear()
    (row,) = office.inbound()
    for _ in range(2):
        fetch_media(office.services, str(row.id))
    assert [one.name for one in office.files()] == ["1.png", "2.jpg"]
    assert len(shelf.handed_out) == 2


def test_too_large_a_file_is_left_out_and_the_text_stays(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("channels.twilio_line.LARGEST_MEDIA", 100)
    shelf = office.network.shelf
    office.text("aqui", media=(shelf.add(PNG * 10, "image/png"), shelf.add(PNG, "image/png")))
    assert [one.name for one in office.files()] == ["2.png"]
    assert [one.body for one in office.messages()] == ["aqui"]


def test_a_whatsapp_id_without_the_ninth_digit_is_the_same_person(office: Office) -> None:
    customer = office.knows("Ana Souza", kind="phone", value=ANA)
    office.text("oi", channel="whatsapp", sender="+551187654321", name="Ana")
    assert office.ticket().customer_id == customer
    assert office.messages()[0].author_handle == ANA


@pytest.mark.parametrize(
    ("token", "reason"),
    [
        pytest.param("another token", f"does not fit {PUBLIC}/hooks/sms", id="signed-by-another"),
        pytest.param("", "header is missing", id="not-signed"),
    ],
)
def test_a_door_that_stays_closed_says_why_to_whoever_set_it_up(
    office: Office, token: str, reason: str
) -> None:
    form = {"MessageSid": "SM" + "1" * 32, "From": ANA, "To": OURS, "Body": "oi"}
    signature = RequestValidator(token).compute_signature(f"{PUBLIC}/hooks/sms", form)
    for _ in range(3):  # a stranger who keeps knocking writes one row, and seldom
        answer = office.client.post(
            "/hooks/sms", data=form, headers={"X-Twilio-Signature": signature} if token else {}
        )
        assert answer.status_code == 403
    (refused,) = office.rows(RefusedDelivery)
    assert (refused.channel, refused.times) == ("sms", 1)
    assert reason in refused.reason
    assert office.inbound() == []


def test_a_delivery_signed_for_the_proxys_own_address_is_refused(office: Office) -> None:
    office.network.point_to(sms="https://other.example/hooks/sms")
    with pytest.raises(WebhookFailed, match="403"):
        office.text("oi")
    assert office.rows(Message) == []
