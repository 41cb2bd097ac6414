"""`casework user|grant|client`: what the operator does at the machine itself, as the system actor `operator`.

Whoever holds the installation's secret needs nobody's approval here: this is how the first administrator and the
first to vouch for others come in (ADR 0011). Each act stands in the security log, and none of them shows a case.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from sqlmodel import col, select

from casework.authz.caller import Caller, system
from casework.authz.policy import SystemActor
from casework.identity import accounts, clients, queries
from casework.identity.models import ApiClient, RoleGrant, User
from casework.identity.schemas import ApiClientCreate, GrantPropose, UserCreate
from casework.kernel import clock
from casework.kernel.problems import NotFound
from casework.parts import database_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from datetime import timedelta
    from uuid import UUID

    from casework.kernel.database import Session
    from casework.settings import Settings

Row = dict[str, Any]
T = TypeVar("T")


def run(settings: Settings, act: Callable[[Session, Caller], Awaitable[T]]) -> T:
    """One act in one transaction; raises the Problem of a refusal."""

    async def once() -> T:
        async with _transaction(settings) as (session, operator):
            return await act(session, operator)

    return asyncio.run(once())


@asynccontextmanager
async def _transaction(settings: Settings) -> AsyncIterator[tuple[Session, Caller]]:
    database, operator = database_of(settings), system(SystemActor.operator)
    try:
        async with database.transaction(operator.context()) as session:
            yield session, operator
    finally:
        await database.close()


async def user_named(session: Session, username: str) -> User:
    """Raises NotFound."""
    user = await queries.user_named(session, username)
    if user is None:
        raise NotFound
    return user


async def create_user(session: Session, operator: Caller, wanted: UserCreate) -> Row:
    return _user(await accounts.create_user(session, operator, wanted))


async def list_users(session: Session, _operator: Caller) -> list[Row]:
    return [_user(user) for user in (await session.exec(select(User).order_by(col(User.username)))).all()]


async def disable_user(session: Session, operator: Caller, username: str) -> Row:
    return _user(await accounts.disable_user(session, operator, (await user_named(session, username)).id))


async def issue_password(session: Session, operator: Caller, username: str) -> Row:
    made, text = await accounts.issue_password(session, operator, (await user_named(session, username)).id)
    return {"username": username, "password": text, "valid_until": made.valid_until}


async def create_grant(session: Session, operator: Caller, username: str, reach: Row) -> Row:
    """In force at once, or from `valid_from` on."""
    user = await user_named(session, username)
    return _grant(await accounts.propose_grant(session, operator, GrantPropose(user_id=user.id, **reach)))


async def list_grants(session: Session, _operator: Caller, username: str) -> list[Row]:
    user = await user_named(session, username)
    return [_grant(grant) for grant in await queries.grants_of(session, [user.id])]


async def revoke_grant(session: Session, operator: Caller, grant_id: UUID) -> Row:
    return _grant(await accounts.revoke_grant(session, operator, grant_id))


async def create_client(session: Session, operator: Caller, wanted: ApiClientCreate) -> Row:
    return _client(await clients.create_api_client(session, operator, wanted))


async def list_clients(session: Session, _operator: Caller) -> list[Row]:
    return [_client(client) for client in (await session.exec(select(ApiClient).order_by(col(ApiClient.id)))).all()]


async def revoke_client(session: Session, operator: Caller, client_id: UUID) -> Row:
    return _client(await clients.revoke_api_client(session, operator, client_id))


async def create_secret(
    session: Session, operator: Caller, client_id: UUID, overlap: timedelta, hashed: Callable[[str], bytes]
) -> Row:
    made, text = await clients.add_secret(session, operator, client_id, overlap, hashed)
    return {"id": made.id, "client_id": client_id, "secret": text, "valid_until": made.valid_until}


def _user(user: User) -> Row:
    return {
        "id": user.id, "username": user.username, "display_name": user.display_name,
        "external": user.issuer is not None, "disabled": user.disabled_at is not None,
    }  # fmt: skip


def _grant(grant: RoleGrant) -> Row:
    return {**grant.model_dump(exclude={"user_id"}), "state": accounts.state_of(grant, clock.now())}


def _client(client: ApiClient) -> Row:
    return client.model_dump(
        include={"id", "name", "organization_id", "scopes", "networks", "valid_until", "revoked_at"}
    )
