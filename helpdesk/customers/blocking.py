"""Under which keys a customer can be found again although some of her facts are misspelt.

Each key joins two facts, or is one that few people share, so that a list behind it stays
short among a million customers. Whoever agrees in two facts and errs in the rest shares one.
"""

import re
from collections.abc import Iterator
from itertools import combinations, product
from typing import Final

from helpdesk.customers.likeness import Facts, fold, line, words

END: Final = 5  # letters of an e-mail's name that are looked up from either end
CODE: Final = 5  # sounds of a word that count
MOST_NAMES: Final = 4  # words of a name that are combined

# How Portuguese and English spell one sound in several ways; longer spellings first.
_SOUNDS: Final = tuple(
    (re.compile(spelt), sound)
    for spelt, sound in (
        (r"ph", "f"),
        (r"lh|ll", "l"),
        (r"nh|gn|kn", "n"),
        (r"ch|sh|sch|x", "x"),
        (r"th", "t"),
        (r"ss|sc(?=[ei])|c(?=[eiy])|z", "s"),
        (r"qu|q|ck|c", "k"),
        (r"g(?=[eiy])", "j"),
        (r"w", "v"),
        (r"h", ""),
    )
)


def sound(word: str) -> str:
    """Return how a folded word sounds: its first sound and the consonants after it."""
    for spelt, heard in _SOUNDS:
        word = spelt.sub(heard, word)
    first, rest = word[:1], re.sub(r"[aeiouy]", "", word[1:])
    return re.sub(r"(.)\1+", r"\1", ("i" if first == "y" else first) + rest)[:CODE]


def block_keys(facts: Facts) -> frozenset[str]:
    """Return the keys of these facts; two people who share one are worth comparing."""
    sounds = [sound(word) for word in words(facts.name)]
    return frozenset(
        (*_of_the_name(facts, sounds), *_of_handles(facts), *_of_the_place(facts, sounds))
    )


def _of_the_name(facts: Facts, sounds: list[str]) -> Iterator[str]:
    if facts.document:
        yield f"d:{facts.document[:32]}"
    if facts.born_on:
        yield f"b:{facts.born_on}"
    if len(sounds) == 1:
        yield f"n:{sounds[0]}"
    first_and_last = [*sounds[: MOST_NAMES - 1], *sounds[MOST_NAMES - 1 :][-1:]]
    for one, other in combinations(sorted(first_and_last), 2):
        yield f"n:{one}:{other}"


def _of_handles(facts: Facts) -> Iterator[str]:
    for phone in facts.phones:
        yield f"t:{line(phone)}"
    for email in facts.emails:
        local = "".join(sign for sign in fold(email).partition("@")[0] if sign.isalnum())
        if local:
            yield f"m:{local[:END]}"
            yield f"w:{local[-END:]}"


def _of_the_place(facts: Facts, sounds: list[str]) -> Iterator[str]:
    lines = [heard for text in (facts.street, facts.unit) if (heard := _line(text))]
    number, postcode = fold(facts.house_number), fold(facts.postcode)
    names = sorted({*sounds[:1], *sounds[-1:]})
    if postcode:
        for heard in (*names, *lines):
            yield f"p:{postcode}:{heard}"
        if number:
            yield f"h:{postcode}:{number}"
    if number:
        for heard in (*lines, *names):
            yield f"s:{number}:{heard}"
    for place, heard in product(lines, names):
        yield f"l:{place}:{heard}"


def _line(text: str) -> str:
    """Return the longest word's sound of one line of an address: the others say "street"."""
    return sound(max(words(text), key=len, default=""))
