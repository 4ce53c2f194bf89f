"""How one widget looks and behaves: a row of `chat_widget`, or what the settings say."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from sqlalchemy import select
from sqlalchemy.orm import Session

from helpdesk.settings import Settings
from helpdesk.widget.hours import Hours, hours_from
from helpdesk.widget.model import Widget

LANGUAGES: Final = ("pt_BR", "en")
PLACES: Final = ("title", "intro", "welcome", "away")  # where a widget may speak its own words
KINDS: Final = ("name", "email", "phone", "text", "choice")
CONTACTS: Final = ("name", "email", "phone")  # what a site that vouches for her knows already
MAIL_AFTER_MIN: Final = 10

Kind = Literal["name", "email", "phone", "text", "choice"]
Words = Mapping[str, str]  # by language


@dataclass(frozen=True, slots=True)
class Field:
    """One question before the first message. `name` names it in what the browser posts."""

    name: str
    kind: Kind
    label: Words
    required: bool = False
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Greeting:
    """Something said of itself on pages whose path matches, once a visit."""

    path: str  # `/plans`, or with `*` for any run of signs
    delay_s: int
    text: Words


@dataclass(frozen=True, slots=True)
class Setup:
    """One widget. `key` is "" for the installation's own."""

    key: str
    colour: str
    name: str = ""
    texts: Mapping[str, Words] = field(default_factory=dict)  # by language, then place
    hours: Hours = field(default_factory=Hours)
    fields: tuple[Field, ...] = ()
    greetings: tuple[Greeting, ...] = ()
    origins: tuple[str, ...] = ()
    mail_after_min: int = MAIL_AFTER_MIN

    def text(self, language: str, place: str) -> str:
        """Return the widget's own words for a place, "" where it has none."""
        return self.texts.get(language, {}).get(place, "")


def setup_of(session: Session, settings: Settings, key: str) -> Setup:
    """Return the widget that a script names; one that is unknown or off is the settings'."""
    row = widget_row(session, key) if key else None
    return default_setup(settings) if row is None else setup_from(row)


def widget_row(session: Session, key: str) -> Widget | None:
    """Return the row of a widget that is in use."""
    return session.scalar(select(Widget).where(Widget.key == key, Widget.disabled_at.is_(None)))


def default_setup(settings: Settings) -> Setup:
    """Return the widget of an installation that has set up none."""
    return Setup(key="", colour=settings.widget_colour, origins=settings.site_origins)


def setup_from(row: Widget) -> Setup:
    """Read a row."""
    return Setup(
        key=row.key,
        colour=row.colour,
        name=row.name,
        texts=row.texts,
        hours=hours_from(row.hours),
        fields=tuple(_field(one) for one in row.fields),
        greetings=tuple(_greeting(one) for one in row.greetings),
        origins=tuple(row.origins),
        mail_after_min=row.mail_after_min,
    )


def _field(data: Mapping[str, Any]) -> Field:
    return Field(
        data["name"],
        data["kind"],
        data["label"],
        bool(data["required"]),
        tuple(data.get("choices", ())),
    )


def _greeting(data: Mapping[str, Any]) -> Greeting:
    return Greeting(data["path"], int(data["delay_s"]), data["text"])
