"""Turn the bytes of a mail into text, whatever they claim to be.

Senders name charsets that do not exist, cut encoded words in half and put raw bytes
where only ASCII may stand. Nothing here raises: what cannot be read becomes U+FFFD.
"""

import binascii
import codecs
import re
from itertools import pairwise

from charset_normalizer import from_bytes

# Names seen in real mail that Python does not know, or knows as something too narrow.
_ALIASES = {
    "ascii": "cp1252",
    "us-ascii": "cp1252",
    "ansi": "cp1252",
    "ansi_x3.4-1968": "cp1252",
    "iso-8859-1": "cp1252",
    "iso8859-1": "cp1252",
    "latin1": "cp1252",
    "latin-1": "cp1252",
    "iso-8859-9": "cp1254",
    "iso-8859-11": "cp874",
    "iso-8859-8-i": "iso-8859-8",
    "iso-8859-8-e": "iso-8859-8",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "x-gbk": "gb18030",
    "big5": "big5hkscs",
    "ks_c_5601-1987": "cp949",
    "ks_c_5601": "cp949",
    "euc-kr": "cp949",
    "x-sjis": "cp932",
    "shift_jis": "cp932",
    "shift-jis": "cp932",
    "x-mac-roman": "mac-roman",
    "unicode-1-1-utf-7": "utf-7",
    "unicode-1-1-utf-8": "utf-8",
    "utf8mb4": "utf-8",
    "utf-8-mac": "utf-8",
    "windows-874": "cp874",
    "cp-850": "cp850",
}
# Codecs that are not charsets, or that an attacker can make slow.
_REFUSED = frozenset(
    {"idna", "punycode", "undefined", "unicode-escape", "raw-unicode-escape", "mbcs", "oem"}
)
_GUESS_FROM = 64 * 1024

# Bounded, or a header full of opened words would cost the square of its length.
_WORD = re.compile(r"=\?([^?\s]{1,60})\?([bBqQ])\?([^\r\n]{0,2000}?)\?=")
_LONE = re.compile("[\ud800-\udfff]")  # UTF-7 can smuggle in halves that nothing can store
_NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/]")
_CONTROLS = dict.fromkeys([*range(32), *range(127, 160)], " ")
_HEX_BYTE = re.compile(rb"=([0-9A-Fa-f]{2})")


def decode_bytes(data: bytes, charset: str = "") -> str:
    """Return `data` as text: the named charset if it fits, else UTF-8, CP1252, a guess."""
    named = _known_codec(charset)
    for name in (named, "utf-8", "cp1252") if named else ("utf-8", "cp1252"):
        try:
            return _without_halves(data.decode(name)).lstrip("\ufeff")
        except (UnicodeError, LookupError):
            continue
    if named and named != "cp1252":
        # A charset that fits all but a few bytes says more than a guess does.
        text = _LONE.sub("\ufffd", data.decode(named, "replace"))
        if text.count("\ufffd") * 50 <= len(text):
            return text
    guess = from_bytes(data[:_GUESS_FROM]).best()
    return data.decode(guess.encoding if guess else "cp1252", "replace")


def _without_halves(text: str) -> str:
    try:
        text.encode("utf-8")  # takes all but halves, in far less time than looking for them
    except UnicodeEncodeError:
        return _LONE.sub("\ufffd", text)
    return text


def decode_header(value: str) -> str:
    """Return a raw header value as readable text on one line.

    `value` is as the standard parser leaves it: undecodable bytes are surrogates.
    """
    return " ".join(_strip_controls(decode_words(unfold(value))).split())


def unfold(value: str) -> str:
    """Join the lines of a folded header."""
    return re.sub(r"\r?\n[ \t]?", " ", value) if "\n" in value else value


def decode_words(text: str) -> str:
    """Decode RFC 2047 encoded words, also those cut in the middle of a character.

    Raw 8-bit bytes are read too, inside a word by its charset.
    """
    found = list(_WORD.finditer(text)) if "=?" in text else None
    if not found:
        return decode_raw(text)
    out = [decode_raw(text[: found[0].start()])]
    pending = _word_bytes(found[0])
    charset = _charset_of(found[0])
    for before, word in pairwise(found):
        gap = text[before.end() : word.start()]
        adjacent = not gap.strip()
        if adjacent and _charset_of(word) == charset:
            pending += _word_bytes(word)
            continue
        out.append(decode_bytes(pending, charset))
        if not adjacent:
            out.append(decode_raw(gap))
        pending, charset = _word_bytes(word), _charset_of(word)
    out.append(decode_bytes(pending, charset))
    out.append(decode_raw(text[found[-1].end() :]))
    return "".join(out)


def decode_raw(text: str) -> str:
    """Read the raw 8-bit bytes of a header, where nothing names their charset."""
    return text if text.isascii() else decode_bytes(text.encode("utf-8", "surrogateescape"))


def decode_base64(data: bytes) -> bytes:
    """Decode Base64 with strange characters, missing padding or a cut end."""
    try:
        return binascii.a2b_base64(data)  # passes over strange characters by itself
    except binascii.Error:
        pass
    clean = _NOT_BASE64.sub(b"", data)
    if len(clean) % 4 == 1:
        clean = clean[:-1]
    return binascii.a2b_base64(clean + b"=" * (-len(clean) % 4))


def decode_uu(data: bytes) -> bytes:
    """Decode a uuencoded part; lines that are broken are left out."""
    out = bytearray()
    inside = False
    for line in data.splitlines():
        if not inside:
            inside = line.startswith(b"begin ")
        elif line.strip() == b"end":
            break
        elif line:
            try:
                out += binascii.a2b_uu(line)
            except binascii.Error:
                # Some encoders leave the last line too long; its length byte still tells.
                length = (((line[0] - 32) & 63) * 4 + 5) // 3
                try:
                    out += binascii.a2b_uu(line[:length])
                except binascii.Error:
                    continue
    return bytes(out)


def _known_codec(charset: str) -> str:
    name = charset.strip().strip("'\"").casefold()
    name = _ALIASES.get(name, name)
    try:
        known = codecs.lookup(name).name
    except (LookupError, ValueError, UnicodeError):
        return ""
    return "" if known in _REFUSED else known


def _charset_of(word: re.Match[str]) -> str:
    return word[1].split("*")[0].casefold()  # RFC 2231 lets a language follow


def _word_bytes(word: re.Match[str]) -> bytes:
    data = word[3].encode("utf-8", "surrogateescape")
    if word[2] in "bB":
        return decode_base64(data)
    return _HEX_BYTE.sub(lambda hexed: bytes([int(hexed[1], 16)]), data.replace(b"_", b" "))


def _strip_controls(text: str) -> str:
    return text if text.isprintable() else text.translate(_CONTROLS)
