"""One sweep of a process reads at a time: should it die, one delivery alone is to blame."""

import threading
from collections.abc import Callable


class Sweeping:
    """Whose turn it is. A sweep that is stuck in one delivery loses its turn.

    `stuck_after_s` is how long one delivery may take, `monotonic` tells seconds that never
    go back.
    """

    def __init__(self, stuck_after_s: float, *, monotonic: Callable[[], float]) -> None:
        self._stuck_after_s = stuck_after_s
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._holder: object | None = None
        self._since = 0.0

    def may_go_on(self, sweep: object) -> bool:
        """Take or keep the turn for one more delivery; False while it is another's."""
        with self._lock:
            now = self._monotonic()
            free = self._holder is None or self._holder is sweep
            if not free and now - self._since < self._stuck_after_s:
                return False
            self._holder, self._since = sweep, now
            return True

    def end(self, sweep: object) -> None:
        """Give the turn back, unless it was lost meanwhile."""
        with self._lock:
            if self._holder is sweep:
                self._holder = None
