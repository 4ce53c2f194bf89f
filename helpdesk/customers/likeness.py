"""How much speaks for two sets of facts being one person. Pure.

Evidence is counted in bits: each one halves the odds that the two are strangers who look
alike. An agreement is worth what chance makes of it (one birthday in some ten thousand is
thirteen bits), a contradiction costs what mistakes and moves make of it, and a missing fact
says nothing. Seventeen bits outweigh a hundred thousand strangers.
"""

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice, product
from typing import Final

from rapidfuzz.distance import OSA

SAME_PERSON: Final = 17.0  # bits: even odds among a hundred thousand customers
MOST_WORDS: Final = 6  # of a name or a line that are compared
JOINING: Final = frozenset({"da", "das", "de", "di", "do", "dos", "du", "e"})
LEAST_ALIKE: Final = 0.5  # two words that are less alike contradict each other
OTHER_PROVIDER: Final = 0.75  # below it two domains are not one with a slip
SAME_LINE: Final = 8  # digits at the end that tell two Brazilian lines apart


@dataclass(frozen=True, slots=True)
class Facts:
    """What somebody tells of herself, or what we hold of a customer. "" and () say nothing.

    Handles stand in their stored form (`handles.normalise`), `document` as its keyed hash.
    """

    name: str = ""
    born_on: str = ""  # yyyy-mm-dd
    document: str = ""
    emails: tuple[str, ...] = ()
    phones: tuple[str, ...] = ()
    house_number: str = ""
    street: str = ""
    unit: str = ""  # flat, building, farm
    district: str = ""  # or town
    postcode: str = ""
    region: str = ""


@dataclass(frozen=True, slots=True)
class Worth:
    """The bits that a fact adds where it agrees wholly and takes where it contradicts."""

    agrees: float
    contradicts: float


WORTH: Final = {
    "name": Worth(7.5, -4.0),  # of each word
    "born_on": Worth(13.0, -4.0),
    "document": Worth(20.0, -4.0),
    "email": Worth(16.0, -0.5),  # people have several, families share one
    "phone": Worth(16.0, -0.5),
    "house_number": Worth(5.0, -1.5),
    "street": Worth(8.5, -2.5),
    "unit": Worth(7.0, -1.5),
    "district": Worth(7.0, -2.0),
    "postcode": Worth(8.0, -1.5),
    "region": Worth(2.0, -0.5),
}


def fold(text: str) -> str:
    """Return text as it is compared: no accents, no case, single blanks."""
    plain = "".join(
        sign
        for sign in unicodedata.normalize("NFKD", text.casefold())
        if not unicodedata.combining(sign)
    )
    return " ".join(plain.split())


@lru_cache(maxsize=4096)
def words(text: str) -> tuple[str, ...]:
    """Return the words of a name or a line that tell something, folded, without what joins."""
    plain = "".join(sign if sign.isalnum() else " " for sign in fold(text)).split()
    telling = [word for word in plain if word not in JOINING]
    return tuple(islice(telling or plain, MOST_WORDS))


def line(phone: str) -> str:
    """Return the end of a number that tells one line from another, whatever stands before it."""
    return phone[-SAME_LINE:]


def evidence(one: Facts, other: Facts) -> dict[str, float]:
    """Return the bits of each fact that both tell, by its name."""
    found = dict(_place(one, other))
    if (bits := _names(words(one.name), words(other.name))) is not None:
        found["name"] = bits
    if one.born_on and other.born_on:
        found["born_on"] = _bits("born_on", _days(one.born_on, other.born_on))
    for name, mine, theirs in (
        ("document", one.document, other.document),
        ("house_number", one.house_number, other.house_number),
        ("postcode", one.postcode, other.postcode),
        ("region", fold(one.region), fold(other.region)),
    ):
        if mine and theirs:
            found[name] = _bits(name, alike(mine, theirs))
    if one.emails and other.emails:
        found["email"] = _bits(
            "email", max(_mail(*pair) for pair in product(one.emails, other.emails))
        )
    if one.phones and other.phones:
        found["phone"] = _bits(
            "phone", float(bool({*map(line, one.phones)} & {*map(line, other.phones)}))
        )
    return found


def alike(mine: str, theirs: str) -> float:
    """Return 0..1: how little one must change to become the other. A slip counts once."""
    return OSA.normalized_similarity(mine, theirs)


def _bits(name: str, likeness: float) -> float:
    """Return the evidence of a likeness: all of it when equal, none of it half-way down."""
    worth = WORTH[name]
    share = max(0.0, (likeness - LEAST_ALIKE) / (1 - LEAST_ALIKE))
    return worth.contradicts + (worth.agrees - worth.contradicts) * share


def _names(mine: tuple[str, ...], theirs: tuple[str, ...]) -> float | None:
    """Compare two names word by word in any order; a word that one lacks says nothing."""
    if not mine or not theirs:
        return None
    pairs = [_bits("name", likeness) for likeness in _paired(mine, theirs)]
    joined = _bits("name", alike("".join(mine), "".join(theirs)))  # "de pierro", "depierro"
    # Namesakes share all of their words: beyond two, more of them prove nothing.
    return min(max(sum(pairs), joined * len(pairs)), WORTH["name"].agrees * 2)


def _paired(mine: tuple[str, ...], theirs: tuple[str, ...]) -> Iterator[float]:
    """Yield the likeness of each word to its best partner, every word used once."""
    pairs: list[tuple[float, str, str, int, int]] = [
        (-alike(word, other), min(word, other), max(word, other), at, other_at)
        for at, word in enumerate(mine)
        for other_at, other in enumerate(theirs)
    ]
    used: set[int] = set()
    used_theirs: set[int] = set()
    for unlike, _, _, at, other_at in sorted(pairs):
        if at not in used and other_at not in used_theirs:
            used.add(at)
            used_theirs.add(other_at)
            yield -unlike


def _place(one: Facts, other: Facts) -> Iterator[tuple[str, float]]:
    """Yield the evidence of the lines of an address; two of them may have changed places."""
    straight = dict(_lines(one, other, ("street", "unit", "district")))
    crossed = dict(_lines(one, other, ("unit", "street", "district")))
    yield from max((straight, crossed), key=lambda found: sum(found.values())).items()


def _lines(one: Facts, other: Facts, order: Sequence[str]) -> Iterator[tuple[str, float]]:
    for name, theirs_name in zip(("street", "unit", "district"), order, strict=True):
        mine, theirs = words(getattr(one, name)), words(getattr(other, theirs_name))
        if mine and theirs:
            worth = name if name == theirs_name else "unit"
            yield name, _bits(worth, alike("".join(mine), "".join(theirs)))


def _days(mine: str, theirs: str) -> float:
    """Compare two dates; day and month that changed places are one slip."""
    if mine[:5] + mine[8:] + mine[4:7] == theirs[:5] + theirs[5:]:
        return 0.9
    return alike(mine.replace("-", ""), theirs.replace("-", ""))


def _mail(mine: str, theirs: str) -> float:
    """Compare two addresses by what stands before the @: providers are shared by millions."""
    local, _, domain = mine.partition("@")
    other, _, other_domain = theirs.partition("@")
    return alike(local, other) * (1.0 if alike(domain, other_domain) > OTHER_PROVIDER else 0.87)
