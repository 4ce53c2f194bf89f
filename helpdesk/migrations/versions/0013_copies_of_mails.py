"""A mail may go to several recipients: one row of the outbox for each."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from billing_core.store.columns import Instant

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

NO_COPY = sa.text("NOT cc")


def upgrade() -> None:
    for table in ("participant", "outbound"):
        op.add_column(
            table, sa.Column("cc", sa.Boolean(), server_default=sa.false(), nullable=False)
        )
    op.add_column("draft", sa.Column("cc", sa.String(), server_default="", nullable=False))
    if op.get_bind().dialect.name == "sqlite":
        _build_anew()
    else:
        op.drop_constraint(op.f("uq_outbound_message_id"), "outbound", type_="unique")
        op.create_unique_constraint(
            op.f("uq_outbound_message_id_recipient_kind_recipient"),
            "outbound",
            ["message_id", "recipient_kind", "recipient"],
        )
    op.create_index(
        "uq_outbound_message_id",
        "outbound",
        ["message_id"],
        unique=True,
        sqlite_where=NO_COPY,
        postgresql_where=NO_COPY,
    )


def _build_anew() -> None:
    """Let go of a UNIQUE that stands in the table itself: SQLite cannot drop one.

    The tries refer to the table, so they are put aside meanwhile.
    """
    op.execute("CREATE TEMPORARY TABLE tries AS SELECT * FROM outbound_attempt")
    op.drop_table("outbound_attempt")
    op.create_table("outbound_anew", *_outbound())
    names = ", ".join(one.name for one in _outbound() if isinstance(one, sa.Column))
    op.execute(f"INSERT INTO outbound_anew ({names}) SELECT {names} FROM outbound")
    op.drop_table("outbound")
    op.rename_table("outbound_anew", "outbound")
    op.create_index(
        op.f("ix_outbound_state_not_before_id"), "outbound", ["state", "not_before", "id"]
    )
    op.create_index(op.f("ix_outbound_ticket_id"), "outbound", ["ticket_id"])
    op.create_index(op.f("ix_outbound_channel_last_try_at"), "outbound", ["channel", "last_try_at"])
    op.create_table("outbound_attempt", *_attempt())
    names = ", ".join(one.name for one in _attempt() if isinstance(one, sa.Column))
    op.execute(f"INSERT INTO outbound_attempt ({names}) SELECT {names} FROM tries")
    op.execute("DROP TABLE tries")


def _outbound() -> list[sa.schema.SchemaItem]:
    return [
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("message_id", sa.Uuid(), nullable=False),
        sa.Column("ticket_id", sa.Uuid(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("recipient_kind", sa.String(), nullable=False),
        sa.Column("recipient", sa.String(), nullable=False),
        sa.Column("cc", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column(
            "envelope",
            sa.JSON().with_variant(postgresql.JSONB(), "postgresql"),
            nullable=False,
        ),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("not_before", Instant(), nullable=False),
        sa.Column("give_up_at", Instant(), nullable=False),
        sa.Column("leased_until", Instant(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("last_error", sa.String(), nullable=False),
        sa.Column("provider_id", sa.String(), nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("sent_at", Instant(), nullable=True),
        sa.Column("last_try_at", Instant(), nullable=True),
        sa.Column("dead_at", Instant(), nullable=True),
        sa.CheckConstraint(
            "state IN ('queued', 'sending', 'sent', 'delivered', 'read', 'uncertain', 'failed', 'cancelled')",
            name=op.f("ck_outbound_state"),
        ),
        sa.ForeignKeyConstraint(
            ["message_id"], ["message.id"], name=op.f("fk_outbound_message_id_message")
        ),
        sa.ForeignKeyConstraint(
            ["ticket_id"], ["ticket.id"], name=op.f("fk_outbound_ticket_id_ticket")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbound")),
        sa.UniqueConstraint("channel", "provider_id", name=op.f("uq_outbound_channel_provider_id")),
        sa.UniqueConstraint("key", name=op.f("uq_outbound_key")),
        sa.UniqueConstraint(
            "message_id",
            "recipient_kind",
            "recipient",
            name=op.f("uq_outbound_message_id_recipient_kind_recipient"),
        ),
    ]


def _attempt() -> list[sa.schema.SchemaItem]:
    return [
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("outbound_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("why", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["outbound_id"], ["outbound.id"], name=op.f("fk_outbound_attempt_outbound_id_outbound")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbound_attempt")),
        sa.UniqueConstraint(
            "outbound_id", "position", name=op.f("uq_outbound_attempt_outbound_id_position")
        ),
    ]


def downgrade() -> None:
    raise NotImplementedError("restore a backup instead: messages are never dropped")
