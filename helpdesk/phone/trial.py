"""Trying one of our numbers. Nothing is sent; no transaction may be open meanwhile."""

from collections.abc import Mapping

from channels.port import Adapter, Check
from helpdesk.phone.port import Checkable


def try_number(adapters: Mapping[str, Adapter], number: str, channel: str) -> list[Check]:
    """Return what was found out, in order; nothing where the channel cannot be tried."""
    adapter: object = adapters.get(channel)
    return adapter.check(number) if isinstance(adapter, Checkable) else []
