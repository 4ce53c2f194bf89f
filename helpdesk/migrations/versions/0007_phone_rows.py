"""The rows of telephone lines: opt-outs, templates, calls."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from billing_core.store.columns import Instant

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "message_template",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("category", sa.String(), nullable=False),
        sa.Column("provider_ref", sa.String(), nullable=False),
        sa.Column("body", sa.String(), nullable=False),
        sa.Column(
            "labels", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False
        ),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.CheckConstraint(
            "category IN ('utility', 'marketing', 'authentication')",
            name=op.f("ck_message_template_category"),
        ),
        sa.CheckConstraint(
            "state IN ('approved', 'paused')", name=op.f("ck_message_template_state")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_message_template")),
        sa.UniqueConstraint("provider_ref", name=op.f("uq_message_template_provider_ref")),
    )
    op.create_table(
        "opt_out",
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("number", sa.String(), nullable=False),
        sa.Column("word", sa.String(), nullable=False),
        sa.Column("opted_out_at", Instant(), nullable=False),
        sa.Column("ended_at", Instant(), nullable=True),
        sa.CheckConstraint("channel IN ('sms', 'whatsapp')", name=op.f("ck_opt_out_channel")),
        sa.PrimaryKeyConstraint("channel", "number", name=op.f("pk_opt_out")),
    )
    op.create_table(
        "phone_line",
        sa.Column("number", sa.String(), nullable=False),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("greeting", sa.String(), nullable=False),
        sa.Column("closed_greeting", sa.String(), nullable=False),
        sa.Column(
            "hours", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False
        ),
        sa.Column("takes_queue", sa.Boolean(), nullable=False),
        sa.Column("changed_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_phone_line")),
    )
    op.create_table(
        "refused_delivery",
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("last_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("channel", name=op.f("pk_refused_delivery")),
    )
    op.create_table(
        "staff_phone",
        sa.Column("staff_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["staff_id"], ["staff.id"], name=op.f("fk_staff_phone_staff_id_staff")
        ),
        sa.PrimaryKeyConstraint("staff_id", name=op.f("pk_staff_phone")),
    )
    op.create_table(
        "phone_call",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("provider_id", sa.String(), nullable=True),
        sa.Column("direction", sa.String(), nullable=False),
        sa.Column("number", sa.String(), nullable=False),
        sa.Column("ticket_id", sa.Uuid(), nullable=True),
        sa.Column("staff_id", sa.Uuid(), nullable=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("topic", sa.String(), nullable=False),
        sa.Column("callback_at", Instant(), nullable=True),
        sa.Column("called_back_at", Instant(), nullable=True),
        sa.Column("began_at", Instant(), nullable=False),
        sa.Column("answered_at", Instant(), nullable=True),
        sa.Column("ended_at", Instant(), nullable=True),
        sa.Column("talk_s", sa.Integer(), nullable=False),
        sa.Column("why", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=True),
        sa.CheckConstraint("direction IN ('in', 'out')", name=op.f("ck_phone_call_direction")),
        sa.CheckConstraint(
            "state IN ('queued', 'dialling', 'greeted', 'waiting', 'ringing', 'talking', 'ended', 'missed', 'voicemail', 'failed', 'uncertain')",
            name=op.f("ck_phone_call_state"),
        ),
        sa.ForeignKeyConstraint(
            ["staff_id"], ["staff.id"], name=op.f("fk_phone_call_staff_id_staff")
        ),
        sa.ForeignKeyConstraint(
            ["ticket_id"], ["ticket.id"], name=op.f("fk_phone_call_ticket_id_ticket")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_phone_call")),
        sa.UniqueConstraint("key", name=op.f("uq_phone_call_key")),
        sa.UniqueConstraint("provider_id", name=op.f("uq_phone_call_provider_id")),
    )
    with op.batch_alter_table("phone_call", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_phone_call_state_began_at"), ["state", "began_at"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_phone_call_ticket_id"), ["ticket_id"], unique=False)

    with op.batch_alter_table("message", schema=None) as batch_op:
        batch_op.create_index(
            "ix_message_whatsapp_heard",
            ["author_handle", "at"],
            unique=False,
            sqlite_where=sa.text("channel = 'whatsapp' AND direction = 'in'"),
            postgresql_where=sa.text("channel = 'whatsapp' AND direction = 'in'"),
        )


def downgrade() -> None:
    raise NotImplementedError("restore a backup instead: nothing is ever dropped")
