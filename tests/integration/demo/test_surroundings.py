"""The networks around the demo live exactly as long as whoever started them."""

import os
import smtplib
import subprocess
import sys
import time
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import urlopen

import pytest

from helpdesk.bootstrap import build_adapters, wall_clock
from helpdesk.demo.surroundings import Order, Surroundings
from helpdesk.phone.trial import try_number
from helpdesk.settings import Settings
from tests.integration.demo.conftest import demo_settings

PATIENCE_S = 60


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return demo_settings(tmp_path)


def is_alive(pid: int) -> bool:
    """Say whether a process runs; one that has ended and was not fetched yet does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_until_gone(pid: int) -> bool:
    for _ in range(PATIENCE_S * 10):
        if not is_alive(pid):
            return True
        time.sleep(0.1)
    return False


def test_an_order_survives_the_way_into_the_process(settings: Settings) -> None:
    order = Order(settings, live=True, customers=12)
    assert Order.read(order.write()) == order


def test_mail_and_texts_are_taken_while_it_lives(settings: Settings) -> None:
    with Surroundings(Order(settings)) as surroundings:
        led = surroundings.settings()
        port = urlsplit(led.smtp_url).port
        assert port is not None
        with smtplib.SMTP("127.0.0.1", port) as server:
            server.sendmail("suporte@sabia.exemplo", ["ana@exemplo.com.br"], "Subject: oi\n\noi")
        with pytest.raises(HTTPError) as refused:
            urlopen(led.twilio_api_url)
        with refused.value as answer:
            assert answer.code == 401
    assert not is_alive(surroundings.pid)


def test_a_test_of_a_number_finds_it_set_up_rightly(settings: Settings) -> None:
    with Surroundings(Order(settings)) as surroundings:
        adapters = build_adapters(surroundings.settings(), wall_clock)
        for channel in ("sms", "whatsapp", "voice"):
            checks = try_number(adapters, getattr(settings, f"{channel}_number"), channel)
            assert len(checks) > 3
            assert [one for one in checks if not one.passed] == []


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_it_ends_with_a_parent_that_is_killed(settings: Settings) -> None:
    program = (
        "import sys, time\n"
        "from helpdesk.demo.surroundings import Order, Surroundings\n"
        "with Surroundings(Order.read(sys.stdin.readline())) as surroundings:\n"
        "    surroundings.settings()\n"
        "    print(surroundings.pid, flush=True)\n"
        "    time.sleep(600)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[3])},
    ) as parent:
        assert parent.stdin is not None
        assert parent.stdout is not None
        parent.stdin.write(Order(settings).write() + "\n")
        parent.stdin.flush()
        child = int(parent.stdout.readline())
        assert is_alive(child)
        parent.kill()
    assert wait_until_gone(child)
