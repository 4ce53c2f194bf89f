"""The pages keep to the content security policy, use icons that exist and words that are translated."""

import re
from pathlib import Path

import pytest
from babel.messages.extract import extract_from_file
from babel.messages.pofile import read_po

ROOT = Path(__file__).resolve().parents[3]
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
SCRIPTS = sorted(
    path for path in (ROOT / "static").rglob("*.js") if "vendor" not in path.parts
)  # fmt: skip
SPRITE = set(re.findall(r'id="i-([\w-]+)"', (ROOT / "static" / "ui" / "sprite.svg").read_text()))
AREAS = {
    "ui": ["templates/ui", "helpdesk/web/formats.py"],
    "console": ["templates/console"],
    "staff": ["templates/staff"],
    "widget": [
        "templates/widget",
        "templates/site",
        "helpdesk/widget/slips.py",
        "helpdesk/demo/views.py",
    ],
}
KEYWORDS = {"_": None, "gettext": None, "ngettext": (1, 2)}

FORBIDDEN = {
    "a style attribute": r"\sstyle\s*=",
    "a style block": r"<style\b",
    "an inline script": r"<script(?![^>]*\ssrc=)[^>]*>",
    "an event attribute": r"<[^>]*\son[a-z]+\s*=",
    "a script address": r"javascript:",
    "an expression htmx would evaluate": r"hx-on|hx-vals\s*=\s*[\"']js:",
}


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", TEMPLATES, ids=name_of)
def test_a_template_holds_nothing_the_policy_refuses(path: Path) -> None:
    text = path.read_text()
    assert not [what for what, pattern in FORBIDDEN.items() if re.search(pattern, text)]


@pytest.mark.parametrize("path", SCRIPTS, ids=name_of)
def test_a_script_writes_no_markup_from_strings(path: Path) -> None:
    assert not re.search(
        r"\.innerHTML|\.outerHTML\s*=[^=]|insertAdjacentHTML|eval\(", path.read_text()
    )


@pytest.mark.parametrize("path", TEMPLATES, ids=name_of)
def test_a_template_asks_for_icons_the_sprite_has(path: Path) -> None:
    text = path.read_text()
    asked = set(re.findall(r"\bicon\('([\w-]+)'", text))
    asked |= set(re.findall(r"sprite\.svg#i-([\w-]+)", text))
    assert not asked - SPRITE


def messages(sources: list[str]) -> set[str | tuple[str, ...]]:
    found: set[str | tuple[str, ...]] = set()
    for source in sources:
        base = ROOT / source
        for path in [base] if base.is_file() else sorted(base.rglob("*.html")):
            method = "python" if path.suffix == ".py" else "jinja2.ext:babel_extract"
            options = {"silent": "false"} if method != "python" else {}
            for _, message, _, _ in extract_from_file(
                method, str(path), keywords=KEYWORDS, options=options
            ):
                found.add(message if isinstance(message, str) else tuple(message or ()))
    return found


def translated() -> dict[str | tuple[str, ...], tuple[str, ...]]:
    known: dict[str | tuple[str, ...], tuple[str, ...]] = {}
    for path in (ROOT / "helpdesk" / "translations" / "pt_BR").glob("*.po"):
        with path.open("rb") as file:
            for entry in read_po(file, locale="pt_BR"):
                if not entry.id or entry.fuzzy:
                    continue
                key = entry.id if isinstance(entry.id, str) else tuple(entry.id)
                words = entry.string or ""
                known[key] = (words,) if isinstance(words, str) else tuple(words)
    return known


@pytest.mark.parametrize("area", sorted(AREAS))
def test_every_text_of_an_area_has_portuguese(area: str) -> None:
    known = translated()
    asked = messages(AREAS[area])
    assert asked
    assert not {message for message in asked if not all(known.get(message, ("",)))}


def test_a_translation_keeps_the_placeholders_of_its_original() -> None:
    named = re.compile(r"%\((\w+)\)s|\{(\w+)\}")
    faults = []
    for message, words in translated().items():
        originals = (message,) if isinstance(message, str) else message
        wanted = {name for text in originals for name in named.findall(text)}
        faults += [text for text in words if set(named.findall(text)) != wanted]
    assert not faults
