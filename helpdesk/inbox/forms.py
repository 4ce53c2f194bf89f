"""What is typed on the screens about held deliveries, as typed values or `InvalidInput`."""

from collections.abc import Mapping
from uuid import UUID

from helpdesk.errors import InvalidInput
from helpdesk.inbox.blocking import LONGEST_NOTE
from helpdesk.web.input import refuse_unknown

Form = Mapping[str, str]


def read_list(query: Form) -> tuple[str, UUID | None]:
    """Return the reason chosen ("" is all) and the id after which the page begins."""
    refuse_unknown(query, "reason", "after")
    try:
        after = UUID(query["after"]) if query.get("after") else None
    except ValueError:
        raise InvalidInput("after", "This is not an id.") from None
    return query.get("reason", "")[:60], after


def read_number(form: Form) -> int:
    """Return the number of a ticket, typed with or without its `#`."""
    refuse_unknown(form, "number")
    text = form.get("number", "").strip().removeprefix("#").strip()
    if not (text.isascii() and text.isdigit() and len(text) < 16):
        raise InvalidInput("number", "This is not a number.")
    return int(text)


def read_block(form: Form) -> tuple[str, str]:
    """Return whom to block and why."""
    refuse_unknown(form, "sender", "note")
    sender = form.get("sender", "").strip()
    if not sender or len(sender) > 320:
        raise InvalidInput("sender", "Write an e-mail address, a domain or a telephone number.")
    return sender, form.get("note", "")[:LONGEST_NOTE]
