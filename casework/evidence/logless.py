"""Two servers beside the product for `bench log-cost`: Casework without its log, and one that signs before it answers.

Without: no leaf, no opening, no link, and so nothing to sequence; the rest of each write is the product's own.
At once: every write waits until its own leaf has its index, its place in the tree and a signed checkpoint, one after
the other, as a log is kept that is to be provable in the same breath.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import click
import uvicorn

from casework.audit import trail
from casework.kernel import logs
from casework.kernel.ids import new_id
from casework.main import create_app
from casework.settings import Settings

if TYPE_CHECKING:
    from uuid import UUID

    from fastapi import FastAPI
    from starlette.types import ASGIApp, Receive, Scope, Send


def forget(*_: Any, **__: Any) -> UUID:
    """In the place of `trail.record` and `trail.record_milestone`."""
    return new_id()


class AtOnce:
    """Holds each write's answer back until the queue of leaves is empty."""

    def __init__(self, app: FastAPI) -> None:
        self._app: ASGIApp = app
        self._sequencer = app.state.sequencer
        self._turn = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
        told: list[Any] = []

        async def hold(message: Any) -> None:
            told.append(message)

        await self._app(scope, receive, hold)
        async with self._turn:
            await self._sequencer.tick()
        for message in told:
            await send(message)


@click.command()
@click.option("--port", required=True, type=int)
@click.option("--at-once", is_flag=True)
def main(port: int, at_once: bool) -> None:
    """Sans journal, ou tout de suite, pour la mesure. Without the log, or at once, for the bench."""
    settings = Settings()
    logs.configure(settings.log_level)
    app = create_app(settings)
    if not at_once:
        trail.record, trail.record_milestone = forget, forget
    served: Any = AtOnce(app) if at_once else app
    uvicorn.run(
        served, host="127.0.0.1", port=port, log_config=None, access_log=False, server_header=False, loop="uvloop"
    )


if __name__ == "__main__":
    main()
