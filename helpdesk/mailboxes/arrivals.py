"""Mail that others bring: posted by a provider, or handed over by a mail server."""

from collections.abc import Sequence

from helpdesk.inbox.service import ingest_mail, mail_source
from helpdesk.mailboxes.account import source_of
from helpdesk.mailboxes.queries import accounts, owner_of
from helpdesk.services import Services


def is_expected(services: Services, recipient: str) -> bool:
    """Say whether mail to this address is for one of our mailboxes."""
    with services.reading() as session:
        return owner_of(session, services.settings, [recipient]) is not None


def take_in(
    services: Services, raw: bytes, recipients: Sequence[str], *, name: str = ""
) -> tuple[str, ...]:
    """Store one mail for each mailbox that it is for; return their addresses.

    One that is for none of them, by its envelope, goes to the main one. `name` is what
    the other side calls the mail. What it says about its sender is not believed: our own
    server never saw it.
    """
    with services.reading() as session:
        found = [owner_of(session, services.settings, [one]) for one in recipients]
    owners = tuple(dict.fromkeys(one for one in found if one is not None))
    for owner in owners:
        ingest_mail(services, raw, source=source_of(owner), name=name, judged=False)
    if not owners:
        ingest_mail(services, raw, source=main_source(services), name=name, judged=False)
    return owners


def main_source(services: Services) -> str:
    """Return the source of the main mailbox."""
    with services.reading() as session:
        main = next(iter(accounts(session, services.settings)), None)
    return main.source if main is not None else mail_source(services)


def take_delivery(services: Services, raw: bytes, recipients: Sequence[str]) -> None:
    """Store what a mail server handed over, with the addresses it was handed over for."""
    by_owner: dict[str, list[str]] = {}
    with services.reading() as session:
        for one in recipients:
            owner = owner_of(session, services.settings, [one])
            if owner is not None:
                by_owner.setdefault(owner, []).append(one)
    for owner, theirs in by_owner.items():
        top = "".join(f"Delivered-To: {one}\r\n" for one in theirs)
        ingest_mail(services, top.encode() + raw, source=source_of(owner))
