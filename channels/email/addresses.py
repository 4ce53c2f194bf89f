"""Read the addresses and ids in mail headers, without ever guessing an identity."""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from channels.email.decode import decode_header, decode_raw, decode_words, unfold

MOST_ADDRESSES = 500
MOST_REFERENCES = 100
_SHOWN = 200  # signs of a name that anybody will ever see

_ATOM = r"[^\s\x00-\x1f\x7f<>@,;:\"()\[\]\\]+"
_ADDRESS = re.compile(rf"{_ATOM}@(?:{_ATOM}|\[[0-9a-fA-F.:IPv]+\])")
_QUOTED_LOCAL = re.compile(rf"\"(?:[^\"\\\x00-\x1f]|\\[ -~]){{1,64}}\"@{_ATOM}")
_ID_IN_ANGLES = re.compile(r"<\s*([^<>]{1,998}?)\s*>")
_CUT_OR_QUOTED = re.compile(r"[,;:(\\\"]")
_QUOTED_OR_COMMENT = re.compile(r"[()\\\"]")
_REPLY_TOKEN = re.compile(r"\+r\.([A-Za-z0-9_-]{8,128})@")


@dataclass(frozen=True, slots=True)
class Mailbox:
    """One address as a header gave it; `address` is lower-case and may be empty."""

    name: str
    address: str


def read_mailboxes(value: str) -> list[Mailbox]:
    """Return every mailbox of a raw address header, in order.

    An address is only what stands in angle brackets, or alone. Text that looks like an
    address inside a display name stays a name: that is how senders are faked.
    """
    found: list[Mailbox] = []
    for text in _split(unfold(value)):
        found.extend(_read_one(text))
        if len(found) >= MOST_ADDRESSES:
            break
    return found[:MOST_ADDRESSES]


def read_ids(value: str) -> list[str]:
    """Return the message ids of a raw header, without angle brackets, as they stand."""
    # Some programs write long ids as encoded words.
    text = decode_words(unfold(value)).replace("\0", "")
    ids = ["".join(found[1].split()) for found in _ID_IN_ANGLES.finditer(text)]
    if not ids:  # some senders forget the brackets
        ids = [word.strip("<>,;") for word in text.split() if "@" in word or "<" in word]
    return [one[:998] for one in ids if one]


def read_references(in_reply_to: Iterable[str], references: Iterable[str]) -> tuple[str, ...]:
    """Return what a message answers, newest first and each once."""
    ids = [one for value in in_reply_to for one in read_ids(value)]
    older = [one for value in references for one in read_ids(value)]
    return tuple(dict.fromkeys([*ids, *reversed(older)]))[:MOST_REFERENCES]


def reply_tokens(values: Iterable[str]) -> tuple[str, ...]:
    """Return the secrets in addresses such as `support+r.SECRET@example.com`, each once.

    Takes raw header values, because the case of a secret matters and that of an
    address does not.
    """
    found = (match[1] for value in values for match in _REPLY_TOKEN.finditer(value))
    return tuple(dict.fromkeys(found))


def without_tag(address: str) -> str:
    """Return an address without what stands behind a plus in its local part."""
    local, at, domain = address.rpartition("@")
    return f"{local.partition('+')[0]}{at}{domain}"


def with_reply_token(address: str, token: str) -> str:
    """Return `address` carrying `token`, so that an answer to it names its ticket."""
    local, at, domain = address.rpartition("@")
    if not at or not re.fullmatch(r"[A-Za-z0-9_-]{8,128}", token):
        raise ValueError("a reply token is 8 to 128 letters, digits, - or _")
    return f"{local.partition('+')[0]}+r.{token}@{domain}"


def sender_warnings(box: Mailbox) -> tuple[str, ...]:
    """Say what about a sender is made to be taken for somebody else; each a code.

    "name_is_an_address": the name shows an address of another domain.
    "mixed_scripts": letters that look alike stand side by side, such as Latin and Cyrillic.
    "foreign_letters": the domain is not plain ASCII, so it may look like one that is.
    """
    found = []
    name = box.name[:_SHOWN]
    shown = {domain_of(one) for one in _ADDRESS.findall(name.casefold())} if "@" in name else set()
    if shown - {domain_of(box.address)}:
        found.append("name_is_an_address")
    domain = domain_of(box.address)
    labels = [_readable(label) for label in domain.split(".")]
    if any(_mixes_scripts(word) for word in (*labels, *name.split())):
        found.append("mixed_scripts")
    if not domain.isascii() or "xn--" in domain:
        found.append("foreign_letters")
    return tuple(found)


def _readable(label: str) -> str:
    if not label.startswith("xn--"):
        return label
    try:
        return label[4:].encode("ascii", "ignore").decode("punycode")
    except (UnicodeError, ValueError, OverflowError):
        return label


def _mixes_scripts(word: str) -> bool:
    if word.isascii():
        return False
    scripts = {unicodedata.name(sign, "?").partition(" ")[0] for sign in word if sign.isalpha()}
    return len(scripts & {"LATIN", "CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE"}) > 1


def domain_of(address: str) -> str:
    return address.rpartition("@")[2].strip("[]").casefold()


def _read_one(text: str) -> Iterator[Mailbox]:
    bare, angles = _without_comments(text)
    name = decode_header(_unquote(bare))
    if not angles:
        lone = bare.strip()
        if address := _only_address(lone):
            yield Mailbox("", address)
        elif lone:
            yield Mailbox(name, "")
        return
    for inside in angles:
        yield Mailbox(name, _only_address(inside))


def _only_address(text: str) -> str:
    """Return the address if `text` is one, whole; a source route is cut off."""
    text = decode_raw(text)
    text = "".join(text.split()) if '"' not in text else text.strip()
    if text.startswith("@") and ":" in text:
        text = text.partition(":")[2]
    text = text.removeprefix("mailto:")
    if _ADDRESS.fullmatch(text) or _QUOTED_LOCAL.fullmatch(text):
        return text[:320].casefold().rstrip(".")
    return ""


def _unquote(text: str) -> str:
    text = text.strip()
    if len(text) > 1 and text[0] == text[-1] == '"':
        text = text[1:-1]
    return (re.sub(r"\\(.)", r"\1", text) if "\\" in text else text).replace('"', "")


def _split(text: str) -> Iterator[str]:
    """Cut a header at its commas and semicolons, not inside quotes, comments or angles."""
    if _CUT_OR_QUOTED.search(text) is None:
        yield text
        return
    depth, quoted, angled, escaped = 0, False, False, False
    start, named = 0, False
    for at, sign in enumerate(text):
        if escaped:
            escaped = False
        elif sign == "\\" and (quoted or depth):
            escaped = True
        elif sign == '"' and not depth:
            quoted = not quoted
        elif quoted:
            continue
        elif sign == "(":
            depth += 1
        elif sign == ")":
            depth = max(0, depth - 1)
        elif depth:
            continue
        elif sign in "<>":
            angled = sign == "<"
        elif sign in ",;" and not angled:
            yield text[start:at]
            start, named = at + 1, False
        elif sign == "@" and not angled:
            named = True
        elif sign == ":" and not angled and not named:
            start = at + 1  # the name of a group
    yield text[start:]


def _without_comments(text: str) -> tuple[str, list[str]]:
    """Return the text outside comments and angle brackets, and what the angles held."""
    if text.count("<") <= 1 and _QUOTED_OR_COMMENT.search(text) is None:
        before, angle, behind = text.partition("<")
        inner, _, after = behind.partition(">")
        return before + after, [inner] if angle else []
    depth, quoted, escaped = 0, False, False
    bare: list[str] = []
    angles: list[str] = []
    inside: list[str] | None = None
    for sign in text:
        target = bare if inside is None else inside
        if escaped:
            escaped = False
            target.append(sign)
        elif sign == "\\":
            escaped = True
            target.append(sign)
        elif sign == '"' and not depth:
            quoted = not quoted
            target.append(sign)
        elif quoted:
            target.append(sign)
        elif sign == "(":
            depth += 1
        elif sign == ")" and depth:
            depth -= 1
        elif depth:
            continue
        elif sign == "<":
            inside = []
        elif sign == ">" and inside is not None:
            angles.append("".join(inside))
            inside = None
        else:
            target.append(sign)
    if inside is not None:
        angles.append("".join(inside))
    return "".join(bare), angles
