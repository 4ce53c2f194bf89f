"""Brazilian formats: Pix codes, boletos, tax numbers."""

from dataclasses import asdict
from datetime import date
from typing import Any

from billing_core.domain.boleto import due_date_from_factor, next_reset
from billing_core.domain.brcode import crc16, parse
from billing_core.domain.documents import is_cnpj, is_cpf
from tests.corpus.billing.reading import Input


def run_parse(given: Input) -> dict[str, Any]:
    found = parse(given["payload"])
    return {**asdict(found), "valid": found.valid}


def run_crc16(given: Input) -> str:
    return crc16(given["text"].encode())


def run_valid(given: Input) -> bool:
    check = {"cpf": is_cpf, "cnpj": is_cnpj}[given["kind"]]
    return check(given["value"])


def run_due_date(given: Input) -> date:
    return due_date_from_factor(int(given["factor"]), int(given.get("cycle", 1)))


def run_next_reset(given: Input) -> date:
    return next_reset(int(given["cycle"]))


RUNNERS = {
    "parse": run_parse,
    "crc16": run_crc16,
    "valid": run_valid,
    "due_date_from_factor": run_due_date,
    "next_reset": run_next_reset,
}
