"""What the mailboxes ask of the mail channel. `bootstrap` makes the real one."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from channels.port import Delivery, Outbound
from helpdesk.mailboxes.account import MailAccount
from helpdesk.mailboxes.door import MailboxDoor


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of trying a mailbox. `code` "" is well; screens have a sentence for each."""

    code: str = ""
    detail: str = ""  # what the server said
    count: int | None = None  # mails in the folder


class Posted(Protocol):
    """One mail as a provider posted it."""

    @property
    def key(self) -> str: ...
    @property
    def raw(self) -> bytes: ...
    @property
    def recipients(self) -> tuple[str, ...]: ...


class Hook(Protocol):
    """Reads what one provider posts. Raises `BadSignature` or `Unreadable`."""

    def __call__(self, delivery: Delivery, *, now: datetime) -> Posted: ...


class MailLines(Protocol):
    """The network side of mailboxes. Nothing here may be called in a transaction."""

    @property
    def hooks(self) -> Mapping[str, Hook]:
        """By provider: those that are set up."""
        ...

    def door(self, account: MailAccount) -> MailboxDoor[Any]:
        """Return the way into a mailbox that has an `imap` line."""
        ...

    def listen(
        self,
        url: str,
        *,
        accepts: Callable[[str], bool],
        take: Callable[[bytes, tuple[str, ...]], None],
    ) -> AbstractContextManager[object]:
        """Return a door for mail servers, opened by entering it."""
        ...

    def try_fetching(self, account: MailAccount) -> Verdict:
        """Enter the mailbox and its folder, and change nothing."""
        ...

    def try_sending(self, account: MailAccount, to: str) -> Verdict:
        """Go as far as a mail to `to` would, without its content."""
        ...

    def send_on_trial(self, account: MailAccount, letter: Outbound) -> Verdict:
        """Really send one mail as customers get theirs, also from a mailbox that is off."""
        ...
