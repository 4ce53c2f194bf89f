"""What every way to reach a customer promises, checked the same for each of them.

A channel joins by adding a module to `tests.contract.adapters` with a list `CASES`.
"""

import importlib
import pkgutil
import socket
from collections.abc import Iterator
from datetime import timedelta
from typing import NoReturn

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from channels.port import (
    Adapter,
    Answer,
    BadSignature,
    CallReport,
    Delivery,
    Inbound,
    Receipt,
    SendError,
    Unreadable,
)
from tests.contract import adapters
from tests.contract.adapters.case import AdapterCase


def _cases() -> Iterator[AdapterCase]:
    for found in pkgutil.iter_modules(adapters.__path__):
        module = importlib.import_module(f"{adapters.__name__}.{found.name}")
        yield from getattr(module, "CASES", [])


CASES = list(_cases())
every_adapter = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail on any attempt to reach another machine."""

    def refuse(*_: object, **__: object) -> NoReturn:
        raise AssertionError("an adapter used the network to read a delivery")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def texts(value: object) -> Iterator[str]:
    """Every string in a parsed value, however deep."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, one in value.items():
            yield from (*texts(key), *texts(one))
    elif isinstance(value, list | tuple):
        for one in value:
            yield from texts(one)
    elif hasattr(value, "__dataclass_fields__"):
        for name in value.__dataclass_fields__:
            yield from texts(getattr(value, name))


def check_parsed(found: list[Inbound | Receipt | CallReport]) -> None:
    for one in found:
        assert isinstance(one, Inbound | Receipt | CallReport)
        for text in texts(one):
            text.encode()  # nothing that no database can hold
            assert "\0" not in text
        if isinstance(one, Inbound):
            assert one.external_id
            assert one.sent_at is None or one.sent_at.utcoffset() == timedelta(0)


@every_adapter
@pytest.mark.usefixtures("no_network")
def test_a_delivery_is_read_into_at_least_one_message_or_receipt(case: AdapterCase) -> None:
    found = list(case.make().parse(case.genuine))
    assert found
    check_parsed(found)


@every_adapter
@pytest.mark.usefixtures("no_network")
def test_reading_is_pure_so_that_it_may_be_done_again(case: AdapterCase) -> None:
    assert list(case.make().parse(case.genuine)) == list(case.make().parse(case.genuine))


@every_adapter
@pytest.mark.usefixtures("no_network")
def test_a_repeated_delivery_has_the_same_key(case: AdapterCase) -> None:
    adapter = case.make()
    assert adapter.receive(case.genuine) == adapter.receive(case.repeated)


@every_adapter
@pytest.mark.usefixtures("no_network")
def test_another_message_has_another_key(case: AdapterCase) -> None:
    adapter = case.make()
    assert adapter.receive(case.genuine) != adapter.receive(case.another)


@every_adapter
@pytest.mark.usefixtures("no_network")
def test_a_key_fits_its_column(case: AdapterCase) -> None:
    assert 0 < len(case.make().receive(case.genuine)) <= 200


@every_adapter
def test_the_provider_reads_success_once_a_delivery_is_stored(case: AdapterCase) -> None:
    answer = case.make().answer(case.genuine)
    assert isinstance(answer, Answer)
    assert 200 <= answer.status < 300


@pytest.mark.parametrize(
    ("case", "forged"),
    [
        pytest.param(case, forged, id=f"{case.name}-{at}")
        for case in CASES
        for at, forged in enumerate(case.forged)
    ],
)
@pytest.mark.usefixtures("no_network")
def test_a_forged_delivery_is_refused(case: AdapterCase, forged: Delivery) -> None:
    with pytest.raises(BadSignature):
        case.make().receive(forged)


def read_anything(adapter: Adapter, delivery: Delivery) -> None:
    """Receive and parse; only the errors that the port names may come out."""
    try:
        assert adapter.receive(delivery)
    except (BadSignature, Unreadable):
        return
    try:
        check_parsed(list(adapter.parse(delivery)))
    except Unreadable:
        return


@pytest.mark.parametrize(
    ("case", "garbage"),
    [
        pytest.param(case, garbage, id=f"{case.name}-{at}")
        for case in CASES
        for at, garbage in enumerate(case.garbage)
    ],
)
@pytest.mark.usefixtures("no_network")
def test_garbage_is_refused_by_name(case: AdapterCase, garbage: Delivery) -> None:
    adapter = case.make()
    with pytest.raises((BadSignature, Unreadable)):  # noqa: PT012 - either step may say so
        adapter.receive(garbage)
        list(adapter.parse(garbage))


@every_adapter
@given(body=st.binary(max_size=400))
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_no_bytes_make_an_adapter_fail_otherwise(case: AdapterCase, body: bytes) -> None:
    genuine = case.genuine
    read_anything(case.make(), Delivery(body, genuine.headers, genuine.url))
    read_anything(case.make(), Delivery(genuine.body + body, genuine.headers, genuine.url))
    read_anything(case.make(), Delivery(body + genuine.body, genuine.headers, genuine.url))


@pytest.mark.parametrize(
    "case", [case for case in CASES if case.sending], ids=lambda case: case.name
)
def test_sending_returns_the_name_the_provider_will_use(case: AdapterCase) -> None:
    assert case.sending is not None
    assert case.outgoing is not None
    with case.sending() as adapter:
        assert adapter.send(case.outgoing)


@pytest.mark.parametrize(
    ("case", "way"),
    [pytest.param(case, way, id=f"{case.name}-{way}") for case in CASES for way in case.failures],
)
def test_a_failure_to_send_says_whether_it_is_safe_to_try_again(
    case: AdapterCase, way: str
) -> None:
    give, expected = case.failures[way]
    assert case.outgoing is not None
    with give() as adapter, pytest.raises(SendError) as failure:
        adapter.send(case.outgoing)
    assert type(failure.value) is expected
    assert str(failure.value)
