"""The frame around every signed-in screen, filled for whoever reads it."""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from helpdesk.billing_desk.model import MoneyAct
from helpdesk.inbox.model import Inbound
from helpdesk.staff.model import Staff
from helpdesk.staff.policy import GRANTS
from helpdesk.web.access import current_agent, services
from helpdesk.web.screen import Availability, ShellScreen, person

MOST = 99  # a badge says no more than this


def shell_screen(nav: str) -> ShellScreen:
    """Return the frame with `nav` lit: inbox, customers, approvals, live, quarantine. Raises `SignedOut`."""
    agent = current_agent()
    rooms = ["inbox", "customers"]
    if agent.may("billing.approve"):
        rooms.append("approvals")
    if agent.may("board.read"):
        rooms.append("live")
    if agent.may("quarantine.manage"):
        rooms.append("quarantine")
    if services().settings.voice_number or services().settings.sms_number:
        rooms.append("phone")
    approvals = 0
    with services().reading() as session:
        availability: Availability = session.scalar(
            select(Staff.availability).where(Staff.id == agent.id)
        )
        if agent.may("billing.approve"):
            waiting = (
                select(MoneyAct.id)
                .where(MoneyAct.state == "awaiting_approval", MoneyAct.requester_id != agent.id)
                .limit(MOST)
                .subquery()
            )
            approvals = session.scalar(select(func.count()).select_from(waiting)) or 0
        held = _count_held(session) if agent.may("quarantine.manage") else 0
    return ShellScreen(
        agent=person(agent.name, key=str(agent.id), availability=availability),
        agent_id=str(agent.id),
        company=services().settings.company,
        nav=nav,
        language=agent.language.replace("_", "-"),
        theme=agent.theme,
        may=GRANTS[agent.role],
        rooms=tuple(rooms),
        approvals=approvals,
        held=held,
    )


def _count_held(session: Session) -> int:
    waiting = select(Inbound.id).where(Inbound.state == "quarantined").limit(MOST).subquery()
    return session.scalar(select(func.count()).select_from(waiting)) or 0
