"""Any life keeps every invariant after each step of it.

A failure prints the steps. The number in brackets is the seed: the same test fails again.
`--hypothesis-seed N` lives other lives, just as repeatable.
"""

from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from .any_life import AnyLife, Stage

SHARDS = 8
LIVES = 250
"""How many lives a shard has at full size: 2,000 in all."""


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    made = Stage(tmp_path)
    yield made
    made.close()


@pytest.mark.parametrize(
    "shard", [0, *(pytest.param(number, marks=pytest.mark.slow) for number in range(1, SHARDS))]
)
def test_any_life_keeps_every_invariant(
    stage: Stage, shard: int, full: bool, request: pytest.FixtureRequest
) -> None:
    first = int(request.config.getoption("--hypothesis-seed") or 0)
    size = settings(
        max_examples=LIVES if full else 5,
        stateful_step_count=30 if full else 20,
        deadline=None,
        database=None,  # what failed once must not change what the seed means
        suppress_health_check=list(HealthCheck),
        # A shorter story of the same fault would take an hour to find.
        phases=[Phase.generate],
    )
    lives = hypothesis.seed(first * SHARDS + shard)(lambda: AnyLife(stage))
    try:
        run_state_machine_as_test(lives, settings=size)  # type: ignore[arg-type]
    except BaseException as fault:
        again = f"{request.node.nodeid} --hypothesis-seed {first}{' --full' if full else ''}"
        fault.add_note(f"Again: pytest {again}")
        raise
