"""The life of a dispute: what each state means for the money, and which steps follow which.

A pushed notice may be late, so it moves a dispute forward only. What a gateway answers when
it is asked is its last word and may move any state, the final ones too.
"""

from typing import Literal, get_args

State = Literal[
    "early_warning",
    "warning_needs_response",
    "warning_under_review",
    "warning_closed",
    "needs_response",
    "under_review",
    "pre_arbitration",
    "won",
    "lost",
    "prevented",
    "accepted",
    "expired",
]
STATES: tuple[State, ...] = get_args(State)

Stage = Literal["inquiry", "dispute", "closed"]

INQUIRY: tuple[State, ...] = ("early_warning", "warning_needs_response", "warning_under_review")
OPEN: tuple[State, ...] = ("needs_response", "under_review", "pre_arbitration")
LOST: tuple[State, ...] = ("lost", "accepted", "expired")
KEPT: tuple[State, ...] = ("won", "prevented", "warning_closed")

ANSWERABLE: tuple[State, ...] = (
    "early_warning",
    "warning_needs_response",
    "needs_response",
    "pre_arbitration",
)
"""States that wait for our answer until `respond_by`."""

EDGES: dict[State, tuple[State, ...]] = {
    "early_warning": (*INQUIRY[1:], "warning_closed", *OPEN, "won", *LOST, "prevented"),
    "warning_needs_response": (
        "warning_under_review",
        "warning_closed",
        *OPEN,
        "won",
        *LOST,
        "prevented",
    ),
    "warning_under_review": ("warning_closed", *OPEN, "won", *LOST, "prevented"),
    "warning_closed": OPEN + LOST,  # the bank was not convinced
    "needs_response": ("under_review", "pre_arbitration", "won", *LOST, "prevented"),
    "under_review": ("pre_arbitration", "won", *LOST, "prevented"),
    "pre_arbitration": ("won", *LOST),
    "won": ("pre_arbitration",),  # the other side takes it further
    "lost": ("pre_arbitration",),
    "prevented": (),
    "accepted": (),
    "expired": (),
}

Hold = Literal["none", "held", "lost"]


def stage_of(state: State) -> Stage:
    if state in INQUIRY:
        return "inquiry"
    return "dispute" if state in OPEN else "closed"


def hold_of(state: State) -> Hold:
    """Say where the money is: with us, held back by the gateway, or gone.

    A warning moves nothing: a refund now is what may prevent the dispute.
    """
    if state in OPEN:
        return "held"
    return "lost" if state in LOST else "none"


def may_follow(before: State, after: State, *, asked: bool) -> bool:
    """Say whether a dispute may go from `before` to another state.

    `asked`: the gateway answered a question of ours, so that no order of notices matters.
    """
    return before != after and (asked or after in EDGES[before])


def answered(before: State, *, contested: bool) -> State:
    """Return the state after our answer has reached the gateway."""
    if not contested:
        return "accepted"
    return "warning_under_review" if before in INQUIRY else "under_review"
