"""What the timeline says about calls: a code of the console's words, and what it speaks of."""

from typing import Any

from helpdesk.phone.words import say_error
from helpdesk.web.formats import Formats

_CODES = {
    "call.callback": "call_callback",
    "call.taken": "call_taken",
    "call.missed": "missed_call",
}


def call_words(kind: str, data: dict[str, Any], formats: Formats) -> tuple[str, str]:
    """Return code and object of one grey line; codes are spelt out in console/_words.html."""
    match kind:
        case "call.waiting":
            return f"call_waiting_{'billing' if data['topic'] == 'billing' else 'other'}", ""
        case "call.talked":
            way = "in" if data["direction"] == "in" else "out"
            return f"call_talked_{way}", formats.duration(data["seconds"])
        case "call.unanswered":
            return f"call_unanswered_{data['by']}", ""
        case "call.placed":
            return "call_placed", data["number"]
        case "call.failed":
            return "call_failed", say_error(data["why"], formats.gettext)
    return _CODES.get(kind, ""), ""
