"""Over the wire to the phone provider: sending a text, fetching a file.

The provider's library is imported inside the functions: see `twilio_gate`.
"""

import json
import logging
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import urljoin, urlsplit, urlunsplit

from channels.port import File, Refused, SendError, Uncertain, Unreachable
from channels.twilio_gate import Account
from channels.twilio_words import explain

CONNECT_S, READ_S = 5, 20
LARGEST_RECORDING = 32 * 1024 * 1024  # bytes; an hour of the provider's compressed audio
LARGEST_MEDIA = 16 * 1024 * 1024  # bytes; WhatsApp itself takes no more
MOST_REDIRECTS = 3
PROVIDER_HOST = "api.twilio.com"
STORES = (".twilio.com", ".twiliocdn.com", ".amazonaws.com")  # where the provider keeps files

_CAREFULLY: dict[str, Any] = {
    "timeout": (CONNECT_S, READ_S),
    "allow_redirects": False,
    "stream": True,
}

# The provider's library writes the addresses it calls to its log; they hold numbers.
_log = logging.getLogger("channels.twilio")
_log.setLevel(logging.WARNING)


@contextmanager
def open_client(account: Account) -> Iterator[Any]:
    """Open the REST client for one exchange.

    One connection for one exchange: a kept one that the provider has dropped meanwhile
    would turn a message that never left into one whose fate is unknown.
    """
    from twilio.http.http_client import TwilioHttpClient
    from twilio.rest import Client

    class Line(TwilioHttpClient):  # type: ignore[misc]  # the library has no types
        def request(self, method: str, url: str, *args: Any, **kwargs: Any) -> Any:
            return super().request(method, address(url, account), *args, **kwargs)

    line = Line(logger=_log)
    line.timeout = (CONNECT_S, READ_S)
    line.session.headers["Connection"] = "close"
    if account.api_url:
        line.session.trust_env = False  # a proxy of the environment is not for the stand-in
    try:
        yield Client(account.sid, account.token, http_client=line)
    finally:
        line.session.close()


def address(url: str, account: Account) -> str:
    """Point one of the provider's addresses to the stand-in, where one is set."""
    if not account.api_url:
        return url
    stand_in = urlsplit(account.api_url)
    return urlunsplit(urlsplit(url)._replace(scheme=stand_in.scheme, netloc=stand_in.netloc))


def send_text(
    account: Account,
    *,
    to: str,
    sender: str,
    text: str,
    callback: str,
    template: str = "",
    variables: Mapping[str, str] | None = None,
) -> str:
    """Hand one text, or one approved template, over and return the provider's id for it.

    The provider knows no idempotency key, so a lost answer is `Uncertain` and only its
    callback, which carries our key in the address, can tell what became of the message.
    """
    content: dict[str, str] = {"body": text}
    if template:
        content = {"content_sid": template, "content_variables": json.dumps(dict(variables or {}))}
    return ask(
        account,
        lambda client: client.messages.create(
            to=to, from_=sender, status_callback=callback, **content
        ),
    )


def ask(account: Account, request: Callable[[Any], Any]) -> str:
    """Make the provider do one thing that it does not undo; return its id of it.

    Raises `Refused`, `Unreachable` or `Uncertain`, nothing else.
    """
    from requests import RequestException
    from twilio.base.exceptions import TwilioException

    try:
        with open_client(account) as client:
            taken = request(client)
    except RequestException as error:
        raise read_line_fault(error) from error
    except TwilioException as error:
        raise read_refusal(error) from error
    except (ValueError, KeyError, TypeError) as error:  # an answer that is not its own
        raise Uncertain("the provider's answer could not be read") from error
    if not taken.sid:
        raise Uncertain("the provider's answer names nothing")
    return str(taken.sid)


def read_line_fault(error: Exception) -> SendError:
    """Say what a broken connection means: did anything leave before it broke?"""
    from requests.exceptions import ConnectTimeout, InvalidURL, MissingSchema, ProxyError
    from urllib3.exceptions import NewConnectionError

    if isinstance(error, ConnectTimeout | ProxyError | InvalidURL | MissingSchema):
        return Unreachable("the provider could not be reached")
    cause: BaseException | None = error
    while cause is not None:
        reason = getattr(cause, "reason", None)  # urllib3 keeps the cause there
        for one in (cause, reason, *cause.args):
            if isinstance(one, NewConnectionError | ssl.SSLCertVerificationError):
                return Unreachable("the provider could not be reached")
        cause = cause.__cause__ or cause.__context__
    return Uncertain("the connection ended before the provider answered")


def read_refusal(error: Exception) -> SendError:
    """Say what an error answer means. Only 4xx is final.

    502 and 504 come from a gateway that lost the answer of the machine behind it, which
    may have taken the message.
    """
    status = getattr(error, "status", 0)
    code = str(getattr(error, "code", "") or "")
    told = getattr(error, "msg", "") or getattr(error, "title", "") or ""
    if status in (408, 429, 500, 503):
        return Unreachable(f"the provider cannot take messages now ({status})")
    if 400 <= status < 500:
        return Refused(
            explain("" if code == str(status) else code, told.partition(": ")[2] or told)
        )
    return Uncertain(f"the provider's answer does not tell ({status})")


def fetch_recording(account: Account, url: str) -> File:
    """Download a recording. Raises `Refused`, or `Unreachable` where trying again may help."""
    return _fetch(account, url, most=LARGEST_RECORDING, otherwise="audio/wav")


def fetch_media(account: Account, url: str) -> File:
    """Download a picture, a sound or a document of a message; errors as `fetch_recording`."""
    return _fetch(account, url, most=LARGEST_MEDIA, otherwise="application/octet-stream")


def _fetch(account: Account, url: str, *, most: int, otherwise: str) -> File:
    """Download one file of `most` bytes at the most.

    The account's token goes to the provider's own host and nowhere else. From there the
    way may lead to the store where its files lie, without the token.
    """
    from requests import RequestException, Session
    from urllib3.exceptions import HTTPError

    if urlsplit(url).hostname != PROVIDER_HOST or not url.startswith("https://"):
        raise Refused("the file is not kept at the provider")
    with Session() as session:
        session.trust_env = not account.api_url
        try:
            answer = session.get(
                address(url, account), auth=(account.sid, account.token), **_CAREFULLY
            )
            for _ in range(MOST_REDIRECTS):
                if not answer.is_redirect:
                    break
                onward = _stored_at(urljoin(url, answer.headers["Location"]))
                answer = session.get(address(onward, account), **_CAREFULLY)
            if answer.status_code != 200:
                again = answer.status_code in (404, 408, 429) or answer.status_code >= 500
                fault = Unreachable if again else Refused  # 404: not yet processed
                raise fault(f"the provider does not hand out the file ({answer.status_code})")
            content = answer.raw.read(most + 1, decode_content=True)
        except (RequestException, HTTPError, OSError) as error:  # HTTPError: while reading
            raise Unreachable("the provider could not be reached") from error
    if len(content) > most:
        raise Refused("the file is too large to be shown here")
    media_type = answer.headers.get("Content-Type", otherwise).partition(";")[0]
    return File(
        name=f"{urlsplit(url).path.rpartition('/')[2]}", media_type=media_type, content=content
    )


def _stored_at(url: str) -> str:
    """Return where the provider sends us for a file. Raises `Refused` for anywhere else."""
    host = urlsplit(url).hostname or ""
    if not url.startswith("https://") or not host.endswith(STORES):
        raise Refused("the provider sends us elsewhere for the file")
    return url
