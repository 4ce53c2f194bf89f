"""The customers' pages as a browser meets them."""

from uuid import UUID, uuid4

import pytest
from flask import Flask

from helpdesk.app import create_app
from helpdesk.customers.merging import preview_merge
from helpdesk.tickets.queries import lock_ticket
from helpdesk.translations.catalogue import compile_catalogues
from tests.browser import Browser, hire
from tests.integration.inbox.world import ANA, PHONE, World, mail
from tests.integration.tickets.desk import make_team


@pytest.fixture
def app(world: World) -> Flask:
    compile_catalogues()
    return create_app(world.services.settings, world.services)


@pytest.fixture
def browser(app: Flask, world: World) -> Browser:
    browser = Browser(app)
    browser.sign_in(hire(world.services, "agent"))
    return browser


@pytest.fixture
def two(world: World) -> tuple[UUID, UUID]:
    """Somebody known twice, and somebody else."""
    world.customer("Bento Reis", email="bento@example.com")
    return world.customer("Ana Souza", email=ANA), world.customer("Ana Sousa", phone=PHONE)


def form_of(world: World, survivor: UUID, absorbed: UUID) -> dict[str, str]:
    with world.services.reading() as session:
        seal = preview_merge(session, survivor, absorbed).seal
    return {"survivor_id": str(survivor), "absorbed_id": str(absorbed), "seal": seal}


@pytest.mark.parametrize(
    "question", ["ana souza", "Ana", "ANA@EXAMPLE.COM", "ana@exampel.com", "Souza Ana"]
)
@pytest.mark.usefixtures("two")
def test_a_customer_is_found_by_what_people_type(browser: Browser, question: str) -> None:
    page = browser.get("/customers", query_string={"q": question}).text
    assert "Ana Souza" in page
    assert "Bento" not in page


@pytest.mark.usefixtures("two")
def test_a_telephone_finds_its_owner_alone(browser: Browser) -> None:
    page = browser.get("/customers", query_string={"q": "(11) 98765-4321"}).text
    assert "Ana Sousa" in page
    assert "Ana Souza" not in page


@pytest.mark.parametrize("question", ["", "%", "'; --", "zzz", "x" * 5000, "\0", "+++"])
@pytest.mark.usefixtures("two")
def test_a_strange_question_finds_nobody(browser: Browser, question: str) -> None:
    answer = browser.get("/customers", query_string={"q": question})
    assert answer.status_code == 200
    assert "people-row" not in answer.text


def test_two_are_compared_merged_and_parted(
    browser: Browser, world: World, two: tuple[UUID, UUID]
) -> None:
    ana, again = two
    assert f"/customers/{ana}/merge/{again}" in browser.get(f"/customers/{ana}").text
    shown = browser.get(f"/customers/{ana}/merge/{again}")
    assert f"/customers/{again}/merge/{ana}" in shown.text  # the other way round
    assert form_of(world, ana, again)["seal"] in shown.text
    done = browser.post("/customers/merges", form_of(world, ana, again))
    assert (done.status_code, done.location) == (303, f"/customers/{ana}")
    page = browser.get(f"/customers/{again}")  # an old address shows the survivor
    assert "Ana Souza" in page.text
    undo = next(part for part in page.text.split('"') if part.endswith("/undo"))
    assert browser.post(undo).status_code == 303
    assert browser.post(undo).status_code == 409


def test_a_merge_needs_its_preview_and_two_customers(
    browser: Browser, world: World, two: tuple[UUID, UUID]
) -> None:
    form = form_of(world, *two)
    assert browser.post("/customers/merges", form | {"seal": ""}).status_code == 422
    assert browser.post("/customers/merges", form | {"seal": "0" * 64}).status_code == 409
    assert browser.post("/customers/merges", form | {"absorbed_id": "x"}).status_code == 422
    assert (
        browser.post("/customers/merges", form | {"absorbed_id": str(uuid4())}).status_code == 404
    )
    assert browser.get(f"/customers/{two[0]}/merge/{two[0]}").status_code == 422
    assert browser.get(f"/customers/{uuid4()}").status_code == 404


def test_x1_names_that_act_are_shown_as_they_are(browser: Browser, world: World) -> None:
    ana = world.customer("<script>x()</script>", email=ANA)
    twin = world.customer("<script>x()</script> <img src=x onerror=x()>", phone=PHONE)
    for path in (f"/customers/{ana}", f"/customers/{ana}/merge/{twin}", "/customers?q=<script>"):
        page = browser.get(path).text
        assert "&lt;script&gt;x()" in page
        assert "<script>x()" not in page
        assert "<img src=x" not in page


def test_conversations_of_other_teams_are_not_listed(
    browser: Browser, world: World, two: tuple[UUID, UUID]
) -> None:
    ticket = world.ticket_of(world.arrives(mail("7:1", subject="A private matter")))
    assert "A private matter" in browser.get(f"/customers/{two[0]}").text
    team = make_team(world.services, "Fraud")
    with world.services.begin() as tx:
        lock_ticket(tx, ticket.id).team_id = team
    assert "A private matter" not in browser.get(f"/customers/{two[0]}").text


def test_those_who_wrote_lately_are_there_without_a_question(
    browser: Browser, world: World, two: tuple[UUID, UUID]
) -> None:
    assert "people-row" not in browser.get("/customers").text
    ticket = world.ticket_of(world.arrives(mail("7:1")))
    page = browser.get("/customers").text
    assert f"/customers/{two[0]}" in page
    assert f"/customers/{two[1]}" not in page
    team = make_team(world.services, "Fraud")
    with world.services.begin() as tx:
        lock_ticket(tx, ticket.id).team_id = team
    assert "people-row" not in browser.get("/customers").text


def test_a_list_shows_an_address_that_people_use_not_a_visitors_key(
    browser: Browser, world: World
) -> None:
    world.customer("Rita Lemos", chat="rita.lemos", phone=PHONE)
    page = browser.get("/customers", query_string={"q": "Rita"}).text
    assert "+55 11 98765-4321" in page
    assert "rita.lemos" not in page


def test_a_code_is_sent_and_told_from_the_panel(
    browser: Browser, world: World, two: tuple[UUID, UUID]
) -> None:
    ticket = world.ticket_of(
        world.arrives(mail("7:1", sender="ana.s@example.net", name="Ana Souza"))
    )
    panel = browser.get(f"/tickets/{ticket.id}/panel").text
    assert f"/tickets/{ticket.id}/customer/code" in panel
    sent = browser.post(f"/tickets/{ticket.id}/customer/code", {"customer_id": str(two[0])})
    assert sent.status_code == 303
    world.drain()
    code = "".join(sign for sign in world.email.sent[-1].text if sign.isdigit())[:6]
    told = f"/tickets/{ticket.id}/customer/code/told"
    assert told in browser.get(f"/tickets/{ticket.id}/panel").text
    assert browser.post(told, {"code": "12345"}).status_code == 422
    assert browser.post(told, {"code": f"{code[:3]} {code[3:]}"}).status_code == 303
    assert world.ticket(ticket.id).customer_id == two[0]
