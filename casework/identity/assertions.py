"""`private_key_jwt`: a client proves who it is with its own key, which we never hold (RFC 7523, OpenID Connect Core §9)."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

import jwt

from casework.identity.keysets import KeysAway, keys_of
from casework.identity.tokens import LEEWAY_SECONDS, TOKEN_LIMIT

if TYPE_CHECKING:
    from collections.abc import Mapping

TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
LONGEST_SECONDS = 300
REQUIRED = ["iss", "sub", "aud", "exp", "jti"]


class AssertionInvalid(Exception):
    """`reason` is a code for the security log."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Assertion:
    """`expires_at` in epoch seconds; the `jti` is kept as a hash, since its length is the client's choice."""

    jti_hash: bytes
    expires_at: int


def claimed_client(assertion: str) -> UUID:
    """The client an assertion says it is, only to find its keys; raises AssertionInvalid."""
    if len(assertion) > TOKEN_LIMIT:
        raise AssertionInvalid("malformed")
    try:
        return UUID(str(jwt.decode(assertion, options={"verify_signature": False}).get("sub")))
    except (jwt.PyJWTError, ValueError) as error:
        raise AssertionInvalid("malformed") from error


def checked(assertion: str, client_id: UUID, jwks: Mapping[str, Any] | None, token_endpoint: str) -> Assertion:
    """Raises AssertionInvalid unless the client's own key signed it for our token endpoint, not long ago."""
    try:
        header = jwt.get_unverified_header(assertion)
        key = keys_of(jwks or {"keys": []}).get(str(header.get("kid")))
        if key is None:
            raise AssertionInvalid("key")
        if header.get("alg") not in key.algorithms or "crit" in header:
            raise AssertionInvalid("algorithm")
        claims = jwt.decode(
            assertion, key.material, algorithms=list(key.algorithms), audience=token_endpoint, issuer=str(client_id),
            subject=str(client_id), leeway=LEEWAY_SECONDS, options={"require": REQUIRED, "strict_aud": True},
        )  # fmt: skip
    except (jwt.PyJWTError, KeysAway, ValueError, TypeError) as error:
        raise AssertionInvalid("assertion") from error
    if claims["exp"] > time.time() + LONGEST_SECONDS + LEEWAY_SECONDS:
        raise AssertionInvalid("lifetime")
    return Assertion(hashlib.sha256(str(claims["jti"]).encode()).digest(), int(claims["exp"]))
