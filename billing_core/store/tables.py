"""Every row of billing in one metadata, for migrations and tests."""

from . import catalog, invoice, ledger, payment, sandbox, subscription
from .base import Base

metadata = Base.metadata

__all__ = ["catalog", "invoice", "ledger", "metadata", "payment", "sandbox", "subscription"]
