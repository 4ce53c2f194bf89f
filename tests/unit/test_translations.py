"""Everything the product says to a person exists in both languages."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.extract import extract_from_file

from helpdesk.translations.catalogue import LANGUAGES, joined

ROOT = Path(__file__).parent.parent.parent
KEYWORDS = {
    "_": None,
    "gettext": None,
    "lazy_gettext": None,
    "ngettext": (1, 2),
    "pgettext": ((1, "c"), 2),
    "npgettext": ((1, "c"), 2, 3),
    "N_": None,
}
PLACES = (("templates", "*.html", "jinja2"), ("helpdesk", "*.py", "python"))


def spoken() -> Iterator[tuple[str, str | tuple[str, ...], str | None]]:
    """Yield where, the msgid (a pair for plurals) and its context."""
    for folder, pattern, method in PLACES:
        for path in sorted((ROOT / folder).rglob(pattern)):
            extractor = "jinja2.ext:babel_extract" if method == "jinja2" else method
            found = extract_from_file(
                extractor, str(path), KEYWORDS, (), {"trimmed": "true", "silent": "false"}
            )
            for line, message, _comments, context in found:
                yield f"{path.relative_to(ROOT)}:{line}", message, context


def test_the_search_finds_what_is_said() -> None:
    assert len(list(spoken())) > 300


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_sentence_is_translated(language: str) -> None:
    catalogue = joined(language)
    missing = []
    for where, message, context in spoken():
        singular = message[0] if isinstance(message, tuple) else message
        known = catalogue.get(singular, context)
        if known is None or known.fuzzy or not known.string or not all(known.string):
            missing.append(f"{where} {singular!r}")
    assert missing == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_translation_keeps_the_placeholders(language: str) -> None:
    wrong = [
        (message.id, [str(error) for error in errors])
        for message, errors in joined(language).check()
        if errors
    ]
    assert wrong == []
