"""What the widget costs the page that embeds it."""

import gzip
from pathlib import Path

STATIC = Path(__file__).resolve().parents[3] / "static"
WINDOW = [
    STATIC / "widget" / "frame.js",
    STATIC / "widget" / "keeping.js",
    STATIC / "widget" / "log.js",
    STATIC / "vendor" / "socket.io-client-4.8.4" / "socket.io.esm.min.js",
]


def packed(*paths: Path) -> int:
    return sum(len(gzip.compress(path.read_bytes(), mtime=0)) for path in paths)


def test_the_loader_weighs_next_to_nothing() -> None:
    assert packed(STATIC / "widget" / "loader.js") <= 4_000


def test_loader_and_window_together_stay_within_forty_kilobytes_of_script() -> None:
    assert packed(STATIC / "widget" / "loader.js", *WINDOW) <= 40_000


def test_the_loader_carries_the_line_that_the_server_puts_its_colours_in() -> None:
    from helpdesk.widget.views import LOADER_COLOURS

    assert (STATIC / "widget" / "loader.js").read_text().count(LOADER_COLOURS) == 1
