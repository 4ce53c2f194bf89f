"""What the door does with right, wrong and too many passwords."""

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import select

from helpdesk.errors import SignInLocked, WrongPassword
from helpdesk.events.model import Event
from helpdesk.services import Services
from helpdesk.staff import passwords as hashing
from helpdesk.staff import service
from helpdesk.staff.model import SignInAttempt, StaffSession
from helpdesk.staff.service import SignInAsk, session_agent, sign_in
from tests.browser import PASSWORD, Browser, hire
from tests.conftest import TestClock


class CountingPasswords(hashing.Passwords):
    """Remembers what was compared: None stands for an account that does not exist."""

    def __init__(self) -> None:
        super().__init__(simple=True)
        self.compared: list[bool] = []

    def match(self, stored: str | None, password: str) -> bool:
        self.compared.append(stored is not None)
        return super().match(stored, password)


@pytest.fixture
def comparisons(monkeypatch: pytest.MonkeyPatch) -> CountingPasswords:
    counting = CountingPasswords()
    monkeypatch.setattr(service, "passwords", lambda simple: counting)
    return counting


def fail(services: Services, email: str, times: int = 1) -> None:
    for _ in range(times):
        with pytest.raises(WrongPassword):
            sign_in(services, SignInAsk(email, "not the password"))


def test_the_right_password_opens_a_session_in_a_cookie_scripts_cannot_read(
    browser: Browser, services: Services
) -> None:
    answer = browser.sign_in(hire(services))
    assert (answer.status_code, answer.location) == (303, "/inbox")
    cookie = next(c for c in answer.headers.getlist("Set-Cookie") if "guiche_session" in c)
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    agent = session_agent(services, browser.token)
    assert agent is not None
    assert agent.role == "agent"


def test_the_cookie_is_secure_where_the_site_is(
    make_services: Callable[..., Services], sqlite_url: str
) -> None:
    from dataclasses import replace

    from helpdesk.app import create_app

    services = make_services(sqlite_url)
    settings = replace(services.settings, cookie_secure=True, public_url="https://desk.example")
    secure = replace(services, settings=settings)
    browser = Browser(create_app(settings, secure))
    answer = browser.client.post("/login")
    assert answer.status_code == 400
    browser.app.config["WTF_CSRF_ENABLED"] = False
    answer = browser.client.post(
        "/login",
        data={"email": hire(secure), "password": PASSWORD},
        base_url="https://desk.example",
    )
    cookies = answer.headers.getlist("Set-Cookie")
    assert any("guiche_session" in c and "Secure" in c for c in cookies), cookies


def test_the_database_holds_no_session_secret(browser: Browser, services: Services) -> None:
    browser.sign_in(hire(services))
    with services.reading() as session:
        row = session.scalars(select(StaffSession)).one()
    assert browser.token not in row.token_hash
    assert len(browser.token) >= 43  # 256 bits in base64


def test_an_unknown_address_and_a_wrong_password_get_the_same_answer(
    browser: Browser, services: Services
) -> None:
    known = hire(services)

    def answer(email: str) -> tuple[int, str]:
        page = browser.sign_in(email, "not the password")
        text = re.sub(
            r'(csrf_token" value=|name="csrf" content=|X-CSRF-Token": )"[^"]*"', "", page.text
        )
        text = re.sub(r"For support: \w+", "", text)
        return page.status_code, text.replace(email, "")

    assert answer(known) == answer("nobody@sabia.example")
    assert answer(known)[0] == 401


def test_an_unknown_address_costs_a_comparison_too(
    services: Services, comparisons: CountingPasswords
) -> None:
    fail(services, hire(services))
    fail(services, "nobody@sabia.example")
    assert comparisons.compared == [True, False]


def test_somebody_who_left_gets_the_answer_of_somebody_unknown(
    services: Services, signed_in: Callable[[str], Browser]
) -> None:
    admin = session_agent(services, signed_in("admin").token)
    assert admin is not None
    gone = session_agent(services, signed_in("agent").token)
    assert gone is not None
    service.disable_staff(services, admin, gone.id)
    with pytest.raises(WrongPassword):
        sign_in(services, SignInAsk(gone.email, PASSWORD))


@pytest.mark.parametrize("exists", [True, False], ids=["known-address", "unknown-address"])
def test_five_failures_lock_an_address_for_15_minutes_and_the_next_for_30(
    services_on_both: Services, clock: TestClock, exists: bool
) -> None:
    services = services_on_both
    email = hire(services) if exists else "nobody@sabia.example"
    fail(services, email, 5)
    with pytest.raises(SignInLocked) as locked:
        sign_in(services, SignInAsk(email, PASSWORD))
    assert locked.value.until == clock() + timedelta(minutes=15)
    clock.forward(minutes=15)
    fail(services, email)
    with pytest.raises(SignInLocked) as longer:
        sign_in(services, SignInAsk(email, PASSWORD))
    assert longer.value.until == clock() + timedelta(minutes=30)


def test_the_right_password_clears_the_count(services: Services, clock: TestClock) -> None:
    email = hire(services)
    fail(services, email, 4)
    sign_in(services, SignInAsk(email, PASSWORD))
    fail(services, email, 4)
    sign_in(services, SignInAsk(email, PASSWORD))
    with services.reading() as session:
        assert session.get(SignInAttempt, email) is None


def test_a_lock_says_how_long_and_the_right_password_does_not_open_it(
    browser: Browser, services: Services
) -> None:
    email = hire(services)
    fail(services, email, 5)
    answer = browser.sign_in(email)
    assert answer.status_code == 429
    assert answer.headers["Retry-After"] == str(15 * 60 + 1)
    assert browser.token == ""


def test_a_hundred_tries_at_once_compare_five_passwords(
    services_on_both: Services, comparisons: CountingPasswords
) -> None:
    email = hire(services_on_both)

    def one_try(_: int) -> None:
        with pytest.raises((WrongPassword, SignInLocked)):
            sign_in(services_on_both, SignInAsk(email, "not the password"))

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(one_try, range(100)))
    assert len(comparisons.compared) == 5


def test_addresses_are_compared_without_case(services: Services) -> None:
    hire(services, email="Ana@Sabia.Example")
    assert sign_in(services, SignInAsk(" ANA@sabia.example ", PASSWORD)).token


def test_sign_ins_and_failures_are_on_record_without_what_was_typed(services: Services) -> None:
    email = hire(services)
    fail(services, email)
    fail(services, "my secret passphrase")
    sign_in(services, SignInAsk(email, PASSWORD))
    with services.reading() as session:
        events = list(session.scalars(select(Event).order_by(Event.id)))
    kinds = [event.kind for event in events]
    assert sorted(kinds) == [
        "staff.added", "staff.sign_in_failed", "staff.sign_in_failed", "staff.signed_in",
    ]  # fmt: skip
    assert "my secret passphrase" not in str([event.data for event in events])


def test_a_form_without_its_token_is_refused(browser: Browser, services: Services) -> None:
    email = hire(services)
    answer = browser.client.post("/login", data={"email": email, "password": PASSWORD})
    assert answer.status_code == 400
    assert browser.token == ""


def test_a_field_nobody_asked_for_is_refused(browser: Browser, services: Services) -> None:
    answer = browser.sign_in(hire(services), role="admin")
    assert answer.status_code == 422


@pytest.mark.parametrize(
    "target",
    ["//evil.example", "https://evil.example", "/\\evil.example", "\\\\evil.example", "/\t/evil.example",
     "javascript:alert(1)", "evil.example", "/login", "/logout", ""],
)  # fmt: skip
def test_signing_in_never_leads_to_another_site(
    browser: Browser, services: Services, target: str
) -> None:
    answer = browser.sign_in(hire(services), next=target)
    assert answer.location == "/inbox"


def test_signing_in_leads_back_to_the_page_that_was_asked_for(
    browser: Browser, services: Services
) -> None:
    refused = browser.get("/?view=mine")
    assert refused.location == "/login?next=%2F%3Fview%3Dmine"
    answer = browser.sign_in(hire(services), next="/?view=mine")
    assert answer.location == "/?view=mine"
