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


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test on each peer that has the abilities it needs, and none that it is to lack."""
    if "peer" not in metafunc.fixturenames:
        return
    needed = {mark.args[0] for mark in metafunc.definition.iter_markers("needs")}
    barred = {mark.args[0] for mark in metafunc.definition.iter_markers("lacks")}
    params: list[object] = [
        name for name in _peers() if needed <= _module(name).CAN and not barred & _module(name).CAN
    ]
    if "sandbox" in params:
        params.append(pytest.param("sandbox-on-postgresql", marks=pytest.mark.pg))
    metafunc.parametrize("peer", params, indirect=True)


@pytest.fixture
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
