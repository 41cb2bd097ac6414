"""Where `drill access` plays: the application in process, on a throwaway PostgreSQL that each change is undone in.

The world is built once, then kept as a template: a change that went through is followed by a new copy of it, so that
every request meets the same rows.
"""

from __future__ import annotations

import json
import secrets
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx
import psycopg
from pydantic import SecretStr
from sqlalchemy.engine import make_url

from casework import installation
from casework.authz.policy import SystemActor
from casework.demo import world as demo_world
from casework.identity.clients import CLIENT_SCOPES
from casework.kernel.database import Context
from casework.kernel.embedded import throwaway_cluster
from casework.kernel.ids import new_id
from casework.main import create_app, install
from casework.settings import Settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from uuid import UUID

    from fastapi import FastAPI

    from casework.authz.policy import Actor
    from casework.kernel.embedded import Cluster

TEMPLATE, PLAY = "access_world", "access_play"


@dataclass(frozen=True, slots=True)
class Player:
    """Somebody who asks: a person, a client with its scopes, or one of the server's own hands."""

    name: str
    role: Actor
    id: UUID
    grant_id: UUID | None = None
    office_id: UUID | None = None
    region_code: str | None = None
    organization_id: UUID | None = None
    client_id: UUID | None = None
    scopes: frozenset[str] | None = None

    def context(self) -> Context:
        return Context(
            str(self.role), self.id, self.grant_id, self.office_id, self.region_code, self.organization_id,
            self.client_id,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: bytes
    headers: httpx.Headers

    @property
    def json(self) -> Any:
        return json.loads(self.body) if self.body else None


@dataclass(slots=True)
class Stage:
    cluster: Cluster
    app: FastAPI
    client: httpx.AsyncClient
    database: str = TEMPLATE
    tokens: dict[str, str] = field(default_factory=dict)
    watcher: psycopg.AsyncConnection[tuple[Any, ...]] | None = None
    copies: int = 0

    @property
    def context_key(self) -> bytes:
        key: bytes = self.app.state.settings.key("context")
        return key

    async def ask(
        self, who: Player | None, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> Answer:
        sent = dict(headers or {})
        if who is not None:
            sent["Authorization"] = f"Bearer {self.token(who)}"
        content: str | bytes | None = None
        if body is not None:
            media = "application/merge-patch+json" if method == "PATCH" else "application/json"
            sent["Content-Type"] = "text/csv" if isinstance(body, bytes) else media
            content = body if isinstance(body, bytes) else json.dumps(body)
        got = await self.client.request(method, path, content=content, headers=sent)
        return Answer(got.status_code, got.content, got.headers)

    def token(self, who: Player) -> str:
        if who.name not in self.tokens:
            issued_to = str(who.client_id) if who.client_id else "drill-access"
            scopes = CLIENT_SCOPES if who.client_id and who.scopes is None else who.scopes
            self.tokens[who.name] = self.app.state.issuer.issue(
                who.id, issued_to, scopes and sorted(scopes), lifetime=12 * 3600
            )
        return self.tokens[who.name]

    async def superuser(self) -> psycopg.AsyncConnection[tuple[Any, ...]]:
        """What really stands in the tables; the server never holds this address."""
        if self.watcher is None:
            self.watcher = await psycopg.AsyncConnection.connect(
                self.cluster.url("superuser", self.database), autocommit=True
            )
        return self.watcher

    async def close(self) -> None:
        await self.app.state.database.close()
        if self.watcher is not None:
            await self.watcher.close()
            self.watcher = None

    async def renew(self) -> None:
        """The world as it was built, in a new copy; the old one is gone."""
        await self.close()
        if self.database != TEMPLATE:
            self.cluster.drop_database(self.database)
        self.copies += 1
        self.database = f"{PLAY}_{self.copies}"
        self.cluster.create_database(self.database, template=TEMPLATE)
        enforced = self.app.state.gates_enforced
        install(self.app, _settings(self.cluster, self.database, self.app.state.settings))
        self.app.state.gates_enforced = enforced


def players() -> list[Player]:
    """Everybody of the demo's world, its partner's client with all scopes, and one with few."""
    key = demo_world.key
    people = [
        Player(name, role, key(name), key(f"{name}/grant"), key(office) if office else None, region,
               key(organization) if organization else None)
        for name, _, role, office, region, organization in demo_world.USERS
    ]  # fmt: skip
    partner = next(one for one in people if one.name == "pelagie")
    client = key(demo_world.CLIENT)
    narrow = frozenset({"me:read", "case:read"})
    machines = [
        Player(name, partner.role, client, organization_id=partner.organization_id, client_id=client, scopes=scopes)
        for name, scopes in (("le-phare-api", None), ("le-phare-few-scopes", narrow))
    ]
    return people + machines


def hands() -> list[Player]:
    """In an emergency somebody reads under the grant of the glass they broke."""
    breaker = demo_world.key("octave")
    return [Player(str(actor), actor, breaker if actor is SystemActor.emergency else new_id()) for actor in SystemActor]


def _settings(cluster: Cluster, database: str, like: Settings | None = None) -> Settings:
    return Settings(
        database_url=SecretStr(cluster.url("server", database)),
        secret=like.secret if like else SecretStr(secrets.token_urlsafe(48)),
        sealing_key=like.sealing_key if like else SecretStr(secrets.token_urlsafe(48)),
        background=False,
        pool_size=4,
        # One caller stands for many: the buckets are asked, and never empty.
        caller_rate=1_000_000,
        caller_burst=1_000_000,
        address_rate=1_000_000,
        address_burst=1_000_000,
        log_level="error",
    )


@asynccontextmanager
async def stage() -> AsyncIterator[Stage]:
    """An installed database with the demo's offices, partners and people, and the application on it."""
    with throwaway_cluster() as cluster:
        cluster.create_database(TEMPLATE)
        settings, owner = _settings(cluster, TEMPLATE), cluster.url("owner", TEMPLATE)
        login = make_url(cluster.url("server", TEMPLATE)).username or ""
        installation.install(owner, login, settings.key("context"))
        app = create_app(settings)
        demo_world.populate(owner, app.state.client_sign_in.hashed)
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://drill.test") as client:
            found = Stage(cluster, app, client)
            try:
                yield found
            finally:
                with suppress(psycopg.Error):
                    await found.close()
