"""What was asked for, as JSON values and back: a preview keeps it, and whoever confirms carries it out."""

from collections.abc import Callable, Mapping
from dataclasses import fields
from datetime import date
from typing import Any, TypeVar
from uuid import UUID

from .preview import plain

Ask = TypeVar("Ask")

_DATES = ("on", "resumes_on")


def dump_ask(ask: Any) -> dict[str, Any]:
    """Return an ask of ids, dates and plain values by field."""
    return {
        field.name: plain(value)
        if isinstance(value := getattr(ask, field.name), UUID | date)
        else value
        for field in fields(ask)
    }


def load_ask(kind: Callable[..., Ask], payload: Mapping[str, Any]) -> Ask:
    """Read back what `dump_ask` wrote: `..._id` are ids."""
    return kind(
        **{name: None if value is None else _reader(name)(value) for name, value in payload.items()}
    )


def _reader(name: str) -> Callable[[Any], Any]:
    if name.endswith("_id"):
        return UUID
    return date.fromisoformat if name in _DATES else lambda value: value
