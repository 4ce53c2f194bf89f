"""The mailboxes that customers write to, and how each fares."""

import sqlalchemy as sa
from alembic import op

from billing_core.store.columns import Instant

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "mailbox",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("auth", sa.String(), nullable=False),
        sa.Column("user_name", sa.String(), nullable=False),
        sa.Column("secret_sealed", sa.String(), nullable=False),
        sa.Column("client_id", sa.String(), nullable=False),
        sa.Column("client_secret_sealed", sa.String(), nullable=False),
        sa.Column("token_url", sa.String(), nullable=False),
        sa.Column("imap_host", sa.String(), nullable=False),
        sa.Column("imap_port", sa.Integer(), nullable=False),
        sa.Column("imap_security", sa.String(), nullable=False),
        sa.Column("folder", sa.String(), nullable=False),
        sa.Column("done_folder", sa.String(), nullable=False),
        sa.Column("smtp_host", sa.String(), nullable=False),
        sa.Column("smtp_port", sa.Integer(), nullable=False),
        sa.Column("smtp_security", sa.String(), nullable=False),
        sa.Column("smtp_user_name", sa.String(), nullable=False),
        sa.Column("smtp_secret_sealed", sa.String(), nullable=False),
        sa.Column("rate_per_minute", sa.Integer(), nullable=False),
        sa.Column("signature_text", sa.String(), nullable=False),
        sa.Column("signature_html", sa.String(), nullable=False),
        sa.Column("dkim_domain", sa.String(), nullable=False),
        sa.Column("dkim_selector", sa.String(), nullable=False),
        sa.Column("dkim_key_sealed", sa.String(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("changed_at", Instant(), nullable=False),
        sa.CheckConstraint(
            "auth IN ('password', 'oauth_google', 'oauth_microsoft')", name=op.f("ck_mailbox_auth")
        ),
        sa.CheckConstraint(
            "imap_security IN ('implicit', 'starttls', 'none')",
            name=op.f("ck_mailbox_imap_security"),
        ),
        sa.CheckConstraint(
            "smtp_security IN ('implicit', 'starttls', 'none')",
            name=op.f("ck_mailbox_smtp_security"),
        ),
        sa.CheckConstraint("rate_per_minute > 0", name=op.f("ck_mailbox_rate_per_minute")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mailbox")),
        sa.UniqueConstraint("address", name=op.f("uq_mailbox_address")),
    )
    op.create_table(
        "mailbox_health",
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("fetched_at", Instant(), nullable=True),
        sa.Column("fetch_fault", sa.String(), nullable=False),
        sa.Column("fetch_detail", sa.String(), nullable=False),
        sa.Column("fetch_failing_since", Instant(), nullable=True),
        sa.Column("sent_at", Instant(), nullable=True),
        sa.Column("send_fault", sa.String(), nullable=False),
        sa.Column("send_detail", sa.String(), nullable=False),
        sa.Column("send_failing_since", Instant(), nullable=True),
        sa.Column("next_slot_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("address", name=op.f("pk_mailbox_health")),
    )


def downgrade() -> None:
    raise NotImplementedError("restore a backup instead: money rows are never dropped")
