"""Whatever is given back, disputed, corrected or taken back, in whatever order: never more than came in.

Every act is previewed first, carried out against the preview's hash, and has to do exactly
what the preview said.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import product
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from billing_core.corrections import ReissueAsk, preview_reissue, reissue_invoice
from billing_core.credits import CreditAsk, credit_balance, give_credit, preview_credit
from billing_core.disputes import record_dispute
from billing_core.domain.credit_order import ORDERS, CreditOrder
from billing_core.domain.dispute import STATES
from billing_core.domain.money import Money
from billing_core.domain.payee import read_payee
from billing_core.errors import NotAllowed
from billing_core.invoice_credits import CreditNoteAsk, credit_invoice, preview_credit_note
from billing_core.out_of_band import (
    TransferAsk,
    begin_transfer,
    keep_payee,
    mark_not_transferred,
    mark_transferred,
    preview_transfer,
    promise_transfer,
)
from billing_core.ports import DisputeNotice
from billing_core.preview import MoneyPreview
from billing_core.refunds import (
    RefundAsk,
    RefundOutcome,
    approve_refund,
    give_back,
    preview_refund,
    refund_to_send,
    release_refund,
    settle_refund,
)
from billing_core.store.invoice import CreditNote, Invoice, InvoiceLine
from billing_core.store.payment import Payment, Refund
from billing_core.write_offs import WriteOffAsk, preview_write_off, write_off
from tests.databases import Rewindable, fresh_sqlite

from .conftest import Company, Unit, brl

TYPED = {"holder": "Ana Prado", "document": "529.982.247-25", "pix_key": "ana@example.com"}


@dataclass
class Account:
    """One invoice of 129.90, of which credit paid a part and money the rest, or nothing yet."""

    company: Company
    customer_id: UUID
    invoice_id: UUID
    payment_id: UUID | None
    payee_id: UUID
    shown: list[str] = field(default_factory=list)

    def check(self) -> None:
        with self.company.begin() as tx:
            invoice = tx.session.get_one(Invoice, self.invoice_id)
            lines = tx.session.scalars(
                select(InvoiceLine).where(InvoiceLine.invoice_id == self.invoice_id)
            ).all()
            notes = tx.session.scalars(
                select(CreditNote).where(
                    CreditNote.invoice_id == self.invoice_id, CreditNote.state != "void"
                )
            ).all()
            for line in lines:
                assert 0 <= line.credited_minor <= line.net_minor + line.tax_minor
            assert sum(note.amount_minor for note in notes) == sum(
                line.credited_minor for line in lines
            )
            returned = sum(
                note.amount_minor - note.from_payment_minor
                for note in notes
                if note.settled_by == "credit"
            )
            assert returned <= invoice.credit_applied_minor
            assert invoice.due_minor >= 0
            for payment in tx.session.scalars(
                select(Payment).where(Payment.customer_id == self.customer_id)
            ):
                self._check_payment(tx, payment)

    def _check_payment(self, tx: Unit, payment: Payment) -> None:
        """Count from the rows themselves, not from the columns that summarise them."""
        refunds = tx.session.scalars(select(Refund).where(Refund.payment_id == payment.id)).all()
        live = sum(one.amount_minor for one in refunds if one.state not in ("failed", "released"))
        assert live == payment.refunded_minor + payment.reserved_minor
        assert live + payment.credited_minor + payment.disputed_minor <= payment.captured_minor


CREDITS = (0, 1, 5000, 12989, 12990)


@dataclass(frozen=True)
class Stage:
    """An account of every kind, put back to how it began before each example."""

    company: Company
    accounts: dict[tuple[int, bool], Account]
    rows: Rewindable

    def account(self, credit: int, paid: bool) -> Account:
        self.rows.rewind()
        return replace(self.accounts[credit, paid], shown=[])


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    company = Company(fresh_sqlite(tmp_path), synced=False).open()
    price_id = company.price()
    kinds = list(product(CREDITS, (True, False)))
    begun = [company.paying(price_id) for _ in kinds]
    company.forward(days=31)
    accounts = {}
    for (credit, paid), (customer_id, subscription_id, _) in zip(kinds, begun, strict=True):
        with company.begin() as tx:
            if credit:
                give_credit(tx, CreditAsk(customer_id=customer_id, amount=brl(credit), reason="x"))
            payee_id = keep_payee(tx, customer_id, read_payee(TYPED))
        invoice_id = company.renew(subscription_id)
        payment_id = company.collect(invoice_id).payment_id if paid else None
        accounts[credit, paid] = Account(company, customer_id, invoice_id, payment_id, payee_id)
    rows = Rewindable(company.engine)
    yield Stage(company, accounts, rows)
    rows.close()
    company.close()


def balance(tx: Unit, one: Account) -> Money:
    return credit_balance(tx.session, one.customer_id, "BRL")


def done_as_shown(tx: Unit, one: Account, shown: MoneyPreview) -> None:
    """Compare what a preview promised with the rows as they are now."""
    rows = {row.item: row.after for row in shown.rows}
    invoice = tx.session.get_one(Invoice, one.invoice_id, populate_existing=True)
    if "credit.balance" in rows:
        assert rows["credit.balance"] == balance(tx, one)
    if "payment.left" in rows and shown.act in ("reissue", "credit_note"):
        payment = tx.session.get_one(Payment, one.payment_id, populate_existing=True)
        assert rows["payment.left"] == payment.balance.left
    if "invoice.due" in rows and shown.act == "credit_note" and invoice.state == "open":
        assert rows["invoice.due"] == brl(invoice.due_minor)
    if "invoice.state" in rows:
        assert rows["invoice.state"] == invoice.state
    one.shown.append(shown.act)


def refund(tx: Unit, one: Account, minor: int, order: CreditOrder) -> None:
    if one.payment_id is None:
        return
    ask = RefundAsk(payment_id=one.payment_id, amount=brl(minor), reason="x", order=order)
    shown = preview_refund(tx.session, ask, tx.at)
    give_back(tx, ask, held=False, expected=shown.inputs_hash)
    done_as_shown(tx, one, shown)


def hold(tx: Unit, one: Account, minor: int, order: CreditOrder) -> None:
    if one.payment_id is None:
        return
    ask = RefundAsk(payment_id=one.payment_id, amount=brl(minor), reason="x", order=order)
    refund_id = give_back(tx, ask, held=True).refund_id
    if refund_id is not None and minor % 3:
        (approve_refund(tx, refund_id) if minor % 2 else release_refund(tx, refund_id, "x"))


def transfer(tx: Unit, one: Account, minor: int, order: CreditOrder) -> None:
    if one.payment_id is None:
        return
    ask = TransferAsk(
        payment_id=one.payment_id,
        amount=brl(minor),
        reason="x",
        payee_id=one.payee_id,
        order=order,
    )
    shown = preview_transfer(tx.session, ask, tx.at)
    refund_id = promise_transfer(tx, ask, expected=shown.inputs_hash)
    approve_refund(tx, refund_id)
    done_as_shown(tx, one, shown)
    if minor % 3:
        begin_transfer(tx, refund_id)
        if minor % 2:
            mark_transferred(tx, refund_id, str(refund_id))
        else:
            mark_not_transferred(tx, refund_id, "closed")


def correct(tx: Unit, one: Account, minor: int, order: CreditOrder) -> None:
    [line_id] = tx.session.scalars(
        select(InvoiceLine.id).where(InvoiceLine.invoice_id == one.invoice_id)
    )
    ask = ReissueAsk(
        invoice_id=one.invoice_id,
        lines=((line_id, brl(minor)),),
        reason="x",
        settle_by="credit" if order == "all_credit" else "refund",
    )
    shown = preview_reissue(tx.session, ask, tx.at)
    done = reissue_invoice(tx, ask, expected=shown.inputs_hash)
    done_as_shown(tx, one, shown)
    if done.invoice_id is not None:
        one.invoice_id = done.invoice_id


def credit_note(tx: Unit, one: Account, minor: int, order: CreditOrder) -> None:
    ask = CreditNoteAsk(invoice_id=one.invoice_id, amount=brl(minor), reason="x", order=order)
    shown = preview_credit_note(tx.session, ask, tx.at)
    done = credit_invoice(tx, ask, expected=shown.inputs_hash)
    assert done.parts.total == brl(minor)
    done_as_shown(tx, one, shown)


def courtesy(tx: Unit, one: Account, minor: int, order: CreditOrder) -> None:
    ask = CreditAsk(customer_id=one.customer_id, amount=brl(minor), reason="x")
    shown = preview_credit(tx.session, ask, tx.at)
    give_credit(tx, ask, expected=shown.inputs_hash)
    done_as_shown(tx, one, shown)


def forgive(tx: Unit, one: Account, minor: int, order: CreditOrder) -> None:
    ask = WriteOffAsk(invoice_id=one.invoice_id, reason="x")
    shown = preview_write_off(tx.session, ask, tx.at)
    write_off(tx, ask, expected=shown.inputs_hash)
    done_as_shown(tx, one, shown)


def dispute(tx: Unit, one: Account, minor: int, order: CreditOrder) -> None:
    if one.payment_id is None:
        return
    payment = tx.session.get_one(Payment, one.payment_id)
    notice = DisputeNotice(
        f"dp_{payment.id}_{order}",
        payment.gateway_ref,
        STATES[minor % len(STATES)],
        "fraudulent",
        brl(minor),
        None,
    )
    record_dispute(tx, "sandbox", notice, asked=minor % 2 == 0)


Act = Callable[[Unit, Account, int, CreditOrder], None]
ACTS: tuple[Act, ...] = (
    refund,
    hold,
    transfer,
    correct,
    credit_note,
    courtesy,
    forgive,
    dispute,
    dispute,
)


def tell(one: Account, minor: int) -> None:
    """Let the gateway say anything about any refund, outside of any order."""
    with one.company.begin() as tx:
        refunds = tx.session.scalars(
            select(Refund.id)
            .where(
                Refund.customer_id == one.customer_id, Refund.state.not_in(("awaiting_approval",))
            )
            .order_by(Refund.id)
        ).all()
    if refunds:
        word = ("succeeded", "failed", "pending", "unknown")[minor % 4]
        with one.company.begin() as tx:
            state = tx.session.get_one(Refund, refunds[minor % len(refunds)]).state
        if state != "requested":  # nobody has sent it, so no gateway can speak of it
            outcome = RefundOutcome(word)  # type: ignore[arg-type]
            settle_refund(one.company.begin, refunds[minor % len(refunds)], outcome)


def send_all(one: Account) -> None:
    with one.company.begin() as tx:
        waiting = tx.session.scalars(
            select(Refund.id).where(
                Refund.customer_id == one.customer_id,
                Refund.state == "requested",
                Refund.rail != "bank_transfer",
            )
        ).all()
    for refund_id in waiting:
        refund_to_send(one.company.begin, refund_id)


AMOUNT = st.sampled_from([1, 2000, 3001, 6495, 12989, 12990]) | st.integers(1, 13_500)
STEP = st.tuples(st.integers(0, len(ACTS) + 1), AMOUNT, st.sampled_from(ORDERS))


def test_nothing_given_back_is_ever_more_than_came_in(stage: Stage, full: bool) -> None:
    company = stage.company
    seen: set[str] = set()

    @settings(
        max_examples=2000 if full else 25,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        derandomize=not full,
    )
    @given(
        st.sampled_from(CREDITS),
        st.sampled_from([True, True, True, False]),  # there is more to give back of what was paid
        st.lists(STEP, min_size=3, max_size=12),
    )
    def hold_in_any_order(
        credit: int, paid: bool, steps: list[tuple[int, int, CreditOrder]]
    ) -> None:
        one = stage.account(credit, paid)
        for place, minor, order in steps:
            if place == len(ACTS):
                send_all(one)
            elif place > len(ACTS):
                tell(one, minor)
            else:
                with suppress(NotAllowed), company.begin() as tx:
                    ACTS[place](tx, one, minor, order)
            one.check()
        assert company.faults() == []
        seen.update(one.shown)

    hold_in_any_order()
    acts = {"refund", "reissue", "credit_note", "credit", "write_off", "out_of_band"}
    assert seen >= acts if full else seen & acts  # few examples need not meet every act
