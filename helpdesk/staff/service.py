"""Signing in and out, and what ends a session."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from helpdesk.db import UnitOfWork
from helpdesk.errors import Conflict, InvalidInput, SignInLocked, WrongPassword
from helpdesk.events.service import Actor, audit
from helpdesk.services import Services
from helpdesk.staff.agent import Agent
from helpdesk.staff.model import Staff, StaffSession
from helpdesk.staff.passwords import passwords
from helpdesk.staff.policy import GRANTS
from helpdesk.staff.queries import (
    active_by_email,
    agent_of_token,
    email_is_taken,
    live_sessions,
    lock_attempts,
    lock_staff,
    session_of_token,
)

SESSION_LIFE = timedelta(hours=12)
FREE_FAILURES = 4  # the next one locks
FIRST_LOCK = timedelta(minutes=15)  # each further failure doubles it
LONGEST_LOCK = timedelta(hours=24)
FORGET_FAILURES = timedelta(hours=24)
SHORTEST_PASSWORD = 8
THEMES = ("auto", "light", "dark")
LANGUAGES = ("pt_BR", "en")


@dataclass(frozen=True, slots=True)
class NewStaff:
    """Somebody who starts to work here. Limits are minor units of the company's currency."""

    email: str
    name: str
    password: str
    role: str
    team_id: UUID | None = None
    language: str = "pt_BR"
    act_limit_minor: int = 0
    day_limit_minor: int = 0
    customer_limit_minor: int = 0


@dataclass(frozen=True, slots=True)
class SignInAsk:
    email: str
    password: str
    user_agent: str = ""
    old_token: str = ""  # what this browser held before; it is ended, never taken over


@dataclass(frozen=True, slots=True)
class SignedIn:
    """`token` is the only copy: the database keeps its hash."""

    staff_id: UUID
    session_id: UUID
    token: str
    expires_at: datetime


def add_staff(services: Services, new: NewStaff) -> UUID:
    """Let somebody sign in. Raises `InvalidInput`, `Conflict` where the address is taken."""
    email = normal_email(new.email)
    if "@" not in email:
        raise InvalidInput("email", "This is not an e-mail address.")
    if new.role not in GRANTS:
        raise InvalidInput("role", "There is no such role.")
    password_hash = _hash_new(services, new.password)
    with services.begin() as tx:
        if email_is_taken(tx.session, email):
            raise Conflict("Somebody already signs in with this address.")
        staff = Staff(
            id=tx.new_id(),
            email=email,
            name=new.name,
            password_hash=password_hash,
            role=new.role,
            team_id=new.team_id,
            language=new.language,
            act_limit_minor=new.act_limit_minor,
            day_limit_minor=new.day_limit_minor,
            customer_limit_minor=new.customer_limit_minor,
            created_at=tx.at,
        )
        tx.session.add(staff)
        audit(tx, "staff.added", actor=Actor.system(), data={"staff_id": str(staff.id)})
        return staff.id


def sign_in(services: Services, ask: SignInAsk) -> SignedIn:
    """Open a session. Raises `WrongPassword`, `SignInLocked`, `Busy`.

    The failure is counted before the password is compared, so a hundred tries at once
    count as a hundred; the right password clears the count.
    """
    email = normal_email(ask.email)
    with services.begin() as tx:
        locked = _count_attempt(tx, email)
    if locked is not None:
        raise locked
    with services.reading() as session:
        known = active_by_email(session, email)
    hasher = passwords(services.settings.simple_passwords)
    matches = hasher.match(known.password_hash if known else None, ask.password)
    if known is None or not matches:
        _record_failure(services, email, known)
        raise WrongPassword
    renewed = hasher.hash(ask.password) if hasher.is_outdated(known.password_hash) else None
    with services.begin() as tx:
        opened, ended = _open_session(tx, known, ask, renewed)
    services.relay.hang_up(ended)
    return opened


def _count_attempt(tx: UnitOfWork, email: str) -> SignInLocked | None:
    """Count one try; return the refusal where the address is locked (returned: it must commit)."""
    row = lock_attempts(tx, email)
    if row.locked_until is not None and tx.at < row.locked_until:
        seconds = int((row.locked_until - tx.at).total_seconds()) + 1
        return SignInLocked(row.locked_until, seconds)
    if tx.at - row.last_at > FORGET_FAILURES:
        row.failures = 0
    row.failures += 1
    row.last_at = tx.at
    over = row.failures - FREE_FAILURES
    row.locked_until = (
        tx.at + min(FIRST_LOCK * 2 ** min(over - 1, 20), LONGEST_LOCK) if over > 0 else None
    )
    return None


def _record_failure(services: Services, email: str, known: Staff | None) -> None:
    with services.begin() as tx:
        row = lock_attempts(tx, email)
        audit(
            tx,
            "staff.sign_in_failed",
            actor=Actor("staff", known.id if known else None),
            # The address as typed may be a password: only its hash is kept.
            data={"address": _hashed(email), "failures": row.failures},
        )


def _open_session(
    tx: UnitOfWork, known: Staff, ask: SignInAsk, renewed: str | None
) -> tuple[SignedIn, list[UUID]]:
    staff = lock_staff(tx, known.id)
    if staff.disabled_at is not None or staff.password_hash != known.password_hash:
        raise WrongPassword  # it was changed while the password was being compared
    if renewed is not None:
        staff.password_hash = renewed
    tx.session.delete(lock_attempts(tx, staff.email))
    ended = _end_token(tx, ask.old_token)
    token = secrets.token_urlsafe(32)
    row = StaffSession(
        id=tx.new_id(),
        token_hash=_hashed(token),
        staff_id=staff.id,
        created_at=tx.at,
        expires_at=tx.at + SESSION_LIFE,
        user_agent=ask.user_agent[:200],
    )
    tx.session.add(row)
    audit(
        tx,
        "staff.signed_in",
        actor=Actor.staff(staff.id),
        data={"session_id": str(row.id)},
    )
    return SignedIn(staff.id, row.id, token, row.expires_at), ended


def session_agent(services: Services, token: str) -> Agent | None:
    """Return who holds this token, or None when it is nobody's, over or revoked. One query."""
    if not token:
        return None
    with services.reading() as session:
        return agent_of_token(session, _hashed(token), services.clock())


def sign_out(services: Services, agent: Agent) -> None:
    """End the session this person is using."""
    with services.begin() as tx:
        for row in live_sessions(tx, agent.id):
            if row.id == agent.session_id:
                row.revoked_at = tx.at
        audit(
            tx,
            "staff.signed_out",
            actor=Actor.staff(agent.id),
            data={"session_id": str(agent.session_id)},
        )
    services.relay.hang_up([agent.session_id])


def change_password(services: Services, agent: Agent, *, current: str, new: str) -> None:
    """Set a new password and end every other session. Raises `WrongPassword`, `InvalidInput`."""
    new_hash = _hash_new(services, new)
    with services.reading() as session:
        known = active_by_email(session, agent.email)
    hasher = passwords(services.settings.simple_passwords)
    if known is None or not hasher.match(known.password_hash, current):
        raise WrongPassword
    with services.begin() as tx:
        staff = lock_staff(tx, agent.id)
        if staff.password_hash != known.password_hash:
            raise WrongPassword
        staff.password_hash = new_hash
        ended = _end_sessions(tx, staff.id, keep=agent.session_id)
        audit(tx, "staff.password_changed", actor=Actor.staff(agent.id))
    services.relay.hang_up(ended)


def change_role(services: Services, actor: Agent, staff_id: UUID, *, role: str) -> None:
    """Give somebody another role; she signs in again. Raises `InvalidInput`, `NotFound`."""
    if role not in GRANTS:
        raise InvalidInput("role", "There is no such role.")
    with services.begin() as tx:
        staff = lock_staff(tx, staff_id)
        before, staff.role = staff.role, role
        ended = _end_sessions(tx, staff_id)
        audit(
            tx,
            "staff.role_changed",
            actor=Actor.staff(actor.id),
            data={"staff_id": str(staff_id), "from": before, "to": role},
        )
    services.relay.hang_up(ended)


def disable_staff(services: Services, actor: Agent, staff_id: UUID) -> None:
    """Let somebody sign in no more, from this moment. Raises `NotFound`."""
    with services.begin() as tx:
        lock_staff(tx, staff_id).disabled_at = tx.at
        ended = _end_sessions(tx, staff_id)
        audit(
            tx,
            "staff.disabled",
            actor=Actor.staff(actor.id),
            data={"staff_id": str(staff_id)},
        )
    services.relay.hang_up(ended)


def choose_theme(services: Services, agent: Agent, theme: str) -> None:
    """Keep how bright somebody likes her screen. Raises `InvalidInput`."""
    if theme not in THEMES:
        raise InvalidInput("theme", "There is no such theme.")
    with services.begin() as tx:
        lock_staff(tx, agent.id).theme = theme


def choose_language(services: Services, agent: Agent, language: str) -> None:
    """Keep the language somebody works in. Raises `InvalidInput`."""
    if language not in LANGUAGES:
        raise InvalidInput("language", "There is no such language.")
    with services.begin() as tx:
        lock_staff(tx, agent.id).language = language


def normal_email(text: str) -> str:
    """Return an address as it is stored and compared."""
    return text.strip().lower()[:254]


def _hash_new(services: Services, password: str) -> str:
    if len(password) < SHORTEST_PASSWORD:
        raise InvalidInput("password", "A password needs at least 8 characters.")
    return passwords(services.settings.simple_passwords).hash(password)


def _hashed(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _end_token(tx: UnitOfWork, token: str) -> list[UUID]:
    row = session_of_token(tx, _hashed(token)) if token else None
    if row is None or row.revoked_at is not None:
        return []
    row.revoked_at = tx.at
    return [row.id]


def _end_sessions(tx: UnitOfWork, staff_id: UUID, *, keep: UUID | None = None) -> list[UUID]:
    """Revoke a person's sessions but `keep`; return them, to hang up after the commit."""
    ended = [row for row in live_sessions(tx, staff_id) if row.id != keep]
    for row in ended:
        row.revoked_at = tx.at
    return [row.id for row in ended]
