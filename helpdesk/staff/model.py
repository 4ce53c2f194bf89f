"""Rows of people who work here."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from helpdesk.db import Base


class Team(Base):
    """A group of staff that shares a queue."""

    __tablename__ = "team"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)


class Staff(Base):
    """One person who signs in. Limits are minor units of the company's currency."""

    __tablename__ = "staff"
    __table_args__ = (
        CheckConstraint("role IN ('agent', 'supervisor', 'admin')", name="role"),
        CheckConstraint("availability IN ('available', 'busy', 'away')", name="availability"),
        CheckConstraint(
            "act_limit_minor >= 0 AND day_limit_minor >= 0 AND customer_limit_minor >= 0",
            name="limits",
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(unique=True)  # lower case
    name: Mapped[str]
    password_hash: Mapped[str]
    role: Mapped[str]
    team_id: Mapped[UUID | None] = mapped_column(ForeignKey("team.id"))
    language: Mapped[str] = mapped_column(default="pt_BR")
    theme: Mapped[str] = mapped_column(default="auto")  # auto, light, dark
    availability: Mapped[str] = mapped_column(default="available")
    act_limit_minor: Mapped[int] = mapped_column(BigInteger, default=0)  # one money act
    day_limit_minor: Mapped[int] = mapped_column(BigInteger, default=0)  # rolling 24 h
    customer_limit_minor: Mapped[int] = mapped_column(BigInteger, default=0)  # one customer, 24 h
    created_at: Mapped[datetime]
    disabled_at: Mapped[datetime | None]


class StaffSession(Base):
    """One signed-in browser. Revoking the row ends it at once."""

    __tablename__ = "staff_session"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    token_hash: Mapped[str] = mapped_column(unique=True)  # sha256 of the cookie's secret
    staff_id: Mapped[UUID] = mapped_column(ForeignKey("staff.id"), index=True)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    user_agent: Mapped[str] = mapped_column(default="")


class SignInAttempt(Base):
    """Failed sign-ins, counted for each account whatever address they come from."""

    __tablename__ = "sign_in_attempt"

    email: Mapped[str] = mapped_column(primary_key=True)
    failures: Mapped[int] = mapped_column(default=0)
    last_at: Mapped[datetime]
    locked_until: Mapped[datetime | None]
