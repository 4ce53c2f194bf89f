"""Running a command about money as `guiche` would, without a process of its own."""

import argparse
from collections.abc import Callable

import pytest

from helpdesk import billing_cli
from helpdesk.billing_cli import print_lines
from helpdesk.services import Services

Say = Callable[..., tuple[int, str, str]]


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Say:
    """Return a function that runs a command's arguments: (status, printed, complained)."""

    def say(services: Services, *arguments: str) -> tuple[int, str, str]:
        parser = argparse.ArgumentParser()
        status = []

        def run(command: billing_cli.Command, parsed: argparse.Namespace) -> int:
            status.append(print_lines(command, services, parsed))
            return status[0]

        billing_cli.add_commands(parser.add_subparsers(), run)
        parsed = parser.parse_args(arguments)
        parsed.run(parsed)
        printed = capsys.readouterr()
        return status[0], printed.out, printed.err

    return say
