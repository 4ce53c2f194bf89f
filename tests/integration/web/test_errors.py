"""How refusals read: on a page, in a fragment, to a program."""

import importlib
import inspect
import sqlite3
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DatabaseError, OperationalError
from werkzeug.exceptions import RequestEntityTooLarge

from billing_core import errors as billing
from billing_core.domain.money import Money
from helpdesk import errors as desk
from helpdesk.web.errors import answer_socket_error
from helpdesk.web.outage import is_outage
from helpdesk.web.refusals import REFUSALS
from tests.browser import Browser

ROOT = Path(__file__).parents[3]


def refusal_classes() -> list[type[BaseException]]:
    """Return every exception that a module called errors declares."""
    modules = [billing, desk] + [
        importlib.import_module(f"helpdesk.{path.parent.name}.errors")
        for path in sorted((ROOT / "helpdesk").glob("*/errors.py"))
        if path.parent.name != "web"
    ]
    return [
        kind
        for module in modules
        for _, kind in inspect.getmembers(module, inspect.isclass)
        if issubclass(kind, BaseException) and kind.__module__ == module.__name__
    ]


@pytest.mark.parametrize("kind", refusal_classes(), ids=lambda kind: kind.__qualname__)
def test_every_refusal_has_a_status_and_a_sentence(kind: type[BaseException]) -> None:
    assert kind in REFUSALS, f"{kind.__module__}.{kind.__name__} has no line in web/refusals.py"
    assert 400 <= REFUSALS[kind].status < 600
    assert REFUSALS[kind].sentence


TOO_LARGE = billing.RefundTooLarge(Money(129_90, "BRL"), Money(40_00, "BRL"))


@pytest.fixture
def raising(app: Flask) -> Browser:
    """A browser in front of addresses that raise."""
    errors: dict[str, BaseException] = {
        "too-large": TOO_LARGE,
        "missing": desk.NotFound("ticket 018f"),
        "forbidden": desk.Forbidden("billing.approve"),
        "field": desk.InvalidInput("amount", "The amount is missing."),
        "busy": desk.Busy(5),
        "signed-out": desk.SignedOut(),
        "defect": ZeroDivisionError("the secret detail"),
        "body": RequestEntityTooLarge(),
        "unbalanced": billing.Unbalanced("debit 1, credit 2"),
    }

    def view(name: str) -> str:
        raise errors[name]

    for prefix in ("raise", "api/raise"):
        app.add_url_rule(f"/{prefix}/<name>", f"{prefix}.view", view)
    return Browser(app)


@pytest.mark.parametrize(
    ("name", "status", "words"),
    [
        ("too-large", 409, "You asked for R$129.90, but only R$40.00 can still be refunded."),
        ("missing", 404, "This does not exist, or you may not see it."),
        ("forbidden", 403, "Your role does not allow this."),
        ("field", 422, "The amount is missing."),
        ("busy", 503, "Too much is going on at once."),
        ("defect", 500, "This did not work because of a fault of ours."),
        ("unbalanced", 500, "This did not work because of a fault of ours."),
        ("body", 413, "This is larger than we accept."),
    ],
)
def test_a_refusal_is_a_status_and_a_true_sentence(
    raising: Browser, name: str, status: int, words: str
) -> None:
    for headers in ({}, {"HX-Request": "true"}):
        answer = raising.get(f"/raise/{name}", headers={"Accept-Language": "en"} | headers)
        assert answer.status_code == status
        assert words in answer.text.replace("\N{NO-BREAK SPACE}", " ")
        assert ("<!doctype html>" in answer.text) is not bool(headers)
        assert "Traceback" not in answer.text
        assert "secret detail" not in answer.text
    programs = raising.get(f"/api/raise/{name}", headers={"Accept-Language": "en"})
    assert programs.status_code == status
    assert words in programs.get_json()["error"]["message"].replace("\N{NO-BREAK SPACE}", " ")


def test_a_refusal_speaks_portuguese_to_who_reads_portuguese(raising: Browser) -> None:
    answer = raising.get("/raise/too-large", headers={"Accept-Language": "pt-BR"})
    written = answer.text.replace("\N{NO-BREAK SPACE}", " ")
    assert "Você pediu R$ 129,90, mas só R$ 40,00 ainda podem ser devolvidos." in written


def test_a_program_reads_which_field_was_wrong(raising: Browser) -> None:
    error = raising.get("/api/raise/field").get_json()["error"]
    assert (error["code"], error["field"]) == ("invalid_input", "amount")


def test_a_page_shows_the_id_that_the_log_has(raising: Browser) -> None:
    answer = raising.get("/raise/defect")
    assert answer.headers["X-Request-ID"] in answer.text


def test_what_was_signed_out_leads_to_the_door_and_back(raising: Browser) -> None:
    page = raising.get("/raise/signed-out?x=1")
    assert (page.status_code, page.location) == (302, "/login?next=%2Fraise%2Fsigned-out%3Fx%3D1")
    part = raising.get(
        "/raise/signed-out",
        headers={"HX-Request": "true", "HX-Current-URL": "http://localhost/inbox?v=1"},
    )
    assert (part.status_code, part.headers["HX-Redirect"]) == (401, "/login?next=%2Finbox%3Fv%3D1")
    assert raising.get("/api/raise/signed-out").status_code == 401


def test_the_wrong_method_says_which_are_right(raising: Browser) -> None:
    answer = raising.post("/healthz")
    assert answer.status_code == 405
    assert "GET" in answer.headers["Allow"]


def test_an_error_about_the_error_page_still_says_what_is_true(
    raising: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    raising.app.jinja_env.globals["csrf_token"] = None
    monkeypatch.setitem(raising.app.jinja_env.globals, "_", None)
    raising.app.template_context_processors[None].append(lambda: 1 / 0)  # type: ignore[arg-type]
    answer = raising.get("/raise/missing", headers={"Accept-Language": "en"})
    assert answer.status_code == 404
    assert answer.text.startswith("This does not exist")


def test_a_socket_event_gets_a_code_and_no_more() -> None:
    assert answer_socket_error(TOO_LARGE) == {"ok": False, "error": "refund_too_large"}
    assert answer_socket_error(KeyError("clients")) == {"ok": False, "error": "defect"}


# ---- a database that cannot answer ----


def locked(folder: Path) -> OperationalError:
    engine = create_engine(f"sqlite:///{folder / 'x'}", connect_args={"timeout": 0})
    with engine.connect() as holder:
        holder.exec_driver_sql("CREATE TABLE t (x)")
        holder.exec_driver_sql("BEGIN EXCLUSIVE") if not holder.in_transaction() else None
        holder.commit()
        holder.exec_driver_sql("INSERT INTO t VALUES (1)")
        with engine.connect() as other, pytest.raises(OperationalError) as refused:
            other.exec_driver_sql("INSERT INTO t VALUES (2)")
    return refused.value


def full(folder: Path) -> DatabaseError:
    engine = create_engine(f"sqlite:///{folder / 'x'}")
    with engine.connect() as connection:
        connection.execute(text("CREATE TABLE t (x)"))
        connection.execute(text("PRAGMA max_page_count = 3"))
        with pytest.raises(DatabaseError) as refused:
            connection.execute(text("INSERT INTO t VALUES (randomblob(100000))"))
    return refused.value


def unreachable(_folder: Path) -> OperationalError:
    engine = create_engine("postgresql+psycopg://nobody@127.0.0.1:1/none")
    with pytest.raises(OperationalError) as refused, engine.connect():
        pass
    return refused.value


def read_only(folder: Path) -> OperationalError:
    sqlite3.connect(folder / "x").execute("CREATE TABLE t (x)").connection.close()
    engine = create_engine(f"sqlite:///file:{folder / 'x'}?mode=ro&uri=true")
    with engine.connect() as connection, pytest.raises(OperationalError) as refused:
        connection.execute(text("INSERT INTO t VALUES (1)"))
    return refused.value


@pytest.mark.parametrize("fault", [locked, full, unreachable, read_only], ids=lambda f: f.__name__)
def test_a_database_that_cannot_answer_is_503_and_asks_to_come_back(
    app: Flask, tmp_path: Path, fault: object
) -> None:
    (tmp_path / "other").mkdir()
    error = fault(tmp_path / "other")  # type: ignore[operator]

    def view() -> str:
        raise error

    app.add_url_rule("/outage", view_func=view)
    answer = app.test_client().get("/outage")
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "5"


def test_a_mistake_in_a_statement_is_a_defect_and_not_an_outage(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path / 'y'}")
    with engine.connect() as connection, pytest.raises(OperationalError) as refused:
        connection.execute(text("SELECT * FROM no_such_table"))
    assert not is_outage(refused.value)
    assert not is_outage(ValueError("no"))
