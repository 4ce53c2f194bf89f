"""What a provider keeps for us is owed until it is here."""

import sqlalchemy as sa
from alembic import op

from billing_core.store.columns import Instant

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "files_due",
        sa.Column("inbound_id", sa.Uuid(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("not_before", Instant(), nullable=False),
        sa.Column("give_up_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(
            ["inbound_id"], ["inbound.id"], name=op.f("fk_files_due_inbound_id_inbound")
        ),
        sa.PrimaryKeyConstraint("inbound_id", name=op.f("pk_files_due")),
    )
    op.create_index(op.f("ix_files_due_not_before"), "files_due", ["not_before"])


def downgrade() -> None:
    raise NotImplementedError("restore a backup instead: what is owed is never dropped")
