"""Pix at the bank's stand-in, over HTTP."""

from collections.abc import Iterator
from contextlib import contextmanager

from billing_core.gateways.bank_line import BankAccess
from billing_core.gateways.pix import PixGateway, Receiver
from billing_core.ports import Gateway
from helpdesk.db import transaction_is_open
from tests.contract.gateways.bank import BankPeer
from tests.contract.gateways.peer import Ability

CAN: frozenset[Ability] = frozenset({"refund", "fail_charge", "fail_refund", "outside", "dispute"})


class PixPeer(BankPeer):
    rail = "pix"
    can = CAN


def _make(access: BankAccess) -> Gateway:
    receiver = Receiver(key="pix@sabia.example", name="Sabiá", city="Recife")
    return PixGateway(access, receiver, transaction_is_open=transaction_is_open)


@contextmanager
def open_peer(url: str) -> Iterator[PixPeer]:
    peer = PixPeer(_make)
    with peer.bank:
        yield peer
