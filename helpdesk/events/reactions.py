"""Which helper hears of which event. Filled once by `bootstrap`."""

from collections import defaultdict
from collections.abc import Callable
from typing import Any


class Reactions:
    """Listeners by event class. They run in order, inside the emitter's transaction."""

    def __init__(self) -> None:
        self._by_type: dict[type, list[Callable[[Any, Any], None]]] = defaultdict(list)

    def on(self, kind: type, listener: Callable[[Any, Any], None]) -> None:
        """Have `listener(tx, event)` called for every emitted event of class `kind`."""
        self._by_type[kind].append(listener)

    def tell(self, tx: object, event: object) -> None:
        for listener in self._by_type[type(event)]:
            listener(tx, event)
