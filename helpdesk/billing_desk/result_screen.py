"""What became of an act: the result step, the approvals page and the slip in the timeline."""

from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Literal

from sqlalchemy.orm import Session

from billing_core.domain.money import Money
from helpdesk.billing_desk import words
from helpdesk.billing_desk.approvals import WAITS
from helpdesk.billing_desk.drawers import WORD, frame_of
from helpdesk.billing_desk.frozen import Shown, money_from, thaw
from helpdesk.billing_desk.model import MoneyAct, MoneyPreview
from helpdesk.billing_desk.plan_screen import sums as plan_sums
from helpdesk.billing_desk.queries import ActView, approvers
from helpdesk.billing_desk.screen import (
    ApprovalDetail,
    ApprovalRow,
    ResultScreen,
    SumLine,
    TrackStep,
)
from helpdesk.billing_desk.words import _
from helpdesk.customers.model import Customer
from helpdesk.tickets.screen import SlipRow
from helpdesk.web.formats import Formats
from helpdesk.web.screen import person

if TYPE_CHECKING:
    from helpdesk.web.access import Agent

OVER = ("refused", "expired", "failed", "reversed")
CHANNEL_NAMES = {"whatsapp": "WhatsApp", "sms": "SMS"}


def result(session: Session, agent: "Agent", view: ActView, formats: Formats) -> ResultScreen:
    """Return steps 3 and 4 of an act as the server knows it now."""
    act, shown = view.act, thaw(view.preview.shown)
    state = act.state
    title, text = _outcome(view, shown, formats)
    return ResultScreen(
        frame=frame_of(
            session, view.ticket, WORD[act.kind], 3 if state in ("approved", "sending") else 4
        ),
        act_id=str(act.id),
        state=state,
        tone=_tone(state),
        title=title,
        text=text,
        track=tuple(_track(session, view, shown, formats)),
        sums=sums_of(act, shown, formats),
        total=Money(act.amount_minor, act.currency),
        audit=audit_name(act),
        preview=f"PRV-{view.preview.id.hex[-6:].upper()}",
        may_cancel=state == "awaiting_approval" and act.requester_id == agent.id,
        may_retry=state in ("failed", "expired", "refused") and act.requester_id == agent.id,
        refresh_s={"approved": 2, "sending": 2, "unknown": 15, "awaiting_approval": 15}.get(
            state, 0
        ),
    )


def _tone(state: str) -> Literal["", "done", "failed", "unknown"]:
    if state == "succeeded":
        return "done"
    if state == "unknown":
        return "unknown"
    return "failed" if state in OVER else ""


def audit_name(act: MoneyAct) -> str:
    return f"AUD-{act.number}"


def sums_of(act: MoneyAct, shown: Shown, formats: Formats) -> tuple[SumLine, ...]:
    """Return what was asked for, line by line."""
    about = shown.about
    if act.kind == "plan_change":
        return plan_sums(shown, "", formats) or (
            SumLine(
                _("%(old)s to %(new)s", old=about["from"], new=about["to"]),
                _(
                    "from %(day)s on",
                    day=formats.day(date.fromisoformat(about["period_end"]), "short"),
                ),
                Money.zero(act.currency),
            ),
        )
    if act.kind == "reissue":
        return tuple(
            SumLine(
                line["label"],
                _("should be %(amount)s", amount=formats.money(money_from(line["right"]))),
                money_from(line["was"]) - money_from(line["right"]),
            )
            for line in about["lines"]
        )
    return _given(act, about, formats)


def _given(act: MoneyAct, about: dict[str, Any], formats: Formats) -> tuple[SumLine, ...]:
    """Return the lines of a refund or a credit."""
    amount = money_from(about["amount"])
    if act.kind == "credit":
        return (SumLine(_("Credit on the next charge"), words.reason(act.reason), amount),)
    moment = formats.entry(datetime.fromisoformat(about["captured_at"]))
    lines = [
        SumLine(
            _(
                "Charge of %(when)s back to %(method)s",
                when=moment,
                method=words.method(about["method"]),
            ),
            about["number"] or _("no invoice"),
            amount,
        )
    ]
    if about["courtesy"]:
        lines.append(
            SumLine(_("Credit on the next charge"), _("courtesy"), money_from(about["courtesy"]))
        )
    return tuple(lines)


def _outcome(view: ActView, shown: Shown, formats: Formats) -> tuple[str, str]:
    act = view.act
    amount = formats.money(Money(act.amount_minor, act.currency))
    nothing = _("No money moved.")
    match act.state:
        case "awaiting_approval":
            return _("Request for %(amount)s sent for approval", amount=amount), _(
                "No money has moved yet. The preview is frozen: if something changes in the "
                "account, the request comes back to you."
            )
        case "approved":
            return _("Confirmed"), _("It is being sent now. You can go on working.")
        case "sending":
            return _("On its way to the bank"), _(
                "The answer appears here by itself. You can go on working."
            )
        case "unknown":
            return _("Being confirmed"), _(
                "We do not know yet if the bank got it. Do not repeat; we will tell you here."
            )
        case "succeeded":
            return _done(act, shown, formats), _(
                "The account beside the conversation is up to date."
            )
        case "reversed":
            return _("The bank sent the money back"), _(
                "The refund had gone out and came back. The amount can be refunded another way."
            )
        case "refused":
            name = view.approver.name if view.approver else ""
            note = view.approval.note if view.approval else ""
            said = _("%(name)s did not approve it", name=name)
            return said, f"{note} {nothing}".strip()
        case "failed":
            return _failed(act), f"{nothing} {words.failure(act.failure)}".strip()
    return _("Not sent"), f"{words.failure(act.failure)} {nothing}"


def _done(act: MoneyAct, shown: Shown, formats: Formats) -> str:
    about = shown.about
    if act.kind == "refund":
        return _("Refunded %(amount)s", amount=formats.money(money_from(about["amount"])))
    if act.kind == "credit":
        return _("Credit of %(amount)s given", amount=formats.money(money_from(about["amount"])))
    if act.kind == "reissue":
        return _("Invoice %(number)s was put right", number=about["number"])
    if about["when"] == "period_end":
        day = formats.day(date.fromisoformat(about["period_end"]), "short")
        return _("%(plan)s starts on %(day)s", plan=about["to"], day=day)
    return _("%(plan)s has started", plan=about["to"])


def _failed(act: MoneyAct) -> str:
    return {
        "refund": _("The refund did not go through"),
        "credit": _("The credit was not given"),
        "reissue": _("The invoice was not changed"),
        "plan_change": _("The plan did not change"),
    }[act.kind]


def _track(session: Session, view: ActView, shown: Shown, formats: Formats) -> list[TrackStep]:
    act, about = view.act, shown.about
    steps = [
        TrackStep(
            _("Requested by %(name)s", name=view.requester.name),
            _("Reason: %(reason)s", reason=words.reason(act.reason)),
            at=act.created_at,
            state="done",
        )
    ]
    if (decision := _decision(session, view)) is not None:
        steps.append(decision)
    if act.state in ("refused", "expired"):
        return steps
    if (sent := _sent(act, shown, formats)) is not None:
        steps.append(sent)
    if act.message_text and act.state != "failed":
        steps.append(
            TrackStep(
                _("Message to the customer"),
                CHANNEL_NAMES.get(act.message_channel, ""),
                state="done" if act.message_id else "todo",
            )
        )
    if act.kind == "refund" and act.state != "failed":
        steps.append(
            TrackStep(_("With the customer"), when=words.arrives(about["method"], formats))
        )
    return steps


def _sent(act: MoneyAct, shown: Shown, formats: Formats) -> TrackStep | None:
    """Return the step in which the provider moves money, where an act has one."""
    about, label = shown.about, ""
    if act.kind in ("refund", "reissue") and about.get("settle_by", "refund") == "refund":
        label = _("Refund to %(method)s", method=words.method(about.get("method")))
    elif shown.charge_now is not None and shown.charge_now.minor > 0:
        amount = formats.money(shown.charge_now)
        method = words.method(about.get("method"))
        label = _("Charge of %(amount)s to %(method)s", amount=amount, method=method)
    if not label:
        return None
    if act.state == "succeeded":
        return TrackStep(label, at=act.settled_at, state="done")
    why = words.failure(act.failure) if act.state == "failed" else ""
    on_its_way = act.state in ("approved", "sending", "unknown")
    return TrackStep(label, why, state="now" if on_its_way else "todo")


def _decision(session: Session, view: ActView) -> TrackStep | None:
    act = view.act
    if view.approval is not None and view.approver is not None:
        if view.approval.decision == "approved":
            said = _("Approved by %(name)s", name=view.approver.name)
        else:
            said = _("Refused by %(name)s", name=view.approver.name)
        return TrackStep(said, view.approval.note, at=view.approval.at, state="done")
    if act.state == "awaiting_approval":
        names = ", ".join(one.name for one in approvers(session, but=act.requester_id))
        return TrackStep(_("Approval by another person"), names, when=_("now"), state="now")
    if act.state == "expired":
        return TrackStep(words.failure(act.failure), at=act.settled_at, state="done")
    return None


# ---- approvals page ----


def approval_row(session: Session, agent: "Agent", view: ActView) -> ApprovalRow:
    customer = session.get(Customer, view.act.customer_id)
    return ApprovalRow(
        act_id=str(view.act.id),
        title=words.act_title(view.act.kind),
        customer_name=customer.name if customer else view.ticket.customer_name,
        amount=Money(view.act.amount_minor, view.act.currency),
        requester=person(view.requester.name, key=str(view.requester.id)),
        at=view.act.created_at,
        mine=view.act.requester_id == agent.id,
    )


def approval_detail(
    session: Session, agent: "Agent", view: ActView, formats: Formats
) -> ApprovalDetail:
    act, shown = view.act, thaw(view.preview.shown)
    customer = session.get(Customer, act.customer_id)
    title, _text = _outcome(view, shown, formats)
    return ApprovalDetail(
        row=approval_row(session, agent, view),
        ticket_number=view.ticket.number,
        ticket_id=str(view.ticket.id),
        kind=WORD[act.kind],
        reason=words.reason(act.reason),
        rows=tuple(words.change_rows(shown, formats)),
        sums=sums_of(act, shown, formats),
        to_pay=shown.charge_now,
        expires_at=act.created_at + WAITS,
        request_hash=act.request_hash,
        audit=audit_name(act),
        message=act.message_text,
        message_language=customer.language.replace("_", "-") if customer else "",
        waits=act.state == "awaiting_approval",
        outcome="" if act.state == "awaiting_approval" else title,
    )


# ---- the slip in the timeline ----


def slip_amount(act: MoneyAct, preview: MoneyPreview) -> Money:
    """Return the amount that an act's title speaks of: a refund's without its courtesy."""
    about = preview.shown["about"]
    if act.kind == "refund":
        return money_from(about["amount"])
    return Money(act.amount_minor, act.currency)


def slip_parts(
    act: MoneyAct, preview: MoneyPreview, note: str, formats: Formats
) -> tuple[tuple[SlipRow, ...], str]:
    """Return the rows of an act's slip, and a sentence where something did not go as asked.

    `note` is what the other person wrote, if anything.
    """
    rows = tuple(
        SlipRow(line.label, line.amount, detail=line.detail)
        for line in sums_of(act, thaw(preview.shown), formats)
    )
    match act.state:
        case "failed" | "expired":
            return rows, f"{_('No money moved.')} {words.failure(act.failure)}".strip()
        case "refused":
            return rows, f"{_('No money moved.')} {note}".strip()
        case "unknown":
            return rows, _(
                "We do not know yet if the bank got it. Do not repeat; we will tell you here."
            )
        case "reversed":
            return rows, _("The bank sent the money back")
    return rows, ""
