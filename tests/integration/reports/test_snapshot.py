"""The backlog at the top of an hour is written once and stays."""

from sqlalchemy import select

from helpdesk.reports.jobs import snapshot_backlog
from helpdesk.services import Services
from helpdesk.sla.model import BacklogSnapshot
from helpdesk.tickets.service import NewTicket, open_ticket
from tests.conftest import TestClock


def rows(services: Services) -> list[tuple[int, str, int, int]]:
    with services.reading() as session:
        found = session.scalars(select(BacklogSnapshot).order_by(BacklogSnapshot.at))
        return [(row.at.hour, row.channel, row.open, row.unassigned) for row in found]


def test_an_hour_is_counted_once_and_the_next_one_anew(
    services_on_both: Services, clock: TestClock
) -> None:
    services = services_on_both
    with services.begin() as tx:
        open_ticket(tx, NewTicket(subject="a", channel="email"))
    snapshot_backlog(services)
    with services.begin() as tx:
        open_ticket(tx, NewTicket(subject="b", channel="email"))
    snapshot_backlog(services)
    assert rows(services) == [(12, "email", 1, 1)]
    clock.forward(hours=1, minutes=5)
    snapshot_backlog(services)
    assert rows(services) == [(12, "email", 1, 1), (13, "email", 2, 2)]
