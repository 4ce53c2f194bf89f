"""Money in the timeline: one slip for each act, at the place where it was asked for."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from billing_core.domain.money import Money
from helpdesk.billing_desk.model import Approval, MoneyAct, MoneyPreview
from helpdesk.billing_desk.result_screen import audit_name, slip_amount, slip_parts
from helpdesk.events.model import Event
from helpdesk.staff.model import Staff
from helpdesk.tickets.model import Ticket
from helpdesk.tickets.screen import MoneySlip, SlipRow, SlipState
from helpdesk.web.formats import Formats

TITLES = {"refund": "refund", "credit": "credit", "reissue": "reissue", "plan_change": "plan"}
STATES: dict[str, SlipState] = {
    "draft": "sending",
    "awaiting_approval": "awaiting",
    "approved": "sending",
    "sending": "sending",
    "unknown": "unknown",
    "succeeded": "done",
    "failed": "failed",
    "refused": "failed",
    "expired": "failed",
    "reversed": "failed",
}


def money_slips(
    session: Session,
    ticket: Ticket,
    events: Sequence[Event],
    names: dict[UUID, str],
    formats: Formats,
) -> list[MoneySlip]:
    """Return the slips that these events make or change."""
    slips = [_duplicate(event, formats) for event in events if event.kind == "duplicate.detected"]
    slips += [_previewed(event, names) for event in events if event.kind == "money.previewed"]
    touched = {UUID(event.data["act_id"]) for event in events if "act_id" in event.data}
    if not touched:
        return slips
    places = _places(session, ticket.id)
    acts = session.scalars(select(MoneyAct).where(MoneyAct.id.in_(touched))).all()
    approvals = {
        row.money_act_id: row
        for row in session.scalars(select(Approval).where(Approval.money_act_id.in_(touched)))
    }
    people = _people(session, acts, approvals)
    previews = {
        row.id: row
        for row in session.scalars(
            select(MoneyPreview).where(MoneyPreview.id.in_({act.preview_id for act in acts}))
        )
    }
    for act in acts:
        approval = approvals.get(act.id)
        note = approval.note if approval else ""
        rows, sentence = slip_parts(act, previews[act.preview_id], note, formats)
        amount = slip_amount(act, previews[act.preview_id])
        slips.append(_slip(act, approval, places, people, amount=amount, rows=rows, note=sentence))
    return slips


def _places(session: Session, ticket_id: UUID) -> dict[UUID, int]:
    """Return the seq at which each act of a ticket first showed. A ticket has few."""
    rows = session.execute(
        select(Event.seq, Event.data)
        .where(Event.ticket_id == ticket_id, Event.kind.like("money.%"))
        .order_by(Event.seq.desc())
    )
    return {UUID(data["act_id"]): seq for seq, data in rows if "act_id" in data}


def _people(
    session: Session, acts: Sequence[MoneyAct], approvals: dict[UUID, Approval]
) -> dict[UUID, str]:
    ids = {act.requester_id for act in acts} | {row.approver_id for row in approvals.values()}
    rows = session.execute(select(Staff.id, Staff.name).where(Staff.id.in_(ids)))
    return {row.id: row.name for row in rows}


def _slip(
    act: MoneyAct,
    approval: Approval | None,
    places: dict[UUID, int],
    people: dict[UUID, str],
    *,
    amount: Money,
    rows: tuple[SlipRow, ...],
    note: str,
) -> MoneySlip:
    refused = act.kind == "refund" and act.state in ("refused", "expired")
    return MoneySlip(
        seq=places[act.id],
        title="refund_refused" if refused else TITLES[act.kind],
        state=STATES[act.state],
        at=act.settled_at or act.created_at,
        amount=amount,
        by=people.get(act.requester_id, ""),
        approver=people.get(approval.approver_id, "") if approval else "",
        audit=audit_name(act),
        rows=rows,
        note=note,
        url=f"/money/acts/{act.id}",
        id=f"act-{act.id}",
    )


def _duplicate(event: Event, formats: Formats) -> MoneySlip:
    amount = Money(event.data["amount_minor"], event.data["currency"])
    times = [datetime.fromisoformat(text) for text in event.data["times"]]
    number = event.data.get("invoice_number", "")
    return MoneySlip(
        seq=event.seq or 0,
        title="duplicate",
        state="detected",
        at=event.at,
        rows=tuple(
            SlipRow(
                formats.gettext("Charge"),
                amount,
                at=at,
                detail=formats.gettext("second of the same charge") if place else number,
                warn=bool(place),
            )
            for place, at in enumerate(times)
        ),
        args={"seconds": int((times[-1] - times[0]).total_seconds())},
        amount=amount,
        id=str(event.seq),
    )


def _previewed(event: Event, names: dict[UUID, str]) -> MoneySlip:
    return MoneySlip(
        seq=event.seq or 0,
        title=TITLES.get(event.data.get("kind", ""), ""),
        state="previewed",
        at=event.at,
        by=names.get(event.actor_id, "") if event.actor_id else "",
        id=str(event.seq),
    )
