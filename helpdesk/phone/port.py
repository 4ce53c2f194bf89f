"""What the telephone needs of an adapter beyond the port that all channels share."""

from typing import Protocol, runtime_checkable

from channels.port import Check


@runtime_checkable
class Switchboard(Protocol):
    """An adapter whose provider rings telephones."""

    def ring_colleague(self, call_id: str, *, to: str, key: str, topic: str = "") -> str:
        """Take a caller out of the queue and ring a colleague for her."""
        ...

    def bridge(self, *, colleague: str, customer: str, line: str, name: str, key: str) -> str:
        """Ring a colleague, then a customer; return the provider's id of the call."""
        ...


@runtime_checkable
class Checkable(Protocol):
    """An adapter that can say whether a number is set up rightly."""

    def check(self, number: str) -> list[Check]:
        """Try everything that the channel needs, in order. Sends nothing, never raises."""
        ...


@runtime_checkable
class Softphone(Protocol):
    """An adapter that lets browsers take calls, where a key is set up."""

    has_softphone: bool

    def softphone_token(self, identity: str) -> str:
        """Return what lets one browser take calls for an hour."""
        ...
