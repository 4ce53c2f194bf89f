"""Texts on their way from the network into a conversation, through the signed door."""

from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlencode

import pytest
from twilio.request_validator import RequestValidator

from channels.port import File, Unreachable
from helpdesk.demo.loopback import WebhookFailed
from helpdesk.inbox.jobs import fetch_media, fetch_owed_files
from helpdesk.inbox.model import FilesDue
from helpdesk.phone.model import RefusedDelivery
from helpdesk.tickets.model import Message, Ticket
from helpdesk.translations.catalogue import compile_catalogues
from tests.browser import Browser, hire
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


@pytest.mark.parametrize("fault", ["broken", "cut"])
def test_a_file_that_does_not_come_now_is_fetched_later_and_the_others_stay(
    office_on_both: Office, clock: TestClock, fault: str
) -> None:
    office = office_on_both
    shelf = office.network.shelf
    first, late = shelf.add(PNG, "image/png"), shelf.add(JPEG, "image/jpeg")
    faulty: set[str] = getattr(shelf, fault)
    faulty.add(late[0].rpartition("/")[2])
    office.text("duas fotos", media=(first, late))
    assert [one.name for one in office.files()] == ["1.png"]
    for _ in range(30):  # an outage of many hours
        clock.forward(hours=1)
        fetch_owed_files(office.services)
        drain(office.services)
    assert [one.name for one in office.files()] == ["1.png"]
    faulty.clear()
    clock.forward(hours=1)
    for _ in range(2):
        fetch_owed_files(office.services)
        drain(office.services)
    assert [one.name for one in office.files()] == ["1.png", "2.jpg"]
    assert len(shelf.handed_out) == 2
    assert office.events("message.file_lost") == []
    assert office.rows(FilesDue) == []


def test_a_voicemail_whose_sound_is_not_there_yet_is_fetched_later(
    office: Office, clock: TestClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def not_yet(url: str) -> File:
        raise Unreachable(f"not yet: {url}")

    with monkeypatch.context() as patch:
        patch.setattr(office.services.adapters["voice"], "fetch_recording", not_yet)
        office.network.customer_calls(ANA, to=OURS, duration_s=3)
        drain(office.services)
    assert office.files() == []
    clock.forward(minutes=10)
    fetch_owed_files(office.services)
    drain(office.services)
    (sound,) = office.files()
    assert office.messages()[0].media_url == f"/attachments/{sound.id}"


def test_what_never_comes_is_told_of_once_and_asked_for_no_more(
    office: Office, clock: TestClock
) -> None:
    shelf = office.network.shelf
    never = shelf.add(PNG, "image/png")
    shelf.broken.add(never[0].rpartition("/")[2])
    office.text("olha", media=(never,))
    clock.forward(days=3)
    for _ in range(3):
        fetch_owed_files(office.services)
        drain(office.services)
        clock.forward(hours=2)
    (lost,) = office.events("message.file_lost")
    assert lost["why"] == "the provider does not hand out the file (404)"
    assert office.rows(FilesDue) == []


def test_too_large_a_file_is_left_out_and_told_of_and_the_text_stays(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("channels.twilio_line.LARGEST_MEDIA", 100)
    shelf = office.network.shelf
    office.text("aqui", media=(shelf.add(PNG * 10, "image/png"), shelf.add(PNG, "image/png")))
    assert [one.name for one in office.files()] == ["2.png"]
    assert [one.body for one in office.messages()] == ["aqui"]
    for _ in range(2):
        fetch_media(office.services, str(office.inbound()[0].id))
    (lost,) = office.events("message.file_lost")
    assert lost["why"] == "the file is too large to be shown here"
    compile_catalogues()
    agent = Browser(office.client.application)
    agent.sign_in(hire(office.services, "agent"))
    page = agent.get(f"/inbox/{office.ticket().number}").get_data(as_text=True)
    assert "o arquivo é grande demais para ser mostrado aqui" in page


def test_a_place_that_was_sent_is_read_as_words(office: Office) -> None:
    where = {"Latitude": "-23.55", "Longitude": "-46.63", "Label": "Loja"}
    office.text("", channel="whatsapp", more=where)
    assert [one.body for one in office.messages()] == ["Loja\n-23.55, -46.63"]


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
