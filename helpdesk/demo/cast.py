"""Which of the sample company's customers the conversations need, and what befell them."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

from helpdesk.demo.people import ABROAD, KNOWN, Person, people

# Charged twice this fortnight: (name, days before today). Mariana writes about it.
DOUBLED = (
    ("Mariana Alves Prado", 1),
    ("Oliver Grant", 3),
    ("Hannah Lindqvist", 6),
    ("Mei Tanaka", 9),
)
# Whose card was refused at the last renewal. Lúcia calls about it.
DECLINED = (("Lúcia Ferraz", 2), ("Sofia Rossi", 4))

_LOTS: dict[str, dict[str, Any]] = {
    "Mariana Alves Prado": {"plan": "familia", "brand": "Visa", "last4": "4417"},
    "Bianca Moura": {"plan": "plus", "method": "pix", "brand": "", "last4": ""},
    "Rafael Teixeira": {"plan": "plus", "method": "pix", "brand": "", "last4": ""},
    "Priya Raman": {"plan": "plus"},
    "Sofia Menezes": {"plan": "familia"},
    "Emma Clarke": {"plan": "familia"},
    "Tiago Nakamura": {"plan": "essencial"},
    "Padaria Bela Vista": {"method": "boleto", "brand": "", "last4": ""},
    "Construtora Ipê Ltda.": {"method": "boleto", "brand": "", "last4": ""},
}


@dataclass(frozen=True, slots=True)
class Cast:
    """Everybody, and those without a part in the conversations of today."""

    crowd: list[Person]

    def named(self, name: str) -> Person:
        return next(person for person in self.crowd if person.name == name)

    def free(self) -> list[Person]:
        """Return who may have written in the past: customers still, and in no open story."""
        busy = {*KNOWN, *(name for name, _ in ABROAD)}
        return [one for one in self.crowd if one.name not in busy and not one.leaves]


def gather(count: int, today: date) -> Cast:
    """Return `count` customers whose charges fall on the days that the stories tell of."""
    days = dict((*DOUBLED, *DECLINED, ("Emma Clarke", 5)))
    crowd = []
    for person in people(max(count, len(KNOWN) + len(ABROAD))):
        lots = dict(_LOTS.get(person.name, {}))
        if person.name in days:
            lots["day"] = (today - timedelta(days=days[person.name])).day
        crowd.append(replace(person, **lots))
    return Cast(crowd)


def with_plan(crowd: Iterable[Person], *plans: str) -> list[Person]:
    """Return those of a crowd who pay by card for one of the plans."""
    return [one for one in crowd if one.plan in plans and one.method == "card"]
