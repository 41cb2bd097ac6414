"""How a partner's machine proves who it is at the token endpoint: one of its secrets, or a signed assertion."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID

from casework.authz.caller import system
from casework.authz.policy import SystemActor
from casework.identity import assertions, queries
from casework.identity.assertions import AssertionInvalid
from casework.identity.errors import TokenRefused
from casework.identity.tokens import LEEWAY_SECONDS
from casework.kernel import clock
from casework.kernel.addresses import within

if TYPE_CHECKING:
    from starlette.requests import Request

    from casework.audit.security import Sentinel
    from casework.identity.models import ApiClient
    from casework.kernel.database import Database

PRUNE = "DELETE FROM used_assertions WHERE expires_at < %s"
USE = """
INSERT INTO used_assertions (client_id, jti_hash, expires_at) VALUES (%s, %s, %s)
ON CONFLICT (client_id, jti_hash) DO NOTHING RETURNING client_id
"""


class Presented(NamedTuple):
    """What came with the request; exactly one of `secret` and `assertion` (RFC 6749 §2.3)."""

    client_id: str
    secret: str = ""
    assertion: str = ""


class ClientSignIn:
    def __init__(self, database: Database, sentinel: Sentinel, pepper: bytes, token_endpoint: str) -> None:
        self._database, self._sentinel, self._pepper = database, sentinel, pepper
        self._token_endpoint = token_endpoint

    async def __call__(self, request: Request, presented: Presented) -> ApiClient:
        """The client in force; raises TokenRefused, the same whatever was wrong."""
        if bool(presented.secret) == bool(presented.assertion):
            raise TokenRefused("credentials")
        if presented.secret:
            client = await self._by_secret(presented)
        else:
            client = await self._by_assertion(presented)
        address = self._sentinel.addresses.of(request)
        if not within(address, client.networks):
            raise TokenRefused("network", client.id)
        await self._sentinel.happened(request, "client.signed_in", about=("client", client.id))
        return client

    async def _by_secret(self, presented: Presented) -> ApiClient:
        given = self.hashed(presented.secret)
        async with self._database.transaction(system(SystemActor.authenticator).context()) as session:
            client = await queries.client_in_force(session, _id(presented.client_id))
            stored = await queries.secrets_in_force(session, client.id) if client else []
        # Compared with as many when the client does not exist, or has no secret at all.
        held = [hmac.compare_digest(each, given) for each in stored or [secrets.token_bytes(32)]]
        if client is None:
            raise TokenRefused("unknown_client")
        if not any(held):
            raise TokenRefused("secret", client.id)
        return client

    async def _by_assertion(self, presented: Presented) -> ApiClient:
        try:
            client_id = assertions.claimed_client(presented.assertion)
        except AssertionInvalid as invalid:
            raise TokenRefused(invalid.reason) from None
        if presented.client_id not in {"", str(client_id)}:
            raise TokenRefused("credentials")
        async with self._database.transaction(system(SystemActor.authenticator).context()) as session:
            client = await queries.client_in_force(session, client_id)
            if client is None:
                raise TokenRefused("unknown_client")
            try:
                used = assertions.checked(presented.assertion, client.id, client.jwks, self._token_endpoint)
            except AssertionInvalid as invalid:
                raise TokenRefused(invalid.reason, client.id) from None
            await session.rows(PRUNE, (clock.now(),))
            kept_until = datetime.fromtimestamp(used.expires_at, UTC) + timedelta(seconds=LEEWAY_SECONDS)
            if not await session.rows(USE, (client.id, used.jti_hash, kept_until)):
                raise TokenRefused("replayed", client.id)
        return client

    def hashed(self, secret: str) -> bytes:
        return keyed_hash(self._pepper, secret)


def keyed_hash(pepper: bytes, secret: str) -> bytes:
    """Of a 256-bit random secret: nothing to stretch, and useless without the pepper."""
    return hmac.new(pepper, secret.encode(), hashlib.sha256).digest()


def _id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        # Looked up like any other, and not there.
        return UUID(int=0)
