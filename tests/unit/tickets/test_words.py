"""What tickets say to people exists in both languages."""

import ast
from pathlib import Path

import pytest
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


@pytest.mark.parametrize("sentence", sentences())
def test_a_sentence_is_translated_with_all_its_placeholders(sentence: str) -> None:
    with (HELPDESK / "translations" / "pt_BR" / "tickets.po").open("rb") as file:
        catalogue = read_po(file, locale="pt_BR")
    entry = catalogue.get(sentence)
    assert entry is not None
    assert entry.string
    assert not entry.fuzzy
    assert not list(entry.check())
