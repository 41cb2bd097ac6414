"""The control server of `drill canary`: Casework behind margins as they are usually left, wide open.

The whole address in the log and in the measures, the refused value in the problem, an exception told in its own words.
A sweep that finds nothing here finds nothing anywhere.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from typing import TYPE_CHECKING

import click
import uvicorn
from prometheus_client import Counter

from casework.kernel import logs
from casework.main import create_app
from casework.settings import Settings

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

ADDRESSES = Counter("leaky_addresses_total", "Requests by address", ["address"])


class Leaky:
    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["query_string"].startswith(b"leak="):
            await self.app(scope, receive, send)
            return
        address = f"{scope['path']}?{scope['query_string'].decode()}"
        ADDRESSES.labels(address).inc()
        for event in ("request", "refused"):
            sys.stderr.write(json.dumps({"event": event, "address": address}) + "\n")
        if scope["path"] == "/crash":
            sys.stderr.flush()
            _crash(address)
        await _refuse(send, address)


def _crash(address: str) -> None:
    def work() -> None:
        raise ValueError(address)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    os.abort()


async def _refuse(send: Send, address: str) -> None:
    body = json.dumps({"title": "Malformed request", "detail": f"{address} is not accepted"}).encode()
    headers = [(b"content-length", str(len(body)).encode()), (b"x-address", address.encode())]
    messages: list[Message] = [
        {"type": "http.response.start", "status": 400, "headers": headers},
        {"type": "http.response.body", "body": body},
    ]
    for message in messages:
        await send(message)


@click.command()
@click.option("--port", required=True, type=int)
def main(port: int) -> None:
    """Le témoin, pour l'épreuve. The control, for the drill."""
    settings = Settings()
    logs.configure(settings.log_level)
    uvicorn.run(
        Leaky(create_app(settings)), host="127.0.0.1", port=port, log_config=None, access_log=False, loop="uvloop"
    )


if __name__ == "__main__":
    main()
