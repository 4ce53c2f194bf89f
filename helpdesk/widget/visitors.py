"""Who a visitor is, as her site says it: by a signed token that lives an hour at most."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import jwt

from helpdesk.customers.handles import normalise
from helpdesk.errors import InvalidInput
from helpdesk.inbox.preparing import storable
from helpdesk.services import Services

AUDIENCE: Final = "guiche-chat"
LONGEST_TOKEN: Final = timedelta(hours=1)
CLOCKS_DIFFER: Final = timedelta(seconds=60)  # between the site's machine and ours
LONGEST_SUBJECT: Final = 200


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who a signed token says the visitor is."""

    subject: str  # the site's own id of its customer
    expires_at: datetime
    name: str = ""
    email: str = ""
    token_id: str = ""  # which token said so: kept with each message


def visitor_of(services: Services, token: str) -> Visitor | None:
    """Return who a signed token names; None without one. Raises `InvalidInput` for a bad one."""
    if not token:
        return None
    secret = services.settings.widget_secret
    if not secret:
        raise InvalidInput("identity", "this site signs no identities")
    try:
        claims: dict[str, Any] = jwt.decode(
            token,
            secret,
            algorithms=["HS256"],
            audience=AUDIENCE,
            options={
                "require": ["exp", "sub", "aud", "jti"],
                "verify_exp": False,  # by our own clock, below
                "verify_iat": False,
                "verify_nbf": False,
            },
        )
    except jwt.InvalidTokenError as error:
        raise InvalidInput("identity", "the token is not valid") from error
    expires, now = claims["exp"], services.clock()
    latest = (now + LONGEST_TOKEN + CLOCKS_DIFFER).timestamp()
    if not isinstance(expires, int) or not now.timestamp() < expires <= latest:
        raise InvalidInput("identity", "the token has expired or lives too long")
    subject = storable(claims["sub"])
    if not 0 < len(subject) <= LONGEST_SUBJECT:
        raise InvalidInput("identity", "the subject is empty or too long")
    token_id = storable(str(claims["jti"]))
    if not 0 < len(token_id) <= LONGEST_SUBJECT:
        raise InvalidInput("identity", "the token has no id of its own")
    name, email = str(claims.get("name", "")), str(claims.get("email", ""))
    return Visitor(subject, datetime.fromtimestamp(expires, UTC), name, email, token_id)


def vouched_email(visitor: Visitor) -> str:
    """Return the address that the site's token names, "" where it names none."""
    try:
        return normalise("email", visitor.email) if visitor.email else ""
    except InvalidInput:
        return ""
