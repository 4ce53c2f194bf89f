"""What browsers load is what was reviewed: every copied file has its hash and its licence."""

import hashlib
import json
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
VENDOR = ROOT / "static" / "vendor"
MANIFEST: dict[str, str] = json.loads((VENDOR / "MANIFEST.json").read_text())


@pytest.mark.parametrize("name", sorted(MANIFEST))
def test_a_vendored_file_is_the_one_in_the_manifest(name: str) -> None:
    assert hashlib.sha256((VENDOR / name).read_bytes()).hexdigest() == MANIFEST[name]


def test_nothing_lies_in_the_folder_that_the_manifest_does_not_name() -> None:
    present = {str(path.relative_to(VENDOR)) for path in VENDOR.rglob("*") if path.is_file()}
    assert present - {"MANIFEST.json"} == set(MANIFEST)


def test_every_pinned_library_has_its_licence_and_its_exact_version() -> None:
    pinned = json.loads((ROOT / "tools" / "vendor" / "package.json").read_text())["dependencies"]
    licences = (VENDOR / "LICENSES.txt").read_text()
    folders = {path.name for path in VENDOR.iterdir() if path.is_dir()}
    for package, version in pinned.items():
        assert f"\n{package} {version}\n" in licences
        assert any(folder.endswith(f"-{version}") for folder in folders), package


def test_the_lock_file_names_no_download_address() -> None:
    lock = json.loads((ROOT / "tools" / "vendor" / "package-lock.json").read_text())
    assert not [name for name, entry in lock["packages"].items() if "resolved" in entry]


def test_pages_load_the_vendored_versions_that_exist() -> None:
    sources = [*(ROOT / "templates").rglob("*.html")]
    for kind in ("*.js", "*.css"):
        sources += [p for p in (ROOT / "static").rglob(kind) if VENDOR not in p.parents]
    asked = {
        tail.split('"')[0].split("'")[0].split(")")[0]
        for path in sources
        for tail in path.read_text().split("/vendor/")[1:]
    }
    assert asked
    assert not {name for name in asked if name not in MANIFEST}
