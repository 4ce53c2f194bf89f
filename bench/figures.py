"""What every benchmark shares: its arguments, its table, its JSON."""

import argparse
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

Figures = dict[str, float]


@contextmanager
def timed(figures: Figures, name: str) -> Iterator[None]:
    """Put the seconds that the block took under `name`."""
    begin = time.perf_counter()
    yield
    figures[name] = time.perf_counter() - begin


def run(description: str, measure: Callable[[int], Figures], *, size: int) -> None:
    """Read `--size` and `--json`, measure, print a table, write the figures as one flat object."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--size", type=int, default=size)
    parser.add_argument("--json", type=Path)
    parsed = parser.parse_args()
    figures = measure(parsed.size)
    width = max(map(len, figures))
    for name, value in figures.items():
        print(f"{name:<{width}}  {value:>14,.3f}")
    if parsed.json:
        parsed.json.write_text(json.dumps(figures, indent=1) + "\n")
