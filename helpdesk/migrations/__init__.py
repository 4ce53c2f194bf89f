"""One Alembic history for all rows, ours and billing's."""
