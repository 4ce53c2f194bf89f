"""Sums that no card gateway takes alone. They wait for the next invoice (docs/adr)."""

from .money import Money

# What Stripe publishes as its smallest charge, in minor units; others ask for no more.
SMALLEST = {
    "AED": 200,
    "AUD": 50,
    "BRL": 50,
    "CAD": 50,
    "CHF": 50,
    "DKK": 250,
    "EUR": 50,
    "GBP": 30,
    "HKD": 400,
    "JPY": 50,
    "MXN": 1000,
    "NOK": 300,
    "NZD": 50,
    "SEK": 300,
    "SGD": 50,
    "USD": 50,
}


def too_small(due: Money) -> bool:
    """Say whether a sum is something, but less than a gateway would charge."""
    return 0 < due.minor < SMALLEST.get(due.currency, 0)
