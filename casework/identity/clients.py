"""Partners' API clients: made by an administrator, given their secrets and keys by the organization itself (ADR 0011)."""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlmodel import col, select

from casework.audit import security
from casework.authz.policy import Permission, Role, permissions_of
from casework.identity import queries
from casework.identity.errors import KeysRefused, ScopeRefused, TooManySecrets
from casework.identity.keysets import keys_of
from casework.identity.models import ApiClient, ClientSecret
from casework.kernel.clock import now
from casework.kernel.problems import NotFound

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    from casework.authz.caller import Caller
    from casework.identity.schemas import ApiClientCreate
    from casework.kernel.database import Session

AT_ONCE = 2
PRIVATE_MEMBERS = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"}
# A machine neither vouches for people nor gives itself secrets.
FOR_PEOPLE = {
    Permission.grant_read,
    Permission.grant_approve,
    Permission.password_issue,
    Permission.client_secret_manage,
}
CLIENT_SCOPES = [str(permission) for permission in permissions_of(Role.partner) if permission not in FOR_PEOPLE]


async def create_api_client(session: Session, caller: Caller, wanted: ApiClientCreate) -> ApiClient:
    """A client without any secret yet; raises ScopeRefused for what a partner's machine may not hold."""
    if not set(wanted.scopes) <= set(CLIENT_SCOPES):
        raise ScopeRefused
    client = ApiClient(
        name=wanted.name,
        organization_id=wanted.organization_id,
        role=Role.partner,
        scopes=sorted(set(wanted.scopes)),
        networks=[str(network) for network in wanted.networks],
        valid_until=now() + timedelta(days=wanted.valid_days),
    )
    session.add(client)
    await session.flush()
    facts = {"client": str(client.id), "scopes": client.scopes, "organization": str(client.organization_id)}
    security.record(session, caller, "api_client.created", facts)
    return client


async def client_within_reach(session: Session, client_id: UUID) -> ApiClient:
    """Raises NotFound, out of reach and absent alike."""
    client = (await session.exec(select(ApiClient).where(col(ApiClient.id) == client_id))).first()
    if client is None:
        raise NotFound
    return client


async def revoke_api_client(session: Session, caller: Caller, client_id: UUID) -> ApiClient:
    client = await client_within_reach(session, client_id)
    if client.revoked_at is None:
        client.revoked_at = now()
        security.record(session, caller, "api_client.revoked", {"client": str(client.id)})
    return client


async def add_secret(
    session: Session, caller: Caller, client_id: UUID, overlap: timedelta, hashed: Callable[[str], bytes]
) -> tuple[ClientSecret, str]:
    """A new secret, which is stored nowhere; the one before serves for `overlap` yet. Raises TooManySecrets."""
    client = await client_within_reach(session, client_id)
    if client.revoked_at is not None:
        raise NotFound
    # Two rotations at the same moment would leave three secrets.
    await session.rows("SELECT pg_advisory_xact_lock(hashtext(%s))", (f"client-secrets/{client_id}",))
    before = await queries.rotating(session, client_id)
    if len(before) >= AT_ONCE:
        raise TooManySecrets
    for old in before:
        old.valid_until = min(old.valid_until, now() + overlap)
    text = secrets.token_urlsafe(32)
    made = ClientSecret(
        client_id=client.id, organization_id=client.organization_id, secret_hash=hashed(text),
        valid_until=client.valid_until,
    )  # fmt: skip
    session.add(made)
    await session.flush()
    facts = {"client": str(client.id), "secret": str(made.id), "overlap_seconds": int(overlap.total_seconds())}
    security.record(session, caller, "client_secret.created", facts)
    return made, text


async def revoke_secret(session: Session, caller: Caller, client_id: UUID, secret_id: UUID) -> ClientSecret:
    query = select(ClientSecret).where(col(ClientSecret.id) == secret_id, col(ClientSecret.client_id) == client_id)
    found = (await session.exec(query)).first()
    if found is None:
        raise NotFound
    if found.revoked_at is None:
        found.revoked_at = now()
        facts = {"client": str(client_id), "secret": str(secret_id)}
        security.record(session, caller, "client_secret.revoked", facts)
    return found


async def set_keys(session: Session, caller: Caller, client_id: UUID, keys: list[dict[str, Any]]) -> ApiClient:
    """Replace the client's public keys; raises KeysRefused for one we could not accept, or that is private."""
    client = await client_within_reach(session, client_id)
    jwks = {"keys": keys}
    if any(PRIVATE_MEMBERS & key.keys() for key in keys) or len(keys_of(jwks)) != len(keys):
        raise KeysRefused
    client.jwks = jwks
    key_ids = sorted(str(key["kid"]) for key in keys)
    security.record(session, caller, "client_keys.changed", {"client": str(client.id), "keys": len(key_ids)})
    return client


def scopes_granted(client: ApiClient, asked: str) -> list[str]:
    """Raises ScopeRefused when more is asked than was granted."""
    wanted = asked.split()
    if not set(wanted) <= set(client.scopes):
        raise ScopeRefused
    return wanted or list(client.scopes)
