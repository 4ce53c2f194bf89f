"""What import-linter cannot see: the rules of the house that are kept by reading the code."""

import ast
import re
from collections.abc import Callable, Iterator
from importlib.metadata import distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from helpdesk.app import create_app
from helpdesk.bootstrap import declare_jobs
from helpdesk.jobs.port import REGISTRY
from helpdesk.migrations.runner import drift, metadata
from helpdesk.services import Services
from helpdesk.settings import Settings

ROOT = Path(__file__).parent.parent
PRODUCT = ("helpdesk", "channels", "billing_core")


def sources(*folders: str) -> Iterator[tuple[str, ast.Module]]:
    for folder in folders or PRODUCT:
        for path in sorted((ROOT / folder).rglob("*.py")):
            yield str(path.relative_to(ROOT)), ast.parse(path.read_text())


def calls(tree: ast.Module) -> Iterator[tuple[ast.Call, str]]:
    """Yield every call with its dotted name, `a.b.c`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield node, ast.unparse(node.func)


def imports(tree: ast.Module) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def test_only_the_unit_of_work_commits() -> None:
    assert [
        f"{name}:{call.lineno}"
        for name, tree in sources()
        for call, dotted in calls(tree)
        if dotted.endswith(".commit") and name != "helpdesk/db.py"
    ] == []


def test_only_the_bootstrap_reads_the_wall_clock() -> None:
    wall = {"datetime.now", "datetime.utcnow", "date.today", "time.time", "datetime.today"}
    assert [
        f"{name}:{call.lineno} {dotted}"
        for name, tree in sources()
        for call, dotted in calls(tree)
        if any(dotted == one or dotted.endswith(f".{one}") for one in wall)
        and name != "helpdesk/bootstrap.py"
    ] == []


def test_billing_has_no_floats() -> None:
    found = []
    for name, tree in sources("billing_core"):
        for node in ast.walk(tree):
            literal = isinstance(node, ast.Constant) and isinstance(node.value, float)
            named = isinstance(node, ast.Name) and node.id == "float"
            if literal or named:
                found.append(f"{name}:{node.lineno}")  # type: ignore[attr-defined]
    assert found == []


def test_only_the_bootstrap_imports_concrete_adapters_and_gateways() -> None:
    concrete = re.compile(
        r"^(channels\.(email|sms|whatsapp|voice|webchat)|billing_core\.gateways\.\w+)"
    )
    allowed = ("helpdesk/bootstrap.py", "helpdesk/demo/", "channels/", "billing_core/")
    assert [
        f"{name} imports {module}"
        for name, tree in sources()
        for module in imports(tree)
        if concrete.match(module) and not name.startswith(allowed)
    ] == []


def test_services_queries_and_models_do_not_know_the_web() -> None:
    inner = re.compile(r"/(service|queries|model|rules|jobs|limits)\.py$")
    assert [
        f"{name} imports {module}"
        for name, tree in sources("helpdesk")
        for module in imports(tree)
        if inner.search(f"/{name}")
        and not name.startswith("helpdesk/web/")
        and re.match(r"flask(\.|$)|flask_socketio|flask_wtf", module)
    ] == []


def test_every_relationship_raises_when_it_would_load_by_itself() -> None:
    assert [
        f"{name}:{call.lineno}"
        for name, tree in sources()
        for call, dotted in calls(tree)
        if dotted.split(".")[-1] == "relationship"
        and not any(
            keyword.arg == "lazy" and ast.unparse(keyword.value) == "'raise'"
            for keyword in call.keywords
        )
    ] == []


def test_no_template_engine_reads_text_that_a_person_wrote() -> None:
    assert [
        f"{name}:{call.lineno}"
        for name, tree in sources()
        for call, dotted in calls(tree)
        if dotted.split(".")[-1] in {"render_template_string", "from_string"}
    ] == []


def test_every_job_and_event_kind_is_in_the_map() -> None:
    text = (ROOT / "docs" / "map.md").read_text()
    kinds = {
        node.value
        for _, tree in sources("helpdesk")
        for call, dotted in calls(tree)
        if dotted.split(".")[-1] in {"append_event", "audit", "tell"}
        for node in call.args
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and re.fullmatch(r"[a-z]+\.[a-z_]+", node.value)
    }
    declare_jobs()
    assert kinds, "no event kind was found: the search is broken"
    assert REGISTRY, "no job was found: the search is broken"
    assert sorted(name for name in kinds | set(REGISTRY) if f"`{name}`" not in text) == []


def test_every_route_and_socket_event_declares_a_policy(
    make_settings: Callable[..., Settings], services: Services
) -> None:
    app = create_app(make_settings(), services)  # raises PolicyMissing
    assert len(list(app.url_map.iter_rules())) > 10


def test_the_models_and_the_migrated_database_agree(services_on_both: Services) -> None:
    assert drift(services_on_both.db.engine) == []


def test_no_foreign_key_crosses_between_the_helpdesk_and_billing() -> None:
    ours, billing = (set(one.tables) for one in metadata())
    assert ours
    assert billing
    assert not ours & billing


@pytest.mark.parametrize("word", ["utils", "helpers", "common", "misc"])
def test_no_module_is_named_for_what_it_is_not(word: str) -> None:
    assert [str(p) for folder in PRODUCT for p in (ROOT / folder).rglob(f"{word}*")] == []


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-dev.lock"])
def test_a_lock_names_every_extra_that_is_asked_for(lock: str) -> None:
    """An older pip takes the newest release for a bare pin's extras, and then refuses it."""
    pins = re.findall(r"^([\w.-]+)(?:\[([\w,-]+)\])?==", (ROOT / lock).read_text(), re.MULTILINE)
    named = {name: set(filter(None, extras.split(","))) for name, extras in pins}
    asked = [
        (canonicalize_name(wanted.name), wanted.extras)
        for distribution in distributions()
        if canonicalize_name(distribution.name) in named
        for wanted in map(Requirement, distribution.requires or [])
        if wanted.extras and (wanted.marker is None or wanted.marker.evaluate({"extra": ""}))
    ]
    assert ("sqlalchemy", {"asyncio"}) in asked
    assert [(name, extras) for name, extras in asked if not extras <= named[name]] == []
