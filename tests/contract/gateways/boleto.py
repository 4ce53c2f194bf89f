"""Boletos at the bank's stand-in, over HTTP."""

from collections.abc import Iterator
from contextlib import contextmanager

from billing_core.gateways.bank_line import BankAccess
from billing_core.gateways.boleto import BoletoGateway
from billing_core.ports import Gateway
from helpdesk.db import transaction_is_open
from tests.contract.gateways.bank import BankPeer
from tests.contract.gateways.peer import Ability

CAN: frozenset[Ability] = frozenset({"fail_charge"})


class BoletoPeer(BankPeer):
    rail = "boleto"
    can = CAN


def _make(access: BankAccess) -> Gateway:
    return BoletoGateway(access, transaction_is_open=transaction_is_open)


@contextmanager
def open_peer(url: str) -> Iterator[BoletoPeer]:
    peer = BoletoPeer(_make)
    with peer.bank:
        yield peer
