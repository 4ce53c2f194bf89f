"""Reading a form that a stranger may have written."""

from collections.abc import Mapping

from helpdesk.errors import InvalidInput


def refuse_unknown(form: Mapping[str, str], *names: str) -> None:
    """Raise `InvalidInput` for a field nobody asked for. `csrf_token` is always known."""
    for name in form:
        if name not in names and name != "csrf_token":
            raise InvalidInput(name[:40], "There is no such field.")
