"""What tickets say to people exists in both languages."""

import ast
from functools import cache
from io import BytesIO
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po

HELPDESK = Path(__file__).resolve().parents[3] / "helpdesk"
SAYS = {"gettext": 0, "Conflict": 0, "InvalidInput": 1}  # call -> which argument is a sentence


def sentences() -> list[str]:
    found = set()
    for path in sorted((HELPDESK / "tickets").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call):
                continue
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            if name in SAYS and isinstance(said := node.args[SAYS[name]], ast.Constant):
                found.add(str(said.value))
    return sorted(found)


@cache
def catalogues() -> list[Catalog]:
    folder = HELPDESK / "translations" / "pt_BR"
    return [
        read_po(BytesIO(path.read_bytes()), locale="pt_BR") for path in sorted(folder.glob("*.po"))
    ]


@pytest.mark.parametrize("sentence", sentences())
def test_a_sentence_is_translated_with_all_its_placeholders(sentence: str) -> None:
    [entry] = [found for one in catalogues() if (found := one.get(sentence)) is not None]
    assert entry.string
    assert not entry.fuzzy
    assert not list(entry.check())
