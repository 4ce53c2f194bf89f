"""What people post about customers."""

from collections.abc import Mapping
from uuid import UUID

from helpdesk.errors import InvalidInput


def read_customer_id(form: Mapping[str, str]) -> UUID:
    """Return the chosen customer. Raises `InvalidInput`."""
    try:
        return UUID(form.get("customer_id", ""))
    except ValueError:
        raise InvalidInput("customer_id", "There is no such customer.") from None
