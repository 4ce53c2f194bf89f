"""What the database itself refuses, as DDL for both dialects. Migrations and tests run it.

Books and credit entries are only added to, and PostgreSQL commits no entry that does not
balance; what has a life moves along the edges that its module in domain lists, and no other.
An issued invoice says for ever what it said: only its state, what was credited and what is
still due move on, and its tax document's number is set once.
"""

from collections.abc import Mapping

from ..domain import mandate, refund, subscription

EDGES: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "mandate": mandate.EDGES,
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

FROZEN = {
    "invoice": (
        "series",
        "number",
        "customer_id",
        "subscription_id",
        "currency",
        "reason",
        "period_start",
        "period_end",
        "discount_minor",
        "tax_minor",
        "total_minor",
        "issued_at",
        "tax_document",
    ),
    "invoice_line": (
        "invoice_id",
        "position",
        "kind",
        "label",
        "period_start",
        "period_end",
        "quantity",
        "unit_minor",
        "arithmetic",
        "net_minor",
        "discount_minor",
        "tax_minor",
    ),
}
"""By table: the columns of an issued invoice that nobody changes."""


def create_statements(dialect: str) -> list[str]:
    """Return the DDL for "sqlite" or "postgresql"; each statement runs alone, in this order.

    None holds a colon or a percent sign, which drivers would take for parameters.
    """
    if dialect == "sqlite":
        return [
            *(_append_only_sqlite(table, verb) for table in APPEND_ONLY for verb in _VERBS),
            *(_edges_sqlite(table) for table in EDGES),
            *(_frozen_sqlite(table) for table in FROZEN),
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
        _FROZEN_POSTGRESQL,
        *(_frozen_postgresql(table) for table in FROZEN),
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
            *(f"DROP TRIGGER IF EXISTS {table}_frozen" for table in FROZEN),
        ]
    return [
        *(f"DROP TRIGGER IF EXISTS {table}_append_only ON {table}" for table in APPEND_ONLY),
        *(f"DROP TRIGGER IF EXISTS {table}_edges ON {table}" for table in EDGES),
        "DROP TRIGGER IF EXISTS ledger_line_balanced ON ledger_line",
        "DROP FUNCTION IF EXISTS billing_append_only()",
        "DROP FUNCTION IF EXISTS billing_balanced()",
        *(f"DROP FUNCTION IF EXISTS billing_{table}_edge()" for table in EDGES),
        *(f"DROP TRIGGER IF EXISTS {table}_frozen ON {table}" for table in FROZEN),
        "DROP FUNCTION IF EXISTS billing_frozen()",
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


_FROZEN_POSTGRESQL = """
CREATE OR REPLACE FUNCTION billing_frozen() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION USING MESSAGE = TG_TABLE_NAME || ' is issued',
    ERRCODE = 'integrity_constraint_violation';
END $$"""


def _changed(table: str, other: str) -> str:
    """Return an SQL condition that is true when a frozen column changes; `other` compares NULLs, too.

    An invoice freezes with its number. The number of its tax document is the one thing
    that may come later.
    """
    held = [column for column in FROZEN[table] if column != "tax_document"]
    any_of = " OR ".join(f"NEW.{column} {other} OLD.{column}" for column in held)
    if table != "invoice":
        return any_of
    late = f"OLD.tax_document IS NOT NULL AND NEW.tax_document {other} OLD.tax_document"
    return f"(OLD.number IS NOT NULL AND ({any_of})) OR ({late})"


def _frozen_sqlite(table: str) -> str:
    return (
        f"CREATE TRIGGER {table}_frozen BEFORE UPDATE OF {', '.join(FROZEN[table])} ON {table}"
        f" WHEN {_changed(table, 'IS NOT')} BEGIN SELECT RAISE(ABORT, '{table} is issued'); END"
    )


def _frozen_postgresql(table: str) -> str:
    return (
        f"CREATE TRIGGER {table}_frozen BEFORE UPDATE OF {', '.join(FROZEN[table])} ON {table}"
        f" FOR EACH ROW WHEN ({_changed(table, 'IS DISTINCT FROM')})"
        " EXECUTE FUNCTION billing_frozen()"
    )
