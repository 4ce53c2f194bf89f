"""Unit tests never touch the network."""

import pytest


@pytest.fixture(autouse=True)
def no_network(socket_disabled: None) -> None:
    """Any socket a unit test opens is an error."""
