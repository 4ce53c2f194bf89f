"""Whatever happens to a ticket, its clocks are what a replay of their raw steps says."""

from datetime import timedelta
from uuid import uuid4

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from helpdesk.events.service import Actor
from helpdesk.services import Services
from helpdesk.sla.jobs import mark_breaches
from helpdesk.sla.rules import NEVER
from helpdesk.sla.service import cancel_clocks
from helpdesk.tickets.service import set_status
from tests.conftest import TestClock
from tests.integration.tickets.desk import (
    change,
    clocks,
    customer_writes,
    hire,
    read_ticket,
    staff_writes,
)

STATUSES = ("open", "pending", "on_hold", "solved", "closed")
acts = st.one_of(
    st.just(("customer", "")),
    st.just(("machine", "")),
    st.just(("answer", "")),
    st.just(("note", "")),
    st.just(("sweep", "")),
    st.just(("cancel", "")),
    st.tuples(st.just("status"), st.sampled_from(STATUSES)),
)
histories = st.lists(
    st.tuples(acts, st.integers(0, 5 * 3600).map(lambda s: timedelta(seconds=s))), max_size=14
)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(history=histories, channel=st.sampled_from(("chat", "email", "voice")))
def test_clocks_equal_a_replay_of_their_steps(
    services: Services,
    clock: TestClock,
    history: list[tuple[tuple[str, str], timedelta]],
    channel: str,
) -> None:
    ana = hire(services, f"Ana{uuid4().hex}")
    ticket_id = customer_writes(services, channel=channel)
    for (act, word), wait in history:
        clock.at += wait
        if act == "customer":
            if read_ticket(services, ticket_id).category == "closed":
                continue  # the inbox opens a follow-up instead
            customer_writes(services, ticket_id, channel=channel)
        elif act == "machine":
            customer_writes(services, ticket_id, channel=channel, auto="auto_reply")
        elif act in ("answer", "note"):
            visibility = "public" if act == "answer" else "note"
            staff_writes(services, ticket_id, ana, visibility=visibility)
        elif act == "sweep":
            mark_breaches(services)
        elif act == "cancel":
            change(services, ticket_id, cancel_clocks)
        else:
            change(
                services,
                ticket_id,
                lambda tx, ticket, code=word: set_status(tx, ticket, code, actor=Actor.system()),
            )
        shown = clocks(services, ticket_id)  # equal to the replay, or it fails there
        row = read_ticket(services, ticket_id)
        running = [one.due_at for one in shown.values() if one.open and one.due_at]
        assert row.next_due_at == min(running, default=NEVER)
        for metric in ("first_response", "next_response", "resolution"):
            assert sum(one.open for (name, _), one in shown.items() if name == metric) <= 1
        replies = [one for (name, _), one in shown.items() if one.open and name != "resolution"]
        assert bool(replies) == (row.waiting_since is not None)
        if row.category in ("solved", "closed"):
            assert not any(one.open for one in shown.values())
    change(services, ticket_id, cancel_clocks)  # keeps the next example's sweeps short
