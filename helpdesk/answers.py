"""Questions asked once for many: whoever is about to handle a lot asks about all of it first.

The answers stay with the session of one transaction. A question that was answered ahead is
not asked again; any other is asked as always, so that nothing depends on who looked ahead
how far. What is answered ahead must be held still until the transaction ends, by a lock, by
a turn or because nobody minds; and whoever changes it in the same transaction corrects it.
"""

from collections.abc import Callable, Hashable, Mapping
from typing import Any, Final, TypeVar

from sqlalchemy.orm import Session

T = TypeVar("T")
_KEY: Final = "guiche_answers"


def answered(session: Session, question: str, about: Hashable, ask: Callable[[], T]) -> T:
    """Return what was found out ahead, else what `ask` finds out now."""
    known = _known(session, question)
    return known[about] if about in known else ask()


def answer_ahead(session: Session, question: str, answers: Mapping[Any, Any]) -> None:
    """Keep the answers to one question, by what each is about."""
    session.info.setdefault(_KEY, {}).setdefault(question, {}).update(answers)


def correct(session: Session, question: str, about: Hashable, change: Callable[[Any], Any]) -> None:
    """Put a new answer in the place of one that was given ahead; of any other nothing is kept."""
    known = _known(session, question)
    if about in known:
        known[about] = change(known[about])


def forget(session: Session, question: str) -> None:
    """Have a question asked anew from now on."""
    session.info.get(_KEY, {}).pop(question, None)


def _known(session: Session, question: str) -> dict[Hashable, Any]:
    found: dict[Hashable, Any] = session.info.get(_KEY, {}).get(question, {})
    return found
