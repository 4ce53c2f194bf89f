"""The rows of the helpdesk: people, conversations, what arrives and what leaves, money acts."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import Session

from billing_core.store.columns import Instant
from helpdesk.migrations.triggers import all_triggers
from helpdesk.tickets.defaults import add_defaults

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "backlog_snapshot",
        sa.Column("at", Instant(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("open", sa.Integer(), nullable=False),
        sa.Column("unassigned", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("at", "channel", name=op.f("pk_backlog_snapshot")),
    )
    op.create_table(
        "blob",
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("media_type", sa.String(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_blob")),
    )
    op.create_table(
        "counter",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_counter")),
    )
    op.create_table(
        "customer",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("time_zone", sa.String(), nullable=False),
        sa.Column("document_masked", sa.String(), nullable=False),
        sa.Column("document_hash", sa.String(), nullable=False),
        sa.Column("merged_into_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(
            ["merged_into_id"], ["customer.id"], name=op.f("fk_customer_merged_into_id_customer")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_customer")),
    )
    with op.batch_alter_table("customer", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_customer_name"), ["name"], unique=False)

    op.create_table(
        "heartbeat",
        sa.Column("executor", sa.String(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("executor", name=op.f("pk_heartbeat")),
    )
    op.create_table(
        "mailbox_cursor",
        sa.Column("mailbox", sa.String(), nullable=False),
        sa.Column("folder", sa.String(), nullable=False),
        sa.Column("uidvalidity", sa.BigInteger(), nullable=False),
        sa.Column("last_uid", sa.BigInteger(), nullable=False),
        sa.Column("last_ok_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("mailbox", "folder", name=op.f("pk_mailbox_cursor")),
    )
    op.create_table(
        "sign_in_attempt",
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("last_at", Instant(), nullable=False),
        sa.Column("locked_until", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("email", name=op.f("pk_sign_in_attempt")),
    )
    op.create_table(
        "sla_target",
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("metric", sa.String(), nullable=False),
        sa.Column("target_s", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "metric IN ('first_response', 'next_response', 'resolution')",
            name=op.f("ck_sla_target_metric"),
        ),
        sa.CheckConstraint("target_s > 0", name=op.f("ck_sla_target_target")),
        sa.PrimaryKeyConstraint("channel", "metric", name=op.f("pk_sla_target")),
    )
    op.create_table(
        "team",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_team")),
        sa.UniqueConstraint("name", name=op.f("uq_team_name")),
    )
    op.create_table(
        "ticket_status",
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("category", sa.String(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "category IN ('open', 'waiting', 'solved', 'closed')",
            name=op.f("ck_ticket_status_category"),
        ),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_ticket_status")),
    )
    op.create_table(
        "handle",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("value", sa.String(), nullable=False),
        sa.Column("verified_at", Instant(), nullable=True),
        sa.Column("claimed_at", Instant(), nullable=True),
        sa.CheckConstraint(
            "kind IN ('email', 'phone', 'whatsapp', 'chat', 'external')",
            name=op.f("ck_handle_kind"),
        ),
        sa.CheckConstraint(
            "verified_at IS NOT NULL OR claimed_at IS NOT NULL",
            name=op.f("ck_handle_claimed_or_verified"),
        ),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customer.id"], name=op.f("fk_handle_customer_id_customer")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_handle")),
    )
    with op.batch_alter_table("handle", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_handle_customer_id"), ["customer_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_handle_kind_value"), ["kind", "value"], unique=False)
        batch_op.create_index(
            "uq_handle_verified",
            ["kind", "value"],
            unique=True,
            sqlite_where=sa.text("verified_at IS NOT NULL"),
            postgresql_where=sa.text("verified_at IS NOT NULL"),
        )

    op.create_table(
        "staff",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("password_hash", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("team_id", sa.Uuid(), nullable=True),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("theme", sa.String(), nullable=False),
        sa.Column("availability", sa.String(), nullable=False),
        sa.Column("act_limit_minor", sa.BigInteger(), nullable=False),
        sa.Column("day_limit_minor", sa.BigInteger(), nullable=False),
        sa.Column("customer_limit_minor", sa.BigInteger(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("disabled_at", Instant(), nullable=True),
        sa.CheckConstraint(
            "availability IN ('available', 'busy', 'away')", name=op.f("ck_staff_availability")
        ),
        sa.CheckConstraint("role IN ('agent', 'supervisor', 'admin')", name=op.f("ck_staff_role")),
        sa.CheckConstraint(
            "act_limit_minor >= 0 AND day_limit_minor >= 0 AND customer_limit_minor >= 0",
            name=op.f("ck_staff_limits"),
        ),
        sa.ForeignKeyConstraint(["team_id"], ["team.id"], name=op.f("fk_staff_team_id_team")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staff")),
        sa.UniqueConstraint("email", name=op.f("uq_staff_email")),
    )
    op.create_table(
        "staff_session",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("token_hash", sa.String(), nullable=False),
        sa.Column("staff_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("expires_at", Instant(), nullable=False),
        sa.Column("revoked_at", Instant(), nullable=True),
        sa.Column("user_agent", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["staff_id"], ["staff.id"], name=op.f("fk_staff_session_staff_id_staff")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staff_session")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_staff_session_token_hash")),
    )
    with op.batch_alter_table("staff_session", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_staff_session_staff_id"), ["staff_id"], unique=False)

    op.create_table(
        "ticket",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("category", sa.String(), nullable=False),
        sa.Column("priority", sa.String(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=True),
        sa.Column("customer_name", sa.String(), nullable=False),
        sa.Column("subscription_id", sa.Uuid(), nullable=True),
        sa.Column("invoice_line_id", sa.Uuid(), nullable=True),
        sa.Column("team_id", sa.Uuid(), nullable=True),
        sa.Column("assignee_id", sa.Uuid(), nullable=True),
        sa.Column("next_due_at", Instant(), nullable=False),
        sa.Column("due_metric", sa.String(), nullable=False),
        sa.Column("due_target_s", sa.Integer(), nullable=False),
        sa.Column("waiting_since", Instant(), nullable=True),
        sa.Column("snoozed_until", Instant(), nullable=True),
        sa.Column("last_seq", sa.Integer(), nullable=False),
        sa.Column("last_hash", sa.String(), nullable=False),
        sa.Column("said_seq", sa.Integer(), nullable=False),
        sa.Column("snippet", sa.String(), nullable=False),
        sa.Column("last_channel", sa.String(), nullable=False),
        sa.Column("first_channel", sa.String(), nullable=False),
        sa.Column("last_message_at", Instant(), nullable=False),
        sa.Column("money_at_stake_minor", sa.BigInteger(), nullable=True),
        sa.Column("money_currency", sa.String(), nullable=True),
        sa.Column("chat_key", sa.String(), nullable=False),
        sa.Column("merged_into_id", sa.Uuid(), nullable=True),
        sa.Column("parent_id", sa.Uuid(), nullable=True),
        sa.Column("related_id", sa.Uuid(), nullable=True),
        sa.Column("spam", sa.Boolean(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("solved_at", Instant(), nullable=True),
        sa.CheckConstraint(
            "category IN ('open', 'waiting', 'solved', 'closed')", name=op.f("ck_ticket_category")
        ),
        sa.CheckConstraint(
            "last_channel IN ('email', 'chat', 'whatsapp', 'sms', 'voice')",
            name=op.f("ck_ticket_last_channel"),
        ),
        sa.CheckConstraint(
            "priority IN ('low', 'normal', 'high', 'urgent')", name=op.f("ck_ticket_priority")
        ),
        sa.ForeignKeyConstraint(
            ["assignee_id"], ["staff.id"], name=op.f("fk_ticket_assignee_id_staff")
        ),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customer.id"], name=op.f("fk_ticket_customer_id_customer")
        ),
        sa.ForeignKeyConstraint(
            ["merged_into_id"], ["ticket.id"], name=op.f("fk_ticket_merged_into_id_ticket")
        ),
        sa.ForeignKeyConstraint(
            ["parent_id"], ["ticket.id"], name=op.f("fk_ticket_parent_id_ticket")
        ),
        sa.ForeignKeyConstraint(
            ["related_id"], ["ticket.id"], name=op.f("fk_ticket_related_id_ticket")
        ),
        sa.ForeignKeyConstraint(
            ["status"], ["ticket_status.code"], name=op.f("fk_ticket_status_ticket_status")
        ),
        sa.ForeignKeyConstraint(["team_id"], ["team.id"], name=op.f("fk_ticket_team_id_team")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ticket")),
        sa.UniqueConstraint("number", name=op.f("uq_ticket_number")),
    )
    with op.batch_alter_table("ticket", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_ticket_assignee_id_category_next_due_at_id"),
            ["assignee_id", "category", "next_due_at", "id"],
            unique=False,
        )
        batch_op.create_index(
            batch_op.f("ix_ticket_category_next_due_at_id"),
            ["category", "next_due_at", "id"],
            unique=False,
        )
        batch_op.create_index(
            batch_op.f("ix_ticket_category_snoozed_until"),
            ["category", "snoozed_until"],
            unique=False,
        )
        batch_op.create_index(
            batch_op.f("ix_ticket_category_solved_at_id"),
            ["category", "solved_at", "id"],
            unique=False,
        )
        batch_op.create_index(batch_op.f("ix_ticket_chat_key"), ["chat_key"], unique=False)
        batch_op.create_index(batch_op.f("ix_ticket_customer_id"), ["customer_id"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_ticket_team_id_category_next_due_at_id"),
            ["team_id", "category", "next_due_at", "id"],
            unique=False,
        )
        batch_op.create_index(
            "uq_ticket_open_chat",
            ["chat_key"],
            unique=True,
            sqlite_where=sa.text("chat_key <> '' AND category IN ('open', 'waiting')"),
            postgresql_where=sa.text("chat_key <> '' AND category IN ('open', 'waiting')"),
        )

    op.create_table(
        "draft",
        sa.Column("staff_id", sa.Uuid(), nullable=False),
        sa.Column("ticket_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("body", sa.String(), nullable=False),
        sa.Column("saved_at", Instant(), nullable=False),
        sa.CheckConstraint("kind IN ('reply', 'note')", name=op.f("ck_draft_kind")),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_draft_staff_id_staff")),
        sa.ForeignKeyConstraint(
            ["ticket_id"], ["ticket.id"], name=op.f("fk_draft_ticket_id_ticket")
        ),
        sa.PrimaryKeyConstraint("staff_id", "ticket_id", "kind", name=op.f("pk_draft")),
    )
    op.create_table(
        "event",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("ticket_id", sa.Uuid(), nullable=True),
        sa.Column("seq", sa.Integer(), nullable=True),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("actor_kind", sa.String(), nullable=False),
        sa.Column("actor_id", sa.Uuid(), nullable=True),
        sa.Column("at", Instant(), nullable=False),
        sa.Column(
            "data",
            sa.JSON().with_variant(postgresql.JSONB(), "postgresql"),
            nullable=False,
        ),
        sa.Column("prev_hash", sa.String(), nullable=False),
        sa.Column("hash", sa.String(), nullable=False),
        sa.CheckConstraint(
            "actor_kind IN ('staff', 'customer', 'system', 'bot')", name=op.f("ck_event_actor_kind")
        ),
        sa.CheckConstraint(
            "(ticket_id IS NULL) = (seq IS NULL)", name=op.f("ck_event_seq_with_ticket")
        ),
        sa.ForeignKeyConstraint(
            ["ticket_id"], ["ticket.id"], name=op.f("fk_event_ticket_id_ticket")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_event")),
        sa.UniqueConstraint("ticket_id", "seq", name=op.f("uq_event_ticket_id_seq")),
    )
    with op.batch_alter_table("event", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_event_kind_at"), ["kind", "at"], unique=False)

    op.create_table(
        "message",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("ticket_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("direction", sa.String(), nullable=False),
        sa.Column("visibility", sa.String(), nullable=False),
        sa.Column("author_kind", sa.String(), nullable=False),
        sa.Column("author_id", sa.Uuid(), nullable=True),
        sa.Column("author_name", sa.String(), nullable=False),
        sa.Column("author_handle", sa.String(), nullable=False),
        sa.Column("body", sa.String(), nullable=False),
        sa.Column("reply_text", sa.String(), nullable=False),
        sa.Column("html_blob", sa.String(), nullable=True),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("trust", sa.String(), nullable=False),
        sa.Column("auto", sa.String(), nullable=False),
        sa.Column("client_msg_id", sa.String(), nullable=True),
        sa.Column("media_url", sa.String(), nullable=False),
        sa.Column("media_seconds", sa.Integer(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.CheckConstraint(
            "author_kind IN ('customer', 'staff', 'bot', 'system')", name=op.f("ck_message_author")
        ),
        sa.CheckConstraint(
            "channel IN ('email', 'chat', 'whatsapp', 'sms', 'voice')",
            name=op.f("ck_message_channel"),
        ),
        sa.CheckConstraint("direction IN ('in', 'out')", name=op.f("ck_message_direction")),
        sa.CheckConstraint("visibility IN ('public', 'note')", name=op.f("ck_message_visibility")),
        sa.ForeignKeyConstraint(
            ["html_blob"], ["blob.sha256"], name=op.f("fk_message_html_blob_blob")
        ),
        sa.ForeignKeyConstraint(
            ["ticket_id"], ["ticket.id"], name=op.f("fk_message_ticket_id_ticket")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_message")),
        sa.UniqueConstraint(
            "author_id", "client_msg_id", name=op.f("uq_message_author_id_client_msg_id")
        ),
        sa.UniqueConstraint("ticket_id", "seq", name=op.f("uq_message_ticket_id_seq")),
    )
    op.create_table(
        "metric_event",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("ticket_id", sa.Uuid(), nullable=False),
        sa.Column("metric", sa.String(), nullable=False),
        sa.Column("cycle", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("target_s", sa.Integer(), nullable=False),
        sa.Column("staff_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "kind IN ('activate', 'pause', 'resume', 'fulfil', 'breach', 'cancel')",
            name=op.f("ck_metric_event_kind"),
        ),
        sa.CheckConstraint(
            "metric IN ('first_response', 'next_response', 'resolution')",
            name=op.f("ck_metric_event_metric"),
        ),
        sa.ForeignKeyConstraint(
            ["ticket_id"], ["ticket.id"], name=op.f("fk_metric_event_ticket_id_ticket")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_metric_event")),
        sa.UniqueConstraint(
            "ticket_id",
            "metric",
            "cycle",
            "position",
            name=op.f("uq_metric_event_ticket_id_metric_cycle_position"),
        ),
    )
    with op.batch_alter_table("metric_event", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_metric_event_metric_kind_at"), ["metric", "kind", "at"], unique=False
        )

    op.create_table(
        "money_preview",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("ticket_id", sa.Uuid(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("created_by", sa.Uuid(), nullable=False),
        sa.Column("frozen_at", Instant(), nullable=False),
        sa.Column("expires_at", Instant(), nullable=False),
        sa.Column("inputs_hash", sa.String(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.CHAR(length=3), nullable=False),
        sa.Column(
            "ask",
            sa.JSON().with_variant(postgresql.JSONB(), "postgresql"),
            nullable=False,
        ),
        sa.Column(
            "shown",
            sa.JSON().with_variant(postgresql.JSONB(), "postgresql"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "kind IN ('refund', 'credit', 'reissue', 'plan_change')",
            name=op.f("ck_money_preview_kind"),
        ),
        sa.ForeignKeyConstraint(
            ["created_by"], ["staff.id"], name=op.f("fk_money_preview_created_by_staff")
        ),
        sa.ForeignKeyConstraint(
            ["ticket_id"], ["ticket.id"], name=op.f("fk_money_preview_ticket_id_ticket")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_money_preview")),
    )
    op.create_table(
        "participant",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("ticket_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("value", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["ticket_id"], ["ticket.id"], name=op.f("fk_participant_ticket_id_ticket")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_participant")),
        sa.UniqueConstraint(
            "ticket_id", "kind", "value", name=op.f("uq_participant_ticket_id_kind_value")
        ),
    )
    op.create_table(
        "read_mark",
        sa.Column("staff_id", sa.Uuid(), nullable=False),
        sa.Column("ticket_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["staff_id"], ["staff.id"], name=op.f("fk_read_mark_staff_id_staff")
        ),
        sa.ForeignKeyConstraint(
            ["ticket_id"], ["ticket.id"], name=op.f("fk_read_mark_ticket_id_ticket")
        ),
        sa.PrimaryKeyConstraint("staff_id", "ticket_id", name=op.f("pk_read_mark")),
    )
    op.create_table(
        "reply_token",
        sa.Column("token_hash", sa.String(), nullable=False),
        sa.Column("ticket_id", sa.Uuid(), nullable=False),
        sa.Column("recipient", sa.String(), nullable=False),
        sa.Column("expires_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(
            ["ticket_id"], ["ticket.id"], name=op.f("fk_reply_token_ticket_id_ticket")
        ),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_reply_token")),
    )
    op.create_table(
        "sla_clock",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("ticket_id", sa.Uuid(), nullable=False),
        sa.Column("metric", sa.String(), nullable=False),
        sa.Column("cycle", sa.Integer(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("target_s", sa.Integer(), nullable=False),
        sa.Column("started_at", Instant(), nullable=False),
        sa.Column("due_at", Instant(), nullable=True),
        sa.Column("consumed_s", sa.Integer(), nullable=False),
        sa.Column("resumed_at", Instant(), nullable=True),
        sa.Column("breached_at", Instant(), nullable=True),
        sa.Column("ended_at", Instant(), nullable=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "metric IN ('first_response', 'next_response', 'resolution')",
            name=op.f("ck_sla_clock_metric"),
        ),
        sa.CheckConstraint(
            "state IN ('running', 'paused', 'fulfilled', 'cancelled')",
            name=op.f("ck_sla_clock_state"),
        ),
        sa.ForeignKeyConstraint(
            ["ticket_id"], ["ticket.id"], name=op.f("fk_sla_clock_ticket_id_ticket")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sla_clock")),
        sa.UniqueConstraint(
            "ticket_id", "metric", "cycle", name=op.f("uq_sla_clock_ticket_id_metric_cycle")
        ),
    )
    with op.batch_alter_table("sla_clock", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_sla_clock_state_due_at"), ["state", "due_at"], unique=False
        )
        batch_op.create_index(
            "uq_sla_clock_running",
            ["ticket_id", "metric"],
            unique=True,
            sqlite_where=sa.text("state IN ('running', 'paused')"),
            postgresql_where=sa.text("state IN ('running', 'paused')"),
        )

    op.create_table(
        "ticket_tag",
        sa.Column("ticket_id", sa.Uuid(), nullable=False),
        sa.Column("tag", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["ticket_id"], ["ticket.id"], name=op.f("fk_ticket_tag_ticket_id_ticket")
        ),
        sa.PrimaryKeyConstraint("ticket_id", "tag", name=op.f("pk_ticket_tag")),
    )
    op.create_table(
        "attachment",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("message_id", sa.Uuid(), nullable=False),
        sa.Column("blob", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("media_type", sa.String(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("content_id", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["blob"], ["blob.sha256"], name=op.f("fk_attachment_blob_blob")),
        sa.ForeignKeyConstraint(
            ["message_id"], ["message.id"], name=op.f("fk_attachment_message_id_message")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attachment")),
    )
    with op.batch_alter_table("attachment", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_attachment_message_id"), ["message_id"], unique=False)

    op.create_table(
        "inbound",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("external_key", sa.String(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("received_at", Instant(), nullable=False),
        sa.Column(
            "headers",
            sa.JSON().with_variant(postgresql.JSONB(), "postgresql"),
            nullable=False,
        ),
        sa.Column("url", sa.String(), nullable=False),
        sa.Column("blob", sa.String(), nullable=False),
        sa.Column("content_hash", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("not_before", Instant(), nullable=False),
        sa.Column("leased_until", Instant(), nullable=True),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("detail", sa.String(), nullable=False),
        sa.Column("ticket_id", sa.Uuid(), nullable=True),
        sa.Column("message_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "state IN ('new', 'read', 'quarantined', 'discarded')", name=op.f("ck_inbound_state")
        ),
        sa.ForeignKeyConstraint(["blob"], ["blob.sha256"], name=op.f("fk_inbound_blob_blob")),
        sa.ForeignKeyConstraint(
            ["message_id"], ["message.id"], name=op.f("fk_inbound_message_id_message")
        ),
        sa.ForeignKeyConstraint(
            ["ticket_id"], ["ticket.id"], name=op.f("fk_inbound_ticket_id_ticket")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inbound")),
        sa.UniqueConstraint("source", "external_key", name=op.f("uq_inbound_source_external_key")),
    )
    with op.batch_alter_table("inbound", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_inbound_content_hash"), ["content_hash"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_inbound_state_received_at_id"),
            ["state", "received_at", "id"],
            unique=False,
        )

    op.create_table(
        "mail_index",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("mailbox", sa.String(), nullable=False),
        sa.Column("message_id_hash", sa.String(), nullable=False),
        sa.Column("header_id", sa.String(), nullable=False),
        sa.Column("message_id", sa.Uuid(), nullable=False),
        sa.Column("ticket_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["message_id"], ["message.id"], name=op.f("fk_mail_index_message_id_message")
        ),
        sa.ForeignKeyConstraint(
            ["ticket_id"], ["ticket.id"], name=op.f("fk_mail_index_ticket_id_ticket")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mail_index")),
    )
    with op.batch_alter_table("mail_index", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_mail_index_message_id_hash"), ["message_id_hash"], unique=False
        )

    op.create_table(
        "money_act",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("ticket_id", sa.Uuid(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("preview_id", sa.Uuid(), nullable=False),
        sa.Column("requester_id", sa.Uuid(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.CHAR(length=3), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("one_time_key", sa.String(), nullable=False),
        sa.Column("request_hash", sa.String(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=True),
        sa.Column("failure", sa.String(), nullable=False),
        sa.Column("message_text", sa.String(), nullable=False),
        sa.Column("message_channel", sa.String(), nullable=False),
        sa.Column("message_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("changed_at", Instant(), nullable=False),
        sa.Column("settled_at", Instant(), nullable=True),
        sa.CheckConstraint(
            "kind IN ('refund', 'credit', 'reissue', 'plan_change')", name=op.f("ck_money_act_kind")
        ),
        sa.CheckConstraint(
            "state IN ('draft', 'awaiting_approval', 'approved', 'refused', 'expired', 'sending', 'unknown', 'succeeded', 'failed', 'reversed')",
            name=op.f("ck_money_act_state"),
        ),
        sa.CheckConstraint("amount_minor >= 0", name=op.f("ck_money_act_amount")),
        sa.ForeignKeyConstraint(
            ["message_id"], ["message.id"], name=op.f("fk_money_act_message_id_message")
        ),
        sa.ForeignKeyConstraint(
            ["preview_id"], ["money_preview.id"], name=op.f("fk_money_act_preview_id_money_preview")
        ),
        sa.ForeignKeyConstraint(
            ["requester_id"], ["staff.id"], name=op.f("fk_money_act_requester_id_staff")
        ),
        sa.ForeignKeyConstraint(
            ["ticket_id"], ["ticket.id"], name=op.f("fk_money_act_ticket_id_ticket")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_money_act")),
        sa.UniqueConstraint("number", name=op.f("uq_money_act_number")),
        sa.UniqueConstraint("one_time_key", name=op.f("uq_money_act_one_time_key")),
        sa.UniqueConstraint("preview_id", name=op.f("uq_money_act_preview_id")),
    )
    with op.batch_alter_table("money_act", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_money_act_customer_id_created_at"),
            ["customer_id", "created_at"],
            unique=False,
        )
        batch_op.create_index(
            batch_op.f("ix_money_act_requester_id_created_at"),
            ["requester_id", "created_at"],
            unique=False,
        )
        batch_op.create_index(
            batch_op.f("ix_money_act_state_created_at"), ["state", "created_at"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_money_act_ticket_id"), ["ticket_id"], unique=False)

    op.create_table(
        "outbound",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("message_id", sa.Uuid(), nullable=False),
        sa.Column("ticket_id", sa.Uuid(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("recipient_kind", sa.String(), nullable=False),
        sa.Column("recipient", sa.String(), nullable=False),
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
        sa.UniqueConstraint("message_id", name=op.f("uq_outbound_message_id")),
    )
    with op.batch_alter_table("outbound", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_outbound_state_not_before_id"),
            ["state", "not_before", "id"],
            unique=False,
        )
        batch_op.create_index(batch_op.f("ix_outbound_ticket_id"), ["ticket_id"], unique=False)

    op.create_table(
        "approval",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("money_act_id", sa.Uuid(), nullable=False),
        sa.Column("approver_id", sa.Uuid(), nullable=False),
        sa.Column("decision", sa.String(), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("request_hash", sa.String(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.CheckConstraint(
            "decision IN ('approved', 'refused')", name=op.f("ck_approval_decision")
        ),
        sa.ForeignKeyConstraint(
            ["approver_id"], ["staff.id"], name=op.f("fk_approval_approver_id_staff")
        ),
        sa.ForeignKeyConstraint(
            ["money_act_id"], ["money_act.id"], name=op.f("fk_approval_money_act_id_money_act")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_approval")),
        sa.UniqueConstraint("money_act_id", name=op.f("uq_approval_money_act_id")),
    )

    for statement in all_triggers(op.get_bind().dialect.name):
        op.execute(statement)
    with Session(op.get_bind()) as session, session.begin():
        add_defaults(session)


def downgrade() -> None:
    raise NotImplementedError("restore a backup instead: money rows are never dropped")
