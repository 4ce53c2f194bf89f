"""A person at a browser, without the browser: keeps cookies, fills in the form token."""

import re
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from helpdesk.services import Services
from helpdesk.staff.service import NewStaff, add_staff
from helpdesk.web.access import SESSION_COOKIE

PASSWORD = "correct horse battery"


class Browser:
    def __init__(self, app: Flask) -> None:
        self.app = app
        self.client: FlaskClient = app.test_client()

    def get(self, path: str, **options: Any) -> TestResponse:
        answer = self.client.get(path, **options)
        answer.get_data()
        answer.close()  # a file that is not closed is a warning, and warnings are errors
        return answer

    def post(
        self, path: str, data: dict[str, Any] | None = None, *, htmx: bool = False, **options: Any
    ) -> TestResponse:
        """Send a form with a fresh token, as a page of ours would."""
        headers = dict(options.pop("headers", {}))
        headers["X-CSRF-Token"] = self.form_token()
        if htmx:
            headers["HX-Request"] = "true"
        return self.client.post(path, data=data or {}, headers=headers, **options)

    def form_token(self) -> str:
        """Return a form token of this browser's; any page carries one, also the 404."""
        page = self.client.get("/no-such-page").get_data(as_text=True)
        found = re.search(r'<meta name="csrf" content="([^"]+)"', page)
        assert found, page
        return found[1]

    def sign_in(self, email: str, password: str = PASSWORD, **more: str) -> TestResponse:
        return self.post("/login", {"email": email, "password": password, **more})

    @property
    def token(self) -> str:
        """The secret in the session cookie; "" when signed out."""
        cookie = self.client.get_cookie(SESSION_COOKIE)
        return cookie.value if cookie else ""


def hire(services: Services, role: str = "agent", **facts: Any) -> str:
    """Add somebody with this role and return her address."""
    values: dict[str, Any] = {
        "email": f"{role}@sabia.example",
        "name": role.capitalize(),
        "password": PASSWORD,
        "role": role,
    }
    new = NewStaff(**(values | facts))
    add_staff(services, new)
    return new.email
