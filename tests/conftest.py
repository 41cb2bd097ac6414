"""One migrated template database a run, one clone a test that writes: real commits, real concurrency, full isolation."""

from __future__ import annotations

import io
import logging
import os
import secrets
import sys
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import quote

import httpx
import psycopg
import pytest
import structlog
from psycopg import sql
from pydantic import SecretStr
from sqlalchemy.engine import make_url

from casework import installation
from casework.authz.apply import ensure_roles
from casework.demo import world as demo_world
from casework.kernel import logs
from casework.kernel.embedded import throwaway_cluster
from casework.main import create_app, install
from casework.settings import Settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from pathlib import Path

    from fastapi import FastAPI

    from casework.kernel.embedded import Cluster
    from casework.kernel.embedded.files import Role

SECRET = "a-secret-of-the-tests-that-is-long-enough-0001"
TEMPLATE = "casework_template"
ROLES = 0x63617365


class Server:
    """Where the tests' databases live: the embedded server, or the one of CASEWORK_TEST_DATABASE_URL."""

    def create(self, name: str, template: str) -> None:
        raise NotImplementedError

    def drop(self, name: str) -> None:
        raise NotImplementedError

    def url(self, role: Role, database: str) -> str:
        raise NotImplementedError

    def alone(self) -> AbstractContextManager[object]:
        """Roles belong to the whole server: one worker at a time makes them."""
        return nullcontext()


class Embedded(Server):
    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster

    def create(self, name: str, template: str) -> None:
        self.cluster.create_database(name, template=template)

    def drop(self, name: str) -> None:
        self.cluster.drop_database(name)

    def url(self, role: Role, database: str) -> str:
        return self.cluster.url(role, database)


class External(Server):
    """The URL's role must be able to create databases and roles. Log-ins of this run are dropped at its end."""

    def __init__(self, admin_url: str) -> None:
        self.admin_url = admin_url
        self.run = secrets.token_hex(4)
        self.logins = {
            role: (f"casework_test_{role}_{self.run}", secrets.token_hex(16)) for role in ("owner", "server")
        }

    def __enter__(self) -> Self:
        with self._admin() as connection:
            for role, (name, password) in self.logins.items():
                options = sql.SQL("LOGIN NOINHERIT" if role == "server" else "LOGIN CREATEROLE")
                connection.execute(
                    sql.SQL("CREATE ROLE {} {} PASSWORD {}").format(
                        sql.Identifier(name), options, sql.Literal(password)
                    )
                )
            with self.alone():
                ensure_roles(connection, self.logins["server"][0])
        return self

    @contextmanager
    def alone(self) -> Iterator[object]:
        with self._admin() as connection:
            connection.execute("SELECT pg_advisory_lock(%s)", (ROLES,))
            yield None

    def __exit__(self, *raised: object) -> None:
        with self._admin() as connection:
            left = connection.execute(
                "SELECT datname FROM pg_database WHERE datname LIKE %s", (f"%_{self.run}",)
            ).fetchall()
            for (database,) in left:
                connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(database)))
            for name, _ in self.logins.values():
                connection.execute(sql.SQL("DROP OWNED BY {}").format(sql.Identifier(name)))
                connection.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(name)))

    def create(self, name: str, template: str) -> None:
        with self._admin() as connection:
            connection.execute(
                sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE {}").format(
                    sql.Identifier(self._name(name)),
                    sql.Identifier(self.logins["owner"][0]),
                    sql.Identifier(self._name(template)),
                )
            )

    def drop(self, name: str) -> None:
        with self._admin() as connection:
            connection.execute(
                sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(self._name(name)))
            )

    def url(self, role: Role, database: str) -> str:
        url = make_url(self.admin_url)
        if role == "superuser":
            return url.set(database=self._name(database)).render_as_string(hide_password=False)
        name, password = self.logins[role]
        host = quote(url.host or "127.0.0.1")
        return f"postgresql://{name}:{password}@{host}:{url.port or 5432}/{self._name(database)}"

    def _name(self, database: str) -> str:
        return database if database.startswith("template") else f"{database}_{self.run}"

    def _admin(self) -> psycopg.Connection[tuple[Any, ...]]:
        return psycopg.connect(self.admin_url, autocommit=True)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """`-m database` selects what CI also runs on an external server."""
    for item in items:
        if "server" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.database)


@contextmanager
def _server() -> Iterator[Server]:
    external = os.environ.get("CASEWORK_TEST_DATABASE_URL")
    if external:
        with External(external) as server:
            yield server
    else:
        with throwaway_cluster() as cluster:
            yield Embedded(cluster)


def settings_for(server: Server, database: str) -> Settings:
    return Settings(
        database_url=SecretStr(server.url("server", database)),
        secret=SecretStr(SECRET),
        background=False,
        log_level="error",
        # A test asks faster than any person; those about the rates set their own.
        caller_rate=100_000,
        caller_burst=100_000,
        address_rate=100_000,
        address_burst=100_000,
    )


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """The PostgreSQL server of the run, with the migrated and populated template database in it."""
    with _server() as found:
        found.create(TEMPLATE, "template0" if isinstance(found, External) else "template1")
        owner, login = found.url("owner", TEMPLATE), make_url(found.url("server", TEMPLATE)).username or ""
        settings = settings_for(found, TEMPLATE)
        with found.alone():
            installation.install(owner, login, settings.key("context"))
        with _quiet_app(settings) as app:
            demo_world.populate(owner, app.state.client_sign_in.hashed)
        yield found


@contextmanager
def _quiet_app(settings: Settings) -> Iterator[FastAPI]:
    yield create_app(settings)


@pytest.fixture(scope="session")
def application(server: Server) -> FastAPI:
    """The routes are built once; each test points them at its own database."""
    return create_app(settings_for(server, TEMPLATE))


class World:
    """One test's database: its app, its URLs, tokens for its people."""

    def __init__(self, app: FastAPI, server: Server, database: str) -> None:
        self.app, self.server, self.database = app, server, database
        self.key = demo_world.key
        self.clients: list[httpx.AsyncClient] = []

    @property
    def owner_url(self) -> str:
        return self.server.url("owner", self.database)

    @property
    def server_url(self) -> str:
        return self.server.url("server", self.database)

    def owner(self) -> psycopg.Connection[tuple[Any, ...]]:
        """What really stands in the tables: the owner's own connection, committing each statement."""
        return psycopg.connect(self.owner_url, autocommit=True)

    def token(self, username: str) -> str:
        token: str = self.app.state.issuer.issue(self.key(username), "tests")
        return token

    def client(self, username: str | None, **headers: str) -> httpx.AsyncClient:
        if username is not None:
            headers["Authorization"] = f"Bearer {self.token(username)}"
        client = httpx.AsyncClient(
            transport=httpx.ASGITransport(self.app, raise_app_exceptions=False),
            base_url="http://casework.test",
            headers=headers,
        )
        self.clients.append(client)
        return client

    async def sequence(self) -> None:
        """Let the sequencer give every committed leaf its index."""
        while await self.app.state.sequencer.tick():
            pass


@pytest.fixture
async def world(application: FastAPI, server: Server) -> AsyncIterator[World]:
    database = f"t_{secrets.token_hex(6)}"
    server.create(database, TEMPLATE)
    install(application, settings_for(server, database))
    found = World(application, server, database)
    yield found
    for client in found.clients:
        await client.aclose()
    await application.state.database.close()
    server.drop(database)


@pytest.fixture
def logged(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], str]]:
    """What the product's log has said in this test, as a running server would write it."""
    before, root = structlog.get_config(), logging.getLogger()
    handlers, level = root.handlers, root.level
    said = io.StringIO()
    with monkeypatch.context() as patched:
        patched.setattr(sys, "stderr", said)
        logs.configure("info")
    yield said.getvalue
    structlog.configure(**before)
    root.handlers, root.level = handlers, level


@pytest.fixture
def client_for(world: World) -> Callable[..., httpx.AsyncClient]:
    """`client_for("camille")`: a signed-in client of one of the demo users (casework/demo/world.py); None signs nobody in."""
    return world.client


@pytest.fixture
def checkout() -> Path:
    from pathlib import Path

    return Path(__file__).resolve().parents[1]
