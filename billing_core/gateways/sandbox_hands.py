"""What only the provider's own side of the sandbox does: misbehave, settle, bounce, dispute."""

import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

from sqlalchemy import Connection, Engine, Table, delete, insert, select, update

from ..domain.money import Money
from ..notices import dump_event
from ..ports import Clock, DisputeNotice, GatewayEvent, Receipt
from .sandbox_books import (
    CHARGES,
    DISPUTES,
    REFUNDS,
    RULES,
    Act,
    Call,
    Fate,
    by_key,
    dispute_of,
    end_row,
    event_of,
    insert_charge,
    insert_refund,
    receipt_of,
    reference,
)
from .signing import sign_body

SIGNATURE_HEADER = "Guiche-Signature"


class ProviderHands:
    """The sandbox as its provider's staff see it. Demo and tests use it; billing never does."""

    def __init__(self, engine: Engine, clock: Clock, *, secret: str) -> None:
        self._engine = engine
        self._clock = clock
        self._secret = secret
        self._local = threading.local()

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
                insert(RULES).values(
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
            connection.execute(delete(RULES))

    def settle_pending(self, *, succeed: bool = True, code: str = "expired") -> list[GatewayEvent]:
        """End every pending charge and refund; return the notices a webhook would bring."""
        fate = Fate("succeeded") if succeed else Fate("failed", code)
        events = []
        with self._connection() as connection:
            for table in (CHARGES, REFUNDS):
                for row in connection.execute(select(table).where(table.c.state == "pending")):
                    events.append(end_row(connection, table, row, fate, at=self._clock()))
        return events

    def receive_payment(self, key: str) -> GatewayEvent:
        """Let the customer pay a Pix or boleto, also one that was withdrawn or has expired."""
        with self._connection() as connection:
            row = connection.execute(select(CHARGES).where(CHARGES.c.key == key)).one()
            return end_row(connection, CHARGES, row, Fate("succeeded"), at=self._clock())

    def bounce_refund(self, key: str, code: str = "account_closed") -> GatewayEvent:
        """Let a refund fail after it had succeeded, as banks do days later."""
        with self._connection() as connection:
            row = connection.execute(select(REFUNDS).where(REFUNDS.c.key == key)).one()
            return end_row(connection, REFUNDS, row, Fate("failed", code), at=self._clock())

    def refund_outside(self, charge_key: str, amount: Money) -> GatewayEvent:
        """Give money back from the provider's own screens, as somebody with its password may."""
        with self._connection() as connection:
            charge = connection.execute(select(CHARGES).where(CHARGES.c.key == charge_key)).one()
            made = connection.execute(
                select(REFUNDS.c.ref).where(REFUNDS.c.charge_ref == charge.ref)
            ).all()
            # Its key is the provider's own reference: `find_refund` takes that too.
            key = reference("re", f"outside:{charge_key}:{len(made)}")
            insert_refund(
                connection,
                Fate("succeeded"),
                amount,
                key=key,
                charge=charge,
                at=self._clock(),
                outside=True,
            )
            row = by_key(connection, REFUNDS, key)
            assert row is not None
            return event_of(REFUNDS, row)

    def repeat_capture(self, key: str) -> Receipt:
        """Capture a charge once more by mistake, as an acquirer's repeated message does."""
        with self._connection() as connection:
            row = connection.execute(select(CHARGES).where(CHARGES.c.key == key)).one()
            again = f"{key}:repeated"
            amount = Money(row.amount_minor, row.currency)
            insert_charge(
                connection,
                Fate("succeeded"),
                amount,
                key=again,
                method_token=row.method_token,
                reference=row.reference,
                at=self._clock(),
            )
        return Receipt(again, reference("ch", again), "succeeded", amount)

    def open_dispute(
        self,
        charge_key: str,
        amount: Money,
        *,
        reason: str = "product_not_received",
        respond_by: datetime | None = None,
    ) -> GatewayEvent:
        """Let the customer's bank take money back until the dispute is decided."""
        with self._connection() as connection:
            charge = connection.execute(select(CHARGES).where(CHARGES.c.key == charge_key)).one()
            ref = reference("dp", f"{charge_key}:{amount.minor}:{reason}")
            connection.execute(
                insert(DISPUTES).values(
                    ref=ref,
                    charge_ref=charge.ref,
                    currency=amount.currency,
                    amount_minor=amount.minor,
                    state="needs_response",
                    reason=reason,
                    respond_by=respond_by,
                    at=self._clock(),
                )
            )
            connection.execute(
                update(CHARGES)
                .where(CHARGES.c.ref == charge.ref)
                .values(disputed_minor=CHARGES.c.disputed_minor + amount.minor)
            )
            return _dispute_event(self._dispute(connection, ref))

    def decide_dispute(self, ref: str, *, won: bool) -> GatewayEvent:
        """Let the bank decide. What was held comes back to us only if we won."""
        with self._connection() as connection:
            row = connection.execute(select(DISPUTES).where(DISPUTES.c.ref == ref)).one()
            connection.execute(
                update(DISPUTES).where(DISPUTES.c.ref == ref).values(state="won" if won else "lost")
            )
            if won:
                connection.execute(
                    update(CHARGES)
                    .where(CHARGES.c.ref == row.charge_ref)
                    .values(disputed_minor=CHARGES.c.disputed_minor - row.amount_minor)
                )
            return _dispute_event(self._dispute(connection, ref))

    def deliver(self, *events: GatewayEvent) -> tuple[bytes, dict[str, str]]:
        """Return one signed delivery, (body, headers), as the sandbox would post it now."""
        body = json.dumps({"events": [dump_event(one) for one in events]}).encode()
        signature = sign_body(body, self._secret, at=self._clock())
        return body, {"Content-Type": "application/json", SIGNATURE_HEADER: signature}

    def charges(self) -> Sequence[Receipt]:
        """Return the provider's side of the books, to compare with ours."""
        return self._all(CHARGES)

    def refunds(self) -> Sequence[Receipt]:
        return self._all(REFUNDS)

    @contextmanager
    def together(self) -> Iterator[None]:
        """Group this thread's calls in one transaction of the sandbox, for speed alone."""
        with self._engine.begin() as connection:
            self._local.shared = connection
            # Rules do not come up in the middle of a group: one look spares one for each call.
            self._local.calm = connection.execute(select(RULES.c.id).limit(1)).first() is None
            try:
                yield
            finally:
                self._local.shared = None
                self._local.calm = False

    @contextmanager
    def _connection(self) -> Iterator[Connection]:
        shared: Connection | None = getattr(self._local, "shared", None)
        if shared is not None:
            yield shared
            return
        with self._engine.begin() as connection:
            yield connection

    def _dispute(self, connection: Connection, ref: str) -> DisputeNotice | None:
        row = connection.execute(select(DISPUTES).where(DISPUTES.c.ref == ref)).first()
        return dispute_of(row) if row is not None else None

    def _all(self, table: Table) -> list[Receipt]:
        with self._connection() as connection:
            rows = connection.execute(select(table).order_by(table.c.at, table.c.ref)).all()
        return [receipt_of(row) for row in rows]


def _dispute_event(dispute: DisputeNotice | None) -> GatewayEvent:
    assert dispute is not None
    id = f"evt_{dispute.ref}_{dispute.state}"
    return GatewayEvent(id, "dispute", dispute=dispute, payment_ref=dispute.payment_ref)
