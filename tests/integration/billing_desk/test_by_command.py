"""The drawers' acts by a command: the same previews, limits and record."""

import re
from uuid import UUID, uuid4

from sqlalchemy import select

from billing_core.credits import credit_balance
from billing_core.store.invoice import Invoice, InvoiceLine
from billing_core.store.subscription import Subscription
from helpdesk.billing_desk.model import MoneyAct
from helpdesk.events.model import Event
from helpdesk.tickets.model import Ticket
from tests.commands import Say, say
from tests.conftest import TestClock, drain
from tests.integration.billing_desk.world import Desk, brl

__all__ = ["say"]


def asked(desk: Desk, who: str = "") -> tuple[str, ...]:
    """Return in which ticket an act happens and who answers for it: Ana, who has limits."""
    with desk.services.reading() as session:
        number = session.get_one(Ticket, desk.ticket_id).number
    return ("--ticket", str(number), "--by", who or desk.ana.email)


def confirm(desk: Desk, say: Say, shown: str, *more: str) -> tuple[int, str, str]:
    found = re.search(r"guiche (billing confirm \S+ --by \S+)", shown)
    assert found is not None, shown
    return say(desk.services, *found[1].split(), *more)


def acts(desk: Desk) -> list[MoneyAct]:
    with desk.services.reading() as session:
        return list(session.scalars(select(MoneyAct).order_by(MoneyAct.number)))


def test_a_refund_is_shown_then_done_once_however_often_it_is_confirmed(
    desk_on_both: Desk, say: Say
) -> None:
    desk = desk_on_both
    _, out, _ = say(desk.services, "billing", "refund", str(desk.payment_id), "60.00", *asked(desk))
    assert "payment.left" in out
    assert "BRL 40.00" in out
    assert acts(desk) == []
    for _ in range(2):
        assert confirm(desk, say, out) == (0, "act 1: approved\n", "")
    drain(desk.services)
    assert [act.state for act in acts(desk)] == ["succeeded"]
    assert desk.payment().refunded_minor == 60_00
    assert desk.timeline()[:2] == ["money.previewed", "money.requested"]
    assert confirm(desk, say, out) == (0, "act 1: succeeded\n", "")
    with desk.services.reading() as session:
        told = session.scalars(select(Event).where(Event.kind == "money.by_command")).all()
    assert {one.actor_id for one in told} == {desk.ana.id}


def test_what_is_above_her_limit_waits_for_somebody_in_the_console(desk: Desk, say: Say) -> None:
    desk.change_staff(desk.ana, act_limit_minor=10_00)
    _, out, _ = say(desk.services, "billing", "refund", str(desk.payment_id), "60", *asked(desk))
    assert confirm(desk, say, out) == (0, "act 1: awaiting_approval\n", "")
    drain(desk.services)
    assert desk.gateway.calls == 1  # the charge
    assert desk.payment().reserved_minor == 60_00


def test_another_persons_preview_is_not_hers_to_confirm(desk: Desk, say: Say) -> None:
    _, out, _ = say(desk.services, "billing", "refund", str(desk.payment_id), "6", *asked(desk))
    preview = out.split()[-3]
    status, _, err = say(desk.services, "billing", "confirm", preview, "--by", desk.bia.email)
    assert (status, "NotFound" in err) == (1, True)
    assert acts(desk) == []


def test_a_preview_that_is_too_old_is_made_again(desk: Desk, say: Say, clock: TestClock) -> None:
    _, out, _ = say(desk.services, "billing", "refund", str(desk.payment_id), "6", *asked(desk))
    clock.forward(minutes=20)
    status, _, err = confirm(desk, say, out)
    assert (status, "PreviewExpired" in err) == (1, True)
    assert acts(desk) == []


def test_credit_goes_to_the_customer_of_the_ticket(desk: Desk, say: Say) -> None:
    _, out, _ = say(
        desk.services, "billing", "credit", "15", "BRL", "--reason", "goodwill", *asked(desk)
    )
    assert confirm(desk, say, out)[0] == 0
    with desk.services.reading() as session:
        assert credit_balance(session, desk.customer_id, "BRL") == brl(15_00)


def test_a_line_that_was_wrong_is_put_right(desk: Desk, say: Say) -> None:
    _, account, _ = say(desk.services, "billing", "account", str(desk.customer_id))
    assert f"payment {desk.payment_id}: BRL 100.00, may be refunded BRL 100.00" in account
    with desk.services.reading() as session:
        invoice, line = session.execute(select(Invoice.id, InvoiceLine.id).join(InvoiceLine)).one()
    assert f"line {line} " in account
    order = ("billing", "correct", str(invoice), f"{line}=80.00", "--settle", "credit")
    _, out, _ = say(desk.services, *order, *asked(desk))
    assert confirm(desk, say, out)[0] == 0
    with desk.services.reading() as session:
        assert credit_balance(session, desk.customer_id, "BRL") == brl(20_00)


def test_a_dearer_plan_is_charged_only_when_the_customer_accepted(desk: Desk, say: Say) -> None:
    order = ("billing", "change", str(desk.subscription_id), str(desk.prices["Family"]))
    _, out, _ = say(desk.services, *order, *asked(desk))
    assert re.search(r"charged now +BRL 60\.00", out)
    status, _, err = confirm(desk, say, out)
    assert (status, "accepted" in err) == (1, True)
    assert confirm(desk, say, out, "--accepted")[0] == 0
    drain(desk.services)
    assert desk.plan_name_price() == desk.prices["Family"]


def test_a_quantity_changes_at_the_periods_end(desk: Desk, say: Say) -> None:
    order = ("billing", "change", str(desk.subscription_id), str(desk.prices["Plus"]))
    _, out, _ = say(desk.services, *order, "--quantity", "3", "--when", "period_end", *asked(desk))
    assert confirm(desk, say, out)[0] == 0
    assert "BRL 300.00" in say(desk.services, "billing", "preview", str(desk.subscription_id))[1]


def test_what_cannot_be_done_is_said(desk: Desk, say: Say) -> None:
    payment, stranger = str(desk.payment_id), str(uuid4())
    for order, complaint in (
        (("refund", payment, "100.01"), "RefundTooLarge"),
        (("refund", payment, "many"), "many is not an amount of BRL"),
        (("refund", payment, "-5"), "-5 is less than nothing"),
        (("refund", payment, "1.005"), "is not an amount"),
        (("refund", stranger, "5"), f"no payment {stranger}"),
        (("refund", payment, "5", "--reason", "why not"), "no reason why not; there are: dup"),
        (("correct", stranger, f"{stranger}=1"), f"no invoice {stranger}"),
        (("change", stranger, stranger), "NotFound"),
    ):
        status, out, err = say(desk.services, "billing", *order, *asked(desk))
        assert (status, out) == (1, ""), order
        assert complaint in err, (order, err)
    refund = ("billing", "refund", payment, "5")
    _, _, err = say(desk.services, *refund, *asked(desk, "nobody@sabia.exemplo"))
    assert "nobody here has the address nobody@sabia.exemplo" in err
    _, _, err = say(desk.services, *refund, "--ticket", "999999", "--by", desk.ana.email)
    assert err == "guiche: NotFound: ticket\n"
    assert acts(desk) == []


def test_lines_of_a_correction_name_a_line_and_an_amount(desk: Desk, say: Say) -> None:
    with desk.services.reading() as session:
        invoice = session.scalars(select(Invoice.id)).one()
    status, _, err = say(desk.services, "billing", "correct", str(invoice), "half", *asked(desk))
    assert (status, err) == (1, "guiche: half is not LINE=AMOUNT\n")


def test_credit_needs_a_customer(desk: Desk, say: Say) -> None:
    with desk.services.begin() as tx:
        tx.session.get_one(Ticket, desk.ticket_id).customer_id = None
    status, _, err = say(desk.services, "billing", "credit", "5", "BRL", *asked(desk))
    assert (status, err) == (1, "guiche: the ticket is not linked to a customer\n")


def test_a_subscription_is_started_by_a_command(desk: Desk, say: Say) -> None:
    with desk.services.reading() as session:
        method = session.get_one(Subscription, desk.subscription_id).payment_method_id
    order = ("billing", "start", str(desk.customer_id), str(desk.prices["Basic"]))
    more = ("--method", str(method), "--quantity", "2", "--trial-days", "7")
    status, out, _ = say(desk.services, *order, *more)
    assert (status, "nothing is done yet" in out) == (0, True)
    status, out, err = say(desk.services, *order, *more, "--yes", "--by", desk.paula.email)
    assert (status, err) == (0, "")
    made = re.search(r"done: (\S+)", out)
    assert made is not None
    with desk.services.reading() as session:
        started = session.get_one(Subscription, UUID(made[1]))
    assert (started.state, started.customer_id) == ("trialing", desk.customer_id)
