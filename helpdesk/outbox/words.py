"""Sentences about what left, translated when somebody reads them."""

import re
from collections.abc import Callable
from typing import Final

from helpdesk.phone import words


def N_(sentence: str) -> str:
    """Mark a sentence for translation."""
    return sentence


# What a report about a mail says, by the word that its reader puts first.
_REPORTS: Final = {
    "hard": N_("This address does not exist."),
    "soft": N_("The other server did not take the message."),
    "delayed": N_("The other server has not taken the message yet; it goes on being tried."),
}
_REPORT = re.compile(r"(hard|soft|delayed): ?")


def is_late(state: str, error: str) -> bool:
    """Say whether a message that left is reported to be on its way still."""
    return state == "sent" and error.startswith("delayed:")


def say_error(error: str, gettext: Callable[[str], str]) -> str:
    """Return why something did not arrive, in the reader's language as far as it is known."""
    found = _REPORT.match(error)
    if found is None:
        return words.say_error(error, gettext)
    return f"{gettext(_REPORTS[found[1]])} {error[found.end() :]}".strip()
