"""How Alembic meets our two metadata: always inside the caller's connection."""

from typing import Any, Literal

from alembic import context

from billing_core.store.columns import Instant
from helpdesk.migrations.runner import compares, metadata


def render(kind: str, item: Any, _context: Any) -> str | Literal[False]:
    """Write our own column type by its name; leave the rest to Alembic."""
    return "Instant()" if kind == "type" and isinstance(item, Instant) else False


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata(),
    include_name=compares,
    render_item=render,
    render_as_batch=True,
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
