"""What the database itself refuses, as DDL for both dialects. Migrations and tests run it.

Books and credit entries are only added to, and PostgreSQL commits no entry that does not
balance; what has a life moves along the edges that its module in domain lists, and no other.
"""

from collections.abc import Mapping

from ..domain import refund, subscription

EDGES: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "refund": refund.EDGES,
    "subscription": subscription.EDGES,
}
"""By table: the steps from each state."""

APPEND_ONLY = (
    "ledger_entry",
    "ledger_line",
    "ledger_seal",
    "ledger_proof",
    "credit_entry",
    "mrr_movement",
)


def create_statements(dialect: str) -> list[str]:
    """Return the DDL for "sqlite" or "postgresql"; each statement runs alone, in this order.

    None holds a colon or a percent sign, which drivers would take for parameters.
    """
    if dialect == "sqlite":
        return [
            *(_append_only_sqlite(table, verb) for table in APPEND_ONLY for verb in _VERBS),
            *(_edges_sqlite(table) for table in EDGES),
        ]
    return [
        _REFUSE_POSTGRESQL,
        *(_append_only_postgresql(table) for table in APPEND_ONLY),
        _BALANCED_POSTGRESQL,
        "CREATE CONSTRAINT TRIGGER ledger_line_balanced AFTER INSERT ON ledger_line"
        " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION billing_balanced()",
        *(_edges_function_postgresql(table) for table in EDGES),
        *(
            f"CREATE TRIGGER {table}_edges BEFORE UPDATE OF state ON {table}"
            f" FOR EACH ROW EXECUTE FUNCTION billing_{table}_edge()"
            for table in EDGES
        ),
    ]


def drop_statements(dialect: str) -> list[str]:
    if dialect == "sqlite":
        return [
            *(
                f"DROP TRIGGER IF EXISTS {table}_no_{verb.lower()}"
                for table in APPEND_ONLY
                for verb in _VERBS
            ),
            *(f"DROP TRIGGER IF EXISTS {table}_edges" for table in EDGES),
        ]
    return [
        *(f"DROP TRIGGER IF EXISTS {table}_append_only ON {table}" for table in APPEND_ONLY),
        *(f"DROP TRIGGER IF EXISTS {table}_edges ON {table}" for table in EDGES),
        "DROP TRIGGER IF EXISTS ledger_line_balanced ON ledger_line",
        "DROP FUNCTION IF EXISTS billing_append_only()",
        "DROP FUNCTION IF EXISTS billing_balanced()",
        *(f"DROP FUNCTION IF EXISTS billing_{table}_edge()" for table in EDGES),
    ]


_VERBS = ("UPDATE", "DELETE")

_REFUSE_POSTGRESQL = """
CREATE OR REPLACE FUNCTION billing_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION USING MESSAGE = TG_TABLE_NAME || ' is append-only',
    ERRCODE = 'integrity_constraint_violation';
END $$"""

# At the commit, when all lines of the entry are there. SQLite defers no trigger: there the
# entry that cannot be constructed, and the proof of the books, stand alone.
_BALANCED_POSTGRESQL = """
CREATE OR REPLACE FUNCTION billing_balanced() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (
    SELECT 1 FROM ledger_line WHERE entry_id = NEW.entry_id GROUP BY currency
    HAVING SUM(CASE side WHEN 'debit' THEN amount_minor ELSE -amount_minor END) <> 0
  ) THEN
    RAISE EXCEPTION USING MESSAGE = 'ledger entry ' || NEW.entry_id || ' does not balance',
      ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NULL;
END $$"""


def _append_only_sqlite(table: str, verb: str) -> str:
    return (
        f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table}"
        f" BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
    )


def _append_only_postgresql(table: str) -> str:
    # Per statement, so that TRUNCATE is refused as well.
    return (
        f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}"
        " FOR EACH STATEMENT EXECUTE FUNCTION billing_append_only()"
    )


def _illegal_edge(table: str) -> str:
    """Return an SQL condition that is true for a step nobody may take."""
    legal = [f"{before}>{after}" for before, afters in EDGES[table].items() for after in afters]
    listed = ", ".join(f"'{edge}'" for edge in legal)
    return f"NEW.state <> OLD.state AND OLD.state || '>' || NEW.state NOT IN ({listed})"


def _edges_sqlite(table: str) -> str:
    return (
        f"CREATE TRIGGER {table}_edges BEFORE UPDATE OF state ON {table}"
        f" WHEN {_illegal_edge(table)} BEGIN SELECT RAISE(ABORT, '{table}, no such step'); END"
    )


def _edges_function_postgresql(table: str) -> str:
    return f"""
CREATE OR REPLACE FUNCTION billing_{table}_edge() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF {_illegal_edge(table)} THEN
    RAISE EXCEPTION USING MESSAGE = '{table}, no step from ' || OLD.state || ' to ' || NEW.state,
      ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NEW;
END $$"""
