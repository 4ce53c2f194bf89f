"""A worker process whose gateway answers, and then takes a while to hand the answer over.

Between the two a test kills it. `python -m tests.chaos.slow_worker SECONDS`.
"""

import os
import sys
import threading
import time
from dataclasses import replace
from typing import Any

from billing_core.ports import Gateway, Receipt
from helpdesk.bootstrap import build_services
from helpdesk.jobs.engine import Worker
from helpdesk.settings import Settings


class Slow:
    """Passes every call on; a refund that has succeeded is held before it is handed back."""

    def __init__(self, gateway: Gateway, hold_s: float) -> None:
        self._gateway, self._hold_s = gateway, hold_s
        self.name = gateway.name

    def refund(self, **call: Any) -> Receipt:
        receipt = self._gateway.refund(**call)
        time.sleep(self._hold_s)
        return receipt

    def __getattr__(self, name: str) -> Any:
        return getattr(self._gateway, name)


def main() -> None:
    settings = Settings.from_env(os.environ)
    services = build_services(settings)
    slow = Slow(services.gateways["sandbox"], float(sys.argv[1]))
    services = replace(services, gateways={"sandbox": slow})
    Worker(services, settings).start()
    threading.Event().wait()


if __name__ == "__main__":
    main()
