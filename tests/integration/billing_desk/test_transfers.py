"""A refund by bank transfer at the desk: always two people, and a third step at the bank."""

from uuid import UUID

import pytest

from billing_core.domain.payee import read_payee
from billing_core.out_of_band import TransferAsk, keep_payee
from billing_core.refunds import RefundOutcome, settle_refund
from helpdesk.billing_desk import approvals, sending
from helpdesk.billing_desk.acts import Request
from helpdesk.billing_desk.errors import AlreadyDecided
from helpdesk.billing_desk.frozen import thaw
from helpdesk.billing_desk.model import MoneyAct, MoneyPreview
from helpdesk.billing_desk.service import CustomerNews, confirm, open_preview
from helpdesk.billing_desk.transfers import (
    forget_unused,
    mark_not_transferred,
    mark_transferred,
    take_transfer,
)
from helpdesk.errors import Forbidden, InvalidInput
from tests.conftest import drain
from tests.integration.billing_desk.world import Desk, brl

TYPED = {"holder": "Mariana Prado", "document": "529.982.247-25", "pix_key": "m@example.com"}


def request(desk: Desk, minor: int = 1000) -> Request:
    with desk.services.begin() as tx:
        payee_id = keep_payee(tx, desk.customer_id, read_payee(TYPED))
    return Request(
        TransferAsk(
            payment_id=desk.payment_id, amount=brl(minor), reason="goodwill", payee_id=payee_id
        )
    )


def asked(desk: Desk, minor: int = 1000) -> MoneyAct:
    preview = open_preview(desk.services, desk.ana, desk.ticket_id, request(desk, minor))
    act_id = confirm(
        desk.services,
        desk.ana,
        preview.id,
        one_time_key=str(preview.id),
        news=CustomerNews("email", "x"),
    )
    return desk.act(act_id)


def approved(desk: Desk) -> UUID:
    act = asked(desk)
    approvals.approve(desk.services, desk.paula, act.id, request_hash=act.request_hash)
    return act.id


def test_even_a_small_transfer_waits_for_a_second_person(desk: Desk) -> None:
    act = asked(desk, minor=1)
    assert (act.state, act.kind) == ("awaiting_approval", "refund")
    assert desk.payment().reserved_minor == 1


def test_the_whole_way_from_the_preview_to_the_books(desk_on_both: Desk) -> None:
    desk = desk_on_both
    act_id = approved(desk)
    desk.services.clock.forward(minutes=30)  # type: ignore[attr-defined]
    drain(desk.services)
    sending.reconcile(desk.services)  # no janitor sends it anywhere
    assert (desk.act(act_id).state, desk.gateway.refunds) == ("approved", {})
    order = take_transfer(desk.services, desk.rui, act_id)
    assert order is not None
    assert (order.amount, order.details["pix_key"]) == (brl(1000), "m@example.com")
    with pytest.raises(AlreadyDecided):
        take_transfer(desk.services, desk.paula, act_id)
    desk.services.clock.forward(minutes=30)  # type: ignore[attr-defined]
    sending.reconcile(desk.services)
    assert desk.act(act_id).state == "sending"
    with pytest.raises(InvalidInput):
        mark_transferred(desk.services, desk.rui, act_id, " ")
    mark_transferred(desk.services, desk.rui, act_id, "E0001")
    assert desk.act(act_id).state == "succeeded"
    assert desk.payment().refunded_minor == 1000
    with pytest.raises(AlreadyDecided):
        mark_not_transferred(desk.services, desk.rui, act_id, "x")


def test_what_the_bank_refuses_fails_and_frees_the_money(desk: Desk) -> None:
    act_id = approved(desk)
    take_transfer(desk.services, desk.rui, act_id)
    mark_not_transferred(desk.services, desk.rui, act_id, "account_closed")
    assert (desk.act(act_id).state, desk.act(act_id).failure) == ("failed", "account_closed")
    assert desk.payment().reserved_minor == 0


def test_only_somebody_who_approves_goes_to_the_bank(desk: Desk) -> None:
    act_id = approved(desk)
    with pytest.raises(Forbidden):
        take_transfer(desk.services, desk.bia, act_id)


def test_rights_are_read_when_the_bank_details_are_shown(desk: Desk) -> None:
    act_id = approved(desk)
    desk.change_staff(desk.paula, role="agent")
    assert take_transfer(desk.services, desk.rui, act_id) is None
    assert desk.act(act_id).state == "expired"
    assert desk.payment().reserved_minor == 0


def test_a_refund_of_the_gateway_is_no_transfer(desk: Desk) -> None:
    preview = open_preview(desk.services, desk.ana, desk.ticket_id, desk.refund(1000))
    act_id = confirm(desk.services, desk.ana, preview.id, one_time_key=str(preview.id))
    drain(desk.services)
    with pytest.raises(AlreadyDecided):
        take_transfer(desk.services, desk.rui, act_id)


def test_the_preview_names_the_payee_masked_and_keeps_nothing_else(desk: Desk) -> None:
    preview = open_preview(desk.services, desk.ana, desk.ticket_id, request(desk))
    with desk.services.reading() as session:
        kept = session.get_one(MoneyPreview, preview.id)
    assert "m@example.com" not in str(kept.ask) + str(kept.shown)
    assert thaw(kept.shown).about["method"] == {
        "kind": "bank_transfer",
        "brand": "",
        "last4": "m•••@example.com",
    }
    desk.services.clock.forward(days=2)  # type: ignore[attr-defined]
    assert forget_unused(desk.services) == 1


def test_a_failed_act_follows_a_gateway_that_corrects_itself(desk: Desk) -> None:
    preview = open_preview(desk.services, desk.ana, desk.ticket_id, desk.refund(1000))
    act_id = confirm(desk.services, desk.ana, preview.id, one_time_key=str(preview.id))
    desk.gateway.mood = "decline"
    drain(desk.services)
    assert desk.act(act_id).state == "failed"
    refund_id = desk.act(act_id).subject_id
    assert refund_id is not None
    settle_refund(desk.services.begin, refund_id, RefundOutcome("succeeded"))
    assert desk.act(act_id).state == "succeeded"
