"""Where a bench plays: a throwaway database with the fictional world and a population, and servers side by side."""

from __future__ import annotations

import hashlib
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psycopg
from pydantic import SecretStr
from sqlalchemy.engine import make_url

from casework import installation
from casework.demo import world
from casework.evidence.measuring import Meter
from casework.evidence.population import SIZES, Population, populate
from casework.identity.tokens import Issuer
from casework.kernel.embedded import throwaway_cluster
from casework.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

SERVERS = {
    "server": ("casework", "serve"),
    "floor": ("casework.evidence.floor",),
    "control": ("casework.evidence.naive",),
    "late": ("casework.evidence.late_log",),
}
COMPARED = ("server", "floor", "control")
START_SECONDS = 60


class DidNotStart(Exception):
    """A server of the bench ended, or never listened."""


@dataclass(frozen=True, slots=True)
class Contestant:
    """One server process of the bench: where it listens, and the meter of what it spends."""

    name: str
    port: int
    meter: Meter


@dataclass(frozen=True, slots=True)
class Stage:
    settings: Settings
    owner_url: str
    owner: psycopg.Connection[tuple[Any, ...]]
    population: Population
    contestants: dict[str, Contestant]

    def token(self, username: str) -> str:
        issuer = Issuer(self.settings.public_url, self.settings.key("tokens"))
        return issuer.issue(world.key(username), "casework-bench", lifetime=12 * 3600)


@contextmanager
def stage(
    cases: int,
    seed: int,
    *,
    servers: Collection[str] = COMPARED,
    pool_size: int = 10,
    sizes: Sequence[int] = SIZES,
) -> Iterator[Stage]:
    """A database with `cases` households and the servers named on it; all of it is gone afterwards."""
    with throwaway_cluster() as cluster, ExitStack() as stack:
        owner_url, login_url = cluster.url("owner"), cluster.url("server")
        settings = Settings(
            database_url=SecretStr(login_url),
            secret=SecretStr(secrets.token_urlsafe(48)),
            sealing_key=SecretStr(secrets.token_urlsafe(48)),
            # Nothing runs beside the requests: the sequencer would charge one server with the others' leaves.
            background=False,
            pool_size=pool_size,
            # One caller stands for many: the buckets are asked, and never empty.
            caller_rate=1_000_000,
            caller_burst=1_000_000,
            address_rate=1_000_000,
            address_burst=1_000_000,
        )
        installation.install(owner_url, make_url(login_url).username or "", settings.key("context"))
        world.populate(owner_url, lambda secret: hashlib.sha256(secret.encode()).digest())
        population = populate(owner_url, settings, cases, seed, sizes)
        owner = stack.enter_context(psycopg.connect(owner_url, autocommit=True))
        found = {name: stack.enter_context(_contestant(name, settings, owner)) for name in servers}
        yield Stage(settings, owner_url, owner, population, found)


@contextmanager
def _contestant(name: str, settings: Settings, owner: psycopg.Connection[tuple[Any, ...]]) -> Iterator[Contestant]:
    port, application = free_port(), f"casework-bench-{name}"
    environment = environment_of(settings) | {"PGAPPNAME": application}
    command = [sys.executable, "-m", *SERVERS[name], "--port", str(port)]
    process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)  # noqa: S603 -- our own modules
    try:
        await_listening(process, port)
        yield Contestant(name, port, Meter(owner, process.pid, application))
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def environment_of(settings: Settings) -> dict[str, str]:
    """What a server of these settings is started with: ours without any CASEWORK_ or PG variable of the shell."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("CASEWORK_", "PG"))}
    given = {name: getattr(settings, name) for name in type(settings).model_fields}
    for name in ("database_url", "secret", "sealing_key"):
        given[name] = given[name].get_secret_value()
    return kept | {f"CASEWORK_{name.upper()}": str(value) for name, value in given.items() if value is not None}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def await_listening(process: subprocess.Popen[bytes], port: int) -> None:
    """Raises DidNotStart."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise DidNotStart(str(process.args))
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1):
                return
        except OSError:
            time.sleep(0.1)
    raise DidNotStart(str(process.args))
