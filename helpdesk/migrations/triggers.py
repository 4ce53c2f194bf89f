"""What the database itself refuses: rewriting the record, illegal steps, self-approval."""

APPEND_ONLY = ("event", "metric_event", "approval")

# What an approval is bound to: never edited, whoever writes the SQL.
FROZEN = {
    "money_preview": ("kind", "ticket_id", "customer_id", "created_by", "amount_minor",
                      "currency", "inputs_hash", "frozen_at", "expires_at", "ask"),
    "money_act": ("kind", "ticket_id", "customer_id", "preview_id", "requester_id",
                  "amount_minor", "currency", "reason", "one_time_key", "request_hash"),
}  # fmt: skip

# From each state of a money act, the states it may go to.
ACT_EDGES = {
    "draft": ("awaiting_approval", "approved", "sending", "succeeded", "failed", "expired"),
    "awaiting_approval": ("approved", "refused", "expired"),
    "approved": ("sending", "succeeded", "failed", "expired"),
    "sending": ("succeeded", "failed", "unknown"),
    "unknown": ("succeeded", "failed", "sending"),
    "succeeded": ("reversed",),
    "failed": ("succeeded",),  # the gateway said so later
    "reversed": ("succeeded",),
}


def append_only(table: str, dialect: str) -> list[str]:
    """Return the DDL that makes UPDATE and DELETE on `table` fail."""
    return [
        refusing(
            table, verb, "TRUE", f"{table} is append-only", dialect, f"{table}_no_{verb.lower()}"
        )
        for verb in ("UPDATE", "DELETE")
    ]


def refusing(table: str, verb: str, condition: str, reason: str, dialect: str, name: str) -> str:
    """Return the DDL of a row trigger that raises `reason` when `condition` holds."""
    if dialect == "sqlite":
        return (
            f'CREATE TRIGGER {name} BEFORE {verb} ON "{table}" WHEN {condition} '
            f"BEGIN SELECT RAISE(ABORT, '{reason}'); END"
        )
    result = "OLD" if verb == "DELETE" else "NEW"
    return (
        f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        f"IF {condition} THEN RAISE EXCEPTION '{reason}' USING ERRCODE = 'integrity_constraint_violation'; "
        f"END IF; RETURN {result}; END $$; "
        f'CREATE TRIGGER {name} BEFORE {verb} ON "{table}" FOR EACH ROW EXECUTE FUNCTION {name}()'
    )


def frozen_columns(table: str, columns: tuple[str, ...], dialect: str) -> str:
    """Return the DDL that refuses to change what was written once."""
    changed = " OR ".join(
        # JSON has no equality of its own on PostgreSQL.
        f"CAST(OLD.{name} AS TEXT) <> CAST(NEW.{name} AS TEXT)"
        for name in columns
    )
    return refusing(
        table, "UPDATE", changed, f"{table} is bound to its approval", dialect, f"{table}_frozen"
    )


def legal_edges(table: str, edges: dict[str, tuple[str, ...]], dialect: str) -> str:
    """Return the DDL that refuses every change of `state` not listed in `edges`."""
    legal = " OR ".join(
        f"(OLD.state = '{old}' AND NEW.state IN ({', '.join(repr(new) for new in news)}))"
        for old, news in edges.items()
    )
    return refusing(
        table,
        "UPDATE",
        f"OLD.state <> NEW.state AND NOT ({legal})",
        f"{table}: illegal change of state",
        dialect,
        f"{table}_legal_edges",
    )


def approver_is_another_person(dialect: str) -> str:
    """Return the DDL that refuses an approval by the act's requester."""
    return refusing(
        "approval",
        "INSERT",
        "NEW.approver_id = (SELECT requester_id FROM money_act WHERE id = NEW.money_act_id)",
        "approval: the requester cannot approve",
        dialect,
        "approval_by_another",
    )


def all_triggers(dialect: str) -> list[str]:
    """Return every statement, in an order that can be executed."""
    statements = [ddl for table in APPEND_ONLY for ddl in append_only(table, dialect)]
    statements.append(legal_edges("money_act", ACT_EDGES, dialect))
    statements.append(approver_is_another_person(dialect))
    statements += [frozen_columns(table, columns, dialect) for table, columns in FROZEN.items()]
    return statements
