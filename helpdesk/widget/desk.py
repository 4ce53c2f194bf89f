"""What an administrator does with widgets."""

import secrets
from dataclasses import asdict
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from helpdesk.errors import NotFound
from helpdesk.events.service import Actor, audit
from helpdesk.services import Services
from helpdesk.staff.agent import Agent
from helpdesk.widget.forms import WidgetForm
from helpdesk.widget.model import Widget


def widgets(session: Session) -> list[Widget]:
    """Return every widget, those in use first."""
    wanted = select(Widget).order_by(Widget.disabled_at.is_not(None), Widget.name, Widget.id)
    return list(session.scalars(wanted))


def widget(session: Session, widget_id: UUID) -> Widget:
    """Return one widget. Raises `NotFound`."""
    row = session.get(Widget, widget_id)
    if row is None:
        raise NotFound("widget")
    return row


def save_widget(
    services: Services, agent: Agent, form: WidgetForm, widget_id: UUID | None = None
) -> UUID:
    """Write a widget, a new one without an id, and return its id. Its key never changes."""
    with services.begin() as tx:
        if widget_id is None:
            row = Widget(
                id=tx.new_id(), key=secrets.token_urlsafe(9), created_at=tx.at, disabled_at=None
            )
            tx.session.add(row)
        else:
            row = widget(tx.session, widget_id)
        for name, value in asdict(form).items():
            setattr(row, name, value)
        row.changed_at = tx.at
        audit(
            tx,
            "widget.saved",
            actor=Actor.staff(agent.id),
            data={"widget_id": str(row.id), "name": row.name, "origins": row.origins},
        )
        return row.id


def switch_widget(services: Services, agent: Agent, widget_id: UUID, *, on: bool) -> None:
    """Put a widget into use or out of it. Conversations go on either way."""
    with services.begin() as tx:
        row = widget(tx.session, widget_id)
        if (row.disabled_at is None) == on:
            return
        row.disabled_at = None if on else tx.at
        row.changed_at = tx.at
        audit(
            tx,
            "widget.switched",
            actor=Actor.staff(agent.id),
            data={"widget_id": str(row.id), "on": on},
        )
