"""Build the tree of a mail inside fixed bounds: the standard parser, with a budget."""

import re
from dataclasses import dataclass
from email.message import Message
from email.parser import Parser
from email.policy import Compat32, Policy
from io import StringIO

from channels.email.decode import unfold
from channels.port import Unreadable


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of one mail is read. Past the first six it is refused, past the rest cut."""

    size: int = 50 * 1024 * 1024
    lines: int = 2_000_000
    headers: int = 5_000
    parts: int = 5_000
    containers: int = 200
    work: int = 15_000_000  # lines x containers: what the standard parser's time grows with
    header_size: int = 64 * 1024
    files: int = 200
    text: int = 1_000_000
    html: int = 4_000_000


LIMITS = Limits()

_LOOSE = re.compile(rb"\n(?:boundary|charset|name|filename)\*?\d?\*?=", re.IGNORECASE)
_UNFOLDED = re.compile(
    rb"^(content-(?:type|disposition):[^\r\n]{0,500};[ \t]*\r?\n)(?=[a-z-]{4,20}\*?\d?\*?=)",
    re.IGNORECASE | re.MULTILINE,
)
# Lines that the standard parser takes for headers, and the blank line below them.
_HEAD = re.compile(r"((?:(?:From |[!-9;-~]*:|[\t ])[^\r\n]*(?:\r\n|\r|\n|\Z))*+)(?:\r\n|\r|\n)?")


class Part(Message):
    """A mail, or a part of one, which finds its headers by name without looking at them all."""

    _by_name: dict[str, list[str]] | None = None

    def by_name(self) -> dict[str, list[str]]:
        """Return the values of each header as they arrived, top first; names in lower case."""
        if self._by_name is None:
            self._by_name = {}
            for name, value in self.raw_items():
                self._by_name.setdefault(name.casefold(), []).append(str(value))
        return self._by_name

    def set_raw(self, name: str, value: str) -> None:
        self._by_name = None
        super().set_raw(name, value)

    def __delitem__(self, name: str) -> None:
        self._by_name = None
        super().__delitem__(name)


class _Bounded(Compat32):
    """The tolerant policy of the standard parser, with a budget for one mail."""

    limits: Limits
    lines: int
    headers: int
    containers: int
    parts: int

    def start(self, limits: Limits, lines: int) -> None:
        object.__setattr__(self, "limits", limits)  # policies refuse plain assignment
        object.__setattr__(self, "lines", lines)
        for name in ("headers", "containers", "parts"):
            object.__setattr__(self, name, 0)

    def spend(self, name: str, most: int) -> None:
        spent = getattr(self, name) + 1
        object.__setattr__(self, name, spent)
        if spent > most:
            raise Unreadable(f"too many {name}")

    def new_part(self, policy: Policy | None = None) -> Part:
        self.spend("parts", self.limits.parts)
        return Part(policy=policy or self)

    def header_source_parse(self, sourcelines: list[str]) -> tuple[str, str]:
        name, _, value = sourcelines[0].partition(":")
        value = value.lstrip(" \t") + "".join(sourcelines[1:])
        self.spend("headers", self.limits.headers)
        value = value[: self.limits.header_size].rstrip("\r\n")
        if name.casefold() == "content-type":
            # The standard parser reads this one by itself, in time squared to its length,
            # and takes the fold of a boundary for a part of it.
            value = unfold(value[:4096])
            if re.match(r"\s*(?:multipart|message)/", value, re.IGNORECASE):
                work = self.limits.work // max(1, self.lines)
                self.spend("containers", min(self.limits.containers, work))
        return name, value


def read_tree(raw: bytes, limits: Limits = LIMITS) -> Message:
    """Parse `raw`; raises `Unreadable` when it is larger or deeper than `limits` allow."""
    if len(raw) > limits.size:
        raise Unreadable(f"larger than {limits.size // (1024 * 1024)} MB")
    lines = max(raw.count(b"\n"), raw.count(b"\r"))
    if lines > limits.lines:
        raise Unreadable("too many lines")
    policy = _Bounded()
    policy.start(limits, lines)
    text = _folded(raw).decode("ascii", "surrogateescape")
    found = _HEAD.match(text)
    head, rest = (found[1], text[found.end() :]) if found else ("", text)
    small = head.lower()
    if "multipart/" in small or "message/" in small:  # or its type may be one of these
        try:
            return Parser(policy.new_part, policy=policy).parsestr(text)
        except RecursionError:
            raise Unreadable("too many parts inside parts") from None
    message = policy.new_part()
    message.set_payload(_read_head(message, head, policy) + rest)
    return message


def _read_head(message: Part, head: str, policy: Policy) -> str:
    """Do as the standard parser does, without its care for parts; return what is no header."""
    lines = StringIO(head, newline="").readlines()
    field: list[str] = []
    for number, line in enumerate([*lines, ""]):
        if line[:1] in (" ", "\t"):
            if field:
                field.append(line)
            continue
        if field:
            message.set_raw(*policy.header_source_parse(field))
            field = []
        if line.startswith("From "):  # the envelope, where mails stand in one file
            if 0 < number == len(lines) - 1:
                return line
        elif line[:1] not in ("", ":"):
            field = [line]
    return ""


def _folded(raw: bytes) -> bytes:
    """Indent parameters that a program put on a line of their own without folding it."""
    if _LOOSE.search(raw) is None:
        return raw
    return _UNFOLDED.sub(rb"\1\t", raw)


def raw_headers(message: Message, name: str) -> list[str]:
    """Return the values of a header as they arrived, top first."""
    if isinstance(message, Part):
        return list(message.by_name().get(name.casefold(), ()))
    wanted = name.casefold()
    return [str(value) for key, value in message.raw_items() if key.casefold() == wanted]
