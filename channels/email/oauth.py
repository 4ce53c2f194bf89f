"""Access tokens for mailboxes that are entered without a password (Gmail, Microsoft 365).

A refresh token is exchanged for an access token (RFC 6749, section 6), which is kept until
shortly before it ends. No redirect is followed: the secrets go where the settings say.
"""

import json
import ssl
import threading
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from http.client import HTTPException
from typing import Any
from urllib.parse import urlencode, urlsplit

from channels.email.faults import TokenRefused, coded, fault_code

TOKEN_URLS = {
    "oauth_google": "https://oauth2.googleapis.com/token",
    "oauth_microsoft": "https://login.microsoftonline.com/common/oauth2/v2.0/token",
}
_SCOPES = {  # Google's refresh tokens carry their scope; Microsoft wants it said again
    "oauth_microsoft": (
        "https://outlook.office.com/IMAP.AccessAsUser.All "
        "https://outlook.office.com/SMTP.Send offline_access"
    )
}
_EARLY = timedelta(seconds=60)  # a token that ends on the way to the server is no use
_LARGEST_ANSWER = 64 * 1024
_TIMEOUT_S = 15.0


@dataclass(frozen=True, slots=True)
class OauthSettings:
    """What an access token is asked for with."""

    kind: str  # oauth_google, oauth_microsoft
    client_id: str
    client_secret: str
    refresh_token: str
    token_url: str = ""  # "" is the provider's own


class TokenSource:
    """Gives access tokens for one account. Safe to share between threads.

    `renewed` is told of a new refresh token, which replaces the one that was used.
    """

    def __init__(
        self,
        settings: OauthSettings,
        *,
        clock: Callable[[], datetime],
        renewed: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.settings, self._clock, self._renewed = settings, clock, renewed
        self._refresh_token = settings.refresh_token
        self._token, self._ends_at = "", clock()
        self._lock = threading.Lock()

    def __call__(self, *, fresh: bool = False) -> str:
        """Return an access token; with `fresh` one that was not given out before.

        Raises `TokenRefused`.
        """
        with self._lock:
            if fresh or not self._token or self._clock() >= self._ends_at:
                self._fetch()
            return self._token

    def serves(self, settings: OauthSettings) -> bool:
        """Say whether this source stands for `settings`, also with its newest refresh token."""
        newest = replace(self.settings, refresh_token=self._refresh_token)
        return settings in (self.settings, newest)

    def _fetch(self) -> None:
        answer = _post(token_url(self.settings), self._form())
        token, lives_s = answer.get("access_token"), answer.get("expires_in", 3600)
        if not isinstance(token, str) or not token.isascii() or not token:
            raise coded(TokenRefused("the answer holds no access token"), "token")
        if not isinstance(lives_s, int | float | str) or not str(lives_s).isdecimal():
            lives_s = 3600
        self._token = token
        self._ends_at = self._clock() + timedelta(seconds=min(int(lives_s), 86_400)) - _EARLY
        renewed = answer.get("refresh_token")
        if isinstance(renewed, str) and renewed and renewed != self._refresh_token:
            self._refresh_token = renewed
            self._renewed(renewed)

    def _form(self) -> dict[str, str]:
        asked = self.settings
        form = {
            "grant_type": "refresh_token",
            "client_id": asked.client_id,
            "client_secret": asked.client_secret,
            "refresh_token": self._refresh_token,
            "scope": _SCOPES.get(asked.kind, ""),
        }
        return {name: value for name, value in form.items() if value}


def token_url(settings: OauthSettings) -> str:
    """Return where tokens are asked for. Raises `TokenRefused` where that is not safe."""
    url = settings.token_url or TOKEN_URLS.get(settings.kind, "")
    parts = urlsplit(url)
    here = parts.hostname in ("localhost", "127.0.0.1", "::1")
    if parts.hostname and (parts.scheme == "https" or (parts.scheme == "http" and here)):
        return url
    raise coded(TokenRefused("the address of the sign-in service must be https"), "token")


def _post(url: str, form: dict[str, str]) -> dict[str, Any]:
    opener = _opener(proxies=urlsplit(url).scheme == "https")
    request = urllib.request.Request(  # noqa: S310 - the scheme was checked
        url, urlencode(form).encode(), {"Accept": "application/json"}, method="POST"
    )
    try:
        with opener.open(request, timeout=_TIMEOUT_S) as answer:
            found = json.loads(answer.read(_LARGEST_ANSWER))
    except urllib.error.HTTPError as fault:
        with fault:
            said = _reason(fault.read(_LARGEST_ANSWER)) or str(fault.code)
        raise coded(TokenRefused(f"the sign-in service said no: {said}"), "token") from fault
    except (OSError, HTTPException, ValueError) as fault:
        cause = fault.reason if isinstance(fault, urllib.error.URLError) else fault
        why = fault_code(cause) if isinstance(cause, OSError) else "an answer nobody can read"
        raise coded(TokenRefused(f"the sign-in service does not answer: {why}"), "token") from fault
    return found if isinstance(found, dict) else {}


def _opener(*, proxies: bool) -> urllib.request.OpenerDirector:
    """Return what calls one address and follows no redirect; plain http is this machine."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(None if proxies else {}),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(context=ssl.create_default_context()),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.HTTPDefaultErrorHandler(),
    ):
        opener.add_handler(handler)
    return opener


def _reason(body: bytes) -> str:
    """Return the error code of a refusal (RFC 6749, section 5.2), never its whole text."""
    try:
        found = json.loads(body)
    except ValueError:
        return ""
    error = found.get("error") if isinstance(found, dict) else None
    return "".join(sign for sign in str(error or "") if sign.isalnum() or sign in "_-")[:60]
