"""Held deliveries, blocked senders, tries of sending."""

import sqlalchemy as sa
from alembic import op

from billing_core.store.columns import Instant

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "blocked_sender",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("value", sa.String(), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("created_by", sa.Uuid(), nullable=False),
        sa.CheckConstraint("kind IN ('address', 'domain')", name=op.f("ck_blocked_sender_kind")),
        sa.ForeignKeyConstraint(
            ["created_by"], ["staff.id"], name=op.f("fk_blocked_sender_created_by_staff")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_blocked_sender")),
        sa.UniqueConstraint("kind", "value", name=op.f("uq_blocked_sender_kind_value")),
    )
    op.create_table(
        "outbound_attempt",
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
    )
    with op.batch_alter_table("inbound", schema=None) as batch_op:
        batch_op.add_column(sa.Column("sender", sa.String(), server_default="", nullable=False))
        batch_op.add_column(sa.Column("subject", sa.String(), server_default="", nullable=False))
        batch_op.add_column(sa.Column("released_by", sa.Uuid(), nullable=True))
        batch_op.add_column(sa.Column("attach_to_id", sa.Uuid(), nullable=True))
        batch_op.add_column(sa.Column("deleted_at", Instant(), nullable=True))
        batch_op.add_column(sa.Column("bytes_gone_at", Instant(), nullable=True))

    with op.batch_alter_table("outbound", schema=None) as batch_op:
        batch_op.add_column(sa.Column("last_try_at", Instant(), nullable=True))
        batch_op.add_column(sa.Column("dead_at", Instant(), nullable=True))
        batch_op.create_index(
            batch_op.f("ix_outbound_channel_last_try_at"), ["channel", "last_try_at"], unique=False
        )


def downgrade() -> None:
    raise NotImplementedError("restore a backup instead: money rows are never dropped")
