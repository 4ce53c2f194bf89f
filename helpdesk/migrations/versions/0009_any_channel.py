"""A channel's name is whatever an adapter is called: no constraint lists them."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

KNOWN = "IN ('email', 'chat', 'whatsapp', 'sms', 'voice')"
COLUMNS = (("ticket", "last_channel"), ("message", "channel"))


def upgrade() -> None:
    connection = op.get_bind()
    if connection.dialect.name == "sqlite":
        _rewrite_checks(connection)
        return
    for table, column in COLUMNS:
        op.drop_constraint(op.f(f"ck_{table}_{column}"), table, type_="check")
        op.create_check_constraint(op.f(f"ck_{table}_{column}"), table, f"{column} <> ''")


def _rewrite_checks(connection: sa.Connection) -> None:
    """Loosen the checks where they are written down: SQLite's own way, no row is touched.

    Making these tables anew would cut the foreign keys of most of the others.
    """
    version = connection.exec_driver_sql("PRAGMA schema_version").scalar_one()
    connection.exec_driver_sql("PRAGMA writable_schema=ON")
    for table, column in COLUMNS:
        changed = connection.execute(
            sa.text(
                "UPDATE sqlite_schema SET sql = replace(sql, :old, :new)"
                " WHERE type = 'table' AND name = :table AND instr(sql, :old) > 0"
            ),
            {"table": table, "old": f"{column} {KNOWN}", "new": f"{column} <> ''"},
        )
        if changed.rowcount != 1:
            raise RuntimeError(f"the check of {table}.{column} is not where it was written")
    connection.exec_driver_sql(f"PRAGMA schema_version={version + 1}")
    connection.exec_driver_sql("PRAGMA writable_schema=OFF")
    found = connection.exec_driver_sql("PRAGMA quick_check").scalar_one()
    if found != "ok":
        raise RuntimeError(f"the database does not fit its new schema: {found}")


def downgrade() -> None:
    raise NotImplementedError("restore a backup instead: messages are never dropped")
