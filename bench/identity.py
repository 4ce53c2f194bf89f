"""Milliseconds to say who a contact may be, among many customers, with slips in every fact.

Customers are made up: names as unevenly shared as in a real country, one in three with an
address and a birthday. Each question is about one of them and misspells her name and her
e-mail by a sign each, or tells her name and her address with a slip. Measured on SQLite and,
where GUICHE_TEST_PG names a server, on PostgreSQL. `exact` looks up one proven address.
"""

import os
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

from sqlalchemy import insert, text

from bench.figures import Figures, run, timed
from channels.port import Party
from helpdesk.bootstrap import build_services
from helpdesk.customers.blocking import block_keys
from helpdesk.customers.likeness import Facts, fold
from helpdesk.customers.match import candidates
from helpdesk.customers.model import Block, Customer, Handle
from helpdesk.customers.service import identify
from helpdesk.db import uuid7
from helpdesk.jobs.recorded import RecordedJobs
from helpdesk.services import Services
from helpdesk.settings import Settings
from tests.databases import fresh_sqlite, throwaway_postgres

NOON = datetime(2026, 11, 17, 15, tzinfo=UTC)
BATCH = 20_000  # customers of one transaction
QUESTIONS = 300
STARTS = ("Ma", "Jo", "An", "Lu", "Fer", "Ga", "Ra", "Ca", "Be", "Pe", "Vi", "Da", "Mar", "Thi")
ENDS = ("ria", "ão", "na", "ísa", "nanda", "briel", "fael", "mila", "atriz", "dro", "tor", "vid")
SYLLABLES = ("sil", "va", "sou", "za", "pe", "rei", "ra", "li", "ma", "cos", "ta", "go", "mes",
             "al", "mei", "da", "nas", "ci", "men", "to", "bar", "bo", "sa", "fon", "se", "ca")  # fmt: skip


class Country:
    """Makes up people; some names are thousands of times as common as others."""

    def __init__(self) -> None:
        self._draw = random.Random(20261117)
        self._first = [start + end for start in STARTS for end in ENDS]
        self._last = sorted({
            "".join(self._draw.choices(SYLLABLES, k=self._draw.randint(2, 4))).capitalize()
            for _ in range(4000)
        })  # fmt: skip
        self._draw.shuffle(self._last)
        self._first_shares = [1 / (place + 3) for place in range(len(self._first))]
        self._last_shares = [1 / (place + 3) for place in range(len(self._last))]

    def person(self, number: int) -> Facts:
        draw = self._draw
        first = draw.choices(self._first, self._first_shares)[0]
        last = draw.choices(self._last, self._last_shares, k=draw.randint(1, 2))
        local = fold(f"{first}.{last[-1]}{number % 9973}").replace(" ", "")
        told = Facts(
            name=" ".join([first, *last]),
            emails=(f"{local}@{draw.choice(('exemplo.com.br', 'correio.example'))}",),
            phones=(f"+55119{draw.randrange(10**8):08}",),
        )
        if number % 3:
            return told
        return replace(
            told,
            born_on=f"{draw.randint(1940, 2007)}-{draw.randint(1, 12):02}-{draw.randint(1, 28):02}",
            house_number=str(draw.randint(1, 2500)),
            street=f"Rua {draw.choice(self._last)} {draw.choice(self._first)}",
            district=f"Vila {draw.choice(self._last)}",
            postcode=f"{draw.randrange(10**8):08}",
            region="SP",
        )

    def slip(self, word: str) -> str:
        """Return a word with one sign changed."""
        at = self._draw.randrange(1, max(2, len(word)))
        return word[:at] + self._draw.choice("aeiorst") + word[at + 1 :]

    def question(self, person: Facts) -> Facts:
        local, _, domain = person.emails[0].partition("@")
        if not person.postcode:
            mail = f"{self.slip(local)}@{domain}"
            return Facts(name=self.slip(person.name), emails=(mail,))
        return replace(person, name=self.slip(person.name), street=self.slip(person.street),
                       born_on="", emails=(), phones=())  # fmt: skip


def services_at(url: str) -> Services:
    jobs = RecordedJobs()
    settings = Settings(
        data_dir=Path(tempfile.gettempdir()),
        database_url=url,
        secret_key="a secret key that only benchmarks use",
        simple_passwords=True,
    )
    return build_services(settings, clock=lambda: NOON, jobs=lambda _engine: jobs)


def fill(services: Services, country: Country, size: int) -> list[tuple[UUID, Facts]]:
    """Save `size` customers; return those that questions will be about."""
    asked: list[tuple[UUID, Facts]] = []
    for begin in range(0, size, BATCH):
        people = [
            (uuid7(NOON, os.urandom(10)), country.person(number))
            for number in range(begin, min(size, begin + BATCH))
        ]
        save(services, people)
        asked += people[:: max(1, size // QUESTIONS)]
    with services.begin() as tx:
        tx.session.execute(text("ANALYZE"))
    return asked[:QUESTIONS]


def save(services: Services, people: list[tuple[UUID, Facts]]) -> None:
    with services.begin() as tx:
        execute = tx.session.connection().execute
        execute(insert(Customer), [_customer(one, facts) for one, facts in people])
        execute(insert(Handle), [row for one, facts in people for row in _handles(one, facts)])
        blocks = [(key, one) for one, facts in people for key in block_keys(facts)]
        execute(insert(Block), [{"key": key, "customer_id": one} for key, one in sorted(blocks)])


def _customer(customer_id: UUID, facts: Facts) -> dict[str, object]:
    return {
        "id": customer_id, "name": facts.name, "language": "pt_BR",
        "time_zone": "America/Sao_Paulo", "document_masked": "", "document_hash": "",
        "born_on": datetime.fromisoformat(facts.born_on).date() if facts.born_on else None,
        "house_number": facts.house_number, "street": facts.street, "unit": "",
        "district": facts.district, "postcode": facts.postcode, "region": facts.region,
        "created_at": NOON,
    }  # fmt: skip


def _handles(customer_id: UUID, facts: Facts) -> Iterator[dict[str, object]]:
    for kind, value in (("email", facts.emails[0]), ("phone", facts.phones[0])):
        yield {"id": uuid7(NOON, os.urandom(10)), "customer_id": customer_id, "kind": kind,
               "value": value, "verified_at": None, "claimed_at": NOON}  # fmt: skip


def ask(services: Services, asked: list[tuple[UUID, Facts]], country: Country) -> Figures:
    """Ask about each person once; return the times in milliseconds and the share found."""
    questions = [(one, country.question(facts)) for one, facts in asked]

    def search(facts: Facts) -> set[UUID]:
        with services.reading() as session:
            return {found.customer_id for found in candidates(session, facts)}

    def exact(facts: Facts) -> set[UUID]:
        with services.begin() as tx:
            found = identify(tx, Party("email", facts.emails[0])).customer_id
        return {found} if found else set()

    search(questions[0][1])
    figures = _times("", search, questions)
    return figures | _times("exact_", exact, asked)


def _times(
    name: str, work: Callable[[Facts], set[UUID]], questions: list[tuple[UUID, Facts]]
) -> Figures:
    took: list[float] = []
    found = 0
    for one, facts in questions:
        begin = time.perf_counter()
        answer = work(facts)
        took.append((time.perf_counter() - begin) * 1000)
        found += one in answer
    hundredths = statistics.quantiles(took, n=100)
    return {
        f"{name}p50_ms": hundredths[49],
        f"{name}p95_ms": hundredths[94],
        f"{name}found": found / len(questions),
    }


def measure_at(url: str, size: int) -> Figures:
    figures: Figures = {}
    services, country = services_at(url), Country()
    try:
        with timed(figures, "fill_s"):
            asked = fill(services, country, size)
        return figures | ask(services, asked, country)
    finally:
        services.db.close()


def measure(size: int) -> Figures:
    figures: Figures = {"size": float(size)}
    with tempfile.TemporaryDirectory() as folder:
        sqlite = measure_at(fresh_sqlite(Path(folder)), size)
    figures |= {f"sqlite_{name}": value for name, value in sqlite.items()}
    if server := os.environ.get("GUICHE_TEST_PG"):
        for url in throwaway_postgres(server):
            postgresql = measure_at(url, size)
            figures |= {f"postgresql_{name}": value for name, value in postgresql.items()}
    return figures


if __name__ == "__main__":
    run(__doc__ or "", measure, size=1_000_000)
