"""Every row of billing in one metadata, for migrations and tests."""

from . import (
    catalog,
    clock,
    dispute,
    dunning,
    invoice,
    ledger,
    mandate,
    metrics,
    notice,
    payee,
    payment,
    reconciliation,
    sandbox,
    subscription,
)
from .base import Base

metadata = Base.metadata

__all__ = [
    "catalog",
    "clock",
    "dispute",
    "dunning",
    "invoice",
    "ledger",
    "mandate",
    "metadata",
    "metrics",
    "notice",
    "payee",
    "payment",
    "reconciliation",
    "sandbox",
    "subscription",
]
