"""A billing run that kills itself at a chosen moment, as a power cut would.

`python -m tests.chaos.mortal_billing_run URL INSTANT BATCH KILL_AT`. Moments are counted:
each statement and each commit of ours, each statement and each commit of the gateway's.
With KILL_AT 0 it lives, and prints how many moments there were.
"""

import os
import signal
import sys
from datetime import datetime
from itertools import count

from sqlalchemy import event

from billing_core.invoicing import run_billing
from tests.integration.billing.conftest import Company


def main(url: str, instant: str, batch: str, kill_at: str) -> None:
    moments = count(1)
    fatal = int(kill_at)
    company = Company(url)
    company.at = datetime.fromisoformat(instant)

    def live(*_: object) -> None:
        if next(moments) == fatal:
            os.kill(os.getpid(), signal.SIGKILL)

    for engine in (company.engine, company.books):
        event.listen(engine, "before_cursor_execute", live)
        event.listen(engine, "commit", live)
    run = run_billing(company.begin, company.gateways, batch=int(batch))
    assert run.faults == [], run.faults
    assert run.dunning.faults == [], run.dunning.faults
    company.close()
    sys.stdout.write(f"{next(moments) - 1}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
