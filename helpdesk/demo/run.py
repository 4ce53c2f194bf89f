"""`guiche demo`: the sample company in one command, with networks of its own."""

import logging
import os
import shutil
import socket
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import structlog

from helpdesk.cli import migrate_all, prepare
from helpdesk.demo.addresses import with_addresses
from helpdesk.demo.company import PASSWORD, STAFF
from helpdesk.demo.seed import seed
from helpdesk.demo.surroundings import Order, Surroundings
from helpdesk.settings import InvalidSettings, Settings

CUSTOMERS = 300
CONVERSATIONS = 120
MARK = "seeded"  # the file that says that the data are whole

ROLES = {
    "agent": "answers, and refunds up to R$ 100,00 alone",
    "supervisor": "approves, and sees the board at /live",
    "admin": "also sets up mailboxes, telephone lines and chat widgets",
}


def run_demo(
    *,
    bind: str,
    live: bool = False,
    fresh: bool = False,
    customers: int = CUSTOMERS,
    conversations: int = CONVERSATIONS,
) -> None:
    """Serve the sample company until Ctrl-C. The data are kept until `fresh` throws them away."""
    _insist_on_free(bind)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    folder = Path(os.environ.get("GUICHE_DATA_DIR") or ".data").absolute() / "demo"
    if fresh or not (folder / MARK).is_file():  # also what a seed that was cut short left
        shutil.rmtree(folder, ignore_errors=True)
    settings = with_addresses(prepare(_surroundings_free(os.environ, folder, bind)))
    surroundings = Surroundings(Order(settings, live=live, customers=_size(folder, customers)))
    mine = os.getpid()
    try:
        with suppress(KeyboardInterrupt):
            surroundings.start()  # it takes as long as what follows
            migrate_all(settings)
            if not (folder / MARK).is_file():
                seed(settings, customers=customers, conversations=conversations, tell=_progress)
                (folder / MARK).write_text(str(customers))
                _progress("")
            led_here = surroundings.settings()
            print(_welcome(settings, live=live), flush=True)  # noqa: T201
            _serve(led_here, bind)
    finally:
        # The server's processes are copies of this one and pass through here as well.
        if os.getpid() == mine:
            surroundings.stop()


def _serve(settings: Settings, bind: str) -> None:
    from helpdesk.server import serve

    serve(settings, bind=bind, back_office=True)


def _size(folder: Path, wanted: int) -> int:
    """Return how many customers there are, or will be."""
    mark = folder / MARK
    return int(mark.read_text()) if mark.is_file() else wanted


def _surroundings_free(env: Mapping[str, str], folder: Path, bind: str) -> dict[str, str]:
    """Return an environment in which the demo meets no database, mailbox or account but its own."""
    kept = ("GUICHE_LANGUAGE", "GUICHE_WIDGET_COLOUR")
    host, _, port = bind.rpartition(":")
    shown = "127.0.0.1" if host in ("", "0.0.0.0", "[::]") else host  # noqa: S104 - compared only
    return {name: env[name] for name in kept if name in env} | {
        "GUICHE_DATA_DIR": str(folder),
        "GUICHE_PUBLIC_URL": f"http://{shown}:{port}",
        "GUICHE_SAMPLE_SITE": "yes",
        "GUICHE_SIMPLE_PASSWORDS": "yes",
    }


def _insist_on_free(bind: str) -> None:
    """Say at once that somebody listens there already, not after a minute of seeding."""
    host, _, port = bind.rpartition(":")
    if not port.isdigit():
        raise InvalidSettings([f"--bind needs an address such as 127.0.0.1:8080, not {bind}"])
    try:
        with socket.create_server((host.strip("[]"), int(port)), reuse_port=False):
            return
    except OSError as fault:
        why = f"cannot listen on {bind} ({fault.strerror}): choose another with --bind"
        raise InvalidSettings([why]) from fault


def _progress(what: str) -> None:
    """Write over one line of the terminal; where there is none, a line each."""
    if sys.stdout.isatty():
        print(f"\r\033[K{what and 'making the sample company: ' + what}", end="", flush=True)  # noqa: T201
    elif what:
        print(f"making the sample company: {what}", flush=True)  # noqa: T201


def _welcome(settings: Settings, *, live: bool) -> str:
    url = settings.public_url
    logins = "\n".join(
        f"    {email:<32}{PASSWORD:<14}{ROLES[role]}" for email, _, role, _, _ in STAFF
    )
    writing = (
        "Customers are writing while you watch."
        if live
        else "With --live, simulated customers write on all channels while you watch."
    )
    return f"""\
{settings.company}'s support desk:  {url}

{logins}

    {url}/site    its site, with the chat (signed in: {url}/site?as=rafael.teixeira)
    {url}/live    the supervisor's board

{writing}
The data are kept in {settings.data_dir}; --fresh makes them anew. Ctrl-C ends it all."""
