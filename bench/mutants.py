"""Whether the unit tests of the money rules notice a change of any rule: mutation testing.

Every rule in `billing_core/domain` is changed in one place at a time, and its unit tests
run against it. Works on a copy in a folder of its own, so that the tree stays as it is.
Prints what share of the changes was noticed, by module, and then those that were not.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
COPIED = ["pyproject.toml", "billing_core", "tests/__init__.py", "tests/unit/__init__.py"]
TESTS = "tests/unit/billing"

NOTICED = {1, 3, 24, 36, 152, 255, -24, -9}  # a test failed, crashed or never ended
UNTESTED = 33


def copy_tree(folder: Path) -> None:
    """Copy the rules and their unit tests, and nothing that needs the rest of the product."""
    for name in [*COPIED, TESTS]:
        source, target = ROOT / name, folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)


def results(folder: Path) -> dict[str, dict[str, int]]:
    """Return the exit code of each mutant, by module."""
    found = {}
    for meta in sorted((folder / "mutants" / "billing_core" / "domain").glob("*.py.meta")):
        codes = json.loads(meta.read_text())["exit_code_by_key"]
        found[meta.name.removesuffix(".py.meta")] = {
            name: code for name, code in codes.items() if code is not None
        }
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=1, help="processes at a time")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--only", default="", help="one module of billing_core/domain")
    parsed = parser.parse_args()
    program = Path(sys.executable).with_name("mutmut")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        copy_tree(folder)
        chosen = [f"billing_core.domain.{parsed.only}.*"] if parsed.only else []
        command = [str(program), "run", "--max-children", str(parsed.size), *chosen]
        subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
        found = results(folder)
        for module, codes in found.items():
            for mutant in (one for one, code in codes.items() if code not in NOTICED):
                shown = subprocess.run(
                    [str(program), "show", mutant], cwd=folder, check=True, capture_output=True
                )
                print(f"--- {module}\n{shown.stdout.decode()}")
    return report(found, parsed.json)


def report(found: dict[str, dict[str, int]], file: Path | None) -> int:
    """Print the table; the exit code says whether nine in ten were noticed."""
    total: Counter[str] = Counter()
    noticed: Counter[str] = Counter()
    for module, codes in found.items():
        total[module] = len(codes)
        noticed[module] = sum(code in NOTICED for code in codes.values())
    for module in total:
        if total[module]:
            share = 100 * noticed[module] / total[module]
            print(f"{module:<16} {noticed[module]:>5} of {total[module]:>5}  {share:>5.1f} %")
    all_, seen = total.total(), noticed.total()
    print(f"{'all':<16} {seen:>5} of {all_:>5}  {100 * seen / max(1, all_):>5.1f} %")
    if file:
        file.write_text(json.dumps({"mutants": all_, "noticed": seen}, indent=1) + "\n")
    return 0 if 10 * seen >= 9 * all_ else 1


if __name__ == "__main__":
    sys.exit(main())
