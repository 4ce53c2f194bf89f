"""Texts on their way out: who may be written to, and what became of what left."""

from uuid import uuid4

import pytest

from helpdesk.errors import NotWelcome
from helpdesk.inbox.blocking import block
from helpdesk.inbox.jobs import read_inbound
from helpdesk.outbox.jobs import send_outbound
from helpdesk.outbox.queries import reply_channels
from helpdesk.outbox.service import queue_message, retry_outbound
from helpdesk.phone.model import MessageTemplate, OptOut
from helpdesk.phone.service import fill_template
from helpdesk.phone.words import OPTED_OUT, WINDOW_CLOSED
from helpdesk.tickets.queries import lock_ticket
from helpdesk.tickets.service import add_staff_message
from tests.conftest import TestClock, drain
from tests.integration.phone.office import ANA, OURS, Office
from tests.servers.twilio_standin import Weather


@pytest.mark.parametrize(
    ("channel", "word"),
    [("sms", "STOP"), ("whatsapp", "Parar"), ("sms", " sair. "), ("whatsapp", "CANCELAR")],
)
def test_nothing_is_sent_to_who_opted_out_and_the_agent_reads_why(
    office: Office, channel: str, word: str
) -> None:
    office.text("Oi", channel=channel)
    office.text(word, channel=channel)
    assert office.messages()[-1].body == word
    assert office.events("phone.opted_out") == [{"channel": channel, "number": ANA}]
    with pytest.raises(NotWelcome, match=OPTED_OUT):
        office.replies(office.ticket(), channel=channel)
    assert office.network.texts() == []
    assert len(office.messages()) == 2


def test_an_answer_that_waits_is_held_back_when_the_customer_opts_out(office: Office) -> None:
    office.text("Oi")
    office.replies(office.ticket())  # queued, not sent yet
    office.network.customer_texts(ANA, "PARAR", to=OURS)
    (row,) = office.outbound()
    (text,) = [one for one in office.inbound() if one.state == "new"]
    read_inbound(office.services, str(text.id))
    send_outbound(office.services, str(row.id))
    (row,) = office.outbound()
    assert (row.state, row.last_error) == ("failed", OPTED_OUT)
    assert office.network.texts() == []


def test_a_wish_holds_for_its_channel_alone(office: Office) -> None:
    office.knows("Ana Souza", kind="whatsapp", value=ANA)
    office.text("Oi")
    office.text("STOP")
    with office.services.reading() as session:
        ways = reply_channels(session, office.ticket())
    assert [(one.channel, one.opted_out) for one in ways] == [("whatsapp", False), ("sms", True)]


def test_a_wish_of_somebody_whose_messages_are_held_counts(office: Office) -> None:
    office.text("Oi")
    block(office.services, office.agent, ANA)
    office.text("PARAR")
    assert [one.body for one in office.messages()] == ["Oi"]
    with pytest.raises(NotWelcome, match=OPTED_OUT):
        office.replies(office.ticket())


def test_a_customer_who_comes_back_is_written_to_again(office: Office) -> None:
    office.text("STOP")
    office.text("Voltar")
    office.replies(office.ticket())
    drain(office.services)
    assert [text.body for text in office.network.texts()] == ["Olá!"]
    (wish,) = office.rows(OptOut)
    assert wish.ended_at is not None
    assert len(office.events("phone.opted_in")) == 1


def test_a_wish_said_twice_is_recorded_once(office: Office) -> None:
    for _ in range(3):
        office.text("STOP")
    assert len(office.events("phone.opted_out")) == 1


def test_a_sentence_with_such_a_word_in_it_is_no_wish(office: Office) -> None:
    office.text("quero cancelar meu plano")
    assert office.rows(OptOut) == []


def test_free_text_goes_to_whatsapp_for_24_hours_after_the_last_word_and_no_longer(
    office_on_both: Office, clock: TestClock
) -> None:
    office = office_on_both
    office.text("Oi", channel="whatsapp")
    clock.forward(hours=23, minutes=59)
    office.replies(office.ticket(), channel="whatsapp")
    clock.forward(minutes=1)
    with pytest.raises(NotWelcome, match="only a template"):
        office.replies(office.ticket(), channel="whatsapp")
    office.text("ainda aí?", channel="whatsapp")
    office.replies(office.ticket(), channel="whatsapp")


def test_the_window_is_the_numbers_not_the_tickets(office: Office, clock: TestClock) -> None:
    office.text("Oi", channel="whatsapp")
    first = office.ticket()
    clock.forward(hours=30)
    other = office.text("de um número antigo", channel="whatsapp", sender="+551187654321")
    assert other
    office.replies(first, channel="whatsapp")  # she wrote again, wherever that was filed


@pytest.fixture
def template(office: Office) -> MessageTemplate:
    row = MessageTemplate(
        id=uuid4(),
        name="retorno",
        language="pt_BR",
        category="utility",
        provider_ref="HX" + "1" * 32,
        body="Olá, {{1}}! Sobre {{2}}: podemos falar agora?",
        labels=["nome", "assunto"],
        state="approved",
        created_at=office.services.clock(),
    )
    with office.services.begin() as tx:
        tx.session.add(row)
    return row


def test_outside_the_window_a_template_goes_with_its_variables(
    office: Office, clock: TestClock, template: MessageTemplate
) -> None:
    office.text("Oi", channel="whatsapp")
    clock.forward(hours=48)
    text, values = fill_template(template, ["Ana", "a cobrança"])
    with office.services.begin() as tx:
        ticket = lock_ticket(tx, office.ticket().id)
        message = add_staff_message(
            tx,
            ticket,
            office.agent,
            channel="whatsapp",
            body=text,
            visibility="public",
            client_msg_id=None,
        )
        queue_message(
            tx,
            ticket,
            message,
            template={"template": template.provider_ref, "variables": values},
        )
    drain(office.services)
    (sent,) = office.network.texts()
    assert (sent.template, sent.variables) == (
        template.provider_ref,
        {"1": "Ana", "2": "a cobrança"},
    )
    assert office.messages()[-1].body == "Olá, Ana! Sobre a cobrança: podemos falar agora?"


@pytest.mark.parametrize("weather", [Weather(), Weather(backwards=True, copies=3)])
def test_s3_reports_in_any_order_and_twice_never_take_a_message_back(
    office_on_both: Office, weather: Weather
) -> None:
    office = office_on_both
    office.network.weather = weather
    office.text("Oi")
    office.replies(office.ticket())
    drain(office.services)
    office.settle()
    assert [row.state for row in office.outbound()] == ["delivered"]
    told = [data["state"] for data in office.events("message.state")]
    assert told == sorted(set(told), key=["sent", "delivered"].index)


def test_s1_undelivered_is_final_and_says_why_in_words(office: Office) -> None:
    office.network.weather = Weather(outcome="undelivered", error_code="30003", backwards=True)
    office.text("Oi")
    office.replies(office.ticket())
    drain(office.services)
    office.settle()
    (row,) = office.outbound()
    assert (row.state, row.last_error) == (
        "failed",
        "30003: the phone is switched off or out of reach",
    )


def test_s2_a_later_report_about_another_part_does_not_hide_the_error(office: Office) -> None:
    """Each part of a long text may be reported; one lost part is a lost message."""
    office.network.weather = Weather(outcome="undelivered", error_code="30008")
    office.text("Oi")
    office.replies(office.ticket(), "x" * 400)
    drain(office.services)
    office.settle()
    (sent,) = office.network.texts()
    office.network.reports(sent, "delivered")
    office.settle()
    assert [row.state for row in office.outbound()] == ["failed"]


@pytest.mark.parametrize("told", ["before-the-second-try", "after-it"])
def test_what_became_of_an_earlier_try_is_not_the_fate_of_a_later_one(
    office_on_both: Office, told: str
) -> None:
    """Shown as failed, a message that arrived would be sent a third time."""
    office = office_on_both
    office.text("Oi")
    office.network.weather = Weather(drop_answer=True, silent=True)
    message = office.replies(office.ticket())
    drain(office.services)
    (lost,) = office.network.texts()
    assert [row.state for row in office.outbound()] == ["uncertain"]
    office.network.weather = Weather(silent=True)
    retry_outbound(office.services, office.agent, message.id)
    if told == "before-the-second-try":
        office.network.reports(lost, "failed")
        assert office.network.wait_until_quiet()
    drain(office.services)
    if told == "after-it":
        office.network.reports(lost, "undelivered")
        office.settle()
    assert [row.state for row in office.outbound()] == ["sent"]
    office.network.reports(office.network.texts()[1], "delivered")
    office.settle()
    assert [row.state for row in office.outbound()] == ["delivered"]
    assert len(office.network.texts()) == 2


def test_the_window_sentence_is_the_one_the_agent_reads() -> None:
    assert "template" in WINDOW_CLOSED
