"""Text is read by everyone: 4.5:1 for words, 3:1 for the edges of controls, in both themes."""

import re
from pathlib import Path

import pytest

CSS = (Path(__file__).resolve().parents[3] / "static" / "ui" / "tokens.css").read_text()
TOKENS = {
    match[1]: (match[2], match[3])
    for match in re.finditer(r"--([\w-]+):\s*light-dark\((#\w{6}),\s*(#\w{6})\)", CSS)
} | {"on-solid": ("#FFFFFF", "#FFFFFF")}
SURFACES = ("canvas", "surface", "subtle", "raised", "sunken", "hover", "selected")
INK = ("text", "text-2", "text-3")
STATUS = ("accent", "money", "ok", "warn", "danger")
CHANNELS = ("email", "chat", "wa", "sms", "voice")


def pairs() -> list[tuple[str, str, float]]:
    """Return every (text, background, least ratio) that the product puts together."""
    found = [(ink, back, 4.5) for ink in INK for back in (*SURFACES, "active")]
    found += [(f"{name}-text", back, 4.5) for name in STATUS for back in SURFACES]
    found += [(f"{name}-text", f"{name}-soft", 4.5) for name in (*STATUS, "note")]
    found += [(ink, f"{name}-soft", 4.5) for ink in INK for name in (*STATUS, "note")]
    for name in ("accent", "money", "danger"):
        found += [("on-solid", name, 4.5), ("on-solid", f"{name}-hover", 4.5)]
    for name in CHANNELS:
        backs = (f"ch-{name}-soft", "surface", "canvas", "selected")
        found += [(f"ch-{name}", back, 4.5) for back in backs]
    found += [("border-control", back, 3) for back in ("surface", "canvas", "raised", "subtle")]
    return [*found, ("data-1", "surface", 3)]


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_every_pair_in_use_can_be_read(theme: int) -> None:
    faults = {
        (ink, back): round(ratio, 2)
        for ink, back, least in pairs()
        if (ratio := contrast(TOKENS[ink][theme], TOKENS[back][theme])) < least
    }
    assert not faults


def test_browsers_without_light_dark_get_the_same_light_values() -> None:
    fallback = dict(re.findall(r"--([\w-]+): (#\w{6});", CSS.split("@supports not")[1]))
    expected = {name: light for name, (light, _) in TOKENS.items() if name != "on-solid"}
    assert fallback == expected


def test_black_on_white_is_21_to_1() -> None:
    assert round(contrast("#000000", "#FFFFFF"), 2) == 21.0
