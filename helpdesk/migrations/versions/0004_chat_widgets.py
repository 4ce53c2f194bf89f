"""Chat widgets, and the number of each message in its conversation."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from billing_core.store.columns import Instant

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "chat_conversation",
        sa.Column("chat_key", sa.String(), nullable=False),
        sa.Column("last_seq", sa.Integer(), nullable=False),
        sa.Column("widget_key", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("email_by", sa.String(), nullable=False),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("left_closed", sa.Boolean(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.CheckConstraint(
            "email_by IN ('', 'visitor', 'site')", name=op.f("ck_chat_conversation_email_by")
        ),
        sa.PrimaryKeyConstraint("chat_key", name=op.f("pk_chat_conversation")),
    )
    op.create_table(
        "chat_widget",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("colour", sa.String(), nullable=False),
        sa.Column(
            "texts", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False
        ),
        sa.Column(
            "hours", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False
        ),
        sa.Column(
            "fields", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False
        ),
        sa.Column(
            "greetings", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False
        ),
        sa.Column(
            "origins", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False
        ),
        sa.Column("mail_after_min", sa.Integer(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("changed_at", Instant(), nullable=False),
        sa.Column("disabled_at", Instant(), nullable=True),
        sa.CheckConstraint("mail_after_min > 0", name=op.f("ck_chat_widget_mail_after")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_chat_widget")),
        sa.UniqueConstraint("key", name=op.f("uq_chat_widget_key")),
    )
    op.create_table(
        "chat_entry",
        sa.Column("chat_key", sa.String(), nullable=False),
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("message_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["chat_key"],
            ["chat_conversation.chat_key"],
            name=op.f("fk_chat_entry_chat_key_chat_conversation"),
        ),
        sa.ForeignKeyConstraint(
            ["message_id"], ["message.id"], name=op.f("fk_chat_entry_message_id_message")
        ),
        sa.PrimaryKeyConstraint("chat_key", "seq", name=op.f("pk_chat_entry")),
        sa.UniqueConstraint("message_id", name=op.f("uq_chat_entry_message_id")),
    )
    op.create_table(
        "chat_follow_up",
        sa.Column("answer_id", sa.Uuid(), nullable=False),
        sa.Column("mail_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["answer_id"], ["message.id"], name=op.f("fk_chat_follow_up_answer_id_message")
        ),
        sa.ForeignKeyConstraint(
            ["mail_id"], ["message.id"], name=op.f("fk_chat_follow_up_mail_id_message")
        ),
        sa.PrimaryKeyConstraint("answer_id", name=op.f("pk_chat_follow_up")),
    )
    with op.batch_alter_table("chat_follow_up", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_chat_follow_up_mail_id"), ["mail_id"], unique=False)

    _number_what_was_said()


def _number_what_was_said() -> None:
    """Number the messages of the conversations there are, oldest ticket first."""
    said = """
        FROM message JOIN ticket ON ticket.id = message.ticket_id
        WHERE message.channel = 'chat' AND message.visibility = 'public' AND ticket.chat_key <> ''
    """
    op.execute(
        "INSERT INTO chat_conversation (chat_key, last_seq, widget_key, subject, email, email_by,"
        " language, left_closed, created_at)"
        f" SELECT chat_key, count(*), '', '', '', '', '', false, min(message.at) {said}"
        " GROUP BY chat_key"
    )
    op.execute(
        "INSERT INTO chat_entry (chat_key, seq, message_id) SELECT chat_key, row_number() OVER"
        f" (PARTITION BY chat_key ORDER BY ticket.number, message.seq), message.id {said}"
    )


def downgrade() -> None:
    raise NotImplementedError("restore a backup instead: money rows are never dropped")
