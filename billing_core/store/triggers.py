"""What the database itself refuses, as DDL for both dialects. Migrations and tests run it.

Books and credit entries are only added to; a refund moves along the edges of
domain/refund.py and no other.
"""

from ..domain.refund import EDGES

APPEND_ONLY = ("ledger_entry", "ledger_line", "credit_entry")


def create_statements(dialect: str) -> list[str]:
    """Return the DDL for "sqlite" or "postgresql"; each statement runs alone, in this order.

    None holds a colon or a percent sign, which drivers would take for parameters.
    """
    if dialect == "sqlite":
        return [
            *(_append_only_sqlite(table, verb) for table in APPEND_ONLY for verb in _VERBS),
            _edges_sqlite(),
        ]
    return [
        _REFUSE_POSTGRESQL,
        *(_append_only_postgresql(table) for table in APPEND_ONLY),
        _edges_function_postgresql(),
        "CREATE TRIGGER refund_edges BEFORE UPDATE OF state ON refund"
        " FOR EACH ROW EXECUTE FUNCTION billing_refund_edge()",
    ]


def drop_statements(dialect: str) -> list[str]:
    if dialect == "sqlite":
        return [
            *(
                f"DROP TRIGGER IF EXISTS {table}_no_{verb.lower()}"
                for table in APPEND_ONLY
                for verb in _VERBS
            ),
            "DROP TRIGGER IF EXISTS refund_edges",
        ]
    return [
        *(f"DROP TRIGGER IF EXISTS {table}_append_only ON {table}" for table in APPEND_ONLY),
        "DROP TRIGGER IF EXISTS refund_edges ON refund",
        "DROP FUNCTION IF EXISTS billing_append_only()",
        "DROP FUNCTION IF EXISTS billing_refund_edge()",
    ]


_VERBS = ("UPDATE", "DELETE")

_REFUSE_POSTGRESQL = """
CREATE OR REPLACE FUNCTION billing_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION USING MESSAGE = TG_TABLE_NAME || ' is append-only',
    ERRCODE = 'integrity_constraint_violation';
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


def _illegal_edge() -> str:
    """Return an SQL condition that is true for a step nobody may take."""
    legal = [f"{before}>{after}" for before, afters in EDGES.items() for after in afters]
    listed = ", ".join(f"'{edge}'" for edge in legal)
    return f"NEW.state <> OLD.state AND OLD.state || '>' || NEW.state NOT IN ({listed})"


def _edges_sqlite() -> str:
    return (
        f"CREATE TRIGGER refund_edges BEFORE UPDATE OF state ON refund WHEN {_illegal_edge()}"
        " BEGIN SELECT RAISE(ABORT, 'refund: no such step'); END"
    )


def _edges_function_postgresql() -> str:
    return f"""
CREATE OR REPLACE FUNCTION billing_refund_edge() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF {_illegal_edge()} THEN
    RAISE EXCEPTION USING MESSAGE = 'refund: no step from ' || OLD.state || ' to ' || NEW.state,
      ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NEW;
END $$"""
