"""When a telephone line is open: spans of the local day, for each weekday."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, tzinfo
from typing import Any, Final

from helpdesk.errors import InvalidInput

WEEKDAYS: Final = 7
MOST_SPANS: Final = 4  # of one day

_SPAN = re.compile(r"([01]?\d|2[0-3])[:h]([0-5]\d)?\s*[-–a]\s*(24|[01]?\d|2[0-3])[:h]([0-5]\d)?")

Hours = Mapping[str, Any]  # weekday "0" (Monday) to "6": [["09:00", "18:00"], …]


def is_open(hours: Hours, at: datetime, zone: tzinfo) -> bool:
    """Say whether a line is open at an instant. A line without any hours always is."""
    if not any(hours.values()):
        return True
    local = at.astimezone(zone)
    now = f"{local:%H:%M}"
    return any(begin <= now < end for begin, end in hours.get(str(local.weekday()), ()))


def read_spans(text: str, field: str) -> list[list[str]]:
    """Read "9:00-12:00, 13:00-18:00". Nothing is closed all day. Raises `InvalidInput`."""
    spans: list[list[str]] = []
    for part in (one.strip() for one in text.split(",") if one.strip()):
        found = _SPAN.fullmatch(part)
        if found is None:
            raise InvalidInput(field, "Write hours as 9:00-12:00, 13:00-18:00.")
        begin = f"{int(found[1]):02}:{found[2] or '00'}"
        end = f"{int(found[3]):02}:{found[4] or '00'}"
        if begin >= end or end > "24:00" or (spans and begin < spans[-1][1]):
            raise InvalidInput(field, "Hours must follow one another within the day.")
        spans.append([begin, end])
    if len(spans) > MOST_SPANS:
        raise InvalidInput(field, "These are too many spans for one day.")
    return spans


def write_spans(spans: Sequence[Sequence[str]]) -> str:
    return ", ".join(f"{begin}-{end}" for begin, end in spans)
