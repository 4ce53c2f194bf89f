"""Rows about the processes that run jobs."""

from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from helpdesk.db import Base


class Heartbeat(Base):
    """A worker process that is alive, or was at `at`. Its unfinished work is adopted when it is not."""

    __tablename__ = "heartbeat"

    executor: Mapped[str] = mapped_column(primary_key=True)
    at: Mapped[datetime]
