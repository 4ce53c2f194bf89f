"""One runner for each operation of the billing cases, through the engine's own functions."""

from collections.abc import Callable, Mapping
from typing import Any

from tests.corpus.billing import dates, formats, money_back, parts, reminders, rounding

Runner = Callable[[Mapping[str, Any]], Any]

RUNNERS: Mapping[str, Runner] = {
    **dates.RUNNERS,
    **parts.RUNNERS,
    **rounding.RUNNERS,
    **money_back.RUNNERS,
    **reminders.RUNNERS,
    **formats.RUNNERS,
}
"""By operation. A runner takes the case's input, its `kind` included, and returns what we find."""
