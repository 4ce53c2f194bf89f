"""Bringing a database to the newest schema, and finding out whether models have drifted."""

import importlib
import pkgutil
from pathlib import Path
from typing import Any

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, MetaData

import billing_core.gateways
import billing_core.store
import helpdesk
from billing_core.store.base import Base as BillingBase
from helpdesk.db import Base

HERE = Path(__file__).parent


def metadata() -> list[MetaData]:
    """Import every module that declares rows and return both metadata."""
    for package, leaf in (
        (helpdesk, "model"),
        (billing_core.store, ""),
        (billing_core.gateways, ""),
    ):
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if found.name.endswith(f".{leaf}" if leaf else ""):
                importlib.import_module(found.name)
    return [Base.metadata, BillingBase.metadata]


def compares(name: str | None, kind: str, parents: Any) -> bool:
    """Say whether a database object is ours: the job engine keeps tables beside us."""
    if kind == "schema":
        return name in (None, "public")
    if kind == "table":
        ours = {table for one in metadata() for table in one.tables}
        return name in ours
    table = parents.get("table_name")
    return table is None or compares(table, "table", parents)


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(HERE))
    config.attributes["connection"] = connection
    return config


def migrate(engine: Engine, *, revision: str = "head") -> None:
    """Upgrade to a schema, by default the newest. Safe to repeat; one process at a time."""
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.exec_driver_sql("SELECT pg_advisory_xact_lock(8114735)")
        command.upgrade(_config(connection), revision)


def pending(engine: Engine) -> bool:
    """Say whether the database is behind this program."""
    with engine.connect().execution_options(guiche_write=False) as connection:
        context = MigrationContext.configure(connection)
        script = ScriptDirectory.from_config(_config(connection))
        return context.get_current_heads() != tuple(script.get_heads())


def drift(engine: Engine) -> list[Any]:
    """Return what the models have and the database has not, or the other way round."""
    with engine.connect().execution_options(guiche_write=False) as connection:
        context = MigrationContext.configure(
            connection, opts={"include_name": compares, "compare_type": True}
        )
        # Alembic takes several metadata at run time; its annotation knows one.
        return list(compare_metadata(context, metadata()))  # type: ignore[arg-type]


def write_revision(engine: Engine, message: str, *, revision: str) -> None:
    """Write a new revision file from what the models have and the database has not."""
    with engine.begin() as connection:
        command.revision(_config(connection), message, autogenerate=True, rev_id=revision)
