"""Ending every socket of this process."""

from engineio import Server


def end_sockets(engine: Server) -> None:
    """Tell every socket to end, and wait for none.

    The engine's own way waits until all that was queued is sent. A line that broke a moment
    ago has nobody left who sends, so that would be for ever.
    """
    for line in list(engine.sockets.values()):
        line.close(wait=False, reason=engine.reason.SERVER_DISCONNECT)
