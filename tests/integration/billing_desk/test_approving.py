"""The second person: another one, with the right, on exactly what was asked."""

from uuid import UUID, uuid4

import pytest
from sqlalchemy import update
from sqlalchemy.exc import DatabaseError

from billing_core.refunds import RefundAsk
from billing_core.subscriptions import PlanChangeAsk
from helpdesk.billing_desk import approvals, service
from helpdesk.billing_desk.acts import Request
from helpdesk.billing_desk.errors import (
    AlreadyDecided,
    OwnRequest,
    RequestChanged,
    StalePreview,
)
from helpdesk.billing_desk.model import Approval, MoneyAct, MoneyPreview
from helpdesk.errors import Forbidden, InvalidInput
from tests.conftest import TestClock, drain
from tests.integration.billing_desk.world import Desk, as_role, brl


def waiting(desk: Desk, minor: int = 60_00, *, by: object = None) -> UUID:
    """Have somebody ask for more than they may do alone."""
    who = desk.ana if by is None else by
    desk.change_staff(who, act_limit_minor=10_00)  # type: ignore[arg-type]
    shown = service.open_preview(desk.services, who, desk.ticket_id, desk.refund(minor))  # type: ignore[arg-type]
    return service.confirm(desk.services, who, shown.id, one_time_key=str(uuid4()))  # type: ignore[arg-type]


def approve(desk: Desk, act_id: UUID, *, by: object = None) -> None:
    who = desk.paula if by is None else by
    approvals.approve(
        desk.services,
        who,  # type: ignore[arg-type]
        act_id,
        request_hash=desk.act(act_id).request_hash,
        note="ok",
    )


def test_a_refund_above_the_limit_reserves_its_money_and_waits(desk_on_both: Desk) -> None:
    desk = desk_on_both
    act_id = waiting(desk)
    drain(desk.services)
    assert desk.act(act_id).state == "awaiting_approval"
    assert desk.payment().reserved_minor == 60_00
    assert desk.gateway.calls == 1  # only the first charge of the subscription
    assert desk.timeline() == ["money.previewed", "money.awaiting_approval"]


def test_an_approved_refund_goes_out(desk_on_both: Desk) -> None:
    desk = desk_on_both
    act_id = waiting(desk)
    approve(desk, act_id)
    drain(desk.services)
    assert desk.act(act_id).state == "succeeded"
    assert desk.payment().refunded_minor == 60_00
    assert desk.timeline()[2:] == ["money.approved", "money.sending", "money.succeeded"]


def test_a_refused_refund_gives_its_reservation_back(desk_on_both: Desk) -> None:
    desk = desk_on_both
    act_id = waiting(desk)
    approvals.refuse(
        desk.services,
        desk.paula,
        act_id,
        request_hash=desk.act(act_id).request_hash,
        note="not ours",
    )
    drain(desk.services)
    assert desk.act(act_id).state == "refused"
    assert desk.payment().reserved_minor == 0
    assert desk.gateway.refunds == {}
    assert desk.timeline()[-1] == "money.refused"


def test_nobody_approves_their_own_request(desk: Desk) -> None:
    act_id = waiting(desk, by=desk.paula)
    with pytest.raises(OwnRequest):
        approve(desk, act_id, by=desk.paula)
    assert desk.act(act_id).state == "awaiting_approval"


def test_the_database_refuses_self_approval_too(desk_on_both: Desk) -> None:
    desk = desk_on_both
    act_id = waiting(desk, by=desk.paula)
    with (
        pytest.raises(DatabaseError, match="requester cannot approve"),
        desk.services.begin() as tx,
    ):
        tx.session.add(
            Approval(
                id=tx.new_id(),
                money_act_id=act_id,
                approver_id=desk.paula.id,
                decision="approved",
                request_hash=desk.act(act_id).request_hash,
                at=tx.at,
            )
        )


def test_an_agent_approves_nothing(desk: Desk) -> None:
    act_id = waiting(desk)
    with pytest.raises(Forbidden):
        approve(desk, act_id, by=desk.bia)


def test_somebody_demoted_since_signing_in_approves_nothing(desk: Desk) -> None:
    act_id = waiting(desk)
    desk.change_staff(desk.paula, role="agent")
    with pytest.raises(Forbidden):
        approve(desk, act_id, by=as_role(desk.paula, "supervisor"))


def test_an_approval_by_somebody_demoted_before_it_is_sent_sends_nothing(desk: Desk) -> None:
    act_id = waiting(desk)
    approve(desk, act_id)
    desk.change_staff(desk.paula, role="agent")
    drain(desk.services)
    act = desk.act(act_id)
    assert (act.state, act.failure) == ("expired", "approver_lost_right")
    assert (desk.payment().reserved_minor, desk.gateway.refunds) == (0, {})


def test_a_requester_who_left_meanwhile_gets_nothing_approved(desk: Desk, clock: TestClock) -> None:
    act_id = waiting(desk)
    desk.change_staff(desk.ana, disabled_at=clock())
    with pytest.raises(RequestChanged):
        approve(desk, act_id)
    assert desk.act(act_id).failure == "requester_lost_right"
    assert desk.payment().reserved_minor == 0


def test_a_requester_who_leaves_before_it_is_sent_sends_nothing(
    desk: Desk, clock: TestClock
) -> None:
    shown = service.open_preview(desk.services, desk.ana, desk.ticket_id, desk.refund(10_00))
    act_id = service.confirm(desk.services, desk.ana, shown.id, one_time_key="k")
    desk.change_staff(desk.ana, disabled_at=clock())
    drain(desk.services)
    assert desk.act(act_id).failure == "requester_lost_right"
    assert desk.gateway.refunds == {}


def test_a_limit_lowered_before_it_is_sent_holds(desk: Desk) -> None:
    shown = service.open_preview(desk.services, desk.ana, desk.ticket_id, desk.refund(90_00))
    act_id = service.confirm(desk.services, desk.ana, shown.id, one_time_key="k")
    desk.change_staff(desk.ana, act_limit_minor=50_00)
    drain(desk.services)
    assert desk.act(act_id).failure == "limit_lowered"
    assert desk.gateway.refunds == {}


def test_approving_twice_is_refused_the_second_time(desk: Desk) -> None:
    act_id = waiting(desk)
    approve(desk, act_id)
    with pytest.raises(AlreadyDecided):
        approve(desk, act_id, by=desk.rui)
    drain(desk.services)
    assert len(desk.gateway.refunds) == 1


def test_an_approval_is_bound_to_what_was_shown(desk: Desk) -> None:
    act_id = waiting(desk)
    with pytest.raises(RequestChanged):
        approvals.approve(desk.services, desk.paula, act_id, request_hash="another")
    assert desk.act(act_id).state == "awaiting_approval"


@pytest.mark.parametrize(
    "edit",
    [
        pytest.param({"amount_minor": 1_00}, id="amount"),
        pytest.param({"reason": "another"}, id="reason"),
        pytest.param({"request_hash": "another"}, id="hash"),
        pytest.param({"requester_id": None}, id="requester"),
    ],
)
def test_a_request_cannot_be_edited(desk_on_both: Desk, edit: dict[str, object]) -> None:
    desk = desk_on_both
    act_id = waiting(desk)
    if "requester_id" in edit:
        edit = {"requester_id": desk.bia.id}
    with pytest.raises(DatabaseError, match="bound to its approval"), desk.services.begin() as tx:
        tx.session.execute(update(MoneyAct).where(MoneyAct.id == act_id).values(**edit))


def test_what_was_previewed_cannot_be_edited(desk_on_both: Desk) -> None:
    desk = desk_on_both
    act = desk.act(waiting(desk))
    ask = desk.services
    with pytest.raises(DatabaseError, match="bound to its approval"), ask.begin() as tx:
        tx.session.execute(
            update(MoneyPreview)
            .where(MoneyPreview.id == act.preview_id)
            .values(ask={"kind": "refund", "main": {}, "courtesy": None})
        )


def test_a_request_that_nobody_decides_ends_after_a_day(
    desk_on_both: Desk, clock: TestClock
) -> None:
    desk = desk_on_both
    act_id = waiting(desk)
    clock.forward(hours=23, minutes=59)
    assert approvals.expire_acts(desk.services) == 0
    clock.forward(minutes=1)
    assert approvals.expire_acts(desk.services) == 1
    assert approvals.expire_acts(desk.services) == 0
    assert (desk.act(act_id).state, desk.act(act_id).failure) == ("expired", "expired")
    assert desk.payment().reserved_minor == 0
    with pytest.raises(AlreadyDecided):
        approve(desk, act_id)


def test_the_requester_may_take_a_waiting_request_back(desk: Desk) -> None:
    act_id = waiting(desk)
    with pytest.raises(Forbidden):
        approvals.cancel(desk.services, desk.bia, act_id)
    approvals.cancel(desk.services, desk.ana, act_id)
    assert desk.act(act_id).failure == "withdrawn"
    assert desk.payment().reserved_minor == 0
    with pytest.raises(AlreadyDecided):
        approvals.cancel(desk.services, desk.ana, act_id)


def test_a_request_on_an_account_that_changed_goes_back(desk: Desk, clock: TestClock) -> None:
    """Two thirds of the month were left when it was asked for; a day later it is less."""
    clock.forward(days=3)
    ask = PlanChangeAsk(
        subscription_id=desk.subscription_id, new_price_id=desk.prices["Family"], reason="upgrade"
    )
    desk.change_staff(desk.ana, act_limit_minor=0)
    shown = service.open_preview(desk.services, desk.ana, desk.ticket_id, Request(ask))
    with pytest.raises(InvalidInput):
        service.confirm(desk.services, desk.ana, shown.id, one_time_key="k")
    act_id = service.confirm(desk.services, desk.ana, shown.id, one_time_key="k", accepted=True)
    assert desk.act(act_id).state == "awaiting_approval"
    clock.forward(hours=20)
    with pytest.raises(StalePreview):
        approve(desk, act_id)
    act = desk.act(act_id)
    assert (act.state, act.failure) == ("expired", "stale")
    drain(desk.services)
    assert len(desk.gateway.charges) == 1


def test_a_courtesy_on_top_counts_towards_the_limit(desk: Desk) -> None:
    from billing_core.credits import CreditAsk

    ask = Request(
        RefundAsk(payment_id=desk.payment_id, amount=brl(90_00), reason="duplicate"),
        CreditAsk(customer_id=desk.customer_id, amount=brl(20_00), reason="duplicate"),
    )
    shown = service.open_preview(desk.services, desk.ana, desk.ticket_id, ask)
    assert shown.amount_minor == 110_00
    act_id = service.confirm(desk.services, desk.ana, shown.id, one_time_key="k")
    assert desk.act(act_id).state == "awaiting_approval"
