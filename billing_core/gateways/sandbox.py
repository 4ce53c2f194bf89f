"""A gateway of our own for demo, development and tests. It keeps its own books and its own keys.

It writes through its own engine, as a provider would on its own machines, and it refuses
to be called while a transaction of ours is open.
"""

import hashlib
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Connection, Engine, Row, Table, delete, insert, literal, select, update
from sqlalchemy.dialects import postgresql, sqlite

from ..domain.money import Money
from ..errors import GatewayDeclined, GatewayUnreachable, KeyReused, TransactionOpen
from ..ports import Clock, GatewayEvent, Receipt
from ..store.sandbox import SandboxCharge, SandboxRefund, SandboxRule

Call = Literal["charge", "refund", "find"]
Act = Literal["decline", "drop_before", "drop_after", "late"]

_CHARGES: Table = SandboxCharge.metadata.tables["sandbox_charge"]
_REFUNDS: Table = SandboxRefund.metadata.tables["sandbox_refund"]
_RULES: Table = SandboxRule.metadata.tables["sandbox_rule"]


@dataclass(frozen=True, slots=True)
class _Fate:
    state: str
    code: str = ""


class Sandbox:
    """May be shared by threads; `together` concerns the calling thread alone."""

    name = "sandbox"

    def __init__(
        self, engine: Engine, clock: Clock, *, transaction_is_open: Callable[[], bool]
    ) -> None:
        """`engine` is the sandbox's own, never the one sessions of ours run on."""
        self._engine = engine
        self._clock = clock
        self._transaction_is_open = transaction_is_open
        self._local = threading.local()

    def charge(self, *, method_token: str, amount: Money, key: str, reference: str) -> Receipt:
        with self._asked() as connection:
            rule = self._rule(connection, "charge", key, method_token)
            fate, known = _fate(rule), None
            if fate is None or not _insert_charge(
                connection,
                fate,
                amount,
                key=key,
                method_token=method_token,
                reference=reference,
                at=self._clock(),
            ):
                known = _by_key(connection, _CHARGES, key)
        _drop(rule)
        if known is not None:
            return _repeated(known, amount, same=known.method_token == method_token)
        return _told(fate, _ref("ch", key), key, amount)

    def refund(self, *, payment_ref: str, amount: Money, key: str) -> Receipt:
        with self._asked() as connection:
            charge = connection.execute(
                select(_CHARGES).where(_CHARGES.c.ref == payment_ref)
            ).first()
            rule = self._rule(connection, "refund", key, charge.method_token if charge else "")
            known = _by_key(connection, _REFUNDS, key)
            fate = _fate(rule) if known is None and charge is not None else None
            if fate is not None:
                if fate.state != "failed":
                    fate = _take_back(connection, payment_ref, amount) or fate
                connection.execute(
                    insert(_REFUNDS).values(
                        ref=_ref("re", key),
                        key=key,
                        charge_ref=payment_ref,
                        currency=amount.currency,
                        amount_minor=amount.minor,
                        state=fate.state,
                        code=fate.code,
                        at=self._clock(),
                    )
                )
        _drop(rule)
        if known is not None:
            return _repeated(known, amount, same=known.charge_ref == payment_ref)
        if charge is None:
            raise GatewayDeclined("no_such_charge")
        return _told(fate, _ref("re", key), key, amount)

    def find_charge(self, key: str) -> Receipt | None:
        return self._find(_CHARGES, key)

    def find_refund(self, key: str) -> Receipt | None:
        return self._find(_REFUNDS, key)

    def behave(
        self,
        act: Act,
        *,
        on: Call,
        key_prefix: str = "",
        method_prefix: str = "",
        code: str = "card_declined",
        times: int | None = 1,
    ) -> None:
        """Misbehave on coming calls: by default on the next one, whoever makes it.

        decline: say no. drop_before: answer nothing and do nothing. drop_after: do it, then
        answer nothing. late: say pending; `settle_pending` ends it. `times` None: for ever.
        """
        with self._connection() as connection:
            connection.execute(
                insert(_RULES).values(
                    act=act,
                    call=on,
                    key_prefix=key_prefix,
                    method_prefix=method_prefix,
                    code=code,
                    times=times,
                )
            )

    def behave_well(self) -> None:
        """Forget every rule."""
        with self._connection() as connection:
            connection.execute(delete(_RULES))

    def settle_pending(self, *, succeed: bool = True, code: str = "expired") -> list[GatewayEvent]:
        """End every pending charge and refund; return the notices a webhook would bring."""
        fate = _Fate("succeeded") if succeed else _Fate("failed", code)
        events = []
        with self._connection() as connection:
            for table in (_CHARGES, _REFUNDS):
                for row in connection.execute(select(table).where(table.c.state == "pending")):
                    events.append(_end(connection, table, row, fate))
        return events

    def bounce_refund(self, key: str, code: str = "account_closed") -> GatewayEvent:
        """Let a refund fail after it had succeeded, as banks do days later."""
        with self._connection() as connection:
            row = connection.execute(select(_REFUNDS).where(_REFUNDS.c.key == key)).one()
            return _end(connection, _REFUNDS, row, _Fate("failed", code))

    def repeat_capture(self, key: str) -> Receipt:
        """Capture a charge once more by mistake, as an acquirer's repeated message does."""
        with self._connection() as connection:
            row = connection.execute(select(_CHARGES).where(_CHARGES.c.key == key)).one()
            again = f"{key}:repeated"
            amount = Money(row.amount_minor, row.currency)
            _insert_charge(
                connection,
                _Fate("succeeded"),
                amount,
                key=again,
                method_token=row.method_token,
                reference=row.reference,
                at=self._clock(),
            )
        return Receipt(again, _ref("ch", again), "succeeded", amount)

    def charges(self) -> list[Receipt]:
        """Return the provider's side of the books, to compare with ours."""
        return self._all(_CHARGES)

    def refunds(self) -> list[Receipt]:
        return self._all(_REFUNDS)

    @contextmanager
    def together(self) -> Iterator[None]:
        """Group this thread's calls in one transaction of the sandbox, for speed alone."""
        with self._engine.begin() as connection:
            self._local.shared = connection
            # Rules do not come up in the middle of a group: one look spares one for each call.
            self._local.calm = connection.execute(select(_RULES.c.id).limit(1)).first() is None
            try:
                yield
            finally:
                self._local.shared = None
                self._local.calm = False

    @contextmanager
    def _asked(self) -> Iterator[Connection]:
        """Stand for the network: nobody may hold a transaction while waiting for it."""
        if self._transaction_is_open():
            raise TransactionOpen("the gateway was called inside a transaction")
        with self._connection() as connection:
            yield connection

    @contextmanager
    def _connection(self) -> Iterator[Connection]:
        shared: Connection | None = getattr(self._local, "shared", None)
        if shared is not None:
            yield shared
            return
        with self._engine.begin() as connection:
            yield connection

    def _rule(self, connection: Connection, call: Call, key: str, method: str) -> Row[Any] | None:
        if getattr(self._local, "calm", False):
            return None
        return _take_rule(connection, call, key, method)

    def _find(self, table: Table, key: str) -> Receipt | None:
        with self._asked() as connection:
            rule = self._rule(connection, "find", key, "")
            row = _by_key(connection, table, key)
        _drop(rule)
        return _receipt(row) if row is not None else None

    def _all(self, table: Table) -> list[Receipt]:
        with self._connection() as connection:
            rows = connection.execute(select(table).order_by(table.c.at, table.c.ref)).all()
        return [_receipt(row) for row in rows]


def _insert_charge(
    connection: Connection, fate: _Fate, amount: Money, *, key: str, **more: Any
) -> bool:
    """Write a charge; False: the key is taken, nothing was written."""
    row = {
        "ref": _ref("ch", key),
        "key": key,
        "currency": amount.currency,
        "amount_minor": amount.minor,
        "refunded_minor": 0,
        "state": fate.state,
        "code": fate.code,
        **more,
    }
    on_postgres = connection.dialect.name == "postgresql"
    statement = (postgresql.insert if on_postgres else sqlite.insert)(_CHARGES)
    return connection.execute(statement.on_conflict_do_nothing(), row).rowcount == 1


def _take_rule(connection: Connection, call: Call, key: str, method: str) -> Row[Any] | None:
    rule = connection.execute(
        select(_RULES)
        .where(
            _RULES.c.call == call,
            literal(key).startswith(_RULES.c.key_prefix),
            literal(method).startswith(_RULES.c.method_prefix),
        )
        .order_by(_RULES.c.id)
        .limit(1)
    ).first()
    if rule is not None and rule.times is not None:
        mine = _RULES.c.id == rule.id
        if rule.times <= 1:
            connection.execute(delete(_RULES).where(mine))
        else:
            connection.execute(update(_RULES).where(mine).values(times=rule.times - 1))
    return rule


def _fate(rule: Row[Any] | None) -> _Fate | None:
    """Return what becomes of a new request; None: it never arrives."""
    match rule.act if rule is not None else "":
        case "drop_before":
            return None
        case "decline":
            return _Fate("failed", rule.code if rule is not None else "")
        case "late":
            return _Fate("pending")
    return _Fate("succeeded")


def _drop(rule: Row[Any] | None) -> None:
    if rule is not None and rule.act in ("drop_before", "drop_after"):
        raise GatewayUnreachable("no answer")


def _take_back(connection: Connection, charge_ref: str, amount: Money) -> _Fate | None:
    """Count a refund on its charge in one guarded statement; a fate means that it is refused."""
    touched = connection.execute(
        update(_CHARGES)
        .where(
            _CHARGES.c.ref == charge_ref,
            _CHARGES.c.state == "succeeded",
            _CHARGES.c.currency == amount.currency,
            _CHARGES.c.refunded_minor + amount.minor <= _CHARGES.c.amount_minor,
        )
        .values(refunded_minor=_CHARGES.c.refunded_minor + amount.minor)
    )
    return None if touched.rowcount == 1 else _Fate("failed", "amount_too_large")


def _end(connection: Connection, table: Table, row: Row[Any], fate: _Fate) -> GatewayEvent:
    connection.execute(
        update(table).where(table.c.ref == row.ref).values(state=fate.state, code=fate.code)
    )
    if table is _REFUNDS and fate.state == "failed":
        connection.execute(
            update(_CHARGES)
            .where(_CHARGES.c.ref == row.charge_ref)
            .values(refunded_minor=_CHARGES.c.refunded_minor - row.amount_minor)
        )
    amount = Money(row.amount_minor, row.currency)
    state: Literal["succeeded", "failed"] = "failed" if fate.state == "failed" else "succeeded"
    return GatewayEvent(
        id=f"evt_{row.ref}_{state}",
        kind="refund" if table is _REFUNDS else "charge",
        receipt=Receipt(row.key, row.ref, state, amount, fate.code),
    )


def _repeated(known: Row[Any], amount: Money, *, same: bool) -> Receipt:
    """The first answer again; the same key for something else is refused."""
    if not same or (known.amount_minor, known.currency) != (amount.minor, amount.currency):
        raise KeyReused(known.key)
    return _told(_Fate(known.state, known.code), known.ref, known.key, amount)


def _told(fate: _Fate | None, ref: str, key: str, amount: Money) -> Receipt:
    if fate is None:
        raise GatewayUnreachable("no answer")
    if fate.state == "failed":
        raise GatewayDeclined(fate.code)
    return Receipt(key, ref, "pending" if fate.state == "pending" else "succeeded", amount)


def _by_key(connection: Connection, table: Table, key: str) -> Row[Any] | None:
    return connection.execute(select(table).where(table.c.key == key)).first()


def _receipt(row: Row[Any]) -> Receipt:
    return Receipt(row.key, row.ref, row.state, Money(row.amount_minor, row.currency), row.code)


def _ref(kind: str, key: str) -> str:
    """Return the sandbox's own id: not the caller's key, and the same in every run."""
    return f"{kind}_{hashlib.sha256(key.encode()).hexdigest()[:24]}"
