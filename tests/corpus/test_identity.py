"""People that others invented, each several times with slips: which rows are one person?

The collection stays outside the repository (`CORPORA` names it). The rows are compared by
the rules and the threshold that the product uses; nothing here is fitted to a file.
"""

import csv
import os
from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import pytest

from helpdesk.customers.blocking import block_keys
from helpdesk.customers.likeness import SAME_PERSON, Facts, evidence

CORPUS = Path(os.environ.get("CORPORA", "../shared/corpora")) / "identity"
FILES = sorted(path.name.removesuffix("_truth.csv") for path in CORPUS.glob("*_truth.csv"))
LEAST = {"all fields": 0.995, "name and address": 0.965}  # F1

Pairs = set[tuple[str, str]]

pytestmark = pytest.mark.skipif(
    not FILES, reason=f"no collection of identities at {CORPUS} (CORPORA)"
)


@dataclass(frozen=True)
class Score:
    right: int
    told: int
    true: int

    @property
    def precision(self) -> float:
        return self.right / self.told

    @property
    def recall(self) -> float:
        return self.right / self.true

    @property
    def f1(self) -> float:
        return 2 * self.right / (self.told + self.true)


def rows(name: str) -> Iterator[dict[str, str]]:
    with (CORPUS / name).open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def place_and_name(row: Mapping[str, str]) -> Facts:
    return Facts(
        name=f"{row['given_name']} {row['surname']}",
        house_number=row["street_number"],
        street=row["address_1"],
        unit=row["address_2"],
        district=row["suburb"],
        postcode=row["postcode"],
        region=row["state"],
    )


def everything(row: Mapping[str, str]) -> Facts:
    told, day = place_and_name(row), row["date_of_birth"]
    return Facts(
        name=told.name,
        born_on=f"{day[:4]}-{day[4:6]}-{day[6:]}" if day else "",
        document=row["soc_sec_id"],
        house_number=told.house_number,
        street=told.street,
        unit=told.unit,
        district=told.district,
        postcode=told.postcode,
        region=told.region,
    )


def pairs(groups: Iterable[Iterable[str]]) -> Pairs:
    return {pair for group in groups for pair in combinations(sorted(group), 2)}


def grouped(named: Iterable[tuple[Hashable, str]]) -> Iterable[list[str]]:
    groups: defaultdict[Hashable, list[str]] = defaultdict(list)
    for key, row_id in named:
        groups[key].append(row_id)
    return groups.values()


def found_pairs(people: Mapping[str, Facts]) -> Pairs:
    """Return who is one person: whoever shares a key and has evidence enough."""
    near = pairs(grouped((key, one) for one, facts in people.items() for key in block_keys(facts)))
    return {
        (one, other)
        for one, other in near
        if sum(evidence(people[one], people[other]).values()) >= SAME_PERSON
    }


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("fields", LEAST)
def test_rows_of_one_person_are_found_and_no_others(
    fields: str, file: str, capsys: pytest.CaptureFixture[str]
) -> None:
    read = everything if fields == "all fields" else place_and_name
    people = {row["id"]: read(row) for row in rows(f"{file}.csv")}
    true = pairs(grouped((row["entity"], row["id"]) for row in rows(f"{file}_truth.csv")))
    found = found_pairs(people)
    score = Score(len(found & true), len(found), len(true))
    with capsys.disabled():
        print(  # noqa: T201 - the table is the point
            f"\n  {file:12} {fields:16} F1 {score.f1:.4f}"
            f"  precision {score.precision:.4f}  recall {score.recall:.4f}  of {score.true}",
            end="",
        )
    assert score.f1 >= LEAST[fields]
