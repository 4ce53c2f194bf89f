"""Card numbers and security codes in text: down to four digits, or blanked.

The length of a text stays the same, so that a mask can be put back into an encoded copy.
"""

import html
import re
import unicodedata
from bisect import bisect_right
from collections.abc import Callable
from itertools import accumulate, count, pairwise
from typing import Final

# What people put between the digits: blanks of any width, dots, dashes, strokes.
_BLANK = r"[ \t\u00ad\u00a0\u1680\u2000-\u2015\u202f\u205f\u2060\u2212\u3000\ufeff._/|\-]"
# 13 digits or more, at most three such signs or one line end between two; never part of a
# word (an underscore, as in names of files, joins no word). What stands before the first
# digit is looked at after it: a pattern that begins with a digit is searched for fast.
_RUN = re.compile(
    rf"\d(?<![^\W_]\d)(?:(?:{_BLANK}{{0,3}}|{_BLANK}{{0,2}}\r?\n{_BLANK}{{0,2}})\d){{12,}}(?![^\W_])"
)
_GROUP = re.compile(r"\d+")


def _from(first: int, last: int) -> list[str]:
    return [str(number) for number in range(first, last + 1)]


# First digits of the issuers and how long their numbers are (ISO/IEC 7812, as published).
_ISSUERS: Final = (
    (["4"], (13, 16, 19)),
    ([*_from(51, 55), *_from(2221, 2720)], (16,)),
    (["34", "37"], (15,)),
    ([*_from(300, 305), "36", "38", "39"], (14, 16, 19)),
    (["6011", *_from(644, 649), "65"], (16, 19)),
    (_from(3528, 3589), (16, 19)),
    (["62", "81"], (16, 17, 18, 19)),
    # Elo and Hipercard, the Brazilian issuers outside the ranges above.
    (["401178", "401179", "438935", "457631", "457632", "504175", "627780", "636297", "636368"], (16,)),
    (["5067", "5090", "6277", "6363", "6500", "6504", "6505", "6507", "6509", "6516", "6550"], (16,)),
    (["606282", "3841"], (16, 19)),
    (["5018", "5020", "5038", *_from(56, 58), "6304", "6759", *_from(6761, 6763)], tuple(range(13, 20))),
)  # fmt: skip
_LENGTHS: Final = {start: lengths for starts, lengths in _ISSUERS for start in starts}
_STARTS: Final = (1, 2, 3, 4, 6)  # digits of the keys above

_LONGEST_PHONE: Final = 15  # digits behind a plus (E.164)
# How cards are printed. Numbers in a column only count as one where they are so grouped.
_PRINTED: Final = ((4, 4, 4, 4), (4, 6, 5), (4, 6, 4), (4, 4, 4, 4, 3))

_SECURITY_CODE = re.compile(
    r"(\b(?:cvv2?|cvc2?|cvn|csc|cid|security code|card code|verification code of the card"
    r"|c[óo]d(?:igo|\.)? (?:de )?seguran[çc]a|c[óo]d(?:igo|\.)? (?:do|no) verso"
    r"|c[óo]digo de seguridad|code de s[ée]curit[ée]|cryptogramme(?: visuel)?|(?:karten)?pr[üu]fnummer"
    r"|(?:karten)?pr[üu]fziffer|codice di sicurezza|beveiligingscode)"
    r"(?: (?:do|of the|meu|my|de la|de ma|della) (?:cart[ãa]o|card|tarjeta|carte|carta))?"
    r"[ \t]*(?:[:=#\-]|é|eh|e|is|es|est|ist)?[ \t]*)(\d{3,4})\b",
    re.IGNORECASE,
)

_MARK = re.compile(r"<(/?[a-z][a-z0-9]{0,20}|!)[^<>]{0,5000}>|&#?[a-z0-9]{1,31};", re.IGNORECASE)
_BREAKS: Final = frozenset(
    {"br", "p", "div", "tr", "td", "th", "li", "table", "h1", "h2", "h3", "!"}
)
_ESCAPE = re.compile(r"%[0-9A-Fa-f]{2}")
# JSON is strings, with or without their end, and what stands between them.
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"?|[^"]+', re.DOTALL)
_NUMBER = re.compile(r"-?\d[\d.eE+\-]*")
_JSON_ESCAPE = re.compile(r"\\(?:u[0-9A-Fa-f]{4}|[^u])", re.DOTALL)
_CONTROLS: Final = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}

# Cheap signs that there may be something to hide, looked for before the patterns above.
_DIGITS: Final = b"0123456789"
_FEWEST_DIGITS: Final = 3  # of a security code
_SHORTEST_NUMBER: Final = 13
_CODE_WORD = re.compile(rb"c(?:v[vcn]|sc|id|od|rypto)|pruf")  # in each word for such a code
_SIMPLE: Final = bytes.maketrans(b"CDFIDNOPRSTUVY\xd3\xf3\xdc\xfc", b"cdfidnoprstuvyoouu")
# Past Latin-1: what counts as a digit, or as one of the letters above in another case.
_OTHER_DIGIT = re.compile(r"[^\D0-9]")
_OTHER_CASES: Final = "\u0130\u0131\u017f"


def mask_text(text: str) -> str:
    """Return `text` with card numbers down to their last four digits and codes blanked."""
    seen = _simply(text)
    if seen is None:
        return _SECURITY_CODE.sub(_blank_code, _RUN.sub(_mask_run, text))
    digits = _count_digits(seen)
    if digits < _FEWEST_DIGITS:
        return text
    if digits >= _SHORTEST_NUMBER:
        text = _RUN.sub(_mask_run, text)
    if _CODE_WORD.search(seen.translate(_SIMPLE)):
        text = _SECURITY_CODE.sub(_blank_code, text)
    return text


def mask_html(page: str) -> str:
    """Return a page masked, also where tags and entities stand between the digits."""
    seen = _simply(page)
    if seen is not None and "&#" not in page and _count_digits(seen) < _FEWEST_DIGITS:
        return page  # an entity with a name is never a digit
    return _mask_through(mask_text(page), _MARK, _meaning)


def mask_escaped(text: str) -> str:
    """Return text masked that holds bytes written as `%20`."""
    masked = mask_text(text)
    if "%" not in text and masked == text:
        return text
    return _mask_through(masked, _ESCAPE, lambda one: chr(int(one[0][1:], 16)))


def mask_json(text: str) -> str:
    """Return JSON masked, and JSON still: a number that has to be masked becomes a string.

    What is no JSON is masked as text.
    """
    return _STRING.sub(_mask_json_piece, text)


def holds_nothing(data: bytes) -> bool:
    """Say of bytes that none of the functions above changes them, as far as is seen at once."""
    return data.isascii() and b"&#" not in data and _count_digits(data) < _FEWEST_DIGITS


def is_card_number(digits: str) -> bool:
    """Say whether a run of digits is a number that an issuer may have given out."""
    return len(digits) in _issued(digits) and len(set(digits)) > 1 and _passes_luhn(digits)


def _mask_json_piece(found: re.Match[str]) -> str:
    piece = found[0]
    if piece.startswith('"'):
        return _mask_through(mask_text(piece), _JSON_ESCAPE, _sign)
    return mask_text(_NUMBER.sub(_mask_number, piece))


def _mask_number(found: re.Match[str]) -> str:
    masked = mask_text(found[0])
    return found[0] if masked == found[0] else f'"{masked}"'


def _sign(found: re.Match[str]) -> str:
    sign = found[0][1:]
    return chr(int(sign[1:], 16)) if len(sign) == 5 else _CONTROLS.get(sign, sign)


def _simply(text: str) -> bytes | None:
    """Return text sign by sign in Latin-1, where no other sign is a digit or a letter to us."""
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        if _OTHER_DIGIT.search(text) or any(sign in text for sign in _OTHER_CASES):
            return None
        return text.encode("latin-1", "replace")


def _count_digits(data: bytes) -> int:
    return len(data) - len(data.translate(None, _DIGITS))


def _issued(digits: str) -> list[int]:
    """Return how long a number that begins so may be, the shortest first."""
    found: set[int] = set()
    for start in _STARTS:
        found.update(_LENGTHS.get(digits[:start], ()))
    return sorted(found)


def _mask_through(
    text: str, token: re.Pattern[str], meaning: Callable[[re.Match[str]], str]
) -> str:
    """Mask what `text` shows, in which each token stands for one sign or for nothing."""
    before = token.sub(meaning, text)
    after = mask_text(before)
    if after == before:
        return text
    begins, spans = _places(text, token, meaning)
    made: list[str] = []
    done = 0
    hidden = (at for at, (one, other) in enumerate(zip(before, after, strict=True)) if one != other)
    for place in hidden:
        number = bisect_right(begins, place) - 1
        start, end = spans[number]
        if token.fullmatch(text, start, end) is None:
            start += place - begins[number]
            end = start + 1
        made += [text[done:start], "*"]
        done = end
    return "".join([*made, text[done:]])


def _places(
    text: str, token: re.Pattern[str], meaning: Callable[[re.Match[str]], str]
) -> tuple[list[int], list[tuple[int, int]]]:
    """Return where each piece begins in what `text` shows, and where it stands in `text`."""
    begins: list[int] = []
    spans: list[tuple[int, int]] = []
    length = at = 0
    for found in token.finditer(text):
        for size, span in (
            (found.start() - at, (at, found.start())),
            (len(meaning(found)), found.span()),
        ):
            if size:
                begins.append(length)
                spans.append(span)
                length += size
        at = found.end()
    return [*begins, length], [*spans, (at, len(text))]


def _meaning(found: re.Match[str]) -> str:
    if found[1] is not None:
        return "\n" if found[1].lstrip("/").casefold() in _BREAKS else ""
    sign = html.unescape(found[0])
    return sign if len(sign) == 1 else "?"


def _mask_run(found: re.Match[str]) -> str:
    """Mask each card number in a run of digit groups, also one with a code or a date behind."""
    run = found[0]
    groups = [(group.start(), group.end()) for group in _GROUP.finditer(run)]
    phone = found.string[found.start() - 1 : found.start()] == "+"
    if phone and sum(end - start for start, end in groups) <= _LONGEST_PHONE:
        return run
    digits = _ascii("".join(run[start:end] for start, end in groups))
    ends = dict(zip(accumulate(end - start for start, end in groups), count(), strict=False))
    hidden: set[int] = set()
    first = at = 0
    while first < len(groups):
        last = _card_from(digits, at, ends)
        if last is not None and _belong_together(run, groups[first : last + 1]):
            hidden.update(_hidden(run, groups[first][0], groups[last][1]))
            at += sum(end - start for start, end in groups[first:last])
            first = last
        at += groups[first][1] - groups[first][0]
        first += 1
    return "".join("*" if at in hidden else sign for at, sign in enumerate(run)) if hidden else run


def _card_from(digits: str, at: int, ends: dict[int, int]) -> int | None:
    """Return the last group of the card number that begins at a digit, the shortest if several."""
    if len(digits) - at < _SHORTEST_NUMBER:
        return None
    for length in _issued(digits[at : at + _STARTS[-1]]):
        if at + length in ends and is_card_number(digits[at : at + length]):
            return ends[at + length]
    return None


def _belong_together(run: str, groups: list[tuple[int, int]]) -> bool:
    broken = any("\n" in run[one[1] : other[0]] for one, other in pairwise(groups))
    return not broken or tuple(end - start for start, end in groups) in _PRINTED


def _ascii(digits: str) -> str:
    """Return digits of any script as ours."""
    return digits if digits.isascii() else "".join(str(unicodedata.decimal(one)) for one in digits)


def _hidden(run: str, start: int, end: int) -> list[int]:
    """Return where the digits between two places stand, without the last four."""
    return [at for at in range(start, end) if run[at].isdigit()][:-4]


def _blank_code(found: re.Match[str]) -> str:
    return found[1] + "*" * len(found[2])


def _passes_luhn(digits: str) -> bool:
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + place % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0
