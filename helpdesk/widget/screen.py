"""What the screens of the widgets show. Plain values."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class WidgetLine:
    id: str  # "" for the one of the settings
    name: str
    colour: str
    origins: tuple[str, ...]
    on: bool
    open_now: bool


@dataclass(frozen=True, slots=True)
class WidgetsScreen:
    lines: tuple[WidgetLine, ...]


@dataclass(frozen=True, slots=True)
class WidgetScreen:
    """One widget as a form. `values`: by name of the control."""

    id: str  # "" for a new one
    values: Mapping[str, str]
    ink: str  # what is written on its colour
    fields: int  # rows of questions
    greetings: int  # rows of greetings
    on: bool = True
    snippet: str = ""
    script: str = ""  # the address that sites load
    key: str = ""
    saved: bool = False
    wrong: str = ""  # name of the control that was refused
    problem: str = ""
