"""What the inbox asks of a mailbox server. The mail channel fits it."""

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from threading import Event
from typing import Generic, Protocol, TypeVar

C = TypeVar("C", contravariant=True)
K = TypeVar("K")


class Mail(Protocol):
    """One mail as the server holds it."""

    @property
    def uidvalidity(self) -> int: ...
    @property
    def uid(self) -> int: ...
    @property
    def raw(self) -> bytes: ...
    @property
    def key(self) -> str: ...


class Mailbox(Protocol[C]):
    """An open folder. Everything may raise `ChannelError`."""

    @property
    def fetching(self) -> tuple[int, int] | None:
        """The (uidvalidity, uid) asked of the server when it failed; None otherwise."""
        ...

    def new_messages(self, cursor: C) -> Iterable[Mail]: ...
    def flag_seen(self, uidvalidity: int, uid: int) -> None: ...
    def move(self, uidvalidity: int, uid: int, folder: str) -> None: ...
    def idle(self, timeout: float, stop: Event | None = None) -> bool: ...


class MailboxDoor(Generic[K]):
    """How a mailbox is entered, what its folder is called and how its cursor is made.

    Mail that we have goes to `done_folder`; with "" it stays, marked as read.
    """

    def __init__(
        self,
        folder: str,
        enter: Callable[[], AbstractContextManager[Mailbox[K]]],
        cursor: Callable[[int, int], K],
        done_folder: str = "",
    ) -> None:
        self.folder, self.enter, self.cursor = folder, enter, cursor
        self.done_folder = done_folder
