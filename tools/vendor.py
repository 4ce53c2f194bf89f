"""Copy the pinned browser libraries and fonts into static/vendor, with their hashes and licences.

Run after changing tools/vendor/package.json:

    cd tools/vendor && npm install && cd ../.. && python tools/vendor.py

The copies are committed: neither a user nor a test run needs node.
"""

import hashlib
import json
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MODULES = ROOT / "tools" / "vendor" / "node_modules"
TARGET = ROOT / "static" / "vendor"


@dataclass(frozen=True, slots=True)
class Library:
    """One package and the files of it that a browser loads."""

    package: str
    folder: str
    files: tuple[str, ...]
    bundled: tuple[str, ...] = ()  # packages compiled into those files; their licences ship too


LIBRARIES = (
    Library("htmx.org", "htmx", ("dist/htmx.min.js",)),
    Library(
        "@alpinejs/csp",
        "alpinejs-csp",
        ("dist/cdn.min.js",),
        bundled=("@vue/reactivity", "@vue/shared"),
    ),
    Library(
        "socket.io-client",
        "socket.io-client",
        ("dist/socket.io.esm.min.js", "dist/socket.io.min.js"),
        bundled=(
            "engine.io-client",
            "engine.io-parser",
            "socket.io-parser",
            "@socket.io/component-emitter",
        ),
    ),
    # Telephones in the browser; loaded only where a key for them is set up.
    Library(
        "@twilio/voice-sdk",
        "twilio-voice-sdk",
        ("dist/twilio.min.js",),
        bundled=("@twilio/voice-errors", "events", "loglevel"),
    ),
    Library("uplot", "uplot", ("dist/uPlot.esm.js", "dist/uPlot.min.css")),
    Library(
        "@fontsource-variable/inter",
        "inter",
        ("files/inter-latin-opsz-normal.woff2", "files/inter-latin-ext-opsz-normal.woff2"),
    ),
    # For PDF documents: the standard fonts of a PDF know no minus sign and few currencies.
    Library("dejavu-fonts-ttf", "dejavu", ("ttf/DejaVuSans.ttf", "ttf/DejaVuSans-Bold.ttf")),
)

# Packages that are published without a licence file; the text follows their repository.
HAND_WRITTEN = {
    "@alpinejs/csp": ROOT / "tools" / "vendor" / "LICENSE.alpinejs",
    "@twilio/voice-errors": ROOT / "tools" / "vendor" / "LICENSE.voice-errors",
}


def main() -> int:
    if not MODULES.is_dir():
        print("tools/vendor/node_modules is missing: run `npm ci` in tools/vendor", file=sys.stderr)
        return 1
    hashes: dict[str, str] = {}
    licences: list[str] = []
    if TARGET.exists():
        shutil.rmtree(TARGET)
    for library in LIBRARIES:
        hashes |= copy_library(library)
        licences += [licence_text(name) for name in (library.package, *library.bundled)]
    (TARGET / "LICENSES.txt").write_text("\n\n".join(licences) + "\n")
    hashes["LICENSES.txt"] = sha256(TARGET / "LICENSES.txt")
    (TARGET / "MANIFEST.json").write_text(json.dumps(hashes, indent=2, sort_keys=True) + "\n")
    print(f"{len(hashes)} files in {TARGET.relative_to(ROOT)}")
    return 0


def copy_library(library: Library) -> dict[str, str]:
    """Copy one library; return path below static/vendor -> SHA-256."""
    source = MODULES / library.package
    folder = TARGET / f"{library.folder}-{version(library.package)}"
    folder.mkdir(parents=True)
    hashes = {}
    for name in library.files:
        copy = folder / Path(name).name
        copy.write_bytes(without_source_map((source / name).read_bytes(), copy.suffix))
        hashes[str(copy.relative_to(TARGET))] = sha256(copy)
    return hashes


def without_source_map(body: bytes, suffix: str) -> bytes:
    """Drop the pointer to a map we do not ship: browsers would ask for it and get a 404."""
    if suffix != ".js":
        return body
    lines = body.splitlines(keepends=True)
    return b"".join(line for line in lines if not line.startswith(b"//# sourceMappingURL="))


def version(package: str) -> str:
    described = json.loads((MODULES / package / "package.json").read_text())
    return str(described["version"])


def licence_text(package: str) -> str:
    if package in HAND_WRITTEN:
        text = HAND_WRITTEN[package].read_text()
    else:
        found = sorted((MODULES / package).glob("LICENSE*"))
        if not found:
            raise SystemExit(f"{package} has no licence file: add it to HAND_WRITTEN")
        text = found[0].read_text()
    rule = "=" * 72
    return f"{rule}\n{package} {version(package)}\n{rule}\n{text.strip()}"


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


if __name__ == "__main__":
    sys.exit(main())
