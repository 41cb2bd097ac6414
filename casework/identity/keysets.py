"""Public keys of others (RFC 7517): which we accept, and how often we ask for them again."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, NamedTuple

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

# Signatures of one key pair only: with a shared secret, whoever can check could also sign.
ALGORITHMS = ("ES256", "EdDSA", "PS256", "RS256")
KEYS_LIMIT = 50
RSA_BITS = 2_048
FRESH_SECONDS = 600.0
PAUSE_SECONDS = 10.0
"""Between two requests for the keys, whoever asks and whatever for."""
STALE_SECONDS = 86_400.0
"""For how long known keys still serve while their owner does not answer."""


class Key(NamedTuple):
    """A public key, and the algorithms it serves: the one it states, else those of its kind."""

    material: Any
    algorithms: tuple[str, ...]


Keys = dict[str, Key]


class KeysAway(Exception):
    """The keys could not be had; those known before may still serve."""


def keys_of(document: Mapping[str, Any]) -> Keys:
    """The signature keys of a JWK set that we could accept, by `kid`; raises KeysAway when it is no JWK set."""
    listed = document.get("keys")
    if not isinstance(listed, list) or len(listed) > KEYS_LIMIT:
        raise KeysAway("not a JWK set")
    return {str(jwk["kid"]): key for jwk in listed if (key := acceptable(jwk)) is not None}


def acceptable(jwk: Any) -> Key | None:
    """None for a key that is not for signatures, too weak, or of a kind we do not check with."""
    if not isinstance(jwk, dict) or not isinstance(jwk.get("kid"), str) or jwk.get("use", "sig") != "sig":
        return None
    try:
        key = jwt.PyJWK.from_dict(jwk)
    except (jwt.PyJWTError, ValueError, TypeError, KeyError):
        return None
    if key.algorithm_name not in ALGORITHMS:
        return None
    if not isinstance(key.key, RSAPublicKey):
        return Key(key.key, (key.algorithm_name,))
    if key.key.key_size < RSA_BITS:
        return None
    return Key(key.key, (key.algorithm_name,) if "alg" in jwk else ("PS256", "RS256"))


class KeySet:
    """Another's keys, asked for once at a time and never more often than every PAUSE_SECONDS."""

    def __init__(self, fetch: Callable[[], Awaitable[Keys]], clock: Callable[[], float] = time.monotonic) -> None:
        self._fetch, self._clock = fetch, clock
        self._keys: Keys = {}
        self._fetched = self._tried = float("-inf")
        self._one_at_a_time = asyncio.Lock()

    async def find(self, key_id: str) -> Key | None:
        """The key; None when its owner does not publish it, or has been away for too long."""
        age = self._clock() - self._fetched
        if key_id not in self._keys or (age > FRESH_SECONDS and not self._one_at_a_time.locked()):
            await self._asked_again()
            age = self._clock() - self._fetched
        return self._keys.get(key_id) if age <= STALE_SECONDS else None

    async def _asked_again(self) -> None:
        async with self._one_at_a_time:
            if self._clock() - self._tried < PAUSE_SECONDS:
                return
            self._tried = self._clock()
            try:
                self._keys = await self._fetch()
            except KeysAway:
                return
            self._fetched = self._clock()
