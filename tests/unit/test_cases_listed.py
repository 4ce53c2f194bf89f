"""docs/cases.md says truly which test holds which case."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
ROW = re.compile(r"\| ([A-Z]\d+) \| (.+?) \| (.+?) \|")
TEST = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")


def rows() -> list[tuple[str, str]]:
    """Return (id, tests) of every line of the table."""
    text = (ROOT / "docs" / "cases.md").read_text()
    return [(found[1], found[3]) for line in text.splitlines() if (found := ROW.fullmatch(line))]


def test_every_case_stands_in_the_table_once() -> None:
    ids = [case for case, _ in rows()]
    assert len(ids) == len(set(ids)) > 20


def test_no_case_of_mail_content_and_faults_is_left_out() -> None:
    wanted = [f"E{number}" for number in range(1, 15)] + [f"X{number}" for number in range(1, 13)]
    wanted += ["R1", "R2", "R3", "R4", *(f"F{number}" for number in (*range(1, 14), 16, 24))]
    assert set(wanted) - {case for case, _ in rows()} == set()


@pytest.mark.parametrize(("case", "tests"), rows(), ids=[case for case, _ in rows()])
def test_every_test_of_a_case_exists_and_carries_its_id(case: str, tests: str) -> None:
    named = TEST.findall(tests)
    assert named
    for path, name in named:
        assert f"def {name}(" in (ROOT / path).read_text(), f"{path}::{name}"
    number = rf"{case[0].lower()}0?{case[1:]}"
    assert any(re.search(rf"_{number}(_|$)", name) for _, name in named), f"no test says {case}"
