"""Turn the HTML page of a mail into text that reads well."""

import re
from dataclasses import dataclass
from html import unescape
from typing import Final

from inscriptis import get_text

LAID_OUT: Final = 200_000  # signs; a longer page loses its tables on the way to text
CELLS: Final = 4_000  # and so does a page with more of these

_OPEN, _CLOSE = "\ue0d0", "\ue0d1"  # of no meaning anywhere; taken out of the page first
_QUOTE = re.compile(r"<blockquote\b[^<>]{0,2000}>", re.IGNORECASE)
_QUOTE_END = re.compile(r"</blockquote\s{0,20}>", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Layout:
    """The words of a page in reading order, twice."""

    text: str
    marked: str  # with "> " before each line that stands in a block quote


def html_to_text(html: str) -> str:
    """Return the words of an HTML page in reading order; never raises."""
    return lay_out(html).text


def lay_out(html: str) -> Layout:
    """Read a page, with and without marks on what it quotes; never raises."""
    html = re.sub(r"^\s*<\?xml[^>]*\?>", "", html)
    html = re.sub(f"[\0{_OPEN}{_CLOSE}]", "", html)
    html = _QUOTE.sub(lambda tag: tag[0] + _OPEN, html)
    html = _QUOTE_END.sub(lambda tag: _CLOSE + tag[0], html)
    lines = [line.strip() for line in _shown(html).replace("\xa0", " ").splitlines()]
    plain: list[str] = []
    marked: list[str] = []
    depth = 0
    for line in lines:
        depth += line.count(_OPEN)
        words = line.replace(_OPEN, "").replace(_CLOSE, "").strip()
        if words or words == line:
            plain.append(words)
            marked.append(f"> {words}" if depth > 0 else words)
        depth = max(0, depth - line.count(_CLOSE))
    return Layout(_without_gaps(plain), _without_gaps(marked))


def _without_gaps(lines: list[str]) -> str:
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def _shown(html: str) -> str:
    if len(html) > LAID_OUT or len(re.findall("<t[dh]", html, re.IGNORECASE)) > CELLS:
        return _words_of(html)
    try:
        return str(get_text(html))
    except Exception:  # lxml and inscriptis fail in many ways on hostile pages
        return _words_of(html)


def _words_of(html: str) -> str:
    """Return the words of a page too large or too broken to lay out, in linear time."""
    for hidden in ("style", "script", "head"):
        pieces = re.split(rf"<(/?){hidden}\b[^<>]*>", html, flags=re.IGNORECASE)
        # Text, slash, text, slash, ...: what follows an opening tag is not shown.
        html = pieces[0] + "".join(
            text for slash, text in zip(pieces[1::2], pieces[2::2], strict=True) if slash
        )
    html = re.sub(r"<(?:br|p|div|tr|li|h\d|table)\b[^<>]*>", "\n", html, flags=re.IGNORECASE)
    return unescape(re.sub(r"<[^<>]*>", " ", html))
