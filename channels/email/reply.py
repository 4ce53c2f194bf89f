"""Cut the new words of a mail from everything that it quotes or that signs it.

What is left out is never lost: the whole text is kept beside it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from channels.email.quotes import Cut, find_cut, introduces, is_quoted, marks_initials
from channels.email.signatures import without_signature

MOST_LINES: Final = 50_000  # a text with more is a file that somebody pasted


@dataclass(frozen=True, slots=True)
class Split:
    """The two halves of a text. `reply` is only empty where the text is."""

    reply: str
    rest: str  # the lines left out, in their order


def reply_text(text: str) -> str:
    """Return what the sender newly wrote; all of `text` where nothing can be told apart."""
    return split_reply(text).reply


def split_reply(text: str) -> Split:
    """Part the new words from quotes, forwarded mails, signatures and footers."""
    lines = text.split("\n")
    if len(lines) > MOST_LINES:
        return Split(text.strip(), "")
    kept = _new_lines(lines)
    if not any(line.strip() for line in kept):
        return Split(_tidy(lines), "")
    return Split(_tidy(kept), _tidy(_left_out(lines, kept)))


def _new_lines(lines: Sequence[str]) -> list[str]:
    lines = _without_cited(lines)
    cut = find_cut(lines)
    if cut is None:
        return without_signature(_without_last_quote(lines)) or _unquoted(lines)
    above = [*lines[: cut.start], *([cut.kept] if cut.kept else [])]
    new = without_signature(_without_last_quote(above))
    if not any(line.strip() for line in new):
        return _below(lines, cut)
    return [*new, *_answers(lines, cut.end)] if _goes_on_quoted(lines, cut) else new


def _below(lines: Sequence[str], cut: Cut) -> list[str]:
    """Nothing new stands above: it is an answer below its quote, or a mail passed on."""
    if cut.forwarded:
        return list(lines[cut.end :])
    if _goes_on_quoted(lines, cut):
        return _answers(lines, cut.end) or _unquoted(lines[cut.end :])
    return without_signature(lines[cut.end :])


def _goes_on_quoted(lines: Sequence[str], cut: Cut) -> bool:
    """Tell whether the history is marked line by line, so that answers stand out in it."""
    if cut.forwarded:
        return False
    below = (lines[at] for at in range(cut.end, len(lines)))
    first = next((line for line in below if line.strip()), "")
    return is_quoted(first) or marks_initials(first)


def _answers(lines: Sequence[str], start: int) -> list[str]:
    """Return the lines between and below marked quotes, their own quotes taken out."""
    found: list[str] = []
    while start < len(lines):
        cut = find_cut(lines, start)
        end = cut.start if cut else len(lines)
        own = [
            line for line in lines[start:end] if not is_quoted(line) and not marks_initials(line)
        ]
        if written := without_signature(own):
            found += ["", *written]
        if cut is None or not _goes_on_quoted(lines, cut):
            break
        start = cut.end
    return found


def _without_cited(lines: Sequence[str]) -> list[str]:
    """Drop each marked quote that begins by saying itself who wrote it."""
    if not any(map(is_quoted, lines)):
        return list(lines)
    kept: list[str] = []
    start = 0
    while start < len(lines):
        end = start
        while end < len(lines) and is_quoted(lines[end]) == is_quoted(lines[start]):
            end += 1
        run = lines[start:end]
        if not (is_quoted(lines[start]) and _cites(run)):
            kept += run
        start = end
    return kept


def _cites(quoted: Sequence[str]) -> bool:
    begin = [line.lstrip(" \t>") for line in quoted[:8]]
    cut = find_cut(begin)
    return cut is not None and not any(line.strip() for line in begin[: cut.start])


def _without_last_quote(lines: Sequence[str]) -> list[str]:
    """Drop marked quotes at the end, where something else stands before them."""
    end = len(lines)
    while end and (not lines[end - 1].strip() or is_quoted(lines[end - 1])):
        end -= 1
    dropped = any(line.strip() for line in lines[end:])
    if dropped and end > 1 and introduces(lines[end - 1]):
        end -= 1
    return list(lines[:end])


def _unquoted(lines: Sequence[str]) -> list[str]:
    return [line for line in lines if not is_quoted(line)]


def _left_out(lines: Sequence[str], kept: Sequence[str]) -> list[str]:
    """Return the lines that are not in `kept`, which holds some of them in order."""
    if list(lines[: len(kept)]) == kept:
        return list(lines[len(kept) :])
    wanted = iter([line for line in kept if line.strip()])
    following = next(wanted, None)
    rest: list[str] = []
    for line in lines:
        if following is not None and line.strip() == following.strip():
            following = next(wanted, None)
        elif following is None or line.strip() or rest:
            rest.append(line)
    return rest


def _tidy(lines: Sequence[str]) -> str:
    return "\n".join(line.rstrip() for line in lines).strip("\n").strip()
