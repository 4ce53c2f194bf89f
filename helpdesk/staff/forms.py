"""What people type about themselves."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self
from urllib.parse import urlsplit

from helpdesk.errors import InvalidInput
from helpdesk.web.input import refuse_unknown

HOME = "/inbox"


@dataclass(frozen=True, slots=True)
class SignInForm:
    email: str
    password: str
    next_url: str

    @classmethod
    def parse(cls, form: Mapping[str, str]) -> Self:
        refuse_unknown(form, "email", "password", "next")
        return cls(
            form.get("email", "").strip(), form.get("password", ""), safe_next(form.get("next"))
        )


@dataclass(frozen=True, slots=True)
class ChoiceForm:
    """One value chosen from a menu."""

    value: str

    @classmethod
    def parse(cls, form: Mapping[str, str], name: str) -> Self:
        refuse_unknown(form, name, "next")
        if not form.get(name):
            raise InvalidInput(name, "Choose one.")
        return cls(form[name])


def safe_next(url: str | None) -> str:
    """Return `url` if it is a page of ours written as a plain path, else the first page.

    Browsers read `//host`, `/\\host` and tabs inside a URL as another site.
    """
    text = url or ""
    if not text.startswith("/") or text.startswith("//") or "\\" in text:
        return HOME
    if any(ord(character) < 0x21 or ord(character) == 0x7F for character in text):
        return HOME
    parts = urlsplit(text)
    if parts.scheme or parts.netloc or parts.path in ("/login", "/logout"):
        return HOME
    return text
