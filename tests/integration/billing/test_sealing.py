"""Whoever touches the sealed books is found out, whatever the means."""

import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from billing_core.domain import ledger as books
from billing_core.domain.chain import ORIGIN
from billing_core.ledger import post
from billing_core.sealing import SHOWN, ChainReport, seal_ledger, verify_chain
from billing_core.store.ledger import LedgerProof, LedgerSeal
from billing_core.store.triggers import create_statements, drop_statements

from .conftest import Company, brl


@pytest.fixture
def company(database_url: str) -> Iterator[Company]:
    """A company whose books nobody checks at the end: here they are ruined on purpose."""
    made = Company(database_url)
    yield made.open()
    made.close()


@pytest.fixture
def small_company(sqlite_url: str) -> Iterator[Company]:
    made = Company(sqlite_url)
    yield made.open()
    made.close()


def book(company: Company, count: int) -> None:
    with company.begin() as tx:
        post(tx, *(books.written_off(tx.new_id(), tx.new_id(), brl(n + 1)) for n in range(count)))


def sealed_company(company: Company, count: int = 5) -> Company:
    book(company, count)
    assert seal_ledger(company.begin) == count
    return company


def verify(company: Company, noted: tuple[int, str] | None = None) -> ChainReport:
    with company.begin() as tx:
        return verify_chain(tx.session, noted=noted)


def note_head(company: Company) -> None:
    """Do what a proof does with the head it found."""
    head = verify(company)
    with company.begin() as tx:
        tx.session.add(
            LedgerProof(
                id=tx.new_id(),
                at=tx.at,
                entries=head.sealed,
                head_seq=head.head_seq,
                head_hash=head.head_hash,
                faults=0,
                first_faults=[],
            )
        )


def tamper(company: Company, *statements: str) -> None:
    """Do what an administrator can: drop every trigger and key check, write, put them back."""
    dialect = company.engine.dialect.name
    company.engine.dispose()
    everything = (*drop_statements(dialect), *statements, *create_statements(dialect))
    if dialect == "sqlite":
        with closing(sqlite3.connect(str(company.engine.url.database))) as file, file:
            for statement in everything:  # keys are not looked at unless asked for
                file.execute(statement)
        return
    with company.engine.begin() as connection:
        connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
        for statement in everything:
            connection.exec_driver_sql(statement)


def entry(seq: int) -> str:
    return f"(SELECT entry_id FROM ledger_seal WHERE seq = {seq})"


def test_books_that_nobody_touched_verify(company: Company) -> None:
    sealed_company(company)
    book(company, 2)
    report = verify(company)
    assert report.faults == 0
    assert (report.sealed, report.waiting, report.head_seq) == (5, 2, 5)
    with company.begin() as tx:
        assert report.head_hash == tx.session.get_one(LedgerSeal, 5).hash


def test_books_without_an_entry_verify(small_company: Company) -> None:
    assert seal_ledger(small_company.begin) == 0
    report = verify(small_company)
    assert (report.faults, report.head_seq, report.head_hash) == (0, 0, ORIGIN)


def test_sealing_goes_on_where_it_stopped_in_batches_of_any_size(company: Company) -> None:
    book(company, 7)
    assert seal_ledger(company.begin, batch=3) == 7
    assert seal_ledger(company.begin, batch=3) == 0
    book(company, 3)
    assert seal_ledger(company.begin, batch=3) == 3
    assert verify(company).head_seq == 10
    assert verify(company).faults == 0


@pytest.mark.parametrize(
    ("statements", "said"),
    [
        pytest.param(
            [f"UPDATE ledger_line SET amount_minor = 99 WHERE entry_id = {entry(3)}"],
            "seal 3: entry",
            id="both-amounts-of-an-entry",
        ),
        pytest.param(
            [f"UPDATE ledger_line SET account = 'cash_at_gateway' WHERE entry_id = {entry(5)}"],
            "seal 5: entry",
            id="an-account",
        ),
        pytest.param(
            [f"UPDATE ledger_entry SET reason = 'recovered' WHERE id = {entry(1)}"],
            "seal 1: entry",
            id="a-reason",
        ),
        pytest.param(
            [f"UPDATE ledger_entry SET customer_id = source_id WHERE id = {entry(2)}"],
            "seal 2: entry",
            id="whose-it-is",
        ),
        pytest.param(
            [f"UPDATE ledger_entry SET at = '2020-01-01T00:00:00.000000Z' WHERE id = {entry(4)}"],
            "seal 4: entry",
            id="when-it-was",
        ),
        pytest.param(
            [f"DELETE FROM ledger_line WHERE entry_id = {entry(3)}"],
            "seal 3: entry",
            id="lines-removed",
        ),
        pytest.param(
            [f"DELETE FROM ledger_entry WHERE id = {entry(3)}"],
            "is gone",
            id="an-entry-removed",
        ),
        pytest.param(
            [
                f"DELETE FROM ledger_line WHERE entry_id = {entry(3)}",
                f"DELETE FROM ledger_entry WHERE id = {entry(3)}",
                "DELETE FROM ledger_seal WHERE seq = 3",
            ],
            "seals 3 to 3 are gone",
            id="an-entry-removed-with-its-seal",
        ),
        pytest.param(
            [
                f"DELETE FROM ledger_line WHERE entry_id = {entry(5)}",
                f"DELETE FROM ledger_entry WHERE id = {entry(5)}",
                "DELETE FROM ledger_seal WHERE seq = 5",
            ],
            "5 seals were made, the last one here is 4",
            id="the-last-one-removed",
        ),
        pytest.param(
            ["DELETE FROM ledger_seal"],
            "5 seals were made, the last one here is 0",
            id="all-seals-removed",
        ),
        pytest.param(
            ["DELETE FROM ledger_seal WHERE seq = 2"],
            "was put in past the books",
            id="a-seal-removed",
        ),
        pytest.param(
            [
                "INSERT INTO ledger_line SELECT entry_id, 2, account, 'debit', currency, 1"
                " FROM ledger_line WHERE position = 0 AND entry_id = " + entry(2)
            ],
            "seal 2: entry",
            id="a-line-put-in",
        ),
        pytest.param(
            [
                "UPDATE ledger_seal SET seq = -seq WHERE seq IN (2, 3)",
                "UPDATE ledger_seal SET seq = 5 + seq WHERE seq < 0",
            ],
            "is not what was sealed here",
            id="two-seals-swapped",
        ),
        pytest.param(
            [
                "INSERT INTO ledger_waiting SELECT entry_id FROM ledger_seal WHERE seq = 1",
            ],
            "waits for a seal, but is sealed or gone",
            id="an-entry-to-be-sealed-again",
        ),
    ],
)
def test_every_way_to_tamper_is_found(company: Company, statements: list[str], said: str) -> None:
    sealed_company(company)
    tamper(company, *statements)
    report = verify(company)
    assert report.faults >= 1
    assert any(said in fault for fault in report.first_faults), report.first_faults


def test_an_entry_put_in_past_the_books_is_found(company: Company) -> None:
    sealed_company(company)
    tamper(
        company,
        "INSERT INTO ledger_entry SELECT source_id, at, 'copied', source_kind, source_id,"
        f" customer_id FROM ledger_entry WHERE id = {entry(1)}",
    )
    [fault] = verify(company).first_faults
    assert "was put in past the books" in fault


def test_lines_left_behind_are_found(company: Company) -> None:
    book(company, 1)
    tamper(company, "DELETE FROM ledger_waiting", "DELETE FROM ledger_entry")
    [fault] = verify(company).first_faults
    assert "is gone, its lines are not" in fault


def test_one_edit_is_one_fault(company: Company) -> None:
    sealed_company(company)
    tamper(company, f"UPDATE ledger_entry SET reason = 'x' WHERE id = {entry(2)}")
    assert verify(company).faults == 1


def test_a_seal_without_its_entry_is_never_made(company: Company) -> None:
    book(company, 1)
    tamper(company, "DELETE FROM ledger_line", "DELETE FROM ledger_entry")
    with pytest.raises(AssertionError, match="waits for a seal, but is gone"):
        seal_ledger(company.begin)


def test_a_chain_written_anew_is_found_by_the_heads_noted_earlier(company: Company) -> None:
    sealed_company(company)
    before = verify(company)
    note_head(company)
    assert verify(company, noted=(before.head_seq, before.head_hash)).faults == 0
    tamper(
        company,
        f"UPDATE ledger_entry SET reason = 'x' WHERE id = {entry(2)}",
        "INSERT INTO ledger_waiting SELECT entry_id FROM ledger_seal",
        "DELETE FROM ledger_seal",
        "UPDATE number_series SET last = 0 WHERE series = 'ledger'",
    )
    assert seal_ledger(company.begin) == 5
    [fault] = verify(company).first_faults
    assert fault == "seal 5: another hash was noted for it"
    tamper(company, "DELETE FROM ledger_proof")
    assert verify(company).faults == 0, "without any note it cannot be told"
    report = verify(company, noted=(before.head_seq, before.head_hash))
    assert report.first_faults == ["seal 5: another hash was noted for it"]


def test_a_noted_head_beyond_the_chain_is_found(small_company: Company) -> None:
    report = verify(small_company, noted=(3, "f" * 64))
    assert report.first_faults == ["seal 3: was the head once, and is gone"]


def test_only_the_first_faults_are_told_in_words(small_company: Company) -> None:
    sealed_company(small_company, SHOWN + 5)
    tamper(small_company, "UPDATE ledger_entry SET reason = 'x'")
    report = verify(small_company)
    assert report.faults == SHOWN + 5
    assert len(report.first_faults) == SHOWN


@pytest.mark.parametrize("table", ["ledger_seal", "ledger_proof"])
def test_seals_and_proofs_cannot_be_rewritten(company: Company, table: str) -> None:
    sealed_company(company)
    note_head(company)
    with pytest.raises(DBAPIError, match="append-only"), company.begin() as tx:
        tx.session.execute(text(f"DELETE FROM {table}"))


@pytest.mark.pg
def test_two_sealers_at_once_make_one_chain(company: Company) -> None:
    """While others keep posting."""

    def act(number: int) -> None:
        if number % 2:
            book(company, 20)
        seal_ledger(company.begin, batch=7)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(act, range(12)))
    seal_ledger(company.begin)
    report = verify(company)
    assert (report.faults, report.sealed, report.waiting) == (0, 120, 0)


def test_an_entry_that_does_not_balance_is_refused_or_found(company: Company) -> None:
    """PostgreSQL refuses to commit it. SQLite cannot: there the proof tells."""
    entry = books.written_off(company.new_id(), company.new_id(), brl(5))
    object.__setattr__(entry, "legs", entry.legs[:1])
    if company.engine.dialect.name == "postgresql":
        with pytest.raises(DBAPIError, match="does not balance"), company.begin() as tx:
            post(tx, entry)
    else:
        with company.begin() as tx:
            post(tx, entry)
        assert any("is off by 5" in fault for fault in company.faults())
