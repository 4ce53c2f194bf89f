"""What a supervisor reads on her board."""

import html
import json
import re
from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise
from uuid import uuid4
from zoneinfo import ZoneInfo

from sqlalchemy import func, select

from helpdesk.reports.service import day_until, figures_between
from helpdesk.sla.model import BacklogSnapshot
from helpdesk.staff.model import Staff
from helpdesk.tickets.model import Ticket
from tests.browser import Browser
from tests.integration.reports.day import Day

SignedIn = Callable[[str], Browser]
BOSS = "supervisor@sabia.example"


def text_of(page: str) -> str:
    """Return a page's words, spaces folded."""
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", page)).replace("\xa0", " ").split())


def test_the_board_shows_the_figures_of_today(day: Day, signed_in: SignedIn) -> None:
    day.run(90)
    with day.services.reading() as session:
        told = figures_between(
            session, day.scope(), *day_until(day.clock(), ZoneInfo("America/Sao_Paulo"))
        )
        open_now = session.scalar(
            select(func.count()).select_from(Ticket).where(Ticket.category == "open")
        )
    words = text_of(signed_in(BOSS).get("/live").text)
    assert f"{told.spreads['first_response'].n} measured" in words
    assert f"{told.attainment.met} of {told.attainment.due}" in words
    assert f"Open backlog {open_now}" in words
    assert "CSAT" not in words  # nobody is asked yet


def test_an_empty_day_says_so_and_invents_no_figure(day: Day, signed_in: SignedIn) -> None:
    page = signed_in(BOSS).get("/live").text
    words = text_of(page)
    assert "nothing to measure yet" in words
    assert "no promise was due yet" in words
    assert "Nothing is open" in words
    assert "100%" not in words
    assert " nan" not in words.lower()


def test_an_agent_may_not_see_the_board(day: Day, signed_in: SignedIn) -> None:
    agent = signed_in("agent0@sabia.example")
    for address in ("/live", "/live/figures", "/live/lists"):
        assert agent.get(address).status_code == 403


def test_the_two_regions_can_be_fetched_alone_with_the_same_choice(
    day: Day, signed_in: SignedIn
) -> None:
    day.run(40)
    browser = signed_in(BOSS)
    for region in ("figures", "lists"):
        page = browser.get(f"/live/{region}?channel=email").text
        assert page.count(f'id="{region}"') == 1
        assert 'data-query="?channel=email"' in page
        assert "<html" not in page


def test_a_channel_that_does_not_exist_is_refused(day: Day, signed_in: SignedIn) -> None:
    browser = signed_in(BOSS)
    assert browser.get("/live?channel=fax").status_code == 422
    assert browser.get("/live?team=all").status_code == 422
    assert browser.get("/live?since=1970").status_code == 422
    assert browser.get(f"/live?team={uuid4()}&channel=").status_code == 200


def test_late_conversations_come_first_and_lead_to_the_conversation(
    day: Day, signed_in: SignedIn
) -> None:
    day.run(60, pace_s=60)
    day.clock.forward(hours=6)
    page = signed_in(BOSS).get("/live/lists").text
    with day.services.reading() as session:
        late = list(
            session.scalars(
                select(Ticket.number)
                .where(Ticket.category == "open", Ticket.next_due_at <= day.clock())
                .order_by(Ticket.next_due_at, Ticket.id)
            )
        )
    shown = [int(number) for number in re.findall(r'href="/inbox/(\d+)"', page)]
    assert len(late) > 2
    assert shown[: len(late)] == late[: len(shown)]
    assert f"{len(late)} past due" in text_of(page)


def test_the_chart_has_a_window_every_quarter_and_a_sentence(day: Day, signed_in: SignedIn) -> None:
    day.run(90)
    page = signed_in(BOSS).get("/live/figures").text
    found = re.search(r"data-chart='([^']*)'", page)
    assert found
    chart = json.loads(html.unescape(found[1]))
    curve = chart["metrics"]["first_response"]
    assert chart["zone"] == "America/Sao_Paulo"
    assert {after - before for before, after in pairwise(curve["at"])} == {900}
    assert len(curve["at"]) == len(curve["p50"]) == len(curve["p90"]) == len(curve["p95"])
    assert curve["n"] > 0
    assert curve["summary"].startswith("First response today: the 90th percentile was highest at")
    assert curve["targetLabel"].startswith("median target")


def test_names_of_customers_cannot_leave_the_attribute_or_the_page(
    day: Day, signed_in: SignedIn
) -> None:
    day.write()
    with day.services.begin() as tx:
        ticket = tx.session.scalars(select(Ticket)).one()
        ticket.customer_name = "<script>alert(1)</script>'\""
        ticket.next_due_at = tx.at
    page = signed_in(BOSS).get("/live").text
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page
    assert "style=" not in page
    assert " onclick" not in page


def test_agents_are_listed_by_load(day: Day, signed_in: SignedIn) -> None:
    day.run(60)
    with day.services.reading() as session:
        rows = session.execute(
            select(Staff.name, func.count())
            .join(Ticket, Ticket.assignee_id == Staff.id)
            .where(Ticket.category == "open")
            .group_by(Staff.name)
        ).all()
    busiest = max(rows, key=lambda row: (row[1], row[0]))
    page = signed_in(BOSS).get("/live/lists").text
    agents = text_of(page.split('id="c5"')[1])
    assert all(name in agents for name in ("Ana Reis", "Bruno Sales", "Camila Duarte"))
    assert "Paula Lima" not in agents  # she watches
    first = page.split('id="c5"')[1].split("aria-label=")[1]
    assert first.startswith(f'"{busiest[1]} open conversation')


def test_the_backlog_is_compared_with_last_week_where_it_is_known(
    day: Day, signed_in: SignedIn
) -> None:
    day.run(20)
    browser = signed_in(BOSS)

    def backlog() -> str:
        page = browser.get("/live/figures").text
        return page.split('data-metric="backlog"')[1].split("</section>")[0]

    assert "against" not in backlog()
    hour = day.clock().replace(minute=0, second=0, microsecond=0)
    with day.services.begin() as tx:
        tx.session.add(
            BacklogSnapshot(at=hour - timedelta(days=7), channel="email", open=500, unassigned=0)
        )
    assert "against 10 Nov, up to the same time" in backlog()
