"""What two sets of facts say about being one person."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpdesk.customers.blocking import block_keys, sound
from helpdesk.customers.likeness import SAME_PERSON, Facts, evidence, fold

ANA = Facts(
    name="Ana Maria de Souza",
    born_on="1984-03-12",
    document="7f3a",
    emails=("ana.souza@exemplo.com.br",),
    phones=("+5511987654321",),
    house_number="120",
    street="Rua das Laranjeiras",
    unit="ap 42",
    district="Vila Madalena",
    postcode="05435010",
    region="SP",
)
text = st.text(max_size=30)
facts = st.builds(
    Facts,
    name=text,
    born_on=st.dates().map(lambda day: day.isoformat()) | st.just(""),
    document=text,
    emails=st.lists(text, max_size=2).map(tuple),
    phones=st.lists(text, max_size=2).map(tuple),
    house_number=text,
    street=text,
    unit=text,
    district=text,
    postcode=text,
    region=text,
)


def total(one: Facts, other: Facts) -> float:
    return sum(evidence(one, other).values())


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(Facts("ANA SOUZA", "1984-03-12"), id="name-and-birthday"),
        pytest.param(Facts("Souza, Ana Maria", "1984-12-03"), id="day-and-month-swapped"),
        pytest.param(Facts("Ana Sousa", phones=("+551187654321",)), id="telephone-without-nine"),
        pytest.param(Facts("A. Souza", document="7f3a"), id="document"),
        pytest.param(
            Facts(
                "Anna Souza", house_number="120", street="R. das Laranjeras", postcode="05435010"
            ),
            id="address-with-slips",
        ),
    ],
)
def test_two_facts_that_agree_make_one_person(other: Facts) -> None:
    assert total(ANA, other) >= SAME_PERSON
    assert block_keys(ANA) & block_keys(other)


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(Facts("Ana Maria de Souza"), id="a-name-alone"),
        pytest.param(Facts("Ana Maria de Souza", "1991-07-30"), id="namesake-of-another-age"),
        pytest.param(Facts("João Pereira", emails=("ana.souza@exemplo.com.br",)), id="one-address"),
        pytest.param(Facts("João Pereira", postcode="05435010", region="SP"), id="neighbour"),
        pytest.param(Facts(), id="nothing-told"),
    ],
)
def test_one_fact_that_agrees_does_not(other: Facts) -> None:
    assert total(ANA, other) < SAME_PERSON


@pytest.mark.parametrize(
    "spellings",
    [
        ("Sousa", "Souza"), ("Luís", "Luiz"), ("Philipe", "Filipe"), ("Thiago", "Tiago"),
        ("Queiroz", "Keiros"), ("Guilherme", "Guilerme"), ("Catherine", "Katherine"),
        ("Vagner", "Wagner"), ("Stephany", "Stefani"), ("Chavier", "Xavier"), ("Ana", "Anna"),
    ],
)  # fmt: skip
def test_spellings_that_sound_alike_share_a_key(spellings: tuple[str, str]) -> None:
    assert len({sound(fold(word)) for word in spellings}) == 1


def test_different_names_sound_different() -> None:
    names = ("Ana", "Bruno", "Souza", "Silva", "Pereira", "Oliveira", "Smith", "Taylor")
    assert len({sound(fold(name)) for name in names}) == len(names)


@given(one=facts, other=facts)
def test_it_does_not_matter_who_is_compared_with_whom(one: Facts, other: Facts) -> None:
    assert total(one, other) == pytest.approx(total(other, one))


@given(one=facts, other=facts)
def test_what_only_one_tells_is_no_evidence(one: Facts, other: Facts) -> None:
    found = evidence(one, other)
    assert ("born_on" in found) == bool(one.born_on and other.born_on)
    assert ("email" in found) == bool(one.emails and other.emails)
    assert evidence(one, Facts()) == {}


@given(one=facts)
def test_keys_fit_an_index_and_are_few(one: Facts) -> None:
    keys = block_keys(one)
    assert len(keys) <= 32
    assert all(key[1] == ":" for key in keys)
