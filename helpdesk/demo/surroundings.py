"""The networks around the demo, in a process of their own: a mail server, a phone network,
and with `live` the customers.

`Surroundings` starts it; it reads one JSON line, writes one, and ends when its input does,
so that it never outlives whoever started it.
"""

import json
import signal
import subprocess
import sys
import threading
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Self

from helpdesk.bootstrap import wall_clock
from helpdesk.demo.sink import MailSink
from helpdesk.demo.twilio_standin import TwilioStandIn
from helpdesk.settings import Settings

WAIT_S = 10


@dataclass(frozen=True, slots=True)
class Order:
    """What the process is told. `customers` is the size of the seeded company."""

    settings: Settings
    live: bool = False
    customers: int = 0

    def write(self) -> str:
        return json.dumps(asdict(self), default=str)

    @classmethod
    def read(cls, line: str) -> Self:
        data: dict[str, Any] = json.loads(line)
        settings = data["settings"]
        settings["data_dir"] = Path(settings["data_dir"])
        settings["site_origins"] = tuple(settings["site_origins"])
        return cls(Settings(**settings), data["live"], data["customers"])


class Surroundings:
    """The process, from the side that starts it. Use as a context manager."""

    def __init__(self, order: Order) -> None:
        self._order = order
        self._process = subprocess.Popen(
            [sys.executable, "-m", "helpdesk.demo.surroundings"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    @property
    def pid(self) -> int:
        return self._process.pid

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()

    def start(self) -> None:
        """Say what is wanted; it begins to listen while the caller does other things."""
        assert self._process.stdin is not None
        self._process.stdin.write(self._order.write() + "\n")
        self._process.stdin.flush()

    def settings(self) -> Settings:
        """Return the settings that lead the application here. Waits until all is listening."""
        assert self._process.stdout is not None
        told: dict[str, Any] = json.loads(self._process.stdout.readline() or "{}")
        if not told:
            raise RuntimeError("the demo's mail server and phone network did not start")
        return replace(
            self._order.settings,
            smtp_url=f"smtp://127.0.0.1:{told['smtp']}",
            twilio_api_url=told["twilio"],
        )

    def stop(self) -> None:
        """Let the process end; one that does not within ten seconds is killed."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        try:
            self._process.wait(WAIT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()


def main() -> None:
    """Be the process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the demo; this ends with it
    order = Order.read(sys.stdin.readline())
    settings = order.settings
    hooks = {name: f"{settings.public_url}/hooks/{name}" for name in ("sms", "whatsapp", "voice")}
    with ExitStack() as stack:
        sink = stack.enter_context(MailSink(wall_clock))
        phones = stack.enter_context(
            TwilioStandIn(account_sid=settings.twilio_account, auth_token=settings.twilio_token)
        )
        phones.point_to(**hooks)
        for number in (settings.sms_number, settings.whatsapp_number, settings.voice_number):
            phones.counter.numbers[number] = hooks
        print(json.dumps({"smtp": sink.port, "twilio": phones.api_url}), flush=True)  # noqa: T201
        ended = threading.Event()
        if order.live:
            threading.Thread(
                target=_let_customers_live, args=(order, sink, phones, ended), daemon=True
            ).start()
        sys.stdin.read()
        ended.set()


def _let_customers_live(
    order: Order, sink: MailSink, phones: TwilioStandIn, ended: threading.Event
) -> None:
    from helpdesk.demo.live import LiveCustomers  # brings the job engine: 3 s

    LiveCustomers.invite(order.settings, order.customers, sink, phones).live(ended)


if __name__ == "__main__":
    main()
