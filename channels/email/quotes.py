"""Find where the history of a conversation begins inside the text of a mail.

Everything looks at lines. A line that introduces history is an attribution ("On ...
Ana wrote:", on one to four lines), a block of header lines, or a ruled title such as
"-----Original Message-----". No rule costs more than its line is long.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from channels.email.phrases import (
    ABOVE_BEGINS,
    FORWARD_BEGINS,
    HEADER_KINDS,
    OPENING,
    QUOTING,
    REPLY_ABOVE,
    RULED,
    VERB,
)

_LONGEST: Final = 400  # signs; an attribution is never longer
_MOST_LINES: Final = 4  # nor on more lines
_AROUND_TITLE: Final = " \t\xa0*_-=–—#"

_INITIALS = re.compile(r"\w{1,20}> ")  # how some programs mark whom they quote
_DASHES: Final = frozenset("-–—")
_RULES: Final = frozenset("-_=–—")

_ENCLOSED = re.compile(r"(?:[<(\[]|&lt;)\s*(?:mailto:)?[^\s<>()\[\]]{1,200}@")
_AT_END = re.compile(r"@[^\s@]{1,200}[>)\]]\s*:$")
_DATE = re.compile(r"\d{1,2}\s*[:.h]\s*\d{2}|\b(?:19|20)\d{2}\b|\d{1,2}[/.-]\d{1,2}[/.-]\d{2,4}")
_BARE = re.compile(
    r"\d{4}[-/]\d{1,2}[-/]\d{1,2}\b"
    r"(?:.{0,30}GMT[+-]\d{1,2}:\d{2}\s.{1,120}|[^<>]{0,120}<[^<>\s]{1,120}@[^<>\s]{1,120}>)"
)


@dataclass(frozen=True, slots=True)
class Cut:
    """Where history begins: line `start` introduces it, line `end` is the first of it."""

    start: int
    end: int
    kept: str = ""  # new words on the line `start` itself
    forwarded: bool = False  # introduced as a mail, by headers or a title


def is_quoted(line: str) -> bool:
    return ">" in line and line.lstrip().startswith(">")


def is_bar(line: str) -> bool:
    return len(line) <= _LONGEST and len(line.strip()) > 2 and set(line.strip()) <= _RULES | {"*"}


def marks_initials(line: str) -> bool:
    return _INITIALS.match(line) is not None


def find_cut(lines: Sequence[str], start: int = 0) -> Cut | None:
    """Return the first place from `start` on where history begins, or None."""
    for at in range(start, len(lines)):
        line = lines[at]
        if not _may_introduce(line) or is_quoted(line):
            continue
        cut = _titled(lines, at) or _headed(lines, at) or _attributed(lines, at, start)
        if cut:
            return cut
    return None


def _may_introduce(line: str) -> bool:
    """Say no where a line has none of the signs, nor the words, without which nothing is cut."""
    return (
        ":" in line
        or "-" in line
        or "_" in line
        or "=" in line
        or "@" in line
        or "：" in line
        or "–" in line
        or "—" in line
        or _asks_above(line.strip(_AROUND_TITLE))
    )


def _titled(lines: Sequence[str], at: int) -> Cut | None:
    line = lines[at]
    if len(line) > _LONGEST:
        return None
    bare = line.strip(_AROUND_TITLE)
    if not (
        _is_title(line.strip(" \t\xa0*"))
        or (bare.endswith(":") and FORWARD_BEGINS.fullmatch(bare))
        or _asks_above(bare)
    ):
        return None
    following = at + 1
    while following < len(lines) and not lines[following].strip():
        following += 1
    block = _headed(lines, following) if following < len(lines) else None
    return Cut(at, block.end if block else at + 1, forwarded=True)


def _asks_above(bare: str) -> bool:
    two = bare[:2].lower()
    begun = two in ABOVE_BEGINS or not two.isascii()
    return begun and REPLY_ABOVE.fullmatch(bare) is not None


def _is_title(text: str) -> bool:
    if text[:1] not in _RULES:
        return False
    ruled = set(text[:2]) <= _RULES and set(text[-2:]) <= _RULES
    return ruled and RULED.fullmatch(text.strip(" \t\xa0*_-=–—:")) is not None


def _headed(lines: Sequence[str], at: int) -> Cut | None:
    """Recognise header lines: two with an address, or three that only a program writes."""
    if not _kind(lines[at]):
        return None
    kinds: set[str] = set()
    address = False
    end = at
    for here in range(at, min(len(lines), at + 15)):
        kind = _kind(lines[here])
        if kind:
            kinds.add(kind)
        elif not _belongs(lines, here, end):
            break
        if kind or lines[here].strip():
            address = address or "@" in lines[here]
            end = here + 1
    telling = address or (len(kinds) >= 3 and kinds & {"subject", "sent"})
    if telling and len(kinds) >= 2 and kinds & {"sender", "sent", "date"}:
        return Cut(at, end, forwarded=True)
    return None


def _belongs(lines: Sequence[str], here: int, end: int) -> bool:
    """Tell whether a line without a name goes on with the block that reaches `end`."""
    if not lines[here].strip():  # one blank line, where another header follows
        return here == end and here + 1 < len(lines) and _kind(lines[here + 1]) != ""
    if here != end or is_quoted(lines[here]):
        return False
    # A folded value: the rest of a long list, or of a subject, with headers after it.
    return here + 1 < len(lines) and _kind(lines[here + 1]) != ""


def _kind(line: str) -> str:
    if ":" not in line and "：" not in line:
        return ""
    name, colon, _ = line[:60].replace("：", ":").partition(":")
    return (
        HEADER_KINDS.get(" ".join(name.strip(" \t\xa0>*_|").split()).casefold(), "")
        if colon
        else ""
    )


def _attributed(lines: Sequence[str], at: int, least: int) -> Cut | None:
    """Recognise an attribution whose last line is `at`."""
    line = lines[at].rstrip(" \t\xa0*_")
    if len(line) > _LONGEST:
        return None
    if not line.endswith((":", "：", "-", "–", "—")) and not _is_bare(line.strip()):
        return None
    shortest: Cut | None = None
    joined = ""
    for start in range(at, max(least, at - _MOST_LINES + 1) - 1, -1):
        if not lines[start].strip() or is_quoted(lines[start]):
            break
        joined = f"{lines[start].strip()} {joined}".strip()
        if not is_attribution(joined):
            continue
        shortest = shortest or Cut(start, at + 1)
        if OPENING.match(_plain(joined)):
            return Cut(start, at + 1)
    return shortest or _sharing(line, at)


def _sharing(line: str, at: int) -> Cut | None:
    """Recognise an attribution on the line of the last new words, after dashes."""
    before, dashes, after = line.rpartition("--")
    if dashes and before.strip(" -") and is_attribution(after):
        return Cut(at, at + 1, kept=before.rstrip(" -"))
    return None


def is_attribution(text: str) -> bool:
    """Tell whether `text`, on one line, says who wrote what follows and when."""
    text = _plain(text)
    if not 5 < len(text) <= _LONGEST:
        return False
    if set(text[:2]) <= _DASHES and set(text[-2:]) <= _DASHES and VERB.search(text):
        return True
    if _is_bare(text):
        return True
    if not text.endswith(":"):
        return False
    enclosed = _ENCLOSED.search(text)
    # Digits inside an address are no date.
    dated = _DATE.search(" ".join(word for word in text.split() if "@" not in word))
    if not (enclosed or dated):
        return False
    verb = VERB.search(text)
    if enclosed and (QUOTING.match(text) or (verb and _names_only(text, enclosed, verb))):
        return True
    if not dated:
        return False
    if enclosed:
        return verb is not None or _AT_END.search(text) is not None
    if verb is None or not (OPENING.match(text) or text[0].isdigit()):
        return False
    return len(text) - verb.end() <= 40  # a sentence goes on after its verb


def _is_bare(text: str) -> bool:
    return text[:1].isdecimal() and _BARE.fullmatch(text) is not None


def introduces(line: str) -> bool:
    """Tell whether a line right above a marked quote belongs to it."""
    text = _plain(line)
    return len(text) <= _LONGEST and text.endswith(":") and ("@" in text or bool(VERB.search(text)))


def _names_only(text: str, enclosed: re.Match[str], verb: re.Match[str]) -> bool:
    """Recognise "Ana Souza <ana@x.example> wrote:", where no date tells."""
    name = text[: enclosed.start()]
    return len(name) <= 60 and name.count(" ") <= 5 and verb.end() == len(text) - 1


def _plain(text: str) -> str:
    return text.strip(" \t\xa0*_").replace("\xa0:", ":").replace(" :", ":").replace("：", ":")
