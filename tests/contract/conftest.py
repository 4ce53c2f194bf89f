"""Every peer of a gateway, found by file: a module of `gateways` that has `open_peer`."""

import importlib
import pkgutil
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from tests.conftest import postgres_url
from tests.contract import gateways
from tests.contract.gateways.peer import Peer
from tests.databases import fresh_sqlite, throwaway_postgres


def _peers() -> list[str]:
    names = [module.name for module in pkgutil.iter_modules(gateways.__path__)]
    return sorted(name for name in names if hasattr(_module(name), "open_peer"))


def _module(name: str) -> ModuleType:
    return importlib.import_module(f"{gateways.__name__}.{name}")


@pytest.fixture(params=[*_peers(), pytest.param("sandbox-on-postgresql", marks=pytest.mark.pg)])
def peer(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Peer]:
    """One provider after the other, each with empty books."""
    name, _, on_postgresql = request.param.partition("-on-")
    open_peer = _module(name).open_peer
    if not on_postgresql:
        with open_peer(fresh_sqlite(tmp_path)) as made:
            yield made
        return
    server = postgres_url()
    if server is None:
        pytest.skip("GUICHE_TEST_PG names no PostgreSQL server")
    for url in throwaway_postgres(server):
        with open_peer(url) as made:
            yield made
