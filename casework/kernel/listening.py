"""The server process: how it listens, and how it leaves without dropping a request it has accepted."""

from __future__ import annotations

import resource
import signal
import time
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import uvicorn

from casework.kernel.connection import Connection
from casework.kernel.limits import KEEP_ALIVE_SECONDS, SHUTDOWN_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from starlette.types import ASGIApp

# Files, pipes, the pool, the log: what a process needs beside its clients' sockets.
OTHER_FILES = 200


class Listener(uvicorn.Server):
    """SIGTERM: `leave()` (readiness turns 503), `drain` seconds of answering as before, then no new connection, the
    answers under way, the server's own hands, exit code 0. SIGINT, or a second signal: without the drain."""

    def __init__(self, config: uvicorn.Config, leave: Callable[[], None], drain: float) -> None:
        super().__init__(config)
        self._leave, self._drain = leave, drain
        self._leaves_at: float | None = None

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if self._leaves_at is None:
            self._leave()
            self._leaves_at = time.monotonic() + (self._drain if sig == signal.SIGTERM else 0)
        else:
            super().handle_exit(sig, frame)
            # uvicorn raises its captured signals again once it is done: an orderly end would be told as a death.
            self._captured_signals.clear()

    async def on_tick(self, counter: int) -> bool:
        asked = await super().on_tick(counter)
        return asked or (self._leaves_at is not None and time.monotonic() >= self._leaves_at)


class Terms(NamedTuple):
    """`drain` seconds; `connections` at once."""

    drain: float
    connections: int


def listen(app: ASGIApp, host: str, port: int, leave: Callable[[], None], terms: Terms) -> None:
    """Serve until a signal."""
    _allow_files(terms.connections + OTHER_FILES)
    config = uvicorn.Config(
        app, host=host, port=port, http=cast("Any", partial(Connection, most=terms.connections)), ws="none",
        loop="uvloop", lifespan="on", log_config=None, access_log=False, server_header=False,
        # Uvicorn would believe any local peer's X-Forwarded-For; whose we believe is a setting (kernel/addresses.py).
        proxy_headers=False, timeout_keep_alive=KEEP_ALIVE_SECONDS, timeout_graceful_shutdown=SHUTDOWN_SECONDS,
    )  # fmt: skip
    Listener(config, leave, terms.drain).run()


def _allow_files(wanted: int) -> None:
    """Raise this process's own soft limit, as far as the operator's hard limit goes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < allowed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
