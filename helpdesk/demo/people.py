"""The sample company's customers. Invented, and the same at every start."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

FIRST = (
    "Ana Beatriz Camila Daniela Eduarda Fernanda Gabriela Helena Isabela Juliana Karina Larissa "
    "Luana Manuela Natália Olívia Paula Rafaela Sabrina Tatiane Vanessa Yara Alice Bruna Cecília "
    "Antônio Bernardo Caio Davi Enzo Felipe Gustavo Henrique Igor João Leandro Lucas Marcelo "
    "Mateus Nicolas Otávio Paulo Pedro Rafael Rodrigo Samuel Thiago Vinícius William Arthur"
).split()
LAST = (
    "Almeida Alves Andrade Azevedo Barbosa Barros Batista Borges Campos Cardoso Carvalho Castro "
    "Correia Costa Cunha Dias Duarte Farias Fernandes Ferraz Ferreira Figueiredo Fonseca Freitas "
    "Gomes Gonçalves Lima Lopes Macedo Machado Martins Medeiros Melo Mendes Monteiro Moraes "
    "Moreira Moura Nascimento Nogueira Nunes Oliveira Pereira Pinto Prado Ramos Rezende Ribeiro "
    "Rocha Santana Santos Silva Siqueira Souza Tavares Teixeira Vieira"
).split()
ABROAD = (
    ("Emma Clarke", "Europe/London"),
    ("Priya Raman", "Europe/Lisbon"),
    ("Hannah Lindqvist", "Europe/Stockholm"),
    ("Mei Tanaka", "Asia/Tokyo"),
    ("Oliver Grant", "America/New_York"),
    ("Sofia Rossi", "Europe/Rome"),
)
# Those whom the conversations of the demo are about come first, with fixed lots.
KNOWN = (
    "Mariana Alves Prado",
    "Bianca Moura",
    "Rafael Teixeira",
    "Lúcia Ferraz",
    "Tiago Nakamura",
    "João Batista Sena",
    "Sofia Menezes",
    "Otávio Brandão",
    "Padaria Bela Vista",
    "Construtora Ipê Ltda.",
)
METHODS: tuple[Literal["card", "pix", "boleto"], ...] = ("card", "card", "card", "pix", "boleto")
BILLING_DAYS = (1, 5, 10, 16, 20, 25, 31)  # as companies here offer them
BRANDS = ("Visa", "Mastercard", "Elo")


@dataclass(frozen=True, slots=True)
class Person:
    name: str
    key: str  # the company's own id of its customer
    email: str
    phone: str  # E.164
    language: str
    time_zone: str
    document_masked: str
    method: Literal["card", "pix", "boleto"]
    brand: str
    last4: str
    plan: str  # essencial, plus, familia
    months: int  # how long ago the first charge was
    day: int  # of the month, 1 to 31
    leaves: bool  # ended before today


def people(count: int, *, seed: int = 7) -> Iterator[Person]:
    """Yield `count` invented customers, always the same for the same `seed`."""
    dice = random.Random(seed)  # noqa: S311 - invented data, not a secret
    taken: set[str] = set()
    names = list(KNOWN) + [name for name, _ in ABROAD]
    zones = dict(ABROAD)
    while len(names) < count:
        names.append(f"{dice.choice(FIRST)} {dice.choice(LAST)} {dice.choice(LAST)}")
    for number, name in enumerate(names[:count]):
        key = _slug(name)
        while key in taken:
            key += str(dice.randint(2, 99))
        taken.add(key)
        yield _person(name, key, zones.get(name), dice, known=number < len(KNOWN) + len(ABROAD))


def _person(name: str, key: str, zone: str | None, dice: random.Random, *, known: bool) -> Person:
    method = "card" if known else dice.choice(METHODS)
    area = dice.choice(("11", "21", "31", "41", "51", "61", "71", "81"))
    return Person(
        name=name,
        key=key,
        email=f"{key}@exemplo.com.br" if zone is None else f"{key}@example.com",
        phone=f"+55{area}9{dice.randint(10_000_000, 99_999_999)}",
        language="pt_BR" if zone is None else "en",
        time_zone=zone or "America/Sao_Paulo",
        document_masked=f"•••.{dice.randint(100, 999)}.{dice.randint(100, 999)}-••",
        method=method,
        brand=dice.choice(BRANDS) if method == "card" else "",
        last4=f"{dice.randint(0, 9999):04}" if method == "card" else "",
        plan=dice.choice(("essencial", "plus", "plus", "familia", "familia")),
        months=dice.randint(10, 24) if known else min(24, int(dice.expovariate(1 / 11)) + 1),
        day=dice.choice(BILLING_DAYS),
        leaves=not known and dice.random() < 0.12,
    )


def _slug(name: str) -> str:
    plain = name.lower().translate(str.maketrans("áâãàéêíóôõúüçñ", "aaaaeeiooouucn"))
    words = [word.strip(".") for word in plain.split() if len(word) > 2]
    return f"{words[0]}.{words[-1]}"
