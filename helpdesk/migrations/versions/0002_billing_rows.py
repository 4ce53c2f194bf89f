"""The rows of billing: catalogue, subscriptions, invoices, payments, refunds, ledger."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from billing_core.store.columns import Instant
from billing_core.store.triggers import create_statements

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "bank_payee",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column(
            "masked", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False
        ),
        sa.Column("full", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=True),
        sa.Column("fingerprint", sa.String(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("forgotten_at", Instant(), nullable=True),
        sa.CheckConstraint("kind IN ('pix', 'account')", name=op.f("ck_bank_payee_kind")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bank_payee")),
    )
    with op.batch_alter_table("bank_payee", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_bank_payee_customer_id"), ["customer_id"], unique=False
        )

    op.create_table(
        "coupon",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("percent", sa.String(), nullable=True),
        sa.Column("amount_minor", sa.BigInteger(), nullable=True),
        sa.Column("currency", sa.CHAR(length=3), nullable=True),
        sa.Column("periods", sa.Integer(), nullable=True),
        sa.Column(
            "plan_ids", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False
        ),
        sa.Column("most", sa.Integer(), nullable=True),
        sa.Column("redeemed", sa.Integer(), nullable=False),
        sa.Column("redeem_until", Instant(), nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.CheckConstraint(
            "(percent IS NULL) <> (amount_minor IS NULL)", name=op.f("ck_coupon_percent_or_amount")
        ),
        sa.CheckConstraint(
            "amount_minor IS NULL OR (amount_minor > 0 AND currency IS NOT NULL)",
            name=op.f("ck_coupon_amount_minor"),
        ),
        sa.CheckConstraint("periods > 0", name=op.f("ck_coupon_periods")),
        sa.CheckConstraint("redeemed >= 0 AND redeemed <= most", name=op.f("ck_coupon_redeemed")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_coupon")),
        sa.UniqueConstraint("code", name=op.f("uq_coupon_code")),
    )
    op.create_table(
        "credit_balance",
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("currency", sa.CHAR(length=3), nullable=False),
        sa.Column("balance_minor", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("balance_minor >= 0", name=op.f("ck_credit_balance_balance_minor")),
        sa.PrimaryKeyConstraint("customer_id", "currency", name=op.f("pk_credit_balance")),
    )
    op.create_table(
        "credit_entry",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("currency", sa.CHAR(length=3), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("balance_after_minor", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("source_kind", sa.String(), nullable=False),
        sa.Column("source_id", sa.Uuid(), nullable=False),
        sa.Column("money_act_id", sa.Uuid(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_credit_entry")),
        sa.UniqueConstraint(
            "source_kind",
            "source_id",
            "reason",
            name=op.f("uq_credit_entry_source_kind_source_id_reason"),
        ),
    )
    with op.batch_alter_table("credit_entry", schema=None) as batch_op:
        batch_op.create_index("ix_credit_entry_customer_id_at", ["customer_id", "at"], unique=False)

    op.create_table(
        "dunning_policy",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "terms", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False
        ),
        sa.Column("set_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dunning_policy")),
    )
    op.create_table(
        "gateway_event",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("gateway", sa.String(), nullable=False),
        sa.Column("event_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("said", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("why", sa.String(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("due_at", Instant(), nullable=False),
        sa.Column("received_at", Instant(), nullable=False),
        sa.CheckConstraint(
            "state IN ('new', 'read', 'parked', 'unreadable')", name=op.f("ck_gateway_event_state")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gateway_event")),
        sa.UniqueConstraint("gateway", "event_id", name=op.f("uq_gateway_event_gateway_event_id")),
    )
    with op.batch_alter_table("gateway_event", schema=None) as batch_op:
        batch_op.create_index(
            "ix_gateway_event_due_at",
            ["due_at"],
            unique=False,
            sqlite_where=sa.text("state IN ('new', 'parked')"),
            postgresql_where=sa.text("state IN ('new', 'parked')"),
        )

    op.create_table(
        "ledger_entry",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("source_kind", sa.String(), nullable=False),
        sa.Column("source_id", sa.Uuid(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_entry")),
        sa.UniqueConstraint(
            "source_kind",
            "source_id",
            "reason",
            name=op.f("uq_ledger_entry_source_kind_source_id_reason"),
        ),
    )
    with op.batch_alter_table("ledger_entry", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_ledger_entry_customer_id"), ["customer_id"], unique=False
        )

    op.create_table(
        "ledger_proof",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("entries", sa.BigInteger(), nullable=False),
        sa.Column("head_seq", sa.BigInteger(), nullable=False),
        sa.Column("head_hash", sa.CHAR(length=64), nullable=False),
        sa.Column("faults", sa.Integer(), nullable=False),
        sa.Column(
            "first_faults", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_proof")),
    )
    with op.batch_alter_table("ledger_proof", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_ledger_proof_at"), ["at"], unique=False)

    op.create_table(
        "number_series",
        sa.Column("series", sa.String(), nullable=False),
        sa.Column("last", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("series", name=op.f("pk_number_series")),
    )
    op.create_table(
        "payment_method",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("gateway", sa.String(), nullable=False),
        sa.Column("token", sa.String(), nullable=False),
        sa.Column("brand", sa.String(), nullable=False),
        sa.Column("last4", sa.String(), nullable=False),
        sa.Column("exp_month", sa.Integer(), nullable=True),
        sa.Column("exp_year", sa.Integer(), nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.CheckConstraint(
            "kind IN ('card', 'pix', 'pix_automatico', 'boleto')",
            name=op.f("ck_payment_method_kind"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payment_method")),
        sa.UniqueConstraint("gateway", "token", name=op.f("uq_payment_method_gateway_token")),
    )
    with op.batch_alter_table("payment_method", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_payment_method_customer_id"), ["customer_id"], unique=False
        )

    op.create_table(
        "product",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_product")),
        sa.UniqueConstraint("code", name=op.f("uq_product_code")),
    )
    op.create_table(
        "reconciliation_item",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("gateway", sa.String(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("ref", sa.String(), nullable=False),
        sa.Column("source_id", sa.Uuid(), nullable=True),
        sa.Column("ours_minor", sa.BigInteger(), nullable=True),
        sa.Column("ours_currency", sa.CHAR(length=3), nullable=True),
        sa.Column("theirs_minor", sa.BigInteger(), nullable=True),
        sa.Column("theirs_currency", sa.CHAR(length=3), nullable=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("resolved_by", sa.Uuid(), nullable=True),
        sa.Column("resolved_at", Instant(), nullable=True),
        sa.Column("found_at", Instant(), nullable=False),
        sa.Column("changed_at", Instant(), nullable=False),
        sa.CheckConstraint(
            "(state = 'resolved') = (resolved_at IS NOT NULL)",
            name=op.f("ck_reconciliation_item_resolved_at"),
        ),
        sa.CheckConstraint(
            "kind IN ('charge', 'refund', 'dispute')", name=op.f("ck_reconciliation_item_kind")
        ),
        sa.CheckConstraint(
            "state IN ('matched', 'missing_here', 'missing_there', 'amount_differs', 'resolved')",
            name=op.f("ck_reconciliation_item_state"),
        ),
        sa.CheckConstraint(
            "ours_minor IS NOT NULL OR theirs_minor IS NOT NULL",
            name=op.f("ck_reconciliation_item_a_side"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reconciliation_item")),
        sa.UniqueConstraint(
            "gateway", "kind", "ref", name=op.f("uq_reconciliation_item_gateway_kind_ref")
        ),
    )
    with op.batch_alter_table("reconciliation_item", schema=None) as batch_op:
        batch_op.create_index(
            "ix_reconciliation_item_gateway_day", ["gateway", "day"], unique=False
        )
        batch_op.create_index(
            "ix_reconciliation_item_open",
            ["day", "id"],
            unique=False,
            sqlite_where=sa.text("state IN ('missing_here', 'missing_there', 'amount_differs')"),
            postgresql_where=sa.text(
                "state IN ('missing_here', 'missing_there', 'amount_differs')"
            ),
        )

    op.create_table(
        "sandbox_charge",
        sa.Column("ref", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("method_token", sa.String(), nullable=False),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("currency", sa.CHAR(length=3), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("refunded_minor", sa.BigInteger(), nullable=False),
        sa.Column("disputed_minor", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("pay_until", Instant(), nullable=True),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("moved_at", Instant(), nullable=True),
        sa.CheckConstraint(
            "state IN ('pending', 'succeeded', 'failed')", name=op.f("ck_sandbox_charge_state")
        ),
        sa.CheckConstraint(
            "refunded_minor >= 0 AND disputed_minor >= 0 AND refunded_minor + disputed_minor <= amount_minor",
            name=op.f("ck_sandbox_charge_refunded_minor"),
        ),
        sa.PrimaryKeyConstraint("ref", name=op.f("pk_sandbox_charge")),
        sa.UniqueConstraint("key", name=op.f("uq_sandbox_charge_key")),
    )
    op.create_table(
        "sandbox_rule",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("act", sa.String(), nullable=False),
        sa.Column("call", sa.String(), nullable=False),
        sa.Column("key_prefix", sa.String(), nullable=False),
        sa.Column("method_prefix", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("times", sa.Integer(), nullable=True),
        sa.CheckConstraint(
            "act IN ('decline', 'drop_before', 'drop_after', 'late')",
            name=op.f("ck_sandbox_rule_act"),
        ),
        sa.CheckConstraint(
            "call IN ('charge', 'refund', 'find', 'withdraw', 'answer', 'report')",
            name=op.f("ck_sandbox_rule_call"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sandbox_rule")),
    )
    op.create_table(
        "tax_rate",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("percent", sa.String(), nullable=False),
        sa.Column("valid_from", Instant(), nullable=False),
        sa.Column("valid_until", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tax_rate")),
        sa.UniqueConstraint("code", "version", name=op.f("uq_tax_rate_code_version")),
    )
    with op.batch_alter_table("tax_rate", schema=None) as batch_op:
        batch_op.create_index(
            "uq_tax_rate_in_force",
            ["code"],
            unique=True,
            sqlite_where=sa.text("valid_until IS NULL"),
            postgresql_where=sa.text("valid_until IS NULL"),
        )

    op.create_table(
        "test_clock",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("now_at", Instant(), nullable=False),
        sa.Column("advancing_to", Instant(), nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_test_clock")),
    )
    op.create_table(
        "ledger_line",
        sa.Column("entry_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("side", sa.String(), nullable=False),
        sa.Column("currency", sa.CHAR(length=3), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("side IN ('debit', 'credit')", name=op.f("ck_ledger_line_side")),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_ledger_line_amount_minor")),
        sa.ForeignKeyConstraint(
            ["entry_id"], ["ledger_entry.id"], name=op.f("fk_ledger_line_entry_id_ledger_entry")
        ),
        sa.PrimaryKeyConstraint("entry_id", "position", name=op.f("pk_ledger_line")),
    )
    op.create_table(
        "ledger_seal",
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("entry_id", sa.Uuid(), nullable=False),
        sa.Column("hash", sa.CHAR(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["entry_id"], ["ledger_entry.id"], name=op.f("fk_ledger_seal_entry_id_ledger_entry")
        ),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_ledger_seal")),
        sa.UniqueConstraint("entry_id", name=op.f("uq_ledger_seal_entry_id")),
    )
    op.create_table(
        "ledger_waiting",
        sa.Column("entry_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["entry_id"], ["ledger_entry.id"], name=op.f("fk_ledger_waiting_entry_id_ledger_entry")
        ),
        sa.PrimaryKeyConstraint("entry_id", name=op.f("pk_ledger_waiting")),
    )
    op.create_table(
        "plan",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("product_id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column(
            "features", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False
        ),
        sa.Column("kind", sa.String(), nullable=False),
        sa.CheckConstraint("kind IN ('plan', 'add_on')", name=op.f("ck_plan_kind")),
        sa.ForeignKeyConstraint(
            ["product_id"], ["product.id"], name=op.f("fk_plan_product_id_product")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_plan")),
        sa.UniqueConstraint("code", name=op.f("uq_plan_code")),
    )
    with op.batch_alter_table("plan", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_plan_product_id"), ["product_id"], unique=False)

    op.create_table(
        "sandbox_dispute",
        sa.Column("ref", sa.String(), nullable=False),
        sa.Column("charge_ref", sa.String(), nullable=False),
        sa.Column("currency", sa.CHAR(length=3), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("respond_by", Instant(), nullable=True),
        sa.Column("answer_key", sa.String(), nullable=True),
        sa.Column(
            "evidence", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=True
        ),
        sa.Column("at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(
            ["charge_ref"],
            ["sandbox_charge.ref"],
            name=op.f("fk_sandbox_dispute_charge_ref_sandbox_charge"),
        ),
        sa.PrimaryKeyConstraint("ref", name=op.f("pk_sandbox_dispute")),
        sa.UniqueConstraint("answer_key", name=op.f("uq_sandbox_dispute_answer_key")),
    )
    with op.batch_alter_table("sandbox_dispute", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_sandbox_dispute_charge_ref"), ["charge_ref"], unique=False
        )

    op.create_table(
        "sandbox_refund",
        sa.Column("ref", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("outside", sa.Boolean(), nullable=False),
        sa.Column("charge_ref", sa.String(), nullable=False),
        sa.Column("currency", sa.CHAR(length=3), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("moved_at", Instant(), nullable=True),
        sa.CheckConstraint(
            "state IN ('pending', 'succeeded', 'failed')", name=op.f("ck_sandbox_refund_state")
        ),
        sa.ForeignKeyConstraint(
            ["charge_ref"],
            ["sandbox_charge.ref"],
            name=op.f("fk_sandbox_refund_charge_ref_sandbox_charge"),
        ),
        sa.PrimaryKeyConstraint("ref", name=op.f("pk_sandbox_refund")),
        sa.UniqueConstraint("key", name=op.f("uq_sandbox_refund_key")),
    )
    with op.batch_alter_table("sandbox_refund", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_sandbox_refund_charge_ref"), ["charge_ref"], unique=False
        )

    op.create_table(
        "test_clock_customer",
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("clock_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["clock_id"], ["test_clock.id"], name=op.f("fk_test_clock_customer_clock_id_test_clock")
        ),
        sa.PrimaryKeyConstraint("customer_id", name=op.f("pk_test_clock_customer")),
    )
    with op.batch_alter_table("test_clock_customer", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_test_clock_customer_clock_id"), ["clock_id"], unique=False
        )

    op.create_table(
        "price",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("plan_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("valid_from", Instant(), nullable=False),
        sa.Column("valid_until", Instant(), nullable=True),
        sa.Column("interval", sa.String(), nullable=False),
        sa.Column("interval_count", sa.Integer(), nullable=False),
        sa.Column("currency", sa.CHAR(length=3), nullable=False),
        sa.Column("unit_minor", sa.BigInteger(), nullable=False),
        sa.Column("model", sa.String(), nullable=False),
        sa.Column(
            "tiers", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False
        ),
        sa.Column("meter", sa.String(), nullable=True),
        sa.Column("proration", sa.String(), nullable=False),
        sa.Column("trial_days", sa.Integer(), nullable=False),
        sa.Column("tax_code", sa.String(), nullable=True),
        sa.Column("tax_inclusive", sa.Boolean(), nullable=False),
        sa.CheckConstraint(
            "interval IN ('day', 'week', 'month', 'year')", name=op.f("ck_price_interval")
        ),
        sa.CheckConstraint("model <> 'usage' OR meter IS NOT NULL", name=op.f("ck_price_meter")),
        sa.CheckConstraint(
            "model IN ('flat', 'per_unit', 'tiered', 'volume', 'usage')",
            name=op.f("ck_price_model"),
        ),
        sa.CheckConstraint("proration IN ('day', 'second')", name=op.f("ck_price_proration")),
        sa.CheckConstraint("interval_count > 0", name=op.f("ck_price_interval_count")),
        sa.CheckConstraint("trial_days >= 0", name=op.f("ck_price_trial_days")),
        sa.CheckConstraint("unit_minor >= 0", name=op.f("ck_price_unit_minor")),
        sa.ForeignKeyConstraint(["plan_id"], ["plan.id"], name=op.f("fk_price_plan_id_plan")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_price")),
        sa.UniqueConstraint(
            "plan_id",
            "currency",
            "interval",
            "interval_count",
            "version",
            name=op.f("uq_price_plan_id_currency_interval_interval_count_version"),
        ),
    )
    with op.batch_alter_table("price", schema=None) as batch_op:
        batch_op.create_index(
            "uq_price_on_sale",
            ["plan_id", "currency", "interval", "interval_count"],
            unique=True,
            sqlite_where=sa.text("valid_until IS NULL"),
            postgresql_where=sa.text("valid_until IS NULL"),
        )

    op.create_table(
        "subscription",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("system", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("currency", sa.CHAR(length=3), nullable=False),
        sa.Column("time_zone", sa.String(), nullable=False),
        sa.Column("anchor_day", sa.Integer(), nullable=False),
        sa.Column("anchor_date", sa.Date(), nullable=False),
        sa.Column("current_period_start", sa.Date(), nullable=False),
        sa.Column("current_period_end", sa.Date(), nullable=False),
        sa.Column("next_bill_at", Instant(), nullable=True),
        sa.Column("payment_method_id", sa.Uuid(), nullable=True),
        sa.Column("started_at", Instant(), nullable=False),
        sa.Column("cancel_at_period_end", sa.Boolean(), nullable=False),
        sa.Column("ended_on", sa.Date(), nullable=True),
        sa.Column("scheduled_item_id", sa.Uuid(), nullable=True),
        sa.Column("scheduled_price_id", sa.Uuid(), nullable=True),
        sa.Column("scheduled_quantity", sa.Integer(), nullable=True),
        sa.Column("scheduled_act_id", sa.Uuid(), nullable=True),
        sa.Column("pending_item_id", sa.Uuid(), nullable=True),
        sa.Column("pending_price_id", sa.Uuid(), nullable=True),
        sa.Column("pending_quantity", sa.Integer(), nullable=True),
        sa.Column("pending_new_cycle", sa.Boolean(), nullable=False),
        sa.Column("pending_invoice_id", sa.Uuid(), nullable=True),
        sa.Column("pending_act_id", sa.Uuid(), nullable=True),
        sa.Column("pending_on", sa.Date(), nullable=True),
        sa.Column("trial_end", sa.Date(), nullable=True),
        sa.Column("trial_without_method", sa.String(), nullable=False),
        sa.Column("pay_first_by", Instant(), nullable=True),
        sa.Column("cancel_on", sa.Date(), nullable=True),
        sa.Column("cancel_settle", sa.String(), nullable=True),
        sa.Column("cancel_act_id", sa.Uuid(), nullable=True),
        sa.Column("pause_at_period_end", sa.Boolean(), nullable=False),
        sa.Column("paused_on", sa.Date(), nullable=True),
        sa.Column("resumes_on", sa.Date(), nullable=True),
        sa.Column("resumes_in_cycle", sa.Boolean(), nullable=False),
        sa.Column("collection_paused", sa.Boolean(), nullable=False),
        sa.Column("wakes_at", Instant(), nullable=True),
        sa.CheckConstraint(
            "cancel_settle IN ('refund', 'credit', 'nothing')",
            name=op.f("ck_subscription_cancel_settle"),
        ),
        sa.CheckConstraint(
            "state IN ('incomplete', 'incomplete_expired', 'trialing', 'active', 'past_due', 'unpaid', 'paused', 'canceled')",
            name=op.f("ck_subscription_state"),
        ),
        sa.CheckConstraint(
            "trial_without_method IN ('pause', 'cancel')",
            name=op.f("ck_subscription_trial_without_method"),
        ),
        sa.CheckConstraint("anchor_day BETWEEN 1 AND 31", name=op.f("ck_subscription_anchor_day")),
        sa.CheckConstraint(
            "current_period_start <= current_period_end", name=op.f("ck_subscription_period")
        ),
        sa.CheckConstraint("pending_quantity >= 0", name=op.f("ck_subscription_pending_quantity")),
        sa.CheckConstraint(
            "scheduled_quantity >= 0", name=op.f("ck_subscription_scheduled_quantity")
        ),
        sa.ForeignKeyConstraint(
            ["payment_method_id"],
            ["payment_method.id"],
            name=op.f("fk_subscription_payment_method_id_payment_method"),
        ),
        sa.ForeignKeyConstraint(
            ["pending_price_id"], ["price.id"], name=op.f("fk_subscription_pending_price_id_price")
        ),
        sa.ForeignKeyConstraint(
            ["scheduled_price_id"],
            ["price.id"],
            name=op.f("fk_subscription_scheduled_price_id_price"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_subscription")),
    )
    with op.batch_alter_table("subscription", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_subscription_customer_id"), ["customer_id"], unique=False
        )
        batch_op.create_index(
            "ix_subscription_next_bill_at_id", ["next_bill_at", "id"], unique=False
        )
        batch_op.create_index(
            "ix_subscription_wakes_at",
            ["wakes_at", "id"],
            unique=False,
            sqlite_where=sa.text("wakes_at IS NOT NULL"),
            postgresql_where=sa.text("wakes_at IS NOT NULL"),
        )

    op.create_table(
        "coupon_redemption",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("coupon_id", sa.Uuid(), nullable=False),
        sa.Column("subscription_id", sa.Uuid(), nullable=False),
        sa.Column("redeemed_at", Instant(), nullable=False),
        sa.Column("periods_left", sa.Integer(), nullable=True),
        sa.Column("live", sa.Boolean(), nullable=False),
        sa.Column("covered_until", sa.Date(), nullable=True),
        sa.Column("removed_at", Instant(), nullable=True),
        sa.CheckConstraint("periods_left >= 0", name=op.f("ck_coupon_redemption_periods_left")),
        sa.ForeignKeyConstraint(
            ["coupon_id"], ["coupon.id"], name=op.f("fk_coupon_redemption_coupon_id_coupon")
        ),
        sa.ForeignKeyConstraint(
            ["subscription_id"],
            ["subscription.id"],
            name=op.f("fk_coupon_redemption_subscription_id_subscription"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_coupon_redemption")),
    )
    with op.batch_alter_table("coupon_redemption", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_coupon_redemption_coupon_id"), ["coupon_id"], unique=False
        )
        batch_op.create_index(
            "ix_coupon_redemption_subscription_id", ["subscription_id"], unique=False
        )
        batch_op.create_index(
            "uq_coupon_redemption_live",
            ["subscription_id"],
            unique=True,
            sqlite_where=sa.text("live"),
            postgresql_where=sa.text("live"),
        )

    op.create_table(
        "invoice",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("series", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=True),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("subscription_id", sa.Uuid(), nullable=True),
        sa.Column("payment_method_id", sa.Uuid(), nullable=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("currency", sa.CHAR(length=3), nullable=False),
        sa.Column("period_start", sa.Date(), nullable=True),
        sa.Column("period_end", sa.Date(), nullable=True),
        sa.Column("discount_minor", sa.BigInteger(), nullable=False),
        sa.Column("tax_minor", sa.BigInteger(), nullable=False),
        sa.Column("total_minor", sa.BigInteger(), nullable=False),
        sa.Column("credit_applied_minor", sa.BigInteger(), nullable=False),
        sa.Column("lowered_minor", sa.BigInteger(), nullable=False),
        sa.Column("due_minor", sa.BigInteger(), nullable=False),
        sa.Column("issued_at", Instant(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("paid_at", Instant(), nullable=True),
        sa.Column("voided_at", Instant(), nullable=True),
        sa.Column("previous_invoice_id", sa.Uuid(), nullable=True),
        sa.Column("money_act_id", sa.Uuid(), nullable=True),
        sa.Column("tax_document", sa.String(), nullable=True),
        sa.CheckConstraint(
            "reason IN ('start', 'renewal', 'plan_change', 'reissue', 'usage', 'pause', 'resume', 'cancel')",
            name=op.f("ck_invoice_reason"),
        ),
        sa.CheckConstraint(
            "state IN ('draft', 'open', 'paid', 'void', 'uncollectible')",
            name=op.f("ck_invoice_state"),
        ),
        sa.CheckConstraint("due_minor >= 0", name=op.f("ck_invoice_due_minor")),
        sa.CheckConstraint("lowered_minor >= 0", name=op.f("ck_invoice_lowered_minor")),
        sa.CheckConstraint(
            "total_minor = due_minor + credit_applied_minor + lowered_minor",
            name=op.f("ck_invoice_credit_applied"),
        ),
        sa.ForeignKeyConstraint(
            ["payment_method_id"],
            ["payment_method.id"],
            name=op.f("fk_invoice_payment_method_id_payment_method"),
        ),
        sa.ForeignKeyConstraint(
            ["previous_invoice_id"],
            ["invoice.id"],
            name=op.f("fk_invoice_previous_invoice_id_invoice"),
        ),
        sa.ForeignKeyConstraint(
            ["subscription_id"],
            ["subscription.id"],
            name=op.f("fk_invoice_subscription_id_subscription"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invoice")),
        sa.UniqueConstraint("money_act_id", name=op.f("uq_invoice_money_act_id")),
        sa.UniqueConstraint("series", "number", name=op.f("uq_invoice_series_number")),
    )
    with op.batch_alter_table("invoice", schema=None) as batch_op:
        batch_op.create_index(
            "ix_invoice_customer_id_issued_at", ["customer_id", "issued_at"], unique=False
        )
        batch_op.create_index(
            "ix_invoice_open",
            ["due_on", "id"],
            unique=False,
            sqlite_where=sa.text("state = 'open'"),
            postgresql_where=sa.text("state = 'open'"),
        )
        batch_op.create_index(
            batch_op.f("ix_invoice_subscription_id"), ["subscription_id"], unique=False
        )

    op.create_table(
        "mandate",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("one_time_key", sa.String(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("subscription_id", sa.Uuid(), nullable=True),
        sa.Column("payment_method_id", sa.Uuid(), nullable=True),
        sa.Column("gateway", sa.String(), nullable=False),
        sa.Column("gateway_ref", sa.String(), nullable=True),
        sa.Column("payer", sa.String(), nullable=False),
        sa.Column("currency", sa.CHAR(length=3), nullable=False),
        sa.Column("max_minor", sa.BigInteger(), nullable=True),
        sa.Column("period", sa.String(), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("cancel_asked_at", Instant(), nullable=True),
        sa.Column("ask_at", Instant(), nullable=False),
        sa.Column("requested_at", Instant(), nullable=False),
        sa.Column("changed_at", Instant(), nullable=False),
        sa.CheckConstraint(
            "period IN ('week', 'month', 'quarter', 'half_year', 'year')",
            name=op.f("ck_mandate_period"),
        ),
        sa.CheckConstraint(
            "state IN ('requested', 'pending', 'accepted', 'refused', 'cancelled', 'expired')",
            name=op.f("ck_mandate_state"),
        ),
        sa.CheckConstraint("max_minor > 0", name=op.f("ck_mandate_max_minor")),
        sa.ForeignKeyConstraint(
            ["payment_method_id"],
            ["payment_method.id"],
            name=op.f("fk_mandate_payment_method_id_payment_method"),
        ),
        sa.ForeignKeyConstraint(
            ["subscription_id"],
            ["subscription.id"],
            name=op.f("fk_mandate_subscription_id_subscription"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mandate")),
        sa.UniqueConstraint("gateway", "gateway_ref", name=op.f("uq_mandate_gateway_gateway_ref")),
        sa.UniqueConstraint("one_time_key", name=op.f("uq_mandate_one_time_key")),
        sa.UniqueConstraint("payment_method_id", name=op.f("uq_mandate_payment_method_id")),
    )
    with op.batch_alter_table("mandate", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_mandate_customer_id"), ["customer_id"], unique=False)
        batch_op.create_index("ix_mandate_state_ask_at", ["state", "ask_at"], unique=False)

    op.create_table(
        "mrr_movement",
        sa.Column("subscription_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("currency", sa.CHAR(length=3), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("minor", sa.BigInteger(), nullable=False),
        sa.Column("delta_minor", sa.BigInteger(), nullable=False),
        sa.Column("committed_minor", sa.BigInteger(), nullable=False),
        sa.Column("committed_delta_minor", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "committed_minor BETWEEN 0 AND minor", name=op.f("ck_mrr_movement_committed_minor")
        ),
        sa.CheckConstraint(
            "delta_minor <> 0 OR committed_delta_minor <> 0", name=op.f("ck_mrr_movement_changes")
        ),
        sa.CheckConstraint("minor >= 0", name=op.f("ck_mrr_movement_minor")),
        sa.ForeignKeyConstraint(
            ["subscription_id"],
            ["subscription.id"],
            name=op.f("fk_mrr_movement_subscription_id_subscription"),
        ),
        sa.PrimaryKeyConstraint("subscription_id", "number", name=op.f("pk_mrr_movement")),
    )
    with op.batch_alter_table("mrr_movement", schema=None) as batch_op:
        batch_op.create_index(
            "ix_mrr_movement_customer_id_currency_at",
            ["customer_id", "currency", "at"],
            unique=False,
        )

    op.create_table(
        "subscription_act",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("subscription_id", sa.Uuid(), nullable=False),
        sa.Column("money_act_id", sa.Uuid(), nullable=False),
        sa.Column("act", sa.String(), nullable=False),
        sa.Column(
            "result", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False
        ),
        sa.Column("done_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(
            ["subscription_id"],
            ["subscription.id"],
            name=op.f("fk_subscription_act_subscription_id_subscription"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_subscription_act")),
        sa.UniqueConstraint("money_act_id", name=op.f("uq_subscription_act_money_act_id")),
    )
    with op.batch_alter_table("subscription_act", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_subscription_act_subscription_id"), ["subscription_id"], unique=False
        )

    op.create_table(
        "subscription_item",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("subscription_id", sa.Uuid(), nullable=False),
        sa.Column("price_id", sa.Uuid(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("added_on", sa.Date(), nullable=True),
        sa.Column("ended_on", sa.Date(), nullable=True),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_subscription_item_quantity")),
        sa.ForeignKeyConstraint(
            ["price_id"], ["price.id"], name=op.f("fk_subscription_item_price_id_price")
        ),
        sa.ForeignKeyConstraint(
            ["subscription_id"],
            ["subscription.id"],
            name=op.f("fk_subscription_item_subscription_id_subscription"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_subscription_item")),
    )
    with op.batch_alter_table("subscription_item", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_subscription_item_subscription_id"), ["subscription_id"], unique=False
        )

    op.create_table(
        "credit_note",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("series", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=True),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("invoice_id", sa.Uuid(), nullable=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("settled_by", sa.String(), nullable=False),
        sa.Column("currency", sa.CHAR(length=3), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("credit_order", sa.String(), nullable=False),
        sa.Column("from_payment_minor", sa.BigInteger(), nullable=False),
        sa.Column("money_act_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("issued_at", Instant(), nullable=True),
        sa.CheckConstraint(
            "settled_by IN ('refund', 'credit', 'due', 'bank_transfer')",
            name=op.f("ck_credit_note_settled_by"),
        ),
        sa.CheckConstraint(
            "state IN ('draft', 'issued', 'void')", name=op.f("ck_credit_note_state")
        ),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_credit_note_amount_minor")),
        sa.ForeignKeyConstraint(
            ["invoice_id"], ["invoice.id"], name=op.f("fk_credit_note_invoice_id_invoice")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_credit_note")),
        sa.UniqueConstraint(
            "money_act_id", "settled_by", name=op.f("uq_credit_note_money_act_id_settled_by")
        ),
        sa.UniqueConstraint("series", "number", name=op.f("uq_credit_note_series_number")),
    )
    with op.batch_alter_table("credit_note", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_credit_note_customer_id"), ["customer_id"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_credit_note_invoice_id"), ["invoice_id"], unique=False)

    op.create_table(
        "invoice_line",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("invoice_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("holds_slot", sa.Boolean(), nullable=False),
        sa.Column("subscription_id", sa.Uuid(), nullable=True),
        sa.Column("subscription_item_id", sa.Uuid(), nullable=True),
        sa.Column("price_id", sa.Uuid(), nullable=True),
        sa.Column("credits_line_id", sa.Uuid(), nullable=True),
        sa.Column("label", sa.String(), nullable=False),
        sa.Column("period_start", sa.Date(), nullable=True),
        sa.Column("period_end", sa.Date(), nullable=True),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("unit_minor", sa.BigInteger(), nullable=False),
        sa.Column(
            "arithmetic", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False
        ),
        sa.Column("net_minor", sa.BigInteger(), nullable=False),
        sa.Column("discount_minor", sa.BigInteger(), nullable=False),
        sa.Column("tax_minor", sa.BigInteger(), nullable=False),
        sa.Column("credited_minor", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "kind IN ('subscription', 'usage', 'proration_credit', 'proration_charge', 'adjustment')",
            name=op.f("ck_invoice_line_kind"),
        ),
        sa.CheckConstraint(
            "credited_minor = 0 OR credited_minor <= net_minor + tax_minor",
            name=op.f("ck_invoice_line_credited_of"),
        ),
        sa.CheckConstraint("credited_minor >= 0", name=op.f("ck_invoice_line_credited_minor")),
        sa.ForeignKeyConstraint(
            ["credits_line_id"],
            ["invoice_line.id"],
            name=op.f("fk_invoice_line_credits_line_id_invoice_line"),
        ),
        sa.ForeignKeyConstraint(
            ["invoice_id"], ["invoice.id"], name=op.f("fk_invoice_line_invoice_id_invoice")
        ),
        sa.ForeignKeyConstraint(
            ["price_id"], ["price.id"], name=op.f("fk_invoice_line_price_id_price")
        ),
        sa.ForeignKeyConstraint(
            ["subscription_id"],
            ["subscription.id"],
            name=op.f("fk_invoice_line_subscription_id_subscription"),
        ),
        sa.ForeignKeyConstraint(
            ["subscription_item_id"],
            ["subscription_item.id"],
            name=op.f("fk_invoice_line_subscription_item_id_subscription_item"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invoice_line")),
        sa.UniqueConstraint(
            "invoice_id", "position", name=op.f("uq_invoice_line_invoice_id_position")
        ),
    )
    with op.batch_alter_table("invoice_line", schema=None) as batch_op:
        batch_op.create_index(
            "ix_invoice_line_subscription_id_period_end",
            ["subscription_id", "period_end"],
            unique=False,
        )
        batch_op.create_index(
            "uq_invoice_line_slot",
            ["subscription_id", "period_start", "reason"],
            unique=True,
            sqlite_where=sa.text("holds_slot"),
            postgresql_where=sa.text("holds_slot"),
        )

    op.create_table(
        "payment",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("invoice_id", sa.Uuid(), nullable=True),
        sa.Column("payment_method_id", sa.Uuid(), nullable=True),
        sa.Column("gateway", sa.String(), nullable=False),
        sa.Column("gateway_ref", sa.String(), nullable=False),
        sa.Column("currency", sa.CHAR(length=3), nullable=False),
        sa.Column("captured_minor", sa.BigInteger(), nullable=False),
        sa.Column("refunded_minor", sa.BigInteger(), nullable=False),
        sa.Column("reserved_minor", sa.BigInteger(), nullable=False),
        sa.Column("disputed_minor", sa.BigInteger(), nullable=False),
        sa.Column("credited_minor", sa.BigInteger(), nullable=False),
        sa.Column("captured_at", Instant(), nullable=False),
        sa.CheckConstraint("captured_minor > 0", name=op.f("ck_payment_captured_minor")),
        sa.CheckConstraint(
            "refunded_minor >= 0 AND reserved_minor >= 0 AND disputed_minor >= 0 AND credited_minor >= 0 AND refunded_minor + reserved_minor + disputed_minor + credited_minor <= captured_minor",
            name=op.f("ck_payment_never_more_than_captured"),
        ),
        sa.ForeignKeyConstraint(
            ["invoice_id"], ["invoice.id"], name=op.f("fk_payment_invoice_id_invoice")
        ),
        sa.ForeignKeyConstraint(
            ["payment_method_id"],
            ["payment_method.id"],
            name=op.f("fk_payment_payment_method_id_payment_method"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payment")),
        sa.UniqueConstraint("gateway", "gateway_ref", name=op.f("uq_payment_gateway_gateway_ref")),
    )
    with op.batch_alter_table("payment", schema=None) as batch_op:
        batch_op.create_index(
            "ix_payment_customer_id_captured_at", ["customer_id", "captured_at"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_payment_invoice_id"), ["invoice_id"], unique=False)

    op.create_table(
        "usage_record",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("subscription_item_id", sa.Uuid(), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("used_on", sa.Date(), nullable=False),
        sa.Column("recorded_at", Instant(), nullable=False),
        sa.Column("invoice_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_usage_record_quantity")),
        sa.ForeignKeyConstraint(
            ["invoice_id"], ["invoice.id"], name=op.f("fk_usage_record_invoice_id_invoice")
        ),
        sa.ForeignKeyConstraint(
            ["subscription_item_id"],
            ["subscription_item.id"],
            name=op.f("fk_usage_record_subscription_item_id_subscription_item"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_usage_record")),
        sa.UniqueConstraint("key", name=op.f("uq_usage_record_key")),
    )
    with op.batch_alter_table("usage_record", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_usage_record_invoice_id"), ["invoice_id"], unique=False
        )
        batch_op.create_index(
            "ix_usage_record_unbilled",
            ["subscription_item_id", "used_on"],
            unique=False,
            sqlite_where=sa.text("invoice_id IS NULL"),
            postgresql_where=sa.text("invoice_id IS NULL"),
        )

    op.create_table(
        "waiting_line",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("subscription_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("line", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("invoice_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(
            ["invoice_id"], ["invoice.id"], name=op.f("fk_waiting_line_invoice_id_invoice")
        ),
        sa.ForeignKeyConstraint(
            ["subscription_id"],
            ["subscription.id"],
            name=op.f("fk_waiting_line_subscription_id_subscription"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_waiting_line")),
    )
    with op.batch_alter_table("waiting_line", schema=None) as batch_op:
        batch_op.create_index(
            "ix_waiting_line_subscription_id",
            ["subscription_id"],
            unique=False,
            sqlite_where=sa.text("invoice_id IS NULL"),
            postgresql_where=sa.text("invoice_id IS NULL"),
        )

    op.create_table(
        "credit_note_line",
        sa.Column("credit_note_id", sa.Uuid(), nullable=False),
        sa.Column("invoice_line_id", sa.Uuid(), nullable=False),
        sa.Column("net_minor", sa.BigInteger(), nullable=False),
        sa.Column("tax_minor", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("net_minor + tax_minor > 0", name=op.f("ck_credit_note_line_amount")),
        sa.ForeignKeyConstraint(
            ["credit_note_id"],
            ["credit_note.id"],
            name=op.f("fk_credit_note_line_credit_note_id_credit_note"),
        ),
        sa.ForeignKeyConstraint(
            ["invoice_line_id"],
            ["invoice_line.id"],
            name=op.f("fk_credit_note_line_invoice_line_id_invoice_line"),
        ),
        sa.PrimaryKeyConstraint(
            "credit_note_id", "invoice_line_id", name=op.f("pk_credit_note_line")
        ),
    )
    op.create_table(
        "dispute",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("payment_id", sa.Uuid(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("gateway", sa.String(), nullable=False),
        sa.Column("gateway_ref", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("currency", sa.CHAR(length=3), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("reserved_minor", sa.BigInteger(), nullable=False),
        sa.Column("held", sa.String(), nullable=False),
        sa.Column("held_minor", sa.BigInteger(), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("respond_by", Instant(), nullable=True),
        sa.Column("opened_at", Instant(), nullable=False),
        sa.Column("changed_at", Instant(), nullable=False),
        sa.Column("heard_at", Instant(), nullable=False),
        sa.CheckConstraint("held IN ('none', 'held', 'lost')", name=op.f("ck_dispute_held")),
        sa.CheckConstraint(
            "state IN ('early_warning', 'warning_needs_response', 'warning_under_review', 'warning_closed', 'needs_response', 'under_review', 'pre_arbitration', 'won', 'lost', 'prevented', 'accepted', 'expired')",
            name=op.f("ck_dispute_state"),
        ),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_dispute_amount_minor")),
        sa.CheckConstraint(
            "reserved_minor >= 0 AND reserved_minor <= amount_minor",
            name=op.f("ck_dispute_reserved_minor"),
        ),
        sa.ForeignKeyConstraint(
            ["payment_id"], ["payment.id"], name=op.f("fk_dispute_payment_id_payment")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dispute")),
        sa.UniqueConstraint("gateway", "gateway_ref", name=op.f("uq_dispute_gateway_gateway_ref")),
    )
    with op.batch_alter_table("dispute", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_dispute_customer_id"), ["customer_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_dispute_payment_id"), ["payment_id"], unique=False)
        batch_op.create_index("ix_dispute_state_respond_by", ["state", "respond_by"], unique=False)

    op.create_table(
        "payment_attempt",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("invoice_id", sa.Uuid(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("payment_method_id", sa.Uuid(), nullable=False),
        sa.Column("payment_id", sa.Uuid(), nullable=True),
        sa.Column("gateway", sa.String(), nullable=False),
        sa.Column("rail", sa.String(), nullable=False),
        sa.Column("currency", sa.CHAR(length=3), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("failure_code", sa.String(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column(
            "pay_by", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=True
        ),
        sa.Column("withdraw_asked_at", Instant(), nullable=True),
        sa.Column("ask_at", Instant(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("changed_at", Instant(), nullable=False),
        sa.CheckConstraint(
            "rail IN ('card', 'pix', 'pix_automatico', 'boleto')",
            name=op.f("ck_payment_attempt_rail"),
        ),
        sa.CheckConstraint(
            "state IN ('init', 'pending', 'success', 'failed', 'unknown')",
            name=op.f("ck_payment_attempt_state"),
        ),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_payment_attempt_amount_minor")),
        sa.ForeignKeyConstraint(
            ["invoice_id"], ["invoice.id"], name=op.f("fk_payment_attempt_invoice_id_invoice")
        ),
        sa.ForeignKeyConstraint(
            ["payment_id"], ["payment.id"], name=op.f("fk_payment_attempt_payment_id_payment")
        ),
        sa.ForeignKeyConstraint(
            ["payment_method_id"],
            ["payment_method.id"],
            name=op.f("fk_payment_attempt_payment_method_id_payment_method"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payment_attempt")),
        sa.UniqueConstraint("key", name=op.f("uq_payment_attempt_key")),
    )
    with op.batch_alter_table("payment_attempt", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_payment_attempt_invoice_id"), ["invoice_id"], unique=False
        )
        batch_op.create_index(
            "ix_payment_attempt_open_ask_at",
            ["ask_at"],
            unique=False,
            sqlite_where=sa.text("state IN ('init', 'pending', 'unknown')"),
            postgresql_where=sa.text("state IN ('init', 'pending', 'unknown')"),
        )
        batch_op.create_index(
            "uq_payment_attempt_open",
            ["invoice_id"],
            unique=True,
            sqlite_where=sa.text("state IN ('init', 'pending', 'unknown')"),
            postgresql_where=sa.text("state IN ('init', 'pending', 'unknown')"),
        )

    op.create_table(
        "dispute_answer",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("dispute_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column(
            "evidence", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False
        ),
        sa.Column("given_by", sa.Uuid(), nullable=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("failure_code", sa.String(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("changed_at", Instant(), nullable=False),
        sa.CheckConstraint("kind IN ('contest', 'accept')", name=op.f("ck_dispute_answer_kind")),
        sa.CheckConstraint(
            "state IN ('requested', 'sending', 'unknown', 'sent', 'failed')",
            name=op.f("ck_dispute_answer_state"),
        ),
        sa.ForeignKeyConstraint(
            ["dispute_id"], ["dispute.id"], name=op.f("fk_dispute_answer_dispute_id_dispute")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dispute_answer")),
    )
    with op.batch_alter_table("dispute_answer", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_dispute_answer_dispute_id"), ["dispute_id"], unique=False
        )
        batch_op.create_index(
            "ix_dispute_answer_state_changed_at", ["state", "changed_at"], unique=False
        )
        batch_op.create_index(
            "uq_dispute_answer_open",
            ["dispute_id"],
            unique=True,
            sqlite_where=sa.text("state IN ('requested', 'sending', 'unknown')"),
            postgresql_where=sa.text("state IN ('requested', 'sending', 'unknown')"),
        )

    op.create_table(
        "dunning_step",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("invoice_id", sa.Uuid(), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("rail", sa.String(), nullable=False),
        sa.Column("act", sa.String(), nullable=False),
        sa.Column("planned_at", Instant(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("due_at", Instant(), nullable=False),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("attempt_id", sa.Uuid(), nullable=True),
        sa.Column("done_at", Instant(), nullable=True),
        sa.CheckConstraint(
            "act IN ('retry', 'remind', 'second_copy', 'end')", name=op.f("ck_dunning_step_act")
        ),
        sa.CheckConstraint(
            "outcome IN ('waiting', 'started', 'told', 'ended', 'skipped', 'stopped')",
            name=op.f("ck_dunning_step_outcome"),
        ),
        sa.CheckConstraint(
            "rail IN ('card', 'pix', 'pix_automatico', 'boleto')", name=op.f("ck_dunning_step_rail")
        ),
        sa.CheckConstraint("n > 0", name=op.f("ck_dunning_step_n")),
        sa.ForeignKeyConstraint(
            ["attempt_id"],
            ["payment_attempt.id"],
            name=op.f("fk_dunning_step_attempt_id_payment_attempt"),
        ),
        sa.ForeignKeyConstraint(
            ["invoice_id"], ["invoice.id"], name=op.f("fk_dunning_step_invoice_id_invoice")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dunning_step")),
        sa.UniqueConstraint("attempt_id", name=op.f("uq_dunning_step_attempt_id")),
        sa.UniqueConstraint("invoice_id", "n", name=op.f("uq_dunning_step_invoice_id_n")),
    )
    with op.batch_alter_table("dunning_step", schema=None) as batch_op:
        batch_op.create_index(
            "ix_dunning_step_due",
            ["due_at", "invoice_id", "n"],
            unique=False,
            sqlite_where=sa.text("outcome = 'waiting'"),
            postgresql_where=sa.text("outcome = 'waiting'"),
        )

    op.create_table(
        "refund",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("origin", sa.String(), nullable=False),
        sa.Column("money_act_id", sa.Uuid(), nullable=True),
        sa.Column("payment_id", sa.Uuid(), nullable=False),
        sa.Column("credit_note_id", sa.Uuid(), nullable=False),
        sa.Column("balance_note_id", sa.Uuid(), nullable=True),
        sa.Column("payee_id", sa.Uuid(), nullable=True),
        sa.Column("dispute_id", sa.Uuid(), nullable=True),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("currency", sa.CHAR(length=3), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("rail", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("gateway", sa.String(), nullable=False),
        sa.Column("gateway_ref", sa.String(), nullable=True),
        sa.Column("failure_code", sa.String(), nullable=False),
        sa.Column("times_settled", sa.Integer(), nullable=False),
        sa.Column("contradicted_at", Instant(), nullable=True),
        sa.Column("requested_at", Instant(), nullable=False),
        sa.Column("changed_at", Instant(), nullable=False),
        sa.CheckConstraint(
            "(rail = 'bank_transfer') = (payee_id IS NOT NULL)", name=op.f("ck_refund_payee_id")
        ),
        sa.CheckConstraint("origin IN ('ours', 'outside')", name=op.f("ck_refund_origin")),
        sa.CheckConstraint(
            "rail IN ('card', 'pix', 'pix_automatico', 'boleto', 'original', 'bank_transfer')",
            name=op.f("ck_refund_rail"),
        ),
        sa.CheckConstraint(
            "state IN ('awaiting_approval', 'requested', 'sending', 'pending', 'unknown', 'succeeded', 'failed', 'released')",
            name=op.f("ck_refund_state"),
        ),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_refund_amount_minor")),
        sa.ForeignKeyConstraint(
            ["balance_note_id"],
            ["credit_note.id"],
            name=op.f("fk_refund_balance_note_id_credit_note"),
        ),
        sa.ForeignKeyConstraint(
            ["credit_note_id"],
            ["credit_note.id"],
            name=op.f("fk_refund_credit_note_id_credit_note"),
        ),
        sa.ForeignKeyConstraint(
            ["dispute_id"], ["dispute.id"], name=op.f("fk_refund_dispute_id_dispute")
        ),
        sa.ForeignKeyConstraint(
            ["payee_id"], ["bank_payee.id"], name=op.f("fk_refund_payee_id_bank_payee")
        ),
        sa.ForeignKeyConstraint(
            ["payment_id"], ["payment.id"], name=op.f("fk_refund_payment_id_payment")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_refund")),
        sa.UniqueConstraint("balance_note_id", name=op.f("uq_refund_balance_note_id")),
        sa.UniqueConstraint("credit_note_id", name=op.f("uq_refund_credit_note_id")),
        sa.UniqueConstraint("gateway", "gateway_ref", name=op.f("uq_refund_gateway_gateway_ref")),
        sa.UniqueConstraint("money_act_id", name=op.f("uq_refund_money_act_id")),
    )
    with op.batch_alter_table("refund", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_refund_customer_id"), ["customer_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_refund_dispute_id"), ["dispute_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_refund_payment_id"), ["payment_id"], unique=False)
        batch_op.create_index("ix_refund_state_changed_at", ["state", "changed_at"], unique=False)

    for statement in create_statements(op.get_bind().dialect.name):
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("restore a backup instead: money rows are never dropped")
