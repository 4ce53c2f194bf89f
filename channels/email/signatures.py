"""Take off what stands below the words of a mail: signatures, footers, device lines."""

import re
from collections.abc import Sequence
from typing import Final

from channels.email.phrases import (
    CLOSING,
    CLOSING_WORDS,
    DEVICE,
    DEVICE_BEGINS,
    DEVICE_WHOLE,
    EXCUSE,
)
from channels.email.quotes import is_bar

_LONGEST_BLOCK: Final = 14  # lines below a closing word; more are a text of their own
_LONGEST_LINE: Final = 90

_BEFORE_DEVICE: Final = " <>()*_-.[]\t\n\r\x0b\x0c\x1c\x1d\x1e\x1f"
_TWO_LETTERS: Final = frozenset(begin[:2] for begin in DEVICE_BEGINS)
_DELIMITER = re.compile(r"--\s*")
_FOOTER_BAR = re.compile(r"\s*_{2,}\s*")
_LINK = re.compile(r"\]?\s*[<(\[]?(?:https?://|mailto:)[^\s>)\]]*[>)\]]?|<[^<>\s]*>|www\.\S+")
_SENTENCE = re.compile(r"[,.;!?]")
_CONTACT = re.compile(
    r"\S@\S+\.\w|https?://|\bwww\.|(?:\+|\(?\b0|\(\d|\b\d)[\d\s().–-]{7,}\d|\b(?:tel|fon|phone|fone"
    r"|mobile|cel|celular|whatsapp|fax|móvil|tél)\b\s*[.:]",
    re.IGNORECASE,
)


def without_signature(lines: Sequence[str]) -> list[str]:
    """Return the lines above a signature; nothing where they are a signature as a whole.

    A closing word with a name below it stays, they were written by a person; it goes
    where contact details follow it.
    """
    end = len(lines)
    for at, line in enumerate(lines):
        if not _may_end(line):
            continue
        if _DELIMITER.fullmatch(line) or is_device_line(line) or _is_list_footer(lines, at):
            end = at
            break
    kept = _without_bars(lines[:end])
    for at in range(len(kept) - 1, max(-1, len(kept) - 2 - _LONGEST_BLOCK), -1):
        if _is_closing(kept[at]) and _is_card(kept[at + 1 :]):
            return _without_bars(kept[:at])
    return kept


def is_device_line(line: str) -> bool:
    if len(line) > 300:
        return False
    text = _LINK.sub(" ", " ".join(line.split())).replace("[", " ").replace("]", " ")
    text = " ".join(text.split()).strip(" <>()*_-.")
    if len(text) > 160:
        return False
    begun = DEVICE.match(text)
    if begun is None:
        return DEVICE_WHOLE.fullmatch(text) is not None
    # A person's sentence goes on where a program's line ends.
    line_end = _SENTENCE.search(text, begun.end())
    end = line_end.start() if line_end else len(text)
    return end - begun.end() <= 60 and (end == len(text) or EXCUSE.search(text, end) is not None)


def _may_end(line: str) -> bool:
    """Say no where a line holds nothing that the tests for an end of the words look for.

    It says yes where it cannot tell at once how the line begins without its links.
    """
    small = line.lower()
    text = small.lstrip(_BEFORE_DEVICE)
    two = text[:2]
    if two in _TWO_LETTERS and (text.startswith(DEVICE_BEGINS) or not text[:9].isascii()):
        return True
    return (
        not two.isascii()
        or line.startswith("--")
        or "__" in line
        or "mob" in small
        or ("<" in line and "<" in small[: len(small) - len(text)])
        or text.startswith(("http", "mailto:", "www."))
    )


def _is_list_footer(lines: Sequence[str], at: int) -> bool:
    """A bar, then a few lines to the end that say where a list lives."""
    if len(lines) - at > 2 * _LONGEST_BLOCK or not _FOOTER_BAR.fullmatch(lines[at]):
        return False
    below = [line for line in lines[at + 1 :] if line.strip()]
    return 0 < len(below) <= 6 and any("http" in line or "@" in line for line in below)


def _is_closing(line: str) -> bool:
    if len(line) > _LONGEST_LINE:
        return False
    text = line.strip(" \t\xa0,.!*_")
    return len(text.split()) <= CLOSING_WORDS and CLOSING.fullmatch(text) is not None


def _is_card(lines: Sequence[str]) -> bool:
    """Tell whether the lines below a closing word are a name with contact details."""
    written = [line for line in lines if line.strip()]
    return (
        1 < len(written) <= _LONGEST_BLOCK
        and all(len(line) <= _LONGEST_LINE for line in written)
        and not any(line.rstrip().endswith(("?", ":")) for line in written)
        and any(_CONTACT.search(line) for line in written[1:])
    )


def _without_bars(lines: Sequence[str]) -> list[str]:
    kept = list(lines)
    while kept and (not kept[-1].strip() or is_bar(kept[-1])):
        kept.pop()
    return kept
