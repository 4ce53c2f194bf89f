"""The sample company is whole: nothing of its money or its talk is missing, doubled or late."""

import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from billing_core.ledger import verify_ledger
from billing_core.refunds import RefundAsk
from billing_core.store.payment import Payment, PaymentAttempt
from helpdesk.billing_desk.acts import Request
from helpdesk.billing_desk.model import MoneyAct
from helpdesk.demo.money import carry_out
from helpdesk.demo.seed import seed
from helpdesk.demo.stories import OPEN, Story, past
from helpdesk.demo.telling import agents_of
from helpdesk.demo.twilio_forms import utterances
from helpdesk.events.model import Event
from helpdesk.inbox.model import Attachment, Inbound
from helpdesk.outbox.model import Outbound
from helpdesk.reports.queries import Scope, backlog
from helpdesk.reports.service import figures_between
from helpdesk.services import Services
from helpdesk.settings import InvalidSettings
from helpdesk.tickets.model import Message, Ticket
from tests.conftest import drain
from tests.integration.demo.conftest import CONVERSATIONS, NOW, Company, open_services

VOICEMAIL = "(voicemail)"


@pytest.fixture
def copy(company: Company, tmp_path: Path) -> Iterator[Services]:
    """A copy of the company that a test may change."""
    folder = tmp_path / "copy"
    shutil.copytree(company.settings.data_dir, folder)
    services = open_services(
        replace(
            company.settings,
            data_dir=folder,
            database_url=f"sqlite:///{folder / 'guiche.sqlite'}",
        )
    )
    yield services
    services.db.close()


def said_in(services: Services, ticket: Ticket) -> list[tuple[str, str, str]]:
    """Return who said what on which channel, leaving out what the product said."""
    with services.reading() as session:
        messages = session.scalars(
            select(Message).where(Message.ticket_id == ticket.id).order_by(Message.seq)
        ).all()
        spoken = set(session.scalars(select(Attachment.message_id)))
    words = []
    for one in messages:
        if one.author_kind != "system":
            who = "note" if one.visibility == "note" else one.author_kind
            text = VOICEMAIL if one.id in spoken else one.reply_text
            channel = "" if who == "note" else one.channel
            words.append((who, channel, text))
    return words


def written_in(story: Story) -> list[tuple[str, str, str]]:
    words = []
    for turn in story.turns:
        who = {"agent": "staff"}.get(turn.who, turn.who)
        if turn.channel == "voice":
            words += [(who, "voice", piece) for piece in utterances(turn.text)]
            words.append((who, "voice", VOICEMAIL))
        else:
            words.append((who, "" if who == "note" else turn.channel, turn.text))
    return words


def ticket_of(services: Services, name: str) -> Ticket:
    with services.reading() as session:
        return session.scalars(select(Ticket).where(Ticket.customer_name == name)).one()


def test_the_ledger_balances_and_agrees_with_every_payment(company: Company) -> None:
    with company.services.reading() as session:
        assert verify_ledger(session) == []
        assert session.scalar(select(func.count()).select_from(Payment)) or 0 > 200


def test_everything_that_came_in_was_read(company: Company) -> None:
    with company.services.reading() as session:
        states = Counter(session.scalars(select(Inbound.state)))
    assert set(states) == {"read"}


def test_everything_that_was_answered_left(company: Company) -> None:
    with company.services.reading() as session:
        left = {(one.channel, one.state) for one in session.scalars(select(Outbound))}
    assert left <= {
        ("email", "sent"),
        ("chat", "sent"),
        ("sms", "delivered"),
        ("sms", "sent"),
        ("whatsapp", "read"),
        ("whatsapp", "sent"),
    }
    assert ("email", "sent") in left


@pytest.mark.parametrize("story", OPEN, ids=lambda story: story.person)
def test_a_story_of_today_is_told_once_and_in_order(company: Company, story: Story) -> None:
    ticket = ticket_of(company.services, story.person)
    assert said_in(company.services, ticket) == written_in(story)


@pytest.mark.parametrize("story", OPEN, ids=lambda story: story.person)
def test_a_story_of_today_stands_where_it_was_left(company: Company, story: Story) -> None:
    ticket = ticket_of(company.services, story.person)
    assert ticket.category == {"open": "open", "pending": "waiting"}[story.ends]
    assert (ticket.assignee_id is None) == (story.agent == "")
    last = NOW - timedelta(minutes=story.began - sum(turn.after for turn in story.turns))
    assert abs(ticket.last_message_at - last) < timedelta(seconds=1)


def test_the_past_is_solved_and_each_of_its_stories_is_told_once(company: Company) -> None:
    with company.services.reading() as session:
        solved = session.scalars(select(Ticket).where(Ticket.category == "solved")).all()
    told = Counter(str(said_in(company.services, ticket)) for ticket in solved)
    assert told == Counter(str(written_in(story)) for story in past(CONVERSATIONS))


def test_every_conversation_belongs_to_a_known_customer(company: Company) -> None:
    with company.services.reading() as session:
        strangers = session.scalars(select(Ticket).where(Ticket.customer_id.is_(None))).all()
    assert strangers == []


def test_the_doubled_charge_is_named_once_on_the_ticket_it_is_about(company: Company) -> None:
    ticket = ticket_of(company.services, "Mariana Alves Prado")
    with company.services.reading() as session:
        found = session.scalars(
            select(Event).where(Event.ticket_id == ticket.id, Event.kind == "duplicate.detected")
        ).all()
        surplus = session.scalars(
            select(Payment).where(
                Payment.customer_id == ticket.customer_id, Payment.invoice_id.is_(None)
            )
        ).one()
    assert [event.data["payment_id"] for event in found] == [str(surplus.id)]
    assert ticket.money_at_stake_minor == surplus.captured_minor == 129_90


def test_the_doubled_charge_can_be_given_back(copy: Services) -> None:
    ticket = ticket_of(copy, "Mariana Alves Prado")
    with copy.reading() as session:
        surplus = session.scalars(
            select(Payment).where(
                Payment.customer_id == ticket.customer_id, Payment.invoice_id.is_(None)
            )
        ).one()
    ask = RefundAsk(payment_id=surplus.id, amount=surplus.balance.captured, reason="duplicate")
    patricia = agents_of(copy)["patricia.lemos@sabia.exemplo"]
    act_id = carry_out(copy, patricia, ticket.id, Request(ask))
    drain(copy)
    with copy.reading() as session:
        assert session.get_one(MoneyAct, act_id).state == "succeeded"
        assert session.get_one(Payment, surplus.id).refunded_minor == 129_90
        assert verify_ledger(session) == []


def test_two_requests_wait_for_a_second_person_and_the_others_are_done(company: Company) -> None:
    with company.services.reading() as session:
        acts = session.execute(select(MoneyAct.state, Ticket.customer_name).join(Ticket)).all()
    waiting = {name for state, name in acts if state == "awaiting_approval"}
    assert waiting == {"Emma Clarke", "Sofia Menezes"}
    assert {state for state, _ in acts} <= {"awaiting_approval", "succeeded"}


def test_some_cards_were_refused_and_four_charges_doubled(company: Company) -> None:
    with company.services.reading() as session:
        refused = session.scalars(
            select(PaymentAttempt).where(PaymentAttempt.state == "failed")
        ).all()
        doubled = session.scalars(select(Payment).where(Payment.invoice_id.is_(None))).all()
    assert len(refused) == 2
    assert len(doubled) == 4


def test_the_board_has_figures(company: Company) -> None:
    everything = Scope(agents_of(company.services)["patricia.lemos@sabia.exemplo"])
    with company.services.reading() as session:
        fortnight = figures_between(session, everything, NOW - timedelta(days=15), NOW)
        waiting = backlog(session, everything, NOW)
    assert fortnight.spreads["first_response"].n > CONVERSATIONS
    assert fortnight.spreads["resolution"].n == CONVERSATIONS
    assert waiting


def test_nothing_of_it_lies_in_the_future(company: Company) -> None:
    with company.services.reading() as session:
        latest = session.scalar(select(func.max(Event.at)))
    assert latest is not None
    assert latest <= NOW


def test_a_database_with_people_in_it_is_left_alone(company: Company) -> None:
    with pytest.raises(InvalidSettings, match="not empty"):
        seed(company.settings, now=lambda: NOW)


def test_it_says_how_far_it_has_come(company: Company) -> None:
    assert company.told[0] == "hiring"
    assert company.told[-1] == "today"
