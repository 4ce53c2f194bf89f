"""Worked cases of public billing engines, manuals and standards: we find what they print.

The collection stays outside the repository (`BILLING_CASES` names the file). The table at
the end of the run says how many of each kind agree.
"""

import json
import os
from collections import Counter
from datetime import date, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from tests.corpus.billing import RUNNERS

CASES = Path(os.environ.get("BILLING_CASES", "../shared/cases/billing.json"))

pytestmark = pytest.mark.skipif(
    not CASES.exists(), reason=f"no collection of billing cases at {CASES} (BILLING_CASES)"
)


def cases() -> list[dict[str, Any]]:
    # A number with a point is read as text: no amount ever becomes a float.
    found: list[dict[str, Any]] = json.loads(CASES.read_text("utf-8"), parse_float=str)
    return found


def agrees(found: Any, expected: Any) -> bool:
    """Compare as printed: a part of a table is enough, a figure must be the same."""
    if isinstance(expected, dict):
        return isinstance(found, dict) and all(
            name in found and agrees(found[name], value) for name, value in expected.items()
        )
    if isinstance(expected, list):
        return len(found) == len(expected) and all(
            agrees(one, other) for one, other in zip(found, expected, strict=True)
        )
    if isinstance(found, Fraction):
        return found == Fraction(expected)
    if isinstance(found, datetime):
        return found == datetime.fromisoformat(expected)
    if isinstance(found, date):
        return found == date.fromisoformat(expected)
    return type(found) is type(expected) and bool(found == expected)


def run(case: dict[str, Any]) -> Any:
    given = {**case["input"], "kind": case["kind"]}
    try:
        return RUNNERS[given["op"]](given)
    except Exception as fault:
        return repr(fault)


def test_every_case_comes_out_as_printed(capsys: pytest.CaptureFixture[str]) -> None:
    right: Counter[str] = Counter()
    total: Counter[str] = Counter()
    faults = []
    for case in cases():
        found = run(case)
        agreed = agrees(found, case["expected"])
        total[case["kind"]] += 1
        right[case["kind"]] += agreed
        if not agreed:
            faults.append(f"{case['id']}: {found!r}, not {case['expected']!r}")
    with capsys.disabled():
        print("\n" + "\n".join(table(right, total)))  # noqa: T201 - the table is the point
    assert not faults, "\n".join(faults)
    assert total.total() > 0


def table(right: Counter[str], total: Counter[str]) -> list[str]:
    rows = [f"  {kind:12} {right[kind]:4} of {total[kind]:4}" for kind in sorted(total)]
    return [*rows, f"  {'all':12} {right.total():4} of {total.total():4}"]
