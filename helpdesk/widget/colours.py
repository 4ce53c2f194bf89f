"""Keeping a tenant's colour readable (WCAG 2.2, 1.4.3)."""

from typing import Final

ENOUGH: Final = 450  # what running text needs, times 100


def ink_on(colour: str) -> str:
    """Return white or ink, whichever stands out more on `colour` (#RRGGBB).

    On some greys and their like neither does enough; pure black does.
    """
    best = max(("#FFFFFF", "#12161F"), key=lambda ink: contrast(ink, colour))
    return best if contrast(best, colour) >= ENOUGH else "#000000"


def contrast(one: str, other: str) -> int:
    """Return the WCAG contrast ratio of two colours, times 100."""
    low, high = sorted((_luminance(one), _luminance(other)))
    return round(100 * (high + 0.05) / (low + 0.05))


def _luminance(colour: str) -> float:
    def linear(channel: int) -> float:
        share = channel / 255
        return share / 12.92 if share <= 0.04045 else float(((share + 0.055) / 1.055) ** 2.4)

    red, green, blue = (linear(int(colour[at : at + 2], 16)) for at in (1, 3, 5))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
