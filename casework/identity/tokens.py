"""Access tokens: RFC 9068 `at+jwt`, verified strictly; the local issuer signs with ES256 (api.md §1.10)."""

from __future__ import annotations

import base64
import hashlib
import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from casework.kernel.ids import new_id
from casework.kernel.sealing import derive

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

ALGORITHM = "ES256"
TYPE = "at+jwt"
AUDIENCE = "casework"
LIFETIME_SECONDS = 3600
LEEWAY_SECONDS = 30
REMEMBERED = 10_000
TOKEN_LIMIT = 4_096
REQUIRED = ["iss", "aud", "sub", "client_id", "iat", "exp", "jti"]
# What the security log says of a token that was refused; the caller is told none of it.
REASONS: tuple[tuple[type[jwt.PyJWTError], str], ...] = (
    (jwt.ExpiredSignatureError, "expired"),
    (jwt.ImmatureSignatureError, "not_yet_valid"),
    (jwt.InvalidIssuedAtError, "not_yet_valid"),
    (jwt.InvalidAudienceError, "audience"),
    (jwt.InvalidIssuerError, "issuer"),
    (jwt.InvalidSignatureError, "signature"),
    (jwt.InvalidAlgorithmError, "algorithm"),
    (jwt.InvalidKeyError, "algorithm"),
    (jwt.MissingRequiredClaimError, "claims"),
)


class TokenInvalid(Exception):
    """Not a token we accept, or no longer one; `reason` is a code for the security log."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Claims:
    """`scopes` None when the token says nothing of them; `context` and `signed_in_at` likewise: how strongly its person
    was known to the issuer (`acr`) and since when (`auth_time`, seconds). `bound_to`: thumbprint of the only key it serves (RFC 9449 §6.1)."""

    issuer: str
    subject: str
    client_id: str
    scopes: frozenset[str] | None
    issued_at: float
    expires_at: int
    context: str | None = None
    signed_in_at: int | None = None
    bound_to: str | None = None


@dataclass(frozen=True, slots=True)
class Strength:
    """What a provider's token must say of the sign-in behind it: one of `contexts` (`acr`; empty: any), no longer than
    `max_age` seconds ago (None: whenever). RFC 9470 tells the client the same words."""

    contexts: tuple[str, ...] = ()
    max_age: int | None = None

    def lacks(self, claims: Claims) -> str | None:
        """A code for the security log; None when the sign-in is strong and recent enough."""
        if self.contexts and claims.context not in self.contexts:
            return "authentication_weak"
        if self.max_age is None:
            return None
        since = claims.signed_in_at
        old = since is None or since + self.max_age + LEEWAY_SECONDS < time.time()
        return "authentication_old" if old else None


def header_of(token: str, algorithms: Sequence[str]) -> dict[str, Any]:
    """The header, once its type, its algorithm and its size are ones we accept; raises TokenInvalid."""
    if len(token) > TOKEN_LIMIT:
        raise TokenInvalid("malformed")
    try:
        header = jwt.get_unverified_header(token)
    except (jwt.PyJWTError, ValueError) as error:
        raise TokenInvalid("malformed") from error
    if header.get("alg") not in algorithms:
        raise TokenInvalid("algorithm")
    # An ID token of the same provider passes every other check (RFC 9068 §5).
    if str(header.get("typ", "")).lower().removeprefix("application/") != TYPE:
        raise TokenInvalid("type")
    if "crit" in header or not isinstance(header.get("kid"), str):
        raise TokenInvalid("malformed")
    return header


def checked(token: str, key: Any, algorithms: Sequence[str], issuer: str, audience: str) -> Claims:
    """Signature, issuer, audience, times and required claims (RFC 9068 §4); raises TokenInvalid."""
    try:
        claims = jwt.decode(
            token, key, algorithms=list(algorithms), audience=audience, issuer=issuer, leeway=LEEWAY_SECONDS,
            options={"require": REQUIRED},
        )  # fmt: skip
    except (jwt.PyJWTError, ValueError, TypeError) as error:
        raise TokenInvalid(next((code for kind, code in REASONS if isinstance(error, kind)), "malformed")) from error
    scope = claims.get("scope")
    scopes = None if scope is None else frozenset(str(scope).split())
    since, context = claims.get("auth_time"), claims.get("acr")
    return Claims(
        issuer, str(claims["sub"]), str(claims["client_id"]), scopes, float(claims["iat"]), int(claims["exp"]),
        context if isinstance(context, str) else None, since if isinstance(since, int) else None, _confirmed(claims),
    )  # fmt: skip


def _confirmed(claims: dict[str, Any]) -> str | None:
    """Raises TokenInvalid for a binding that is not one we can check: to take the token as unbound would undo it."""
    if "cnf" not in claims:
        return None
    thumbprint = claims["cnf"].get("jkt") if isinstance(claims["cnf"], dict) else None
    if not isinstance(thumbprint, str):
        raise TokenInvalid("binding")
    return thumbprint


def claimed_issuer(token: str) -> str:
    """Who the token says has issued it: only to choose whose keys to check it with. Raises TokenInvalid."""
    try:
        claims = jwt.decode(token, options={"verify_signature": False})
    except (jwt.PyJWTError, ValueError) as error:
        raise TokenInvalid("malformed") from error
    return str(claims.get("iss"))


class Issuer:
    """The server's own token issuer. The key is derived from the installation's secret: no key file to lose."""

    def __init__(self, url: str, secret: bytes) -> None:
        self.url = url
        order = int("FFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551", 16)
        scalar = int.from_bytes(derive(secret, "token-issuer-1") + derive(secret, "token-issuer-2"), "big")
        # 512 bits reduced modulo the order: the bias is negligible (FIPS 186-5 A.2.1).
        self._key = ec.derive_private_key(scalar % (order - 1) + 1, ec.SECP256R1())
        public = self._key.public_key()
        point = public.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        self.key_id = hashlib.sha256(point).hexdigest()[:16]
        self._point = point
        self._public = public
        self._verified: OrderedDict[bytes, Claims] = OrderedDict()

    def issue(
        self, subject: UUID, client_id: str, scopes: list[str] | None = None, lifetime: int = LIFETIME_SECONDS,
        bound_to: str | None = None,
    ) -> str:  # fmt: skip
        # Not rounded: a token may come a moment after the password that ends all earlier ones.
        issued_at = time.time()
        claims: dict[str, Any] = {
            "iss": self.url, "aud": AUDIENCE, "sub": str(subject), "client_id": client_id,
            "iat": issued_at, "exp": int(issued_at) + lifetime, "jti": str(new_id()),
        }  # fmt: skip
        if bound_to is not None:
            claims["cnf"] = {"jkt": bound_to}
        if scopes is not None:
            claims["scope"] = " ".join(sorted(scopes))
        return jwt.encode(claims, self._key, ALGORITHM, headers={"typ": TYPE, "kid": self.key_id})

    def verify(self, token: str) -> Claims:
        """Raises TokenInvalid.

        A signature that verified once is remembered until the token expires; revocation does not depend on it,
        because each transaction asks PostgreSQL whether the grant is still in force.
        """
        fingerprint = hashlib.sha256(token.encode()).digest()
        known = self._verified.get(fingerprint)
        if known is None:
            if header_of(token, [ALGORITHM])["kid"] != self.key_id:
                raise TokenInvalid("key")
            known = checked(token, self._public, [ALGORITHM], self.url, AUDIENCE)
            self._verified[fingerprint] = known
            if len(self._verified) > REMEMBERED:
                self._verified.popitem(last=False)
        if known.expires_at + LEEWAY_SECONDS < time.time():
            self._verified.pop(fingerprint, None)
            raise TokenInvalid("expired")
        return known

    def jwks(self) -> dict[str, Any]:
        """The public key as a JWK set (RFC 7517)."""
        return {
            "keys": [
                {
                    "kty": "EC", "crv": "P-256", "use": "sig", "alg": ALGORITHM, "kid": self.key_id,
                    "x": _b64url(self._point[1:33]), "y": _b64url(self._point[33:]),
                }
            ]
        }  # fmt: skip


def _b64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
