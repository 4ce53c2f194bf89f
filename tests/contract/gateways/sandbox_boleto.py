"""The sandbox with boletos: paid later by the payer, and never given back by the rail itself."""

from collections.abc import Iterator
from contextlib import contextmanager

from tests.contract.gateways.peer import Ability
from tests.contract.gateways.sandbox import SandboxPeer

CAN: frozenset[Ability] = frozenset({"fail_charge"})


class BoletoSandboxPeer(SandboxPeer):
    rail = "boleto"
    pays_at_once = False
    can = CAN
    token = "boleto_ana"


@contextmanager
def open_peer(url: str) -> Iterator[SandboxPeer]:
    peer = BoletoSandboxPeer(url)
    try:
        yield peer
    finally:
        peer.engine.dispose()
