"""The sweep that remembers how much was open."""

from datetime import datetime

from sqlalchemy import case, func, select

from helpdesk.db import UnitOfWork
from helpdesk.jobs.port import job
from helpdesk.services import Services
from helpdesk.sla.model import BacklogSnapshot
from helpdesk.tickets.model import Ticket


@job("snapshot_backlog", every="0 0 * * * *")
def snapshot_backlog(services: Services) -> None:
    """Write down the backlog at the top of this hour, once."""
    with services.begin() as tx:
        write_snapshot(tx, tx.at.replace(minute=0, second=0, microsecond=0))


def write_snapshot(tx: UnitOfWork, hour: datetime) -> None:
    """Count what is open for us, by channel, as the board does. An hour that is written stays as it is."""
    if tx.session.scalar(select(BacklogSnapshot.at).where(BacklogSnapshot.at == hour).limit(1)):
        return
    counted = tx.session.execute(
        select(
            Ticket.last_channel,
            func.count(),
            func.sum(case((Ticket.assignee_id.is_(None), 1), else_=0)),
        )
        .where(Ticket.category == "open", Ticket.spam.is_(False))
        .group_by(Ticket.last_channel)
    )
    for channel, total, unassigned in counted.all():
        tx.session.add(
            BacklogSnapshot(at=hour, channel=channel, open=total, unassigned=int(unassigned))
        )
