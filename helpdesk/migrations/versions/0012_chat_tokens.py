"""A visitor's token vouches in one conversation."""

import sqlalchemy as sa
from alembic import op

from billing_core.store.columns import Instant

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "chat_token",
        sa.Column("token_id", sa.String(), nullable=False),
        sa.Column("chat_key", sa.String(), nullable=False),
        sa.Column("expires_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("token_id", name=op.f("pk_chat_token")),
    )
    op.create_index(op.f("ix_chat_token_expires_at"), "chat_token", ["expires_at"])


def downgrade() -> None:
    raise NotImplementedError("restore a backup instead: a token that was used stays used")
