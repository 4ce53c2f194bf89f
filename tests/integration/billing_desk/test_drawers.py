"""The money drawers over HTTP: choose, preview, confirm, result; and the approvals page."""

import re
from collections.abc import Callable
from html import unescape

import pytest

from helpdesk.billing_desk.model import MoneyAct
from helpdesk.events.service import Actor
from helpdesk.tickets.queries import lock_ticket
from helpdesk.tickets.service import link_ticket_to_customer
from tests.browser import Browser
from tests.conftest import drain
from tests.integration.billing_desk.world import Desk, brl


def text_of(answer: object) -> str:
    """Return what is read on a page: no tags, plain spaces."""
    page = answer.get_data(as_text=True)  # type: ignore[attr-defined]
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", page)).replace("\u00a0", " "))


def field(answer: object, name: str) -> str:
    page = answer.get_data(as_text=True)  # type: ignore[attr-defined]
    found = re.search(rf'name="{name}"[^>]*value="([^"]*)"', page)
    assert found, page
    return unescape(found[1])


def preview_url(answer: object) -> str:
    page = answer.get_data(as_text=True)  # type: ignore[attr-defined]
    found = re.search(r"/money/previews/[0-9a-f-]+/confirm", page)
    assert found, page
    return found[0]


def previewed(desk: Desk, browser: Browser, kind: str, **values: str) -> object:
    answer = browser.post(f"/tickets/{desk.ticket_id}/money/{kind}/preview", values, htmx=True)
    assert answer.status_code == 200, answer.get_data(as_text=True)
    return answer


def refund_values(desk: Desk, amount: str = "60.00") -> dict[str, str]:
    return {"payment": str(desk.payment_id), "amount": amount, "reason": "duplicate"}


def only_act(desk: Desk) -> MoneyAct:
    with desk.services.reading() as session:
        return session.query(MoneyAct).one()


def test_a_refund_goes_through_its_four_steps(desk: Desk, sign_in: Callable[..., Browser]) -> None:
    browser = sign_in()
    chosen = browser.get(f"/tickets/{desk.ticket_id}/money/refund/new")
    assert "R$100.00" in text_of(chosen)
    shown = previewed(desk, browser, "refund", **refund_values(desk))
    page = text_of(shown)
    assert "Visa •• 4417" in page
    assert "Refund R$60.00" in page
    assert "Can still be refunded of this charge R$100.00 → R$40.00" in page
    confirmed = browser.post(
        preview_url(shown), {"key": field(shown, "key"), "tell": "1"}, htmx=True
    )
    assert confirmed.status_code == 200
    assert "Confirmed" in text_of(confirmed)
    assert desk.payment().refunded_minor == 0  # nothing is optimistic
    drain(desk.services)
    after = browser.get(f"/money/acts/{only_act(desk).id}")
    assert "Refunded R$60.00" in text_of(after)
    assert 'data-refresh="' not in after.get_data(as_text=True)
    assert desk.payment().refunded_minor == 60_00


def test_the_customer_is_told_in_her_language_once_it_is_done(
    desk: Desk, sign_in: Callable[..., Browser]
) -> None:
    from sqlalchemy import select

    from helpdesk.tickets.model import Message

    browser = sign_in()
    shown = previewed(desk, browser, "refund", **refund_values(desk))
    assert "Devolvemos R$ 60,00 no seu Visa final 4417. Aparece até 16 de janeiro." in text_of(
        shown
    )
    browser.post(preview_url(shown), {"key": field(shown, "key"), "tell": "1"}, htmx=True)

    def said() -> list[str]:
        with desk.services.reading() as session:
            return list(session.scalars(select(Message.body).where(Message.direction == "out")))

    assert said() == []
    for name, args in list(desk.services.db.jobs.waiting):  # type: ignore[attr-defined]
        if name == "send_refund":
            from helpdesk.jobs.port import run_job

            run_job(desk.services, name, args)
            run_job(desk.services, "finish_money_act", args)
            run_job(desk.services, "finish_money_act", args)
    assert [text.replace("\u00a0", " ") for text in said()] == [
        "Devolvemos R$ 60,00 no seu Visa final 4417. Aparece até 16 de janeiro."
    ]


def test_a_second_click_with_the_same_key_changes_nothing(
    desk: Desk, sign_in: Callable[..., Browser]
) -> None:
    browser = sign_in()
    shown = previewed(desk, browser, "refund", **refund_values(desk))
    for _ in range(3):
        answer = browser.post(preview_url(shown), {"key": field(shown, "key")}, htmx=True)
        assert answer.status_code == 200
    drain(desk.services)
    assert len(desk.gateway.refunds) == 1


def test_more_than_is_left_is_refused_with_what_is_left_and_keeps_what_was_typed(
    desk: Desk, sign_in: Callable[..., Browser]
) -> None:
    browser = sign_in()
    answer = browser.post(
        f"/tickets/{desk.ticket_id}/money/refund/preview",
        refund_values(desk, "100.01"),
        htmx=True,
    )
    assert answer.status_code == 409
    assert "only R$100.00 can still be refunded" in text_of(answer)
    assert field(answer, "amount") == "100.01"


@pytest.mark.parametrize("amount", ["-5", "0", "abc", "1e9", "10.999"])
def test_what_is_no_amount_is_refused_at_the_field(
    desk: Desk, sign_in: Callable[..., Browser], amount: str
) -> None:
    answer = sign_in().post(
        f"/tickets/{desk.ticket_id}/money/refund/preview", refund_values(desk, amount), htmx=True
    )
    assert answer.status_code == 422
    assert 'aria-invalid="true"' in answer.get_data(as_text=True)


def test_a_stale_preview_offers_to_make_it_again(
    desk: Desk, sign_in: Callable[..., Browser]
) -> None:
    from helpdesk.billing_desk import service

    browser = sign_in()
    shown = previewed(desk, browser, "refund", **refund_values(desk, "20.00"))
    hers = service.open_preview(desk.services, desk.bia, desk.ticket_id, desk.refund(50_00))
    service.confirm(desk.services, desk.bia, hers.id, one_time_key="k")
    answer = browser.post(preview_url(shown), {"key": field(shown, "key")}, htmx=True)
    assert answer.status_code == 409
    page = text_of(answer)
    assert "The account has changed since this preview" in page
    assert "Redo the preview" in page
    again = previewed(desk, browser, "refund", **refund_values(desk, field(answer, "amount")))
    assert "R$50.00 → R$30.00" in text_of(again)


def test_above_the_limit_another_person_approves_on_the_approvals_page(
    desk: Desk, sign_in: Callable[..., Browser]
) -> None:
    agent = sign_in(act_limit_minor=10_00, name="Camila Duarte")
    shown = previewed(desk, agent, "refund", **refund_values(desk))
    page = text_of(shown)
    assert "Needs approval" in page
    assert "R$60.00 is above your limit of R$10.00 for one act." in page
    assert "Ask approval for R$60.00" in page
    answer = agent.post(preview_url(shown), {"key": field(shown, "key")}, htmx=True)
    assert "sent for approval" in text_of(answer)
    assert agent.get("/approvals").status_code == 403
    supervisor = sign_in("supervisor")
    waiting = supervisor.get("/approvals")
    assert "Camila Duarte" in text_of(waiting)
    act = only_act(desk)
    decided = supervisor.post(
        f"/money/acts/{act.id}/approve",
        {"request_hash": field(waiting, "request_hash"), "note": "go"},
        htmx=True,
    )
    assert decided.status_code == 200
    drain(desk.services)
    assert "Refunded R$60.00" in text_of(agent.get(f"/money/acts/{act.id}"))


def test_a_refused_request_says_who_and_why(desk: Desk, sign_in: Callable[..., Browser]) -> None:
    agent = sign_in(act_limit_minor=10_00)
    shown = previewed(desk, agent, "refund", **refund_values(desk))
    agent.post(preview_url(shown), {"key": field(shown, "key")}, htmx=True)
    supervisor = sign_in("supervisor", name="Paula Dias", email="p@sabia.example")
    act = only_act(desk)
    supervisor.post(
        f"/money/acts/{act.id}/refuse",
        {"request_hash": act.request_hash, "note": "Already refunded in cash."},
        htmx=True,
    )
    page = text_of(agent.get(f"/money/acts/{act.id}"))
    assert "Paula Dias did not approve it" in page
    assert "Already refunded in cash. No money moved." in page


def test_the_requester_takes_a_waiting_request_back(
    desk: Desk, sign_in: Callable[..., Browser]
) -> None:
    agent = sign_in(act_limit_minor=10_00)
    shown = previewed(desk, agent, "refund", **refund_values(desk))
    agent.post(preview_url(shown), {"key": field(shown, "key")}, htmx=True)
    answer = agent.post(f"/money/acts/{only_act(desk).id}/cancel", htmx=True)
    assert "The request was taken back. No money moved." in text_of(answer)


def test_an_unknown_result_is_an_alert_that_asks_not_to_repeat(
    desk: Desk, sign_in: Callable[..., Browser]
) -> None:
    browser = sign_in()
    shown = previewed(desk, browser, "refund", **refund_values(desk))
    browser.post(preview_url(shown), {"key": field(shown, "key")}, htmx=True)
    desk.gateway.mood = "drop_after"
    drain(desk.services)
    answer = browser.get(f"/money/acts/{only_act(desk).id}")
    assert 'role="alert"' in answer.get_data(as_text=True)
    assert "We do not know yet if the bank got it. Do not repeat" in text_of(answer)


def test_a_failed_refund_says_that_no_money_moved(
    desk: Desk, sign_in: Callable[..., Browser]
) -> None:
    browser = sign_in()
    shown = previewed(desk, browser, "refund", **refund_values(desk))
    browser.post(preview_url(shown), {"key": field(shown, "key")}, htmx=True)
    desk.gateway.mood = "decline"
    drain(desk.services)
    answer = browser.get(f"/money/acts/{only_act(desk).id}")
    assert 'role="alert"' in answer.get_data(as_text=True)
    assert "The refund did not go through No money moved." in text_of(answer)


def plan_values(desk: Desk, plan: str, when: str = "now") -> dict[str, str]:
    return {
        "subscription": str(desk.subscription_id),
        "price": str(desk.prices[plan]),
        "when": when,
    }


def test_a_plan_change_shows_its_days_and_its_sum(
    desk: Desk, sign_in: Callable[..., Browser]
) -> None:
    desk.services.clock.forward(days=12)  # type: ignore[attr-defined]
    browser = sign_in()
    shown = previewed(desk, browser, "plan", **plan_values(desk, "Family"))
    page = text_of(shown)
    assert "18 of 30 days of R$160.00" in page
    assert "18 of 30 days of R$100.00, comes back as a discount" in page
    assert "To pay today Visa •• 4417 R$36.00" in page
    assert "Profiles 2 → 6" in page
    assert "Today, R$36.00" in page
    assert "Charge R$36.00 and change now" in page
    assert "Hoje você paga R$ 36,00" in page  # what she will read
    assert shown.get_data(as_text=True).count("<i") >= 30  # type: ignore[attr-defined]


def test_charging_more_needs_the_customers_acceptance(
    desk: Desk, sign_in: Callable[..., Browser]
) -> None:
    browser = sign_in()
    shown = previewed(desk, browser, "plan", **plan_values(desk, "Family"))
    refused = browser.post(preview_url(shown), {"key": field(shown, "key")}, htmx=True)
    assert refused.status_code == 422
    assert "needs the customer's acceptance" in text_of(refused)
    taken = browser.post(
        preview_url(shown), {"key": field(shown, "key"), "accepted": "1"}, htmx=True
    )
    assert taken.status_code == 200
    drain(desk.services)
    assert "Family has started" in text_of(browser.get(f"/money/acts/{only_act(desk).id}"))


def test_a_change_at_the_renewal_costs_nothing_today(
    desk: Desk, sign_in: Callable[..., Browser]
) -> None:
    browser = sign_in()
    shown = previewed(desk, browser, "plan", **plan_values(desk, "Basic", "period_end"))
    assert "Change to Basic on 17 Dec" in text_of(shown)
    answer = browser.post(preview_url(shown), {"key": field(shown, "key")}, htmx=True)
    assert "Basic starts on 17 Dec" in text_of(answer)


def test_a_credit_shows_what_the_next_charge_becomes(
    desk: Desk, sign_in: Callable[..., Browser]
) -> None:
    browser = sign_in()
    shown = previewed(desk, browser, "credit", amount="20.00", reason="goodwill")
    assert "R$100.00 → R$80.00" in text_of(shown)
    answer = browser.post(preview_url(shown), {"key": field(shown, "key")}, htmx=True)
    assert "Credit of R$20.00 given" in text_of(answer)


def test_a_wrong_charge_is_corrected_line_by_line(
    desk: Desk, sign_in: Callable[..., Browser]
) -> None:
    browser = sign_in()
    chosen = browser.get(f"/tickets/{desk.ticket_id}/money/reissue/new")
    values = {
        "invoice": field(chosen, "invoice"),
        "line": field(chosen, "line"),
        "right": "70.00",
        "reason": "our_mistake",
        "settle_by": "refund",
    }
    shown = previewed(desk, browser, "reissue", **values)
    assert "Correct it and refund R$30.00" in text_of(shown)
    browser.post(preview_url(shown), {"key": field(shown, "key")}, htmx=True)
    drain(desk.services)
    assert desk.payment().refunded_minor == 30_00


def test_every_drawer_opens_in_both_languages(desk: Desk, sign_in: Callable[..., Browser]) -> None:
    for language, word in (("en", "See the preview"), ("pt_BR", "Ver a prévia")):
        browser = sign_in(language=language, email=f"{language}@sabia.example".lower())
        for kind in ("refund", "credit", "plan", "reissue"):
            answer = browser.get(f"/tickets/{desk.ticket_id}/money/{kind}/new")
            assert answer.status_code == 200
            assert word in text_of(answer), kind


def test_an_offer_brings_its_payment_and_the_whole_amount(
    desk: Desk, sign_in: Callable[..., Browser]
) -> None:
    answer = sign_in().get(f"/tickets/{desk.ticket_id}/money/refund/new?payment={desk.payment_id}")
    assert field(answer, "amount") == "100.00"


def test_a_ticket_nobody_is_linked_to_has_no_money(
    desk: Desk, sign_in: Callable[..., Browser]
) -> None:
    from helpdesk.tickets.service import NewTicket, open_ticket

    with desk.services.begin() as tx:
        ticket = open_ticket(tx, NewTicket(subject="?", channel="email", customer_name="?"))
    answer = sign_in().get(f"/tickets/{ticket.id}/money/refund/new")
    assert answer.status_code == 404


def test_nothing_of_another_teams_ticket_is_shown(
    desk: Desk, sign_in: Callable[..., Browser]
) -> None:
    from helpdesk.staff.model import Team

    browser = sign_in(act_limit_minor=0)
    shown = previewed(desk, browser, "refund", **refund_values(desk))
    browser.post(preview_url(shown), {"key": field(shown, "key")}, htmx=True)
    act = only_act(desk)
    with desk.services.begin() as tx:
        team = Team(id=tx.new_id(), name="Outra")
        tx.session.add(team)
        tx.session.flush()
        lock_ticket(tx, desk.ticket_id).team_id = team.id
    assert browser.get(f"/money/acts/{act.id}").status_code == 404
    assert browser.get(f"/tickets/{desk.ticket_id}/money/refund/new").status_code == 404
    assert browser.post(f"/money/acts/{act.id}/cancel", htmx=True).status_code == 404
    assert (
        browser.post(preview_url(shown), {"key": field(shown, "key")}, htmx=True).status_code == 404
    )


def test_screens_carry_no_inline_style_or_script(
    desk: Desk, sign_in: Callable[..., Browser]
) -> None:
    desk.services.clock.forward(days=12)  # type: ignore[attr-defined]
    browser = sign_in("supervisor", act_limit_minor=0)
    pages = [
        browser.get("/approvals"),
        browser.get(f"/tickets/{desk.ticket_id}/money/plan/new"),
        previewed(desk, browser, "plan", **plan_values(desk, "Family")),
        previewed(desk, browser, "refund", **refund_values(desk)),
    ]
    for page in pages:
        html = page.get_data(as_text=True)  # type: ignore[attr-defined]
        assert not re.search(r"\sstyle=|<style|\son\w+=|<script(?![^>]*\ssrc=)", html)


def test_a_customer_linked_after_the_preview_makes_it_stale(
    desk: Desk, sign_in: Callable[..., Browser]
) -> None:
    from helpdesk.customers.model import Customer

    browser = sign_in()
    shown = previewed(desk, browser, "refund", **refund_values(desk))
    with desk.services.begin() as tx:
        other = Customer(id=tx.new_id(), name="Outra", created_at=tx.at)
        tx.session.add(other)
        tx.session.flush()
        ticket = lock_ticket(tx, desk.ticket_id)
        link_ticket_to_customer(tx, ticket, other.id, None, actor=Actor.system())
    answer = browser.post(preview_url(shown), {"key": field(shown, "key")}, htmx=True)
    assert answer.status_code == 409
    assert desk.payment().balance.left == brl(100_00)
