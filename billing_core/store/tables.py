"""Every row of billing in one metadata, for migrations and tests."""

from . import (
    catalog,
    clock,
    dispute,
    dunning,
    invoice,
    ledger,
    metrics,
    notice,
    payee,
    payment,
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
    "metadata",
    "metrics",
    "notice",
    "payee",
    "payment",
    "sandbox",
    "subscription",
]
