"""How many SMS a text costs: the operators' own way of counting (3GPP TS 23.038)."""

from dataclasses import dataclass
from typing import Final, Literal

# The alphabet of seven bits, and the signs that take two places in it.
GSM7: Final = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
GSM7_TWICE: Final = frozenset("^{}\\[~]|€\f")

Encoding = Literal["GSM-7", "UCS-2"]


@dataclass(frozen=True, slots=True)
class Segments:
    """`units` are places of the encoding, `count` the SMS that are paid, `left` free places."""

    encoding: Encoding
    units: int
    count: int
    left: int


def count_segments(text: str) -> Segments:
    """Return what a text costs. A sign is never cut in two, so a part may stay short of full."""
    if all(sign in GSM7 or sign in GSM7_TWICE for sign in text):
        sizes = [2 if sign in GSM7_TWICE else 1 for sign in text]
        return _count("GSM-7", sizes, alone=160, chained=153)
    return _count("UCS-2", [2 if ord(sign) > 0xFFFF else 1 for sign in text], alone=70, chained=67)


def _count(encoding: Encoding, sizes: list[int], *, alone: int, chained: int) -> Segments:
    units = sum(sizes)
    if units <= alone:
        return Segments(encoding, units, 1, alone - units)
    count, used = 1, 0
    for size in sizes:
        if used + size > chained:
            count, used = count + 1, 0
        used += size
    return Segments(encoding, units, count, chained - used)
