"""`guiche demo` from nothing to nobody left, with a small company."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from http.cookiejar import CookieJar
from pathlib import Path
from urllib.error import URLError
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, OpenerDirector, build_opener

import pytest

from helpdesk.demo.company import PASSWORD

READY_S = 300  # on a machine that does ten other things; alone it takes seconds
ROOT = Path(__file__).parents[2]
PROGRAM = (
    "import sys; from helpdesk.demo.run import run_demo; "
    "run_demo(bind=sys.argv[1], customers=18, conversations=2)"
)


@dataclass
class Demo:
    process: subprocess.Popen[str]
    url: str
    output: Path


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    folder = tmp_path_factory.mktemp("demo")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        bind = f"127.0.0.1:{taken.getsockname()[1]}"
    output = folder / "output"
    with output.open("w") as written:
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, bind],
            stdout=written,
            stderr=written,
            text=True,
            start_new_session=True,
            env=os.environ | {"GUICHE_DATA_DIR": str(folder), "PYTHONPATH": str(ROOT)},
        )
    try:
        yield Demo(process, f"http://{bind}", output)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def wait_until_ready(demo: Demo) -> None:
    for _ in range(READY_S * 2):
        assert demo.process.poll() is None, demo.output.read_text()
        try:
            with build_opener().open(f"{demo.url}/readyz", timeout=10) as answer:
                if answer.status == 200:
                    return
        except (URLError, OSError):
            time.sleep(0.5)
    raise AssertionError(demo.output.read_text())


def sign_in(demo: Demo, email: str) -> OpenerDirector:
    browser = build_opener(HTTPCookieProcessor(CookieJar()))
    with browser.open(f"{demo.url}/login", timeout=60) as page:
        token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page.read().decode())
    assert token is not None
    form = {"csrf_token": token[1], "email": email, "password": PASSWORD}
    with browser.open(f"{demo.url}/login", urlencode(form).encode(), timeout=60) as page:
        assert "/login" not in page.url
    return browser


def test_the_demo_opens_its_doors_and_leaves_nobody_behind(demo: Demo) -> None:
    wait_until_ready(demo)
    told = demo.output.read_text()
    assert demo.url in told
    for person in ("camila.duarte", "bruno.sales", "patricia.lemos"):
        assert f"{person}@sabia.exemplo" in told
        browser = sign_in(demo, f"{person}@sabia.exemplo")
        with browser.open(f"{demo.url}/inbox", timeout=60) as page:
            assert page.status == 200
    with browser.open(f"{demo.url}/approvals", timeout=60) as page:
        assert "Emma Clarke" in page.read().decode()
    with build_opener().open(f"{demo.url}/site", timeout=60) as page:
        assert "Família" in page.read().decode()
    os.killpg(demo.process.pid, signal.SIGINT)  # as Ctrl-C does
    demo.process.wait(120)
    with pytest.raises(ProcessLookupError):
        os.killpg(demo.process.pid, 0)
