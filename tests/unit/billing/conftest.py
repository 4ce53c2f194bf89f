"""A property holds or it does not: how long a busy machine takes to show it says nothing."""

from hypothesis import HealthCheck, settings

settings.register_profile("billing", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("billing")
