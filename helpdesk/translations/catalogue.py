"""Joining the catalogues of a language and compiling them.

Each area keeps its own `<language>/<area>.po`, so that two people never meet in one
file; what Flask-Babel reads is their union, compiled into LC_MESSAGES at set-up.
"""

import os
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

HERE = Path(__file__).parent
LANGUAGES = ("pt_BR",)  # English is the language of the source


class ConflictingTranslations(Exception):
    """Two areas translate the same words differently."""


def joined(language: str) -> Catalog:
    """Return the union of a language's catalogues. Raises `ConflictingTranslations`."""
    union = Catalog(locale=language)
    for path in sorted((HERE / language).glob("*.po")):
        with path.open("rb") as file:
            for message in read_po(file, locale=language):
                if not message.id:
                    continue
                known = union.get(message.id, message.context)
                if known is not None and known.string != message.string:
                    raise ConflictingTranslations(f"{path.name}: {message.id!r}")
                union.add(message.id, message.string, context=message.context)
    return union


def compile_catalogues() -> None:
    """Write every language's compiled catalogue where Flask-Babel looks for it."""
    for language in LANGUAGES:
        target = HERE / language / "LC_MESSAGES" / "messages.mo"
        newest = max((p.stat().st_mtime for p in (HERE / language).glob("*.po")), default=0)
        if target.exists() and target.stat().st_mtime > newest:
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = target.with_suffix(f".{os.getpid()}")  # two processes may do this at once
        with partial.open("wb") as file:
            write_mo(file, joined(language))
        partial.replace(target)
