"""The one writer of tables that leave as CSV: a spreadsheet reads every cell as text."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

BEGINS_FORMULA: Final = frozenset("=+-@\t\r\n|%")
_WIDE: Final = {ord(wide): plain for wide, plain in zip("＝＋－＠", "=+-@", strict=True)}
BOM: Final = "\ufeff"  # without it Excel reads UTF-8 as something else


def write_csv(header: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    """Yield a CSV file line by line, its cells safe to open in a spreadsheet.

    Numbers stay numbers; text that a spreadsheet would reckon gets an apostrophe before it.
    """
    yield BOM + _line(header)
    for row in rows:
        yield _line(row)


def cell(value: object) -> str:
    """Return one value as a cell: what would be a formula is text, nothing ends the file."""
    if value is None:
        return ""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    text = "".join(sign for sign in str(value) if sign in "\t\n\r" or sign >= " ")
    first = text.lstrip(" \xa0\u200b\ufeff")[:1].translate(_WIDE)
    return f"'{text}" if first in BEGINS_FORMULA and first else text


def _line(values: Sequence[object]) -> str:
    written = io.StringIO()
    csv.writer(written, quoting=csv.QUOTE_ALL, lineterminator="\r\n").writerow(map(cell, values))
    return written.getvalue()
