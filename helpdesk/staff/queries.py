"""Reading people, their sessions and their failed sign-ins."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from helpdesk.db import UnitOfWork
from helpdesk.errors import NotFound
from helpdesk.staff.agent import Agent
from helpdesk.staff.model import SignInAttempt, Staff, StaffSession


def agent_of_token(session: Session, token_hash: str, at: datetime) -> Agent | None:
    """Return who holds this session, if it is alive at `at`. One statement."""
    return _agent(session, _live(at).where(StaffSession.token_hash == token_hash))


def agent_of_session(session: Session, session_id: UUID, at: datetime) -> Agent | None:
    """The same by the session's id: for sockets, which have shown their token already."""
    return _agent(session, _live(at).where(StaffSession.id == session_id))


def _live(at: datetime) -> Select[Staff, UUID]:
    return (
        select(Staff, StaffSession.id)
        .join(StaffSession, StaffSession.staff_id == Staff.id)
        .where(
            StaffSession.revoked_at.is_(None),
            StaffSession.expires_at > at,
            Staff.disabled_at.is_(None),
        )
    )


def _agent(session: Session, found: Select[Staff, UUID]) -> Agent | None:
    row = session.execute(found).one_or_none()
    if row is None:
        return None
    staff, session_id = row
    return as_agent(staff, session_id)


def as_agent(staff: Staff, session_id: UUID) -> Agent:
    """Return a person as every other feature sees her."""
    return Agent(
        id=staff.id,
        name=staff.name,
        email=staff.email,
        role=staff.role,
        team_id=staff.team_id,
        language=staff.language,
        theme=staff.theme,
        session_id=session_id,
    )


def active_by_email(session: Session, email: str) -> Staff | None:
    """Return the person who may sign in with this address."""
    return session.scalars(
        select(Staff).where(Staff.email == email, Staff.disabled_at.is_(None))
    ).one_or_none()


def email_is_taken(session: Session, email: str) -> bool:
    """Say whether anybody, also one who left, has this address."""
    return session.scalar(select(Staff.id).where(Staff.email == email)) is not None


def lock_staff(tx: UnitOfWork, staff_id: UUID) -> Staff:
    """Return one person, locked until the transaction ends. Raises `NotFound`."""
    row = tx.session.get(Staff, staff_id, with_for_update=True)
    if row is None:
        raise NotFound(f"no staff {staff_id}")
    return row


def live_sessions(tx: UnitOfWork, staff_id: UUID) -> list[StaffSession]:
    """Return a person's sessions that have not been revoked, locked."""
    return list(
        tx.session.scalars(
            select(StaffSession)
            .where(StaffSession.staff_id == staff_id, StaffSession.revoked_at.is_(None))
            .order_by(StaffSession.id)
            .with_for_update()
        )
    )


def session_of_token(tx: UnitOfWork, token_hash: str) -> StaffSession | None:
    """Return the session of this token, whoever holds it, locked."""
    return tx.session.scalars(
        select(StaffSession).where(StaffSession.token_hash == token_hash).with_for_update()
    ).one_or_none()


def lock_attempts(tx: UnitOfWork, email: str) -> SignInAttempt:
    """Return the counter of an address, made if need be, locked.

    Addresses nobody has are counted too: the answer must not tell them apart.
    """
    write = postgresql if tx.session.get_bind().dialect.name == "postgresql" else sqlite
    tx.session.execute(
        write.insert(SignInAttempt)
        .values(email=email, failures=0, last_at=tx.at, locked_until=None)
        .on_conflict_do_nothing()
    )
    return tx.session.scalars(
        select(SignInAttempt).where(SignInAttempt.email == email).with_for_update()
    ).one()
