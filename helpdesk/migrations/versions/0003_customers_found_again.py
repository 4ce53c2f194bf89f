"""Facts and keys under which customers are found again, merges, codes that link."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from billing_core.store.columns import Instant
from helpdesk.customers.blocking import block_keys
from helpdesk.customers.likeness import Facts

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

ROWS_AT_ONCE = 5000


def upgrade() -> None:
    op.create_table(
        "customer_block",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customer.id"], name=op.f("fk_customer_block_customer_id_customer")
        ),
        sa.PrimaryKeyConstraint("key", "customer_id", name=op.f("pk_customer_block")),
        sqlite_with_rowid=False,
    )
    with op.batch_alter_table("customer_block", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_customer_block_customer_id"), ["customer_id"], unique=False
        )

    op.create_table(
        "customer_merge",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("survivor_id", sa.Uuid(), nullable=False),
        sa.Column("absorbed_id", sa.Uuid(), nullable=False),
        sa.Column(
            "moved",
            sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), "postgresql"),
            nullable=False,
        ),
        sa.Column("made_by", sa.Uuid(), nullable=False),
        sa.Column("made_at", Instant(), nullable=False),
        sa.Column("undone_by", sa.Uuid(), nullable=True),
        sa.Column("undone_at", Instant(), nullable=True),
        sa.CheckConstraint(
            "(undone_at IS NULL) = (undone_by IS NULL)",
            name=op.f("ck_customer_merge_undone_by_somebody"),
        ),
        sa.CheckConstraint(
            "survivor_id <> absorbed_id", name=op.f("ck_customer_merge_two_customers")
        ),
        sa.ForeignKeyConstraint(
            ["absorbed_id"], ["customer.id"], name=op.f("fk_customer_merge_absorbed_id_customer")
        ),
        sa.ForeignKeyConstraint(
            ["made_by"], ["staff.id"], name=op.f("fk_customer_merge_made_by_staff")
        ),
        sa.ForeignKeyConstraint(
            ["survivor_id"], ["customer.id"], name=op.f("fk_customer_merge_survivor_id_customer")
        ),
        sa.ForeignKeyConstraint(
            ["undone_by"], ["staff.id"], name=op.f("fk_customer_merge_undone_by_staff")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_customer_merge")),
    )
    with op.batch_alter_table("customer_merge", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_customer_merge_survivor_id"), ["survivor_id"], unique=False
        )
        batch_op.create_index(
            "uq_customer_merge_standing",
            ["absorbed_id"],
            unique=True,
            sqlite_where=sa.text("undone_at IS NULL"),
            postgresql_where=sa.text("undone_at IS NULL"),
        )

    op.create_table(
        "link_code",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("ticket_id", sa.Uuid(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("message_id", sa.Uuid(), nullable=False),
        sa.Column("code_hash", sa.String(), nullable=False),
        sa.Column("tries_left", sa.Integer(), nullable=False),
        sa.Column("expires_at", Instant(), nullable=False),
        sa.Column("ended_at", Instant(), nullable=True),
        sa.Column("made_by", sa.Uuid(), nullable=False),
        sa.Column("made_at", Instant(), nullable=False),
        sa.CheckConstraint("tries_left >= 0", name=op.f("ck_link_code_tries_left")),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customer.id"], name=op.f("fk_link_code_customer_id_customer")
        ),
        sa.ForeignKeyConstraint(["made_by"], ["staff.id"], name=op.f("fk_link_code_made_by_staff")),
        sa.ForeignKeyConstraint(
            ["message_id"], ["message.id"], name=op.f("fk_link_code_message_id_message")
        ),
        sa.ForeignKeyConstraint(
            ["ticket_id"], ["ticket.id"], name=op.f("fk_link_code_ticket_id_ticket")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_link_code")),
        sa.UniqueConstraint("message_id", name=op.f("uq_link_code_message_id")),
    )
    with op.batch_alter_table("link_code", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_link_code_ticket_id"), ["ticket_id"], unique=False)

    with op.batch_alter_table("customer", schema=None) as batch_op:
        batch_op.add_column(sa.Column("born_on", sa.Date(), nullable=True))
        batch_op.add_column(
            sa.Column("house_number", sa.String(), server_default="", nullable=False)
        )
        batch_op.add_column(sa.Column("street", sa.String(), server_default="", nullable=False))
        batch_op.add_column(sa.Column("unit", sa.String(), server_default="", nullable=False))
        batch_op.add_column(sa.Column("district", sa.String(), server_default="", nullable=False))
        batch_op.add_column(sa.Column("postcode", sa.String(), server_default="", nullable=False))
        batch_op.add_column(sa.Column("region", sa.String(), server_default="", nullable=False))

    _index_everybody(op.get_bind())


def _index_everybody(connection: sa.Connection) -> None:
    """Give the customers that are there already their keys, a few thousand at a time."""
    adding = sa.text("INSERT INTO customer_block (key, customer_id) VALUES (:key, :customer_id)")
    handles: dict[str, dict[str, list[str]]] = {}
    for customer_id, kind, value in connection.execute(
        sa.text("SELECT customer_id, kind, value FROM handle")
    ):
        handles.setdefault(customer_id, {}).setdefault(kind, []).append(value)
    rows: list[dict[str, object]] = []
    everybody = connection.execute(sa.text("SELECT id, name, document_hash FROM customer"))
    for customer_id, name, document in everybody.all():
        hers = handles.get(customer_id, {})
        facts = Facts(
            name=name,
            document=document,
            emails=tuple(hers.get("email", ())),
            phones=(*hers.get("phone", ()), *hers.get("whatsapp", ())),
        )
        rows += [{"key": key, "customer_id": customer_id} for key in block_keys(facts)]
        if len(rows) > ROWS_AT_ONCE:
            connection.execute(adding, rows)
            rows = []
    if rows:
        connection.execute(adding, rows)


def downgrade() -> None:
    raise NotImplementedError("restore a backup instead: money rows are never dropped")
