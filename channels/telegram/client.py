"""Over the wire to Telegram's Bot API. The bot's token stands in every address: no error tells one."""

import http.client
import json
import secrets
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

from channels.port import File, Refused, SendError, Uncertain, Unreachable

CONNECT_S, READ_S = 5.0, 20.0
_PLAIN = ":"  # a token is digits, a colon and letters
LARGEST = 20 * 1024 * 1024  # bytes; the Bot API hands out no larger file


@dataclass(frozen=True, slots=True)
class Bot:
    """One bot, and where its API is."""

    token: str
    secret: str  # Telegram repeats it in a header of each delivery
    api_url: str = "https://api.telegram.org"


def call(bot: Bot, method: str, fields: Mapping[str, str], file: File | None = None) -> Any:
    """Return the `result` of one call. Raises `Refused`, `Unreachable`, `Uncertain`.

    The API knows no idempotency key: an answer that was lost is `Uncertain`.
    """
    if file is None:
        body, kind = json.dumps(dict(fields)).encode(), "application/json"
    else:
        body, kind = _multipart(fields, file)
    status, answer = _exchange(
        bot, "POST", f"/bot{quote(bot.token, safe=_PLAIN)}/{method}", body, kind
    )
    try:
        told = json.loads(answer)
        if status == 200 and told["ok"]:
            return told["result"]
        why = str(told.get("description", ""))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        if status == 200:
            raise Uncertain("the provider's answer could not be read") from error
        why = ""
    raise _fault(status, why)


def download(bot: Bot, file_id: str) -> File:
    """Fetch a file that a customer sent. Raises `Refused`, or `Unreachable`: try again."""
    try:
        path = str(call(bot, "getFile", {"file_id": file_id})["file_path"])
        address = f"/file/bot{quote(bot.token, safe=_PLAIN)}/{quote(path)}"
        status, content = _exchange(bot, "GET", address)
    except (Uncertain, KeyError, TypeError) as error:
        raise Unreachable("the provider does not hand out the file") from error
    if status != 200:
        raise Unreachable(f"the provider does not hand out the file ({status})")
    if len(content) > LARGEST:
        raise Refused("the file is too large to be shown here")
    return File(path.rpartition("/")[2], "application/octet-stream", content)


def _exchange(
    bot: Bot, verb: str, path: str, body: bytes | None = None, kind: str = ""
) -> tuple[int, bytes]:
    """Ask once on a line of its own; a kept line may have died with the question on it."""
    line = _line(bot)
    try:
        line.connect()
    except OSError as error:
        raise Unreachable("the provider could not be reached") from error
    try:
        line.sock.settimeout(READ_S)
        line.request(verb, path, body, {"Content-Type": kind} if kind else {})
        answer = line.getresponse()
        return answer.status, answer.read(LARGEST + 1)
    except (OSError, http.client.HTTPException) as error:
        raise Uncertain("the connection ended before the provider answered") from error
    finally:
        line.close()


def _line(bot: Bot) -> http.client.HTTPConnection:
    parts = urlsplit(bot.api_url)
    host = parts.hostname or ""
    if parts.scheme == "https":
        context = ssl.create_default_context()
        return http.client.HTTPSConnection(host, parts.port, timeout=CONNECT_S, context=context)
    if host not in ("127.0.0.1", "localhost", "::1"):
        raise Refused("the bot's token goes over https only")
    return http.client.HTTPConnection(host, parts.port, timeout=CONNECT_S)


def _fault(status: int, why: str) -> SendError:
    """Say what an error answer means. A 5xx may come from a machine before the one that sent."""
    if status == 429:
        return Unreachable("the provider wants fewer messages just now")
    if status in (401, 404):
        return Refused("the bot's token is not, or no longer, valid")
    if 400 <= status < 500:
        return Refused(why[:200] or f"the provider said no ({status})")
    return Uncertain(f"the provider's answer does not tell ({status})")


def _multipart(fields: Mapping[str, str], file: File) -> tuple[bytes, str]:
    """Return a form with one file, and its content type."""
    edge = secrets.token_hex(16)
    parts = [
        f'--{edge}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields.items()
    ]
    kind = "photo" if is_picture(file) else "document"
    shown = quote(file.name, safe=" .-_()")[:120] or "file"
    head = (
        f'--{edge}\r\nContent-Disposition: form-data; name="{kind}"; filename="{shown}"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n"
    )
    body = b"".join([*parts, head.encode(), file.content, f"\r\n--{edge}--\r\n".encode()])
    return body, f"multipart/form-data; boundary={edge}"


def is_picture(file: File) -> bool:
    return file.media_type in ("image/png", "image/jpeg")
