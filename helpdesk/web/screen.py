"""What every signed-in screen shows around its own content. Plain values, no Flask."""

from dataclasses import dataclass
from typing import Literal

TONES = ("a", "b2", "c", "d", "e", "")

Availability = Literal["available", "busy", "away", ""]


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody as a disc with two letters. Build with `person`."""

    name: str
    initials: str
    tone: str  # one of TONES; only helps the eye
    availability: Availability = ""

    @property
    def first_name(self) -> str:
        return self.name.split(" ", 1)[0]


@dataclass(frozen=True, slots=True)
class ShellScreen:
    """The frame: who works here, and what the rail offers them."""

    agent: Person
    agent_id: str
    company: str
    nav: str  # inbox, customers, billing, live, knowledge, approvals; "" for none
    language: str  # BCP 47, for <html lang>: pt-BR, en
    theme: str  # auto, light, dark
    may: frozenset[str] = frozenset()  # permissions, as in staff.policy
    rooms: tuple[str, ...] = ("inbox",)  # rail entries that exist for this person, in order
    unread: int = 0  # conversations with something new
    approvals: int = 0  # waiting for this person
    held: int = 0  # deliveries that wait for a person


def person(name: str, *, key: str = "", availability: Availability = "") -> Person:
    """Return the disc of `name`; `key` (an id) keeps the tone when the name changes."""
    words = name.split()
    letters = [word[0] for word in (words[:1] + words[-1:] if len(words) > 1 else words[:1])]
    tone = TONES[sum((key or name).encode()) % len(TONES)]
    return Person(name, "".join(letters).upper() or "?", tone, availability)
