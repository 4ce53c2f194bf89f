"""A property holds or it does not: how long a busy machine takes to show it says nothing."""

import pytest
from hypothesis import HealthCheck, settings


def pytest_configure(config: pytest.Config) -> None:
    """Try twenty times as many examples where the slow sizes were asked for."""
    settings.register_profile(
        "billing",
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow],
        max_examples=2000 if config.getoption("--full", default=False) else 100,
    )
    settings.load_profile("billing")
