"""Calls on their way through greeting, menu, queue, colleague, call back and voicemail."""

from uuid import uuid4

import pytest

from channels.voice.adapter import VoiceAdapter
from channels.voice.answer import Line
from helpdesk.demo.twilio_calls import Habits
from helpdesk.errors import Conflict, NotFound
from helpdesk.inbox.jobs import read_inbound
from helpdesk.inbox.model import Inbound
from helpdesk.phone import calls
from helpdesk.phone.jobs import place_phone_call
from helpdesk.phone.model import Call, StaffPhone
from helpdesk.tickets.model import Ticket, TicketTag
from tests.conftest import TestClock, drain
from tests.integration.phone.office import ANA, OURS, Office
from tests.servers.twilio_standin import Weather

BRUNAS = "+5511933334444"


@pytest.fixture
def staffed(office: Office) -> Office:
    """An office whose line has a queue, and where Bruna has a telephone."""
    voice = office.services.adapters["voice"]
    assert isinstance(voice, VoiceAdapter)
    voice._line = lambda: Line(has_queue=True)
    with office.services.begin() as tx:
        tx.session.add(StaffPhone(staff_id=office.agent.id, number=BRUNAS))
    return office


def calls_in(office: Office, keys: str, **facts: object) -> str:
    sid = office.network.customer_calls(ANA, to=OURS, keys=keys, **facts)  # type: ignore[arg-type]
    drain(office.services)
    return sid


def only_call(office: Office) -> Call:
    (found,) = office.rows(Call)
    assert isinstance(found, Call)
    return found


def test_a_caller_who_presses_one_waits_and_the_ticket_is_the_accounts(staffed: Office) -> None:
    customer = staffed.knows("Ana Souza", kind="phone", value=ANA)
    sid = calls_in(staffed, "1")
    assert staffed.network.waiting() == [sid]
    call = only_call(staffed)
    assert (call.state, call.topic, call.number) == ("waiting", "billing", ANA)
    ticket = staffed.ticket()
    assert ticket.customer_id == customer
    assert [row.tag for row in staffed.rows(TicketTag)] == ["cobrança"]


@pytest.mark.parametrize("keys", ["2", "7", ""], ids=["two", "another", "none"])
def test_any_other_key_is_another_matter(staffed: Office, keys: str) -> None:
    calls_in(staffed, keys)
    assert only_call(staffed).topic == "other"
    assert staffed.rows(TicketTag) == []


def test_a_colleague_takes_the_call_and_the_log_says_how_long_they_spoke(staffed: Office) -> None:
    staffed.network.habits = Habits(talk_s=95)
    calls_in(staffed, "1")
    calls.answer_call(staffed.services, staffed.agent, only_call(staffed).id)
    drain(staffed.services)
    staffed.settle()
    call = only_call(staffed)
    assert (call.state, call.talk_s, call.staff_id) == ("ended", 95, staffed.agent.id)
    assert [data["seconds"] for data in staffed.events("call.talked")] == [95]
    assert staffed.events("call.missed") == []
    assert len(staffed.messages()) == 1


def test_two_colleagues_cannot_take_one_call(staffed: Office) -> None:
    calls_in(staffed, "1")
    call_id = only_call(staffed).id
    calls.answer_call(staffed.services, staffed.agent, call_id)
    with pytest.raises(Conflict, match="no longer waiting"):
        calls.answer_call(staffed.services, staffed.agent, call_id)


def test_a_caller_whose_colleague_does_not_pick_up_keeps_waiting(staffed: Office) -> None:
    staffed.network.habits = Habits(colleague="no-answer")
    sid = calls_in(staffed, "2")
    calls.answer_call(staffed.services, staffed.agent, only_call(staffed).id)
    drain(staffed.services)
    staffed.settle()
    assert only_call(staffed).state == "waiting"
    assert only_call(staffed).staff_id is None
    assert staffed.network.waiting() == [sid]


def test_a_caller_who_hangs_up_in_the_queue_is_a_missed_call_in_her_ticket(
    staffed: Office,
) -> None:
    sid = calls_in(staffed, "2")
    staffed.network.customer_hangs_up(sid)
    drain(staffed.services)
    assert only_call(staffed).state == "missed"
    assert len(staffed.events("call.missed")) == 1
    assert len(staffed.rows(Ticket)) == len(staffed.messages()) == 1


def test_a_caller_may_ask_to_be_called_back_and_is_asked_for_no_more_once_called(
    staffed: Office,
) -> None:
    calls_in(staffed, "11")
    call = only_call(staffed)
    assert (call.callback_at is not None, call.called_back_at) == (True, None)
    assert len(staffed.events("call.callback")) == 1
    assert staffed.events("call.missed") == []
    calls.place_call(staffed.services, staffed.agent, staffed.ticket().id, ANA, key="k1")
    (asked,) = staffed.rows(Call, Call.direction == "in")
    assert asked.called_back_at is not None


def test_whoever_hides_the_number_is_promised_no_call_and_may_leave_a_message(
    staffed: Office,
) -> None:
    staffed.network.customer_calls("+266696687", to=OURS, keys="11", duration_s=9)
    drain(staffed.services)
    call = only_call(staffed)
    assert (call.state, call.callback_at, call.number) == ("voicemail", None, "")
    assert staffed.events("call.callback") == []


def test_a_caller_may_leave_a_message_instead_of_waiting(staffed: Office) -> None:
    calls_in(staffed, "12", transcript="Me liguem amanhã.", duration_s=9)
    assert only_call(staffed).state == "voicemail"
    assert [one.body for one in staffed.messages()] == [
        "Ligou para nós.",
        "Me liguem amanhã.",
        "Recado de voz.",
    ]
    assert len(staffed.rows(Ticket)) == 1
    assert staffed.events("call.missed") == []


def test_a_line_without_anybody_records_at_once_and_a_hang_up_is_a_missed_call(
    office: Office,
) -> None:
    calls_in(office, "", duration_s=0)
    assert [one.body for one in office.messages()] == ["Chamada perdida, sem recado."]
    assert office.ticket().last_channel == "voice"


def test_a_card_number_in_a_transcript_is_masked_before_it_is_written(office: Office) -> None:
    calls_in(office, "", transcript="meu cartão é 4111 1111 1111 1111, obrigada")
    assert "4111 1111" not in office.messages()[-1].body
    for row in office.inbound():
        assert b"4111" not in office.services.blobs.read(row.blob)


def test_a_call_from_the_console_rings_the_colleague_then_the_customer(staffed: Office) -> None:
    staffed.text("me liguem")
    calls.place_call(staffed.services, staffed.agent, staffed.ticket().id, ANA, key="k1")
    drain(staffed.services)
    staffed.settle()
    assert staffed.network.rung == [(BRUNAS, OURS)]
    call = only_call(staffed)
    assert (call.direction, call.state, call.talk_s) == ("out", "ended", 95)
    (placed,) = staffed.events("call.placed")
    assert placed["number"] == ANA
    assert len(staffed.events("call.talked")) == 1


def test_one_click_is_one_call_and_a_job_run_twice_rings_once(staffed: Office) -> None:
    staffed.text("me liguem")
    ticket_id = staffed.ticket().id
    once = calls.place_call(staffed.services, staffed.agent, ticket_id, ANA, key="k1")
    again = calls.place_call(staffed.services, staffed.agent, ticket_id, ANA, key="k1")
    assert once == again
    for _ in range(2):
        place_phone_call(staffed.services, str(once))
    assert len(staffed.network.rung) == 1
    assert len(staffed.events("call.placed")) == 1


@pytest.mark.parametrize(
    ("habits", "by"),
    [
        (Habits(colleague="no-answer"), "colleague"),
        (Habits(customer="busy"), "customer"),
    ],
)
def test_a_call_that_nobody_picked_up_says_on_which_side(
    staffed: Office, habits: Habits, by: str
) -> None:
    staffed.network.habits = habits
    staffed.text("me liguem")
    calls.place_call(staffed.services, staffed.agent, staffed.ticket().id, ANA, key="k1")
    drain(staffed.services)
    staffed.settle()
    assert only_call(staffed).state == "failed"
    assert [data["by"] for data in staffed.events("call.unanswered")] == [by]


@pytest.mark.parametrize(
    ("weather", "state"),
    [
        pytest.param(Weather(refuse=21211), "failed", id="refused"),
        pytest.param(Weather(answer=504), "uncertain", id="answer-lost"),
    ],
)
def test_a_call_that_could_not_be_placed_is_never_placed_again_by_itself(
    staffed: Office, weather: Weather, state: str
) -> None:
    staffed.network.weather = weather
    staffed.text("me liguem")
    call_id = calls.place_call(staffed.services, staffed.agent, staffed.ticket().id, ANA, key="k1")
    drain(staffed.services)
    staffed.network.weather = Weather()
    place_phone_call(staffed.services, str(call_id))
    assert only_call(staffed).state == state
    assert staffed.network.rung == []
    assert len(staffed.events("call.failed")) == 1


def test_whoever_has_named_no_telephone_is_told_so(office: Office) -> None:
    office.text("me liguem")
    with pytest.raises(Conflict, match="on which telephone"):
        calls.place_call(office.services, office.agent, office.ticket().id, ANA, key="k1")


def test_a_call_that_died_with_its_process_is_uncertain(staffed: Office, clock: TestClock) -> None:
    staffed.text("me liguem")
    call_id = calls.place_call(staffed.services, staffed.agent, staffed.ticket().id, ANA, key="k1")
    with staffed.services.begin() as tx:
        tx.session.get_one(Call, call_id).state = "dialling"
    clock.forward(minutes=6)
    calls.close_forgotten(staffed.services)
    assert only_call(staffed).state == "uncertain"


def test_reports_of_a_call_told_twice_change_nothing(staffed: Office) -> None:
    calls_in(staffed, "1")
    calls.answer_call(staffed.services, staffed.agent, only_call(staffed).id)
    drain(staffed.services)
    staffed.settle()
    before = only_call(staffed)
    for row in staffed.inbound():
        with staffed.services.begin() as tx:
            tx.session.get_one(Inbound, row.id).state = "new"
    reports = [row for row in staffed.inbound() if ":menu" not in row.external_key]
    for row in reports:
        read_inbound(staffed.services, str(row.id))
    after = only_call(staffed)
    assert (after.state, after.talk_s) == (before.state, before.talk_s)
    assert len(staffed.events("call.talked")) == 1


def test_an_id_that_is_no_call_is_nobodys(staffed: Office) -> None:
    with pytest.raises(NotFound):
        calls.answer_call(staffed.services, staffed.agent, uuid4())
