"""Setting widgets up: what an administrator writes is what sites get, or it is refused by name."""

from collections.abc import Callable

import pytest
from sqlalchemy import select

from helpdesk.app import create_app
from helpdesk.events.model import Event
from helpdesk.services import Services
from helpdesk.translations.catalogue import compile_catalogues
from helpdesk.widget.forms import as_values, read_widget
from helpdesk.widget.model import Widget
from helpdesk.widget.setup import setup_from
from tests.browser import Browser, hire

FORM = {
    "name": "Loja",
    "colour": "#0b6e4f",
    "origins": "https://loja.example\nHTTPS://www.loja.example https://loja.example",
    "mail_after_min": "15",
    "zone": "America/Sao_Paulo",
    "day_0": "09:00-12:00, 13:00-18:00",
    "closed": "2026-12-25\n2027-01-01",
    "title_pt_BR": "A Loja",
    "away_en": "Gone fishing.",
    "field_1_kind": "name",
    "field_1_pt_BR": "Nome",
    "field_1_en": "Name",
    "field_1_required": "1",
    "field_3_kind": "choice",
    "field_3_pt_BR": "Assunto",
    "field_3_en": "Subject",
    "field_3_choices": "Cobrança,  Outro ,",
    "greeting_1_path": "/plans*",
    "greeting_1_delay": "5",
    "greeting_1_pt_BR": "Oi!",
    "greeting_1_en": "Hi!",
}


@pytest.fixture
def admin(services_on_both: Services) -> Browser:
    return signed_in(services_on_both, "admin")


def signed_in(services: Services, role: str) -> Browser:
    compile_catalogues()
    browser = Browser(create_app(services.settings, services))
    browser.sign_in(hire(services, role))
    return browser


def saved(services: Services) -> list[Widget]:
    with services.reading() as session:
        return list(session.scalars(select(Widget)))


def test_what_was_written_is_what_sites_get(services_on_both: Services, admin: Browser) -> None:
    answer = admin.post("/widgets", FORM)
    assert answer.status_code == 303
    (row,) = saved(services_on_both)
    assert row.colour == "#0B6E4F"
    assert row.origins == ["https://loja.example", "https://www.loja.example"]
    setup = setup_from(row)
    assert [(one.name, one.kind, one.required, one.choices) for one in setup.fields] == [
        ("q1", "name", True, ()),
        ("q3", "choice", False, ("Cobrança", "Outro")),
    ]
    frame = admin.get(f"/chat/frame?key={row.key}&lang=pt-BR")
    assert "A Loja" in frame.text
    assert "https://www.loja.example" in frame.headers["Content-Security-Policy"]
    assert '"/plans*", 5' in admin.get(f"/widget.js?key={row.key}").text


def test_a_widget_comes_back_into_its_form_and_keeps_its_key(
    services_on_both: Services, admin: Browser
) -> None:
    admin.post("/widgets", FORM)
    (row,) = saved(services_on_both)
    page = admin.get(f"/widgets/{row.id}").text
    assert f"widget.js?key={row.key}" in page
    assert "Gone fishing." in page
    again = as_values(setup_from(row))
    assert read_widget(again) == read_widget(FORM)
    admin.post(f"/widgets/{row.id}", again | {"name": "Outra"})
    (changed,) = saved(services_on_both)
    assert (changed.name, changed.key, changed.hours) == ("Outra", row.key, row.hours)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": " "}, "name"),
        ({"name": "x" * 201}, "name"),
        ({"colour": "red"}, "colour"),
        ({"colour": "#12345"}, "colour"),
        ({"origins": "*"}, "origins"),
        ({"origins": "https://loja.example/page"}, "origins"),
        ({"origins": "https://loja.example; script-src *"}, "origins"),
        ({"mail_after_min": "0"}, "mail_after_min"),
        ({"mail_after_min": "soon"}, "mail_after_min"),
        ({"zone": "Mars/Olympus"}, "zone"),
        ({"zone": "../../etc/passwd"}, "zone"),
        ({"day_0": "9 to 5"}, "day_0"),
        ({"closed": "Christmas"}, "closed"),
        ({"field_1_kind": "file"}, "field_1_kind"),
        ({"field_2_kind": "name", "field_2_pt_BR": "a", "field_2_en": "a"}, "field_2_kind"),
        ({"field_1_en": ""}, "field_1_en"),
        ({"field_3_choices": "one"}, "field_3_choices"),
        ({"greeting_1_path": "plans"}, "greeting_1_path"),
        ({"greeting_1_path": "/" + "*a" * 9}, "greeting_1_path"),
        ({"greeting_1_delay": "-1"}, "greeting_1_delay"),
        ({"greeting_1_pt_BR": ""}, "greeting_1_pt_BR"),
        ({"key": "mine"}, ""),
    ],
)
def test_what_cannot_be_is_refused_beside_its_control_and_nothing_is_saved(
    services: Services, changes: dict[str, str], field: str
) -> None:
    browser = signed_in(services, "admin")
    answer = browser.post("/widgets", FORM | changes)
    assert answer.status_code == 422
    assert saved(services) == []
    assert "Gone fishing." in answer.text or not field  # what was typed is still there
    if field:
        assert f'id="{field}-fault"' in answer.text


@pytest.mark.parametrize("role", ["agent", "supervisor"])
def test_only_an_administrator_sets_widgets_up(services: Services, role: str) -> None:
    browser = signed_in(services, role)
    assert browser.get("/widgets").status_code == 403
    assert browser.post("/widgets", FORM).status_code == 403
    assert saved(services) == []


def test_switched_off_it_is_the_installation_s_own_until_it_is_on_again(
    services: Services,
) -> None:
    browser = signed_in(services, "admin")
    browser.post("/widgets", FORM)
    (row,) = saved(services)
    for state, colour in (("off", services.settings.widget_colour), ("on", "#0B6E4F")):
        assert browser.post(f"/widgets/{row.id}/{state}").status_code == 303
        assert colour in browser.get(f"/chat/theme.css?key={row.key}").text
    with services.reading() as session:
        kinds = list(session.scalars(select(Event.kind).where(Event.kind.like("widget.%"))))
    assert kinds == ["widget.saved", "widget.switched", "widget.switched"]


def test_a_widget_that_does_not_exist_is_not_found(services: Services) -> None:
    browser = signed_in(services, "admin")
    nobody = "/widgets/018f0000-0000-7000-8000-000000000000"
    assert browser.get(nobody).status_code == 404
    assert browser.post(nobody, FORM).status_code == 404


def test_the_list_shows_every_widget_and_the_one_of_the_settings(
    services: Services, make_services: Callable[..., Services]
) -> None:
    browser = signed_in(services, "admin")
    browser.post("/widgets", FORM)
    page = browser.get("/widgets").text
    assert "https://www.loja.example" in page
    assert page.count('class="swatch"') == 2
