"""The bank's notices: written down when a paper changes, signed and posted until taken.

Header `Bank-Signature: t=SECONDS,v1=HEX`, HMAC-SHA256 over the seconds, a dot and the body.
"""

import json
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from http.client import HTTPConnection, HTTPException
from urllib.parse import urlsplit

from billing_core.gateways.signing import sign_body
from helpdesk.demo.bank_standin.papers import Charge, Paper, Refund, kind_of
from helpdesk.demo.loopback import loopback_end

HEADER = "Bank-Signature"
WAIT_S = 30
KEPT = 10_000  # notices; the oldest go first


@dataclass
class Notice:
    """One thing the bank says. Its id stays the same however often it is said."""

    id: str
    rail: str  # pix or boleto: whose hook it goes to
    body: bytes
    answered: int = 0  # the HTTP status of the last delivery; 0: none yet, or no answer

    @property
    def taken(self) -> bool:
        return 200 <= self.answered < 300


class Notices:
    """Keeps what was said, and says it again as often as asked."""

    def __init__(self, clock: Callable[[], datetime], secret: str) -> None:
        self._clock = clock
        self.secret = secret
        self._hooks: dict[str, str] = {}
        self._said: list[Notice] = []
        self._lock = threading.Lock()

    def point_to(self, **hooks: str) -> None:
        """Set the addresses, `pix=` and `boleto=`. Raises `NotLoopback`."""
        for rail, url in hooks.items():
            loopback_end(url)
            self._hooks[rail] = url

    def write(self, paper: Paper, *, rail: str) -> Notice:
        kind = kind_of(paper)
        with self._lock:
            count = len(self._said)
            id = f"notice-{count + 1}-{paper.id}-{paper.state}"
            said = {
                "id": id,
                "at": self._clock().isoformat(),
                "kind": kind,
                kind: paper.shown(),
            }
            notice = Notice(id, rail, json.dumps(said).encode())
            self._said.append(notice)
        return notice

    def said(self, rail: str = "") -> list[Notice]:
        """Return what was said, oldest first."""
        with self._lock:
            return [one for one in self._said if not rail or one.rail == rail]

    def headers(self, notice: Notice, *, at: datetime | None = None) -> dict[str, str]:
        """Return the headers it is delivered with, signed now or, on demand, at another time."""
        signature = sign_body(notice.body, self.secret, at=at or self._clock())
        return {"Content-Type": "application/json", HEADER: signature}

    def deliver(
        self, notices: Sequence[Notice] | None = None, *, copies: int = 1, backwards: bool = False
    ) -> list[int]:
        """Post what nobody has taken yet, or just `notices`; return the HTTP statuses."""
        due = [one for one in self.said() if not one.taken] if notices is None else list(notices)
        if backwards:
            due.reverse()
        return [self._post(notice) for notice in due for _ in range(copies)]

    def _post(self, notice: Notice) -> int:
        url = self._hooks.get(notice.rail)
        if url is None:
            return 0
        host, port = loopback_end(url)
        connection = HTTPConnection(host, port, timeout=WAIT_S)
        try:
            connection.request("POST", urlsplit(url).path, notice.body, self.headers(notice))
            notice.answered = connection.getresponse().status
        except (OSError, HTTPException):
            notice.answered = 0
        finally:
            connection.close()
        return notice.answered


def hook_of(paper: Paper, charge: Charge | None) -> str:
    """Return whose hook hears of a paper."""
    about = charge if isinstance(paper, Refund) else paper
    return "boleto" if isinstance(about, Charge) and about.rail == "boleto" else "pix"
