"""localstripe as a process of its own on loopback: Stripe's shape, kept by somebody else.

`python -m tests.servers.localstripe_peer` serves on a free port, prints it, and ends when
its standard input does. It is GPL and runs apart: nothing of ours imports it but this
process. Only money's shape can be learned from it: it enforces no limit and no key.
"""

import json
import subprocess
import sys
import urllib.request
from typing import Any

API_KEY = "sk_test_of_the_contract"


class LocalStripe:
    """A running localstripe. Its store is its own and empty; `reset` empties it again."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.servers.localstripe_peer"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line.strip().isdigit():  # it could not bind, or did not even start
            self.close()
            raise RuntimeError("localstripe did not come up")
        self.port = int(line)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def reset(self) -> None:
        self._ask("DELETE", "/_config/data")

    def send_webhooks_to(self, url: str, secret: str) -> None:
        self._ask("POST", "/_config/webhooks/contract", {"url": url, "secret": secret})

    def create(self, path: str, **fields: Any) -> Any:
        """Post to the API as somebody with the key would; return the object."""
        return self._ask("POST", path, fields)

    def all(self, path: str) -> list[Any]:
        """Return every object of one kind, from the peer's own books."""
        listed: list[Any] = self._ask("GET", f"{path}?limit=1000")["data"]
        return listed

    def close(self) -> None:
        """End the process: it goes when its input does."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
        self._process.wait(timeout=10)

    def _ask(self, method: str, path: str, fields: Any = None) -> Any:
        request = urllib.request.Request(
            self.url + path,
            data=json.dumps(fields).encode() if fields is not None else None,
            method=method,
            headers={
                "Authorization": f"Bearer {API_KEY}",
                "Content-Type": "application/json",
            },
        )
        with urllib.request.urlopen(request, timeout=20) as answer:
            body = answer.read()
        return json.loads(body) if body.strip() else None


def serve() -> None:
    """Serve until standard input ends. A port that cannot be bound ends it at once."""
    import asyncio

    from aiohttp import web
    from localstripe import resources, server

    resources.Store.dump_to_disk = lambda self: None  # one file for every instance otherwise

    async def run() -> None:
        runner = web.AppRunner(server.app, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, host="127.0.0.1", port=0)
        await site.start()
        print(runner.addresses[0][1], flush=True)  # noqa: T201
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
        await runner.cleanup()

    asyncio.run(run())


if __name__ == "__main__":
    serve()
