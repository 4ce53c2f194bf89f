"""What a channel hands to the contract suite: deliveries of its own and a way to send.

A module of this package names its channel's cases in `CASES`; nothing else to register.
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

from channels.port import Adapter, Delivery, Outbound, SendError


@dataclass(frozen=True)
class AdapterCase:
    """One adapter under the contract.

    `make` returns an adapter that needs no network to receive and parse. `sending` gives
    one whose provider is up and kind; `failures` gives one for each way of failing, with
    the error the port promises for it. A channel that cannot send has neither.
    """

    name: str
    make: Callable[[], Adapter]
    genuine: Delivery  # holds at least one message
    repeated: Delivery  # the provider delivering the same thing once more
    another: Delivery  # a different message, as like the first as can be
    garbage: tuple[Delivery, ...]  # must be refused on purpose, never crash
    forged: tuple[Delivery, ...] = ()  # empty where the channel has no signature
    outgoing: Outbound | None = None
    sending: Callable[[], AbstractContextManager[Adapter]] | None = None
    failures: Mapping[
        str, tuple[Callable[[], AbstractContextManager[Adapter]], type[SendError]]
    ] = field(default_factory=dict)
