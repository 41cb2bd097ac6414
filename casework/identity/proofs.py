"""A token bound to a key serves only whoever signs each request with that key (DPoP, RFC 9449)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

import jwt

from casework.identity.keysets import acceptable
from casework.identity.tokens import TOKEN_LIMIT, TokenInvalid

if TYPE_CHECKING:
    from collections.abc import Callable

TYPE = "dpop+jwt"
WINDOW_SECONDS = 60
REQUIRED = ["jti", "htm", "htu", "iat"]
# What a thumbprint is taken of, by kind of key (RFC 7638 §3.2, RFC 8037 §2).
MEMBERS = {"EC": ("crv", "kty", "x", "y"), "OKP": ("crv", "kty", "x"), "RSA": ("e", "kty", "n")}
PRIVATE = {"d", "p", "q", "k"}
REMEMBERED = 100_000


class Proofs:
    """Checks the proofs sent to one process; each serves once within its window."""

    def __init__(self, base_url: str, clock: Callable[[], float] = time.time) -> None:
        self._base_url, self._clock = base_url, clock
        self._seen: OrderedDict[bytes, float] = OrderedDict()

    def key_behind(self, proof: str, method: str, path: str, token: str | None = None) -> str:
        """The thumbprint (RFC 7638) of the key that signed this very request, and `token` where one is presented.

        Raises TokenInvalid.
        """
        thumbprint, claims = self._signed(proof)
        fresh = abs(self._clock() - _number(claims["iat"])) <= WINDOW_SECONDS
        here = (claims["htm"], str(claims["htu"]).partition("?")[0].partition("#")[0]) == (
            method,
            self._base_url + path,
        )
        bound = token is None or hmac.compare_digest(str(claims.get("ath")).encode(), fingerprint(token).encode())
        if not (fresh and here and bound):
            raise TokenInvalid("proof")
        self._once(thumbprint, str(claims["jti"]))
        return thumbprint

    def _signed(self, proof: str) -> tuple[str, dict[str, Any]]:
        if len(proof) > TOKEN_LIMIT:
            raise TokenInvalid("proof")
        try:
            header = jwt.get_unverified_header(proof)
            jwk = header.get("jwk")
            if not isinstance(jwk, dict) or PRIVATE & jwk.keys() or header.get("typ") != TYPE or "crit" in header:
                raise TokenInvalid("proof")
            key = acceptable({**jwk, "kid": ""})
            if key is None or header.get("alg") not in key.algorithms:
                raise TokenInvalid("proof")
            options: Any = {"require": REQUIRED, "verify_iat": False}
            return thumbprint_of(jwk), jwt.decode(proof, key.material, list(key.algorithms), options=options)
        except (jwt.PyJWTError, ValueError, TypeError) as error:
            raise TokenInvalid("proof") from error

    def _once(self, thumbprint: str, jti: str) -> None:
        now, name = self._clock(), hashlib.sha256(f"{thumbprint} {jti}".encode()).digest()
        while self._seen and (len(self._seen) > REMEMBERED or next(iter(self._seen.values())) < now):
            self._seen.popitem(last=False)
        if name in self._seen:
            raise TokenInvalid("proof_replayed")
        # A proof dated in the future serves until its own window closes.
        self._seen[name] = now + 2 * WINDOW_SECONDS


def thumbprint_of(jwk: dict[str, Any]) -> str:
    members = {name: jwk[name] for name in MEMBERS[jwk["kty"]]}
    return _b64url(hashlib.sha256(json.dumps(members, separators=(",", ":"), sort_keys=True).encode()).digest())


def fingerprint(token: str) -> str:
    """`ath`: what a proof says of the token presented with it."""
    return _b64url(hashlib.sha256(token.encode("ascii", "replace")).digest())


def _number(value: Any) -> float:
    return float(value) if isinstance(value, int | float) else float("inf")


def _b64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
