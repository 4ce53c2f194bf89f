"""Over the wire to the phone provider: sending a text, fetching a recording.

The provider's library is imported inside the functions: see `twilio_gate`.
"""

import logging
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from channels.port import File, Refused, SendError, Uncertain, Unreachable
from channels.twilio_gate import Account, explain

CONNECT_S, READ_S = 5, 20
LARGEST_RECORDING = 32 * 1024 * 1024  # bytes; an hour of the provider's compressed audio
PROVIDER_HOST = "api.twilio.com"

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


def send_text(account: Account, *, to: str, sender: str, text: str, callback: str) -> str:
    """Hand one text over and return the provider's id for it.

    The provider knows no idempotency key, so a lost answer is `Uncertain` and only its
    callback, which carries our key in the address, can tell what became of the message.
    """
    from requests import RequestException
    from twilio.base.exceptions import TwilioException

    try:
        with open_client(account) as client:
            taken = client.messages.create(to=to, from_=sender, body=text, status_callback=callback)
    except RequestException as error:
        raise read_line_fault(error) from error
    except TwilioException as error:
        raise read_refusal(error) from error
    except (ValueError, KeyError, TypeError) as error:  # an answer that is not its own
        raise Uncertain("the provider's answer could not be read") from error
    if not taken.sid:
        raise Uncertain("the provider's answer names no message")
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
    """Download a recording. Raises `Refused`, or `Unreachable` where trying again may help.

    The account's token goes along, so only the provider's own host is ever asked.
    """
    from requests import RequestException, Session

    if urlsplit(url).hostname != PROVIDER_HOST or not url.startswith("https://"):
        raise Refused("the recording is not kept at the provider")
    with Session() as session:
        session.trust_env = not account.api_url
        session.auth = (account.sid, account.token)
        try:
            answer = session.get(
                address(url, account),
                timeout=(CONNECT_S, READ_S),
                allow_redirects=False,
                stream=True,
            )
            if answer.status_code != 200:
                again = answer.status_code in (404, 408, 429) or answer.status_code >= 500
                fault = Unreachable if again else Refused  # 404: not yet processed
                raise fault(f"the provider does not hand out the recording ({answer.status_code})")
            content = answer.raw.read(LARGEST_RECORDING + 1, decode_content=True)
        except (RequestException, OSError) as error:
            raise Unreachable("the provider could not be reached") from error
    if len(content) > LARGEST_RECORDING:
        raise Refused("the recording is too long to be shown here")
    media_type = answer.headers.get("Content-Type", "audio/wav").partition(";")[0]
    return File(
        name=f"{urlsplit(url).path.rpartition('/')[2]}", media_type=media_type, content=content
    )
