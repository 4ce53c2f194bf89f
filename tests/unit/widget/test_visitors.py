"""Whom a site's signed token names, and every way in which it names nobody."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import jwt
import pytest

from helpdesk.errors import InvalidInput, SignedOut
from helpdesk.services import Services
from helpdesk.widget.service import chat_key_of
from helpdesk.widget.visitors import visitor_of

SECRET = "a secret between the site and the widget"
NOW = datetime(2026, 11, 17, 12, 0, tzinfo=UTC)


def services(secret: str = SECRET) -> Services:
    settings = SimpleNamespace(widget_secret=secret)
    return cast(Services, SimpleNamespace(settings=settings, clock=lambda: NOW))


def token(secret: str = SECRET, algorithm: str = "HS256", **changes: Any) -> str:
    claims: dict[str, Any] = {
        "sub": "mariana.prado",
        "name": "Mariana",
        "aud": "guiche-chat",
        "exp": at(minutes=30),
        "jti": "token-1",
    }
    claims = {name: value for name, value in (claims | changes).items() if value is not None}
    return jwt.encode(claims, secret, algorithm=algorithm)


def at(**delta: float) -> int:
    return int((NOW + timedelta(**delta)).timestamp())


def test_a_good_token_names_its_subject() -> None:
    visitor = visitor_of(services(), token(email="mariana@exemplo.com.br"))
    assert visitor is not None
    assert (visitor.subject, visitor.name) == ("mariana.prado", "Mariana")
    assert visitor.email == "mariana@exemplo.com.br"


def test_no_token_is_an_anonymous_visitor() -> None:
    assert visitor_of(services(), "") is None
    assert visitor_of(services(secret=""), "") is None


@pytest.mark.parametrize("lives", [{"seconds": 1}, {"minutes": 60}, {"seconds": 3660}])
def test_a_token_may_live_an_hour_and_a_minute_of_clocks_that_differ(
    lives: dict[str, float],
) -> None:
    assert visitor_of(services(), token(exp=at(**lives))) is not None


@pytest.mark.parametrize(
    "bad",
    [
        pytest.param(token(aud="another-product"), id="for-somebody-else"),
        pytest.param(token(aud=None), id="for-nobody"),
        pytest.param(token(exp=at(seconds=0)), id="just-expired"),
        pytest.param(token(exp=at(days=-1)), id="long-expired"),
        pytest.param(token(exp=at(minutes=62)), id="lives-too-long"),
        pytest.param(token(exp=at(days=3650)), id="lives-for-ever"),
        pytest.param(token(exp=None), id="never-expires"),
        pytest.param(token(exp="soon"), id="expires-soon"),
        pytest.param(token(jti=None), id="has-no-id-of-its-own"),
        pytest.param(token(jti=""), id="has-an-empty-id"),
        pytest.param(token(sub=None), id="names-nobody"),
        pytest.param(token(sub=""), id="an-empty-name"),
        pytest.param(token(sub="\0"), id="a-name-of-nothing"),
        pytest.param(token(sub="x" * 201), id="an-endless-name"),
        pytest.param(token(secret="another secret of thirty-two signs"), id="another-secret"),
        pytest.param(token(algorithm="HS512", secret=SECRET * 2), id="another-algorithm"),
        pytest.param(jwt.encode({"sub": "mariana.prado"}, "", algorithm="none"), id="unsigned"),
        pytest.param("not.a.token", id="not-a-token"),
        pytest.param("ünïcode", id="not-even-ascii"),
    ],
)
def test_a_token_that_proves_nothing_is_refused(bad: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        visitor_of(services(), bad)
    assert refusal.value.field == "identity"


def test_a_site_without_a_secret_signs_nobody_in() -> None:
    with pytest.raises(InvalidInput):
        visitor_of(services(secret=""), token())


def test_a_conversation_is_named_by_its_secret_and_does_not_tell_it() -> None:
    one, other = chat_key_of("A" * 43), chat_key_of("B" * 43)
    assert one != other
    assert len(one) == 48
    assert "AAA" not in one


@pytest.mark.parametrize(
    "secret", ["", "A" * 42, "A" * 87, "A" * 42 + "!", "A" * 43 + "\n", "é" * 43, "*" * 43]
)
def test_a_secret_that_could_be_guessed_or_is_none_opens_nothing(secret: str) -> None:
    with pytest.raises(SignedOut):
        chat_key_of(secret)
