"""Rates that are the sum of several taxes, and disputes that are a bank's special return."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "tax_rate",
        sa.Column(
            "parts",
            sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), "postgresql"),
            server_default="[]",
            nullable=False,
        ),
    )
    op.add_column(
        "dispute", sa.Column("kind", sa.String(), server_default="chargeback", nullable=False)
    )


def downgrade() -> None:
    raise NotImplementedError("restore a backup instead: money rows are never dropped")
