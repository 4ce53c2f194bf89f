"""What people post about customers."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from helpdesk.errors import InvalidInput

_SEAL = re.compile(r"[0-9a-f]{64}")


def read_customer_id(form: Mapping[str, str], field: str = "customer_id") -> UUID:
    """Return the chosen customer. Raises `InvalidInput`."""
    try:
        return UUID(form.get(field, ""))
    except ValueError:
        raise InvalidInput(field, "There is no such customer.") from None


def read_code(form: Mapping[str, str]) -> str:
    """Return the six digits that somebody typed, however grouped. Raises `InvalidInput`."""
    code = "".join(sign for sign in form.get("code", "")[:40] if sign not in " -.")
    if not (code.isascii() and code.isdecimal() and len(code) == 6):
        raise InvalidInput("code", "A code has six digits.")
    return code


@dataclass(frozen=True, slots=True)
class MergeForm:
    """Who remains, who is taken in, and the seal of what was shown."""

    survivor_id: UUID
    absorbed_id: UUID
    seal: str

    @classmethod
    def parse(cls, form: Mapping[str, str]) -> "MergeForm":
        """Read a posted merge. Raises `InvalidInput`."""
        seal = form.get("seal", "")
        if not _SEAL.fullmatch(seal):
            raise InvalidInput("seal", "Look at the merge again before you confirm it.")
        return cls(
            read_customer_id(form, "survivor_id"), read_customer_id(form, "absorbed_id"), seal
        )
