"""A gateway of our own for demo, development and tests. It keeps its own books and its own keys.

It writes through its own engine, as a provider would on its own machines, and it refuses
to be called while a transaction of ours is open.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Engine, Row, Table, select, update

from ..domain.money import Money
from ..domain.refund_window import RefundWindow
from ..errors import (
    GatewayDeclined,
    KeyReused,
    TransactionOpen,
    UnreadableNotice,
)
from ..notices import load_event
from ..ports import Clock, DisputeNotice, GatewayEvent, Receipt, ReportLine
from .sandbox_books import (
    CHARGES,
    DISPUTES,
    REFUNDS,
    WINDOWS,
    Call,
    Fate,
    by_key,
    day_lines,
    end_row,
    fate_by,
    hang_up,
    insert_charge,
    insert_refund,
    pay_by,
    pay_until,
    receipt_of,
    reference,
    repeated,
    take_rule,
)
from .sandbox_hands import SIGNATURE_HEADER, ProviderHands
from .signing import check_signature, header_of


class Sandbox(ProviderHands):
    """May be shared by threads; `together` concerns the calling thread alone.

    A token that begins with `pix_` or `boleto_` makes a charge the customer pays herself
    (`receive_payment`); `mandate_` is Pix Automático; any other is a card.
    """

    name = "sandbox"
    rails = frozenset({"card", "pix", "boleto"})  # it takes charges under a consent, no consents
    refund_windows: Mapping[str, RefundWindow] = WINDOWS

    def __init__(
        self,
        engine: Engine,
        clock: Clock,
        *,
        transaction_is_open: Callable[[], bool],
        secret: str = "",
    ) -> None:
        """`engine` is the sandbox's own, never the one sessions of ours run on.

        `secret` signs its notices; without one it accepts none.
        """
        super().__init__(engine, clock, secret=secret)
        self._transaction_is_open = transaction_is_open

    def charge(
        self,
        *,
        method_token: str,
        amount: Money,
        key: str,
        reference: str,
        due_on: date | None = None,
    ) -> Receipt:
        until = pay_until(method_token, due_on, self._clock())
        with self._asked() as connection:
            rule = self._rule(connection, "charge", key, method_token)
            fate, known = fate_by(rule, otherwise="pending" if until else "succeeded"), None
            if fate is None or not insert_charge(
                connection,
                fate,
                amount,
                key=key,
                method_token=method_token,
                reference=reference,
                pay_until=until,
                at=self._clock(),
            ):
                known = by_key(connection, CHARGES, key)
        hang_up(rule)
        if known is not None:
            return repeated(known, amount, same=known.method_token == method_token)
        told = _told(fate, "ch", key, amount)
        waits = until if told.state == "pending" else None
        return (
            replace(told, pay_by=pay_by(method_token, told.ref, amount, waits)) if waits else told
        )

    def withdraw(self, *, key: str) -> Receipt:
        with self._asked() as connection:
            rule = self._rule(connection, "withdraw", key, "")
            row = by_key(connection, CHARGES, key)
            arrives = rule is None or rule.act != "drop_before"
            if arrives and row is not None and row.state == "pending":
                stopped = Fate("failed", "withdrawn")
                end_row(connection, CHARGES, row, stopped, at=self._clock())
                row = by_key(connection, CHARGES, key)
        hang_up(rule)
        if row is None:
            raise GatewayDeclined("no_such_charge")
        return receipt_of(row)

    def refund(self, *, payment_ref: str, amount: Money, key: str) -> Receipt:
        with self._asked() as connection:
            # Locked, so that of two requests with one key the second finds the first.
            found = select(CHARGES).where(CHARGES.c.ref == payment_ref).with_for_update()
            charge = connection.execute(found).first()
            rule = self._rule(connection, "refund", key, charge.method_token if charge else "")
            known = by_key(connection, REFUNDS, key)
            fate = fate_by(rule) if known is None and charge is not None else None
            if fate is not None and charge is not None:
                fate = insert_refund(
                    connection, fate, amount, key=key, charge=charge, at=self._clock()
                )
        hang_up(rule)
        if known is not None:
            return repeated(known, amount, same=known.charge_ref == payment_ref)
        if charge is None:
            raise GatewayDeclined("no_such_charge")
        return _told(fate, "re", key, amount)

    def find_charge(self, key: str) -> Receipt | None:
        return self._find(CHARGES, key)

    def find_refund(self, key: str) -> Receipt | None:
        return self._find(REFUNDS, key)

    def find_dispute(self, ref: str) -> DisputeNotice | None:
        with self._asked() as connection:
            rule = self._rule(connection, "find", ref, "")
            found = self._dispute(connection, ref)
        hang_up(rule)
        return found

    def answer_dispute(self, ref: str, *, evidence: Mapping[str, str] | None, key: str) -> None:
        with self._asked() as connection:
            rule = self._rule(connection, "answer", key, "")
            arrives = rule is None or rule.act != "drop_before"
            answered = arrives and _answer(connection, ref, evidence, key)
        hang_up(rule)
        if not answered:
            raise GatewayDeclined("not_open")

    def read_events(
        self, body: bytes, headers: Mapping[str, str], *, at: datetime
    ) -> Sequence[GatewayEvent]:
        check_signature(body, header_of(headers, SIGNATURE_HEADER), self._secret, at=at)
        try:
            events = json.loads(body)["events"]
        except (ValueError, KeyError, TypeError) as fault:
            raise UnreadableNotice("not a list of events") from fault
        return [load_event(one) for one in events]

    def report(self, day: date) -> Sequence[ReportLine]:
        with self._asked() as connection:
            rule = self._rule(connection, "report", "", "")
            lines = day_lines(connection, day)
        hang_up(rule)
        return lines

    @contextmanager
    def _asked(self) -> Iterator[Connection]:
        """Stand for the network: nobody may hold a transaction while waiting for it."""
        if self._transaction_is_open():
            raise TransactionOpen("the gateway was called inside a transaction")
        with self._connection() as connection:
            yield connection

    def _rule(self, connection: Connection, call: Call, key: str, method: str) -> Row[Any] | None:
        if getattr(self._local, "calm", False):
            return None
        return take_rule(connection, call, key, method)

    def _find(self, table: Table, key: str) -> Receipt | None:
        with self._asked() as connection:
            rule = self._rule(connection, "find", key, "")
            row = by_key(connection, table, key)
        hang_up(rule)
        return receipt_of(row) if row is not None else None


def _told(fate: Fate | None, kind: str, key: str, amount: Money) -> Receipt:
    """Answer a request that was new a moment ago, without reading it back."""
    assert fate is not None  # whoever gets no answer has gone by now
    if fate.state == "failed":
        raise GatewayDeclined(fate.code)
    if fate.state == "pending":
        return Receipt(key, reference(kind, key), "pending", amount)
    return Receipt(key, reference(kind, key), "succeeded", amount)


def _answer(connection: Connection, ref: str, evidence: Mapping[str, str] | None, key: str) -> bool:
    """Take one answer; False: the dispute does not wait for any. The same key answers once."""
    row = connection.execute(select(DISPUTES).where(DISPUTES.c.ref == ref)).first()
    if row is not None and row.answer_key == key:
        if (row.evidence is None) is not (evidence is None):
            raise KeyReused(key)
        return True
    if row is None or row.state != "needs_response":
        return False
    connection.execute(
        update(DISPUTES)
        .where(DISPUTES.c.ref == ref)
        .values(
            state="accepted" if evidence is None else "under_review",
            evidence=dict(evidence) if evidence is not None else None,
            answer_key=key,
        )
    )
    return True
