"""Hashing passwords, at a price that is the same whether or not the account exists."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from helpdesk.errors import Busy

AT_ONCE = 2  # each hash takes 64 MiB and a core for half a second
WAIT_S = 10
LONGEST = 1024  # hashing a book is a way to keep a server busy


class Passwords:
    """One hashing profile. `simple` is for tests and the demo only."""

    def __init__(self, *, simple: bool) -> None:
        self._hasher = (
            PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
            if simple
            else PasswordHasher()
        )
        self._slots = threading.BoundedSemaphore(AT_ONCE)
        # What an unknown e-mail is compared with: made with the same price, matches nothing.
        self._nobody = self._hasher.hash("nobody's password")

    def hash(self, password: str) -> str:
        return self._hasher.hash(password)

    def match(self, stored: str | None, password: str) -> bool:
        """Say whether `password` is the stored one. None costs the same and never matches.

        Raises `Busy` when too many are being compared at once.
        """
        with self._slot():
            try:
                self._hasher.verify(stored or self._nobody, password[:LONGEST])
            except (VerificationError, InvalidHashError):
                return False
        return stored is not None and len(password) <= LONGEST

    def is_outdated(self, stored: str) -> bool:
        """True when the hash was made with another profile and should be made again."""
        return self._hasher.check_needs_rehash(stored)

    @contextmanager
    def _slot(self) -> Iterator[None]:
        if not self._slots.acquire(timeout=WAIT_S):
            raise Busy(retry_after_s=WAIT_S)
        try:
            yield
        finally:
            self._slots.release()


@cache
def passwords(simple: bool) -> Passwords:
    """Return this process's hasher of that profile: its slots are shared by all requests."""
    return Passwords(simple=simple)
