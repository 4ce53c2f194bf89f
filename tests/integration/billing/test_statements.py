"""The books as people read them, and the proof over all of them."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from billing_core.credits import CreditAsk, give_credit
from billing_core.domain.ledger import Account, Kind
from billing_core.ledger import post
from billing_core.proof import prove_books, record_proof
from billing_core.refunds import RefundAsk, promise_refund, send_refund
from billing_core.sealing import seal_ledger
from billing_core.statements import account_movements, customer_statement
from billing_core.store.ledger import LedgerProof

from .conftest import Company, brl


def test_a_day_moves_every_account_from_its_opening_to_its_closing(company: Company) -> None:
    company.paying()
    company.forward(days=1)
    start = company.at
    customer_id, _, _ = company.paying(company.price("Solo", 5000))
    with company.begin() as tx:
        give_credit(tx, CreditAsk(customer_id=customer_id, amount=brl(300), reason="sorry"))
    company.forward(days=1)
    company.paying()
    with company.begin() as tx:
        rows = account_movements(tx.session, start, start + timedelta(hours=1))
    found = {
        row.account: tuple(one.minor for one in (row.opening, row.debits, row.credits, row.closing))
        for row in rows
    }
    assert found == {
        Account.CASH: (12990, 5000, 0, 17990),
        Account.RECEIVABLE: (0, 5000, 5000, 0),
        Account.CUSTOMER_CREDIT: (0, 0, 300, -300),
        Account.REVENUE: (-12990, 0, 5000, -17990),
        Account.COURTESY: (0, 300, 0, 300),
    }
    assert [row.kind for row in rows][:2] == [Kind.ASSET, Kind.ASSET]
    assert sum(row.opening.minor for row in rows) == 0
    assert sum(row.closing.minor for row in rows) == 0
    assert sum(row.debits.minor for row in rows) == sum(row.credits.minor for row in rows)


def test_a_customers_statement_ends_with_what_is_owed(company: Company) -> None:
    customer_id, _, payment_id = company.paying()
    company.paying()
    company.forward(days=2)
    with company.begin() as tx:
        ask = RefundAsk(payment_id=payment_id, amount=brl(4000), reason="test")
        refund_id = promise_refund(tx, ask, held=False)
    send_refund(company.begin, company.gateway, refund_id)
    company.forward(days=1)
    with company.begin() as tx:
        give_credit(tx, CreditAsk(customer_id=customer_id, amount=brl(1000), reason="sorry"))
    with company.begin() as tx:
        lines = list(customer_statement(tx.session, customer_id, "BRL"))
    assert [(one.reason, one.owes, one.paid, one.balance) for one in lines[2:]] == [
        ("refunded", brl(0), brl(-4000), brl(0)),
        ("courtesy", brl(-1000), brl(0), brl(-1000)),
    ]
    assert {(one.reason, one.owes, one.paid) for one in lines[:2]} == {
        ("issued", brl(12990), brl(0)),
        ("captured", brl(-12990), brl(12990)),
    }
    assert lines[1].balance == brl(0)


def test_nothing_to_post_books_nothing(small_company: Company) -> None:
    with small_company.begin() as tx:
        post(tx)
        assert account_movements(tx.session, tx.at, tx.at + timedelta(days=1)) == []


def test_a_proof_is_written_down_with_its_head(company: Company) -> None:
    company.paying()
    seal_ledger(company.begin)
    with company.begin() as tx:
        proof = prove_books(tx.session)
    with company.begin() as tx:
        proof_id = record_proof(tx, proof)
        row = tx.session.get_one(LedgerProof, proof_id)
        assert (row.entries, row.faults, row.head_seq) == (2, 0, 2)
        assert row.head_hash == proof.chain.head_hash
    assert proof.sums == {"BRL": 0}


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        pytest.param(
            "INSERT INTO ledger_line SELECT entry_id, 9, account, side, currency, 7"
            " FROM ledger_line WHERE position = 0",
            "the books of BRL are off by",
            id="sums",
        ),
        pytest.param(
            "UPDATE subscription SET cancel_at_period_end = (1 = 1)",
            "a month",
            id="recurring-revenue",
        ),
    ],
)
def test_a_proof_looks_at_everything(sqlite_url: str, statement: str, said: str) -> None:
    company = Company(sqlite_url)
    try:
        company.open().paying()
        with company.begin() as tx:
            tx.session.execute(text(statement))
        with company.begin() as tx:
            proof = prove_books(tx.session)
        assert any(said in fault for fault in proof.first_faults), proof.first_faults
    finally:
        company.close()


def test_a_payment_that_gave_back_too_much_is_found(sqlite_url: str) -> None:
    """Only somebody who took the row's own rule away gets this far."""
    company = Company(sqlite_url)
    try:
        _, _, payment_id = company.open().paying()
        with company.begin() as tx:
            tx.session.execute(text("PRAGMA ignore_check_constraints=ON"))
            tx.session.execute(text("UPDATE payment SET refunded_minor = 99999"))
        with company.begin() as tx:
            proof = prove_books(tx.session)
        assert f"payment {payment_id}: more was given back than came in" in proof.first_faults
    finally:
        company.close()
