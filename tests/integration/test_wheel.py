"""The wheel holds everything the product needs at run time."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from helpdesk.translations.catalogue import compile_catalogues

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The names of the files in a freshly built wheel."""
    compile_catalogues()
    folder = tmp_path_factory.mktemp("wheel")
    built = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stderr
    (path,) = folder.glob("guiche-*.whl")
    with zipfile.ZipFile(path) as archive:
        return archive.namelist()


@pytest.mark.parametrize(
    "name",
    [
        "helpdesk/app.py",
        "channels/port.py",
        "billing_core/domain/money.py",
        "helpdesk/_shipped/templates/console/page.html",
        "helpdesk/_shipped/static/ui/tokens.css",
        "helpdesk/_shipped/static/vendor/MANIFEST.json",
        "helpdesk/migrations/env.py",
        "helpdesk/migrations/versions/0002_billing_rows.py",
        "helpdesk/translations/pt_BR/LC_MESSAGES/messages.mo",
    ],
)
def test_the_wheel_holds_what_runs(wheel: list[str], name: str) -> None:
    assert name in wheel


def test_the_wheel_leaves_the_tests_at_home(wheel: list[str]) -> None:
    assert [name for name in wheel if name.startswith(("tests/", "bench/", "tools/"))] == []


def test_the_wheel_brings_the_guiche_command(wheel: list[str]) -> None:
    assert any(name.endswith("entry_points.txt") for name in wheel)
