"""Who may do what. A permission that is not listed here does not exist."""

_AGENT = {
    "console.use",
    "ticket.read",
    "ticket.reply",
    "ticket.note",
    "ticket.assign",
    "ticket.solve",
    "ticket.tag",
    "customer.read",
    "customer.link",
    "customer.merge",
    "billing.read",
    "billing.preview",
    "billing.refund",
    "billing.credit",
    "billing.reissue",
    "billing.plan_change",
    "call.answer",
    "call.place",
    "self.preferences",
}
_SUPERVISOR = _AGENT | {
    "board.read",
    "billing.approve",
    "delivery.manage",
    "quarantine.manage",
    "senders.block",
    "ticket.read_all",
}
_ADMIN = _SUPERVISOR | {
    "staff.manage",
    "jobs.read",
    "delivery.test",  # for whoever may test mailboxes and numbers one by one
    "mailbox.manage",
    "phone.manage",
    "widget.manage",
}

GRANTS: dict[str, frozenset[str]] = {
    "agent": frozenset(_AGENT),
    "supervisor": frozenset(_SUPERVISOR),
    "admin": frozenset(_ADMIN),
}
PERMISSIONS = frozenset().union(*GRANTS.values())


def may(role: str, permission: str) -> bool:
    """Say whether a role holds a permission."""
    return permission in GRANTS[role]
