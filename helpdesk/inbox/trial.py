"""Reading a held delivery on trial: what would come of it now, and why. Nothing is filed."""

import structlog

from channels.port import Delivery, Inbound, Unreadable
from helpdesk.errors import NotFound
from helpdesk.inbox.filing import suspicion
from helpdesk.inbox.model import Inbound as Row
from helpdesk.inbox.preparing import prepare
from helpdesk.inbox.screen import Tried
from helpdesk.services import Services

log = structlog.get_logger()


def try_reading(services: Services, row: Row) -> Tried:
    """Say whether a held delivery can be read today, and what would hold it again."""
    adapter = services.adapters.get(row.channel)
    if row.reason == "too_many_attempts":
        return Tried(row.reason)  # it may kill its reader, and here that is the web server
    if adapter is None:
        return Tried("channel_not_set_up")
    try:
        delivery = Delivery(services.blobs.read(row.blob), row.headers, row.url)
        items = [prepare(one) for one in adapter.parse(delivery) if isinstance(one, Inbound)]
    except (NotFound, OSError):
        return Tried("bytes_lost")
    except Unreadable as fault:
        return Tried("unreadable", str(fault)[:500])
    except Exception as fault:
        log.exception("reading on trial broke", inbound_id=str(row.id))
        return Tried("fault_of_ours", type(fault).__name__)
    with services.begin() as tx:
        held = next((code for one in items if (code := suspicion(tx, one))), "")
    return Tried(held, count=len(items))
