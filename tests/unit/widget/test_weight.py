"""What the widget costs the page that embeds it."""

import gzip
from pathlib import Path

STATIC = Path(__file__).resolve().parents[3] / "static"
WINDOW = [
    STATIC / "widget" / "frame.js",
    STATIC / "widget" / "before.js",
    STATIC / "widget" / "files.js",
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


def test_before_the_first_open_a_page_pays_for_the_loader_and_the_whole_window_is_light() -> None:
    """The loader names no other file; what opening adds, styles and page included, stays light."""
    loader = (STATIC / "widget" / "loader.js").read_text()
    assert "import" not in loader
    assert "fetch(" not in loader
    page = STATIC.parent / "templates" / "widget" / "frame.html"
    styles = [
        STATIC / "ui" / "tokens.css",
        STATIC / "ui" / "ui.css",
        STATIC / "widget" / "frame.css",
    ]
    assert packed(STATIC / "widget" / "loader.js", *WINDOW, *styles, page) <= 60_000


def test_the_loader_carries_the_line_that_the_server_puts_its_setup_in() -> None:
    from helpdesk.widget.views import LOADER_SETUP

    assert (STATIC / "widget" / "loader.js").read_text().count(LOADER_SETUP) == 1
