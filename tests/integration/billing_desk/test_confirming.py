"""From a preview to an act: once, within limits, on the account that was shown."""

from uuid import uuid4

import pytest

from billing_core.errors import NotFound as UnknownMoney
from billing_core.errors import RefundTooLarge
from billing_core.refunds import RefundAsk
from helpdesk.billing_desk import approvals, service
from helpdesk.billing_desk.acts import Request
from helpdesk.billing_desk.errors import (
    AlreadyConfirmed,
    KeyUsed,
    PreviewExpired,
    StalePreview,
)
from helpdesk.billing_desk.model import MoneyPreview
from helpdesk.errors import Forbidden, NotFound, SignedOut
from helpdesk.tickets.service import link_ticket_to_customer
from tests.conftest import TestClock, drain
from tests.integration.billing_desk.world import Desk, brl


def preview(desk: Desk, minor: int, agent: object = None) -> MoneyPreview:
    who = desk.ana if agent is None else agent
    return service.open_preview(desk.services, who, desk.ticket_id, desk.refund(minor))  # type: ignore[arg-type]


def test_a_preview_changes_nothing_but_the_timeline(desk_on_both: Desk) -> None:
    shown = preview(desk_on_both, 60_00)
    assert shown.amount_minor == 60_00
    assert desk_on_both.payment().reserved_minor == 0
    assert desk_on_both.timeline() == ["money.previewed"]


def test_trying_another_amount_is_not_another_line_in_the_timeline(desk: Desk) -> None:
    preview(desk, 60_00)
    preview(desk, 70_00)
    assert desk.timeline() == ["money.previewed"]


def test_a_refund_within_the_limits_goes_out_once_and_is_booked_once(desk_on_both: Desk) -> None:
    desk = desk_on_both
    act_id = service.confirm(desk.services, desk.ana, preview(desk, 60_00).id, one_time_key="k1")
    assert desk.act(act_id).state == "approved"
    assert desk.payment().reserved_minor == 60_00
    drain(desk.services)
    act = desk.act(act_id)
    assert (act.state, act.number) == ("succeeded", 1)
    assert act.subject_id is not None
    assert len(desk.gateway.refunds) == 1
    assert len(desk.ledger_entries(act.subject_id)) == 1
    assert (desk.payment().refunded_minor, desk.payment().reserved_minor) == (60_00, 0)
    assert desk.timeline() == [
        "money.previewed",
        "money.requested",
        "money.sending",
        "money.succeeded",
    ]


def test_the_same_key_is_the_same_act(desk_on_both: Desk) -> None:
    desk = desk_on_both
    shown = preview(desk, 60_00)
    first = service.confirm(desk.services, desk.ana, shown.id, one_time_key="k1")
    again = service.confirm(desk.services, desk.ana, shown.id, one_time_key="k1")
    drain(desk.services)
    assert first == again
    assert service.confirm(desk.services, desk.ana, shown.id, one_time_key="k1") == first
    assert len(desk.refund_rows()) == len(desk.gateway.refunds) == 1


def test_the_same_key_with_another_preview_is_refused(desk: Desk) -> None:
    service.confirm(desk.services, desk.ana, preview(desk, 10_00).id, one_time_key="k1")
    other = preview(desk, 20_00)
    with pytest.raises(KeyUsed):
        service.confirm(desk.services, desk.ana, other.id, one_time_key="k1")
    assert len(desk.refund_rows()) == 1


def test_one_preview_in_two_tabs_is_one_act(desk: Desk) -> None:
    shown = preview(desk, 10_00)
    act_id = service.confirm(desk.services, desk.ana, shown.id, one_time_key="k1")
    with pytest.raises(AlreadyConfirmed) as refusal:
        service.confirm(desk.services, desk.ana, shown.id, one_time_key="k2")
    assert refusal.value.act_id == act_id


def test_a_preview_expires_after_a_quarter_of_an_hour(desk: Desk, clock: TestClock) -> None:
    shown = preview(desk, 10_00)
    clock.forward(minutes=15)
    with pytest.raises(PreviewExpired):
        service.confirm(desk.services, desk.ana, shown.id, one_time_key="k1")


def test_a_preview_of_a_changed_account_must_be_made_again(desk: Desk) -> None:
    mine, hers = preview(desk, 10_00), preview(desk, 20_00, desk.bia)
    service.confirm(desk.services, desk.bia, hers.id, one_time_key="k1")
    with pytest.raises(StalePreview):
        service.confirm(desk.services, desk.ana, mine.id, one_time_key="k2")
    assert desk.payment().reserved_minor == 20_00


def test_a_ticket_that_was_given_to_another_customer_makes_the_preview_stale(desk: Desk) -> None:
    from helpdesk.customers.model import Customer
    from helpdesk.events.service import Actor
    from helpdesk.tickets.queries import lock_ticket

    shown = preview(desk, 10_00)
    with desk.services.begin() as tx:
        other = Customer(id=tx.new_id(), name="Outra", created_at=tx.at)
        tx.session.add(other)
        tx.session.flush()
        ticket = lock_ticket(tx, desk.ticket_id)
        link_ticket_to_customer(tx, ticket, other.id, None, actor=Actor.system())
    with pytest.raises(StalePreview):
        service.confirm(desk.services, desk.ana, shown.id, one_time_key="k1")


def test_somebody_elses_preview_does_not_exist(desk: Desk) -> None:
    with pytest.raises(NotFound):
        service.confirm(desk.services, desk.bia, preview(desk, 10_00).id, one_time_key="k1")


def test_money_of_another_customer_does_not_exist(desk: Desk) -> None:
    from billing_core import payments

    with desk.services.begin() as tx:
        stranger = payments.record_capture(
            tx, customer_id=uuid4(), amount=brl(50_00), gateway="sandbox", gateway_ref="ch_x"
        )
    ask = Request(RefundAsk(payment_id=stranger, amount=brl(10_00), reason="duplicate"))
    with pytest.raises(NotFound):
        service.open_preview(desk.services, desk.ana, desk.ticket_id, ask)
    unknown = Request(RefundAsk(payment_id=uuid4(), amount=brl(10_00), reason="duplicate"))
    with pytest.raises(UnknownMoney):
        service.open_preview(desk.services, desk.ana, desk.ticket_id, unknown)


def test_more_than_was_paid_is_refused_with_what_is_left(desk: Desk) -> None:
    with pytest.raises(RefundTooLarge) as refusal:
        preview(desk, 100_01)
    assert refusal.value.left == brl(100_00)


def test_a_ticket_of_another_team_cannot_be_confirmed_on(desk: Desk) -> None:
    from helpdesk.staff.model import Team
    from helpdesk.tickets.queries import lock_ticket

    shown = preview(desk, 10_00)
    with desk.services.begin() as tx:
        team = Team(id=tx.new_id(), name="Outra")
        tx.session.add(team)
        tx.session.flush()
        lock_ticket(tx, desk.ticket_id).team_id = team.id
    with pytest.raises(NotFound):
        service.confirm(desk.services, desk.ana, shown.id, one_time_key="k1")


def test_somebody_who_left_confirms_nothing(desk: Desk, clock: TestClock) -> None:
    shown = preview(desk, 10_00)
    desk.change_staff(desk.ana, disabled_at=clock())
    with pytest.raises(SignedOut):
        service.confirm(desk.services, desk.ana, shown.id, one_time_key="k1")


def test_ten_small_acts_cannot_be_one_large_one(desk_on_both: Desk) -> None:
    desk = desk_on_both
    desk.change_staff(desk.ana, day_limit_minor=50_00)
    states = [
        desk.act(
            service.confirm(desk.services, desk.ana, preview(desk, 10_00).id, one_time_key=f"k{n}")
        ).state
        for n in range(10)
    ]
    assert states == ["approved"] * 5 + ["awaiting_approval"] * 5


def test_the_sum_of_a_customers_day_asks_for_a_second_person(desk: Desk) -> None:
    desk.change_staff(desk.ana, customer_limit_minor=50_00)
    desk.change_staff(desk.bia, customer_limit_minor=50_00)
    first = service.confirm(desk.services, desk.ana, preview(desk, 30_00).id, one_time_key="k1")
    second = service.confirm(
        desk.services, desk.bia, preview(desk, 30_00, desk.bia).id, one_time_key="k2"
    )
    assert desk.act(first).state == "approved"
    assert desk.act(second).state == "awaiting_approval"  # another agent, the same customer


def test_what_was_refused_uses_up_no_limit(desk: Desk) -> None:
    desk.change_staff(desk.ana, act_limit_minor=20_00, day_limit_minor=20_00)
    large = service.confirm(desk.services, desk.ana, preview(desk, 60_00).id, one_time_key="k1")
    approvals.refuse(desk.services, desk.paula, large, request_hash=desk.act(large).request_hash)
    small = service.confirm(desk.services, desk.ana, preview(desk, 20_00).id, one_time_key="k2")
    assert desk.act(small).state == "approved"


def test_yesterdays_acts_do_not_count(desk: Desk, clock: TestClock) -> None:
    desk.change_staff(desk.ana, day_limit_minor=20_00)
    service.confirm(desk.services, desk.ana, preview(desk, 20_00).id, one_time_key="k1")
    waits = service.confirm(desk.services, desk.ana, preview(desk, 10_00).id, one_time_key="k2")
    assert desk.act(waits).state == "awaiting_approval"
    clock.forward(hours=24)
    free = service.confirm(desk.services, desk.ana, preview(desk, 20_00).id, one_time_key="k3")
    assert desk.act(free).state == "approved"


def test_an_agent_without_the_right_previews_nothing(desk: Desk) -> None:
    class Trainee:
        id, role, team_id = desk.ana.id, "agent", None

        def may(self, permission: str) -> bool:
            return permission != "billing.refund"

    with pytest.raises(Forbidden):
        preview(desk, 10_00, Trainee())
