"""A process that ends waits for no browser."""

import threading

from engineio import Server
from engineio.socket import Socket

from helpdesk.realtime.ending import end_sockets


def test_a_line_that_broke_a_moment_ago_holds_nothing_up() -> None:
    engine = Server(async_mode="threading")
    told: list[str] = []
    engine.on("disconnect", lambda sid, _reason: told.append(sid))
    for sid in ("one", "two"):  # nobody takes anything out of their queues any more
        engine.sockets[sid] = Socket(engine, sid)
        engine.sockets[sid].connected = True
    ending = threading.Thread(target=end_sockets, args=(engine,), daemon=True)
    ending.start()
    ending.join(timeout=10)
    assert not ending.is_alive()
    assert told == ["one", "two"]
    assert all(line.closed for line in engine.sockets.values())
