"""Whether the unit tests of the money rules notice a change of any rule: mutation testing.

Every rule in `billing_core/domain` is changed in one place at a time, and the unit tests that
reach it run against the change. Works on a copy in a folder of its own, so that the tree stays
as it is. Prints the changes that nothing noticed, and what share was noticed, by module.

A change counts as noticed when a test fails, or when a test that passes without it never ends
or dies of it. It does not count when no test reaches it or when there was no time to try it.
"""

import argparse
import ast
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
COPIED = ["pyproject.toml", "billing_core", "tests/__init__.py", "tests/unit/__init__.py"]
TESTS = "tests/unit/billing"
RULES = "billing_core.domain"
MUTMUT = Path(sys.executable).with_name("mutmut")

Verdicts = dict[str, int | None]  # how the tests of each change ended; None when they never ran

FAILED = {1, 3}  # as pytest ends: a test failed, a test broke pytest itself
PASSED = 0
UNREACHED = 33
WORDS = {PASSED: "survived", UNREACHED: "reached by no test", None: "not tried"}

# A test is given so many times what it takes without a change, and seconds on top. The first
# round is quick about changes that never end; what ran out of time there may only have met a
# busy machine, so it is tried again with time enough to tell.
FIRST, SECOND = (4.0, 2.0), (15.0, 20.0)


def copy_tree(folder: Path) -> None:
    """Copy the rules and their unit tests, and nothing that needs the rest of the product."""
    for name in [*COPIED, TESTS]:
        source, target = ROOT / name, folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)
    for file in (folder / "billing_core" / "domain").glob("*.py"):
        file.write_text(bare(file.read_text()))


def bare(source: str) -> str:
    """Return a module that does the same without decorating its properties and cached functions.

    The tool changes nothing that is decorated, and what was remembered before a change would
    hide it.
    """
    lines = source.splitlines()
    functions = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef)]
    for function in sorted(functions, key=lambda node: -node.lineno):
        decorators = [ast.unparse(one) for one in function.decorator_list]
        if decorators == ["property"]:
            name, indent = function.name, " " * function.col_offset
            lines.insert(function.end_lineno or 0, f"{indent}{name} = property({name}_of)")
            at = function.lineno - 1
            lines[at] = lines[at].replace(f"def {name}(", f"def {name}_of(")
        elif not any(one.startswith("lru_cache") for one in decorators):
            continue
        del lines[function.decorator_list[0].lineno - 1]
    return "\n".join(lines) + "\n"


def allow(folder: Path, times: float, seconds: float) -> None:
    """Say in the copy how long the tests of one change may take."""
    settings = folder / "pyproject.toml"
    kept = [
        line
        for line in settings.read_text().splitlines()
        if not line.startswith(("timeout_multiplier", "timeout_constant"))
    ]
    at = kept.index("[tool.mutmut]") + 1
    kept[at:at] = [f"timeout_multiplier = {times}", f"timeout_constant = {seconds}"]
    settings.write_text("\n".join(kept) + "\n")


def try_changes(folder: Path, chosen: list[str], processes: int, until: float) -> bool:
    """Run the tests against the chosen changes; stop when the time is up, and say so by False.

    Raises:
        CalledProcessError: the tests fail without any change, or the tool itself does.
    """
    command = [str(MUTMUT), "run", "--max-children", str(processes), *chosen]
    with (folder / "said.txt").open("wb") as said:
        run = subprocess.Popen(
            command, cwd=folder, stdout=said, stderr=said, start_new_session=True
        )
        try:
            code = run.wait(max(0.0, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            os.killpg(run.pid, signal.SIGKILL)  # the session is ours: the tests under way go too
            run.wait()
            return False
    if code:
        print((folder / "said.txt").read_text()[-4000:], file=sys.stderr)
        raise subprocess.CalledProcessError(code, command)
    return True


def verdicts(folder: Path, only: str) -> dict[str, Verdicts]:
    """Return how each change ended, by module."""
    found = {}
    for meta in sorted((folder / "mutants" / "billing_core" / "domain").glob("*.py.meta")):
        module = meta.name.removesuffix(".py.meta")
        if codes := json.loads(meta.read_text())["exit_code_by_key"]:
            found[module] = codes
    return {module: codes for module, codes in found.items() if only in ("", module)}


def unclear(found: dict[str, Verdicts]) -> list[str]:
    """Return the changes whose tests neither failed nor passed."""
    clear = {*FAILED, PASSED, UNREACHED}
    return [one for codes in found.values() for one, code in codes.items() if code not in clear]


def was_noticed(code: int | None) -> bool:
    return code not in WORDS


def print_unnoticed(folder: Path, found: dict[str, Verdicts]) -> None:
    for module, codes in found.items():
        for mutant in (one for one, code in codes.items() if not was_noticed(code)):
            shown = subprocess.run(
                [str(MUTMUT), "show", mutant], cwd=folder, check=True, capture_output=True
            )
            change = [
                line
                for line in shown.stdout.decode().splitlines()
                if line.startswith(("-", "+", "@@")) and not line.startswith(("---", "+++"))
            ]
            name = mutant.removeprefix(f"{RULES}.{module}.")
            print("\n".join([f"{module} {name}: {WORDS[codes[mutant]]}", *change, ""]), flush=True)


def report(found: dict[str, Verdicts], minutes: float, file: Path | None) -> int:
    """Print the table; the exit code says whether nine in ten were noticed."""
    total, noticed, ended = Counter[str](), Counter[str](), Counter[int | None]()
    for module, codes in found.items():
        total[module] = len(codes)
        noticed[module] = sum(map(was_noticed, codes.values()))
        ended.update(codes.values())
    for module in [*total, "all"]:
        of = total[module] if module in total else total.total()
        seen = noticed[module] if module in total else noticed.total()
        print(f"{module:<16} {seen:>5} of {of:>5}  {100 * seen / max(1, of):>5.1f} %")
    figures = {
        "mutants": total.total(),
        "noticed": noticed.total(),
        "survived": ended[PASSED],
        "unreached": ended[UNREACHED],
        "not_tried": ended[None],
        "never_ended_or_died": noticed.total() - sum(ended[code] for code in FAILED),
        "minutes": round(minutes, 1),
    }
    print(", ".join(f"{name.replace('_', ' ')} {value}" for name, value in figures.items()))
    if file:
        file.write_text(json.dumps(figures, indent=1) + "\n")
    return 0 if 10 * noticed.total() >= 9 * total.total() > 0 else 1


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=1, help="processes at a time")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--only", default="", help="one module of billing_core/domain")
    parser.add_argument("--minutes", type=float, default=180, help="stop trying after so many")
    parsed = parser.parse_args()
    began = time.monotonic()
    until = began + 60 * parsed.minutes
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        copy_tree(folder)
        allow(folder, *FIRST)
        try_changes(folder, [f"{RULES}.{parsed.only or '*'}.*"], parsed.size, until)
        found = verdicts(folder, parsed.only)
        if again := unclear(found):
            allow(folder, *SECOND)
            told = try_changes(folder, again, parsed.size, until)
            found = verdicts(folder, parsed.only)
            if not told:
                for codes in found.values():
                    codes.update(dict.fromkeys(unclear({"": codes})))
        print_unnoticed(folder, found)
    return report(found, (time.monotonic() - began) / 60, parsed.json)


if __name__ == "__main__":
    sys.exit(main())
