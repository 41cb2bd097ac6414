"""From a bearer token to a caller: the token says who, our own database says what they may do today."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID

from casework.authz.caller import Caller, system
from casework.authz.policy import Permission, SystemActor
from casework.authz.purposes import ACCEPTED, Purpose
from casework.identity import queries, tokens
from casework.identity.tokens import Claims, Issuer, TokenInvalid
from casework.kernel.addresses import Addresses, within
from casework.kernel.frontdoor import request_id
from casework.kernel.language import Text
from casework.kernel.problems import Fault, MalformedRequest, NotSignedIn

if TYPE_CHECKING:
    from starlette.requests import Request

    from casework.identity.models import ApiClient
    from casework.identity.proofs import Proofs
    from casework.identity.provider import Provider
    from casework.kernel.database import Database

# Only saves a look-up: the grant itself is checked by PostgreSQL at the door of every transaction.
REMEMBER_SECONDS = 30
PERMISSIONS = frozenset(str(permission) for permission in Permission)


class Known(NamedTuple):
    """A caller as looked up, the networks it may call from (none: anywhere), and when its password was last changed
    (seconds): a token of ours that is older has ended with the password it was given for."""

    caller: Caller
    networks: tuple[str, ...] = ()
    tokens_from: float = 0.0


class Authenticator:
    """`provider`: whose tokens are accepted for people, beside our own. `local_people`: whether ours still are."""

    def __init__(
        self, issuer: Issuer, provider: Provider | None, database: Database, addresses: Addresses, proofs: Proofs, *,
        local_people: bool,
    ) -> None:  # fmt: skip
        self.issuer, self._provider, self._database, self._addresses = issuer, provider, database, addresses
        self._local_people, self._proofs = local_people, proofs
        self._callers: dict[tuple[str, str], tuple[float, Known]] = {}

    async def __call__(self, request: Request) -> Caller:
        """The caller behind the request; raises NotSignedIn, the same whatever was wrong."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() not in {"bearer", "dpop"} or not token:
            raise NotSignedIn
        try:
            claims = await self._verified(token.strip())
            self._refuse_unproven(request, scheme.lower(), token.strip(), claims)
            known = await self._known(claims)
        except TokenInvalid as invalid:
            raise NotSignedIn(invalid.reason) from None
        if claims.issued_at < known.tokens_from:
            raise NotSignedIn("password_changed")
        request.state.actor_id = str(known.caller.actor_id)
        if not within(self._addresses.of(request), known.networks):
            request.state.caller = known.caller
            raise NotSignedIn("network")
        return replace(
            known.caller,
            scopes=self._scopes(claims),
            request_id=request_id.get(),
            purpose=_purpose(request.headers.get("x-purpose-of-use")),
        )

    async def _verified(self, token: str) -> Claims:
        if len(token) > tokens.TOKEN_LIMIT:
            raise TokenInvalid("malformed")
        if self._provider is not None and tokens.claimed_issuer(token) == self._provider.issuer:
            return await self._provider.verify(token)
        claims = self.issuer.verify(token)
        if not self._local_people and claims.client_id != claims.subject:
            raise TokenInvalid("local_sign_in_off")
        return claims

    def _refuse_unproven(self, request: Request, scheme: str, token: str, claims: Claims) -> None:
        """A bound token comes with a proof of its key, and no other token does (RFC 9449 §7)."""
        if (claims.bound_to is not None) != (scheme == "dpop"):
            raise TokenInvalid("binding")
        if claims.bound_to is None:
            return
        proof = request.headers.get("dpop", "")
        if self._proofs.key_behind(proof, request.method, request.scope["path"], token) != claims.bound_to:
            raise TokenInvalid("proof")

    def _scopes(self, claims: Claims) -> frozenset[str] | None:
        """A provider's token narrows the role only when it names permissions of ours: `openid profile` does not."""
        if claims.scopes is None or claims.issuer == self.issuer.url:
            return claims.scopes
        return claims.scopes & PERMISSIONS or None

    async def _known(self, claims: Claims) -> Known:
        key = (claims.issuer, claims.subject)
        until, known = self._callers.get(key, (0.0, None))
        if known is not None and until > time.monotonic():
            return known
        known = await self._looked_up(claims)
        if len(self._callers) > 10_000:
            self._callers.clear()
        self._callers[key] = (time.monotonic() + REMEMBER_SECONDS, known)
        return known

    def forget(self, actor_id: UUID) -> None:
        """So that the next request is looked up afresh, whoever vouched for the actor's tokens."""
        self._callers = {key: one for key, one in self._callers.items() if one[1].caller.actor_id != actor_id}

    async def _looked_up(self, claims: Claims) -> Known:
        tokens_from = 0.0
        async with self._database.transaction(system(SystemActor.authenticator).context()) as session:
            if claims.issuer != self.issuer.url:
                found = await queries.user_of_provider(session, claims.issuer, claims.subject)
            elif claims.client_id != claims.subject:
                found = await queries.user_in_force(session, _local(claims.subject))
                password = await queries.password_of(session, found[0].id) if found else None
                tokens_from = password.created_at.timestamp() if password else 0.0
            else:
                client = await queries.client_in_force(session, _local(claims.subject))
                if client is None:
                    raise TokenInvalid("unknown_subject")
                return _client(client)
        if found is None:
            raise TokenInvalid("unknown_subject")
        user, grant = found
        return Known(
            Caller(
                user.id, grant.role, user.username, grant.id, grant.office_id, grant.region_code,
                grant.organization_id, valid_from=grant.valid_from, valid_until=grant.valid_until,
            ),
            tokens_from=tokens_from,
        )  # fmt: skip


def _client(client: ApiClient) -> Known:
    caller = Caller(
        client.id, client.role, client.name, organization_id=client.organization_id, client_id=client.id,
        valid_from=client.created_at, valid_until=client.valid_until,
    )  # fmt: skip
    return Known(caller, tuple(client.networks))


def _local(subject: str) -> UUID:
    try:
        return UUID(subject)
    except ValueError:
        raise TokenInvalid("unknown_subject") from None


def _purpose(stated: str | None) -> Purpose | None:
    """None when nothing was stated; raises MalformedRequest for a code outside the list, which it does not repeat."""
    if stated is None:
        return None
    try:
        return Purpose(stated)
    except ValueError:
        text = Text(f"Codes acceptés : {ACCEPTED}.", f"Accepted codes: {ACCEPTED}.")
        raise MalformedRequest(errors=[Fault(text, "unknown_purpose", parameter="X-Purpose-of-Use")]) from None
