"""An OpenID Connect provider whose access tokens we accept (OpenID Connect Discovery 1.0, RFC 9068)."""

from __future__ import annotations

import asyncio
import json
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx

from casework.identity import tokens
from casework.identity.keysets import ALGORITHMS, KeysAway, KeySet, keys_of
from casework.identity.tokens import TokenInvalid
from casework.kernel.problems import StrongerSignInNeeded

if TYPE_CHECKING:
    from casework.identity.keysets import Keys
    from casework.identity.tokens import Claims, Strength

DISCOVERY = "/.well-known/openid-configuration"
TIMEOUT = httpx.Timeout(5.0, connect=2.0)
ALTOGETHER_SECONDS = 8.0
DOCUMENT_LIMIT = 256 * 1024


class Provider:
    """`issuer` exactly as the provider writes it; `audience` is what its tokens call us; `strength` what they must say
    of the sign-in."""

    def __init__(self, issuer: str, audience: str, strength: Strength) -> None:
        self.issuer, self._audience, self._strength = issuer, audience, strength
        self._keys = KeySet(self._published)

    async def verify(self, token: str) -> Claims:
        """Raises TokenInvalid, or StrongerSignInNeeded for a genuine token of too weak or too old a sign-in."""
        header = tokens.header_of(token, ALGORITHMS)
        key = await self._keys.find(header["kid"])
        if key is None:
            raise TokenInvalid("key")
        # The key says what it is for; the token does not choose.
        if header["alg"] not in key.algorithms:
            raise TokenInvalid("algorithm")
        claims = tokens.checked(token, key.material, key.algorithms, self.issuer, self._audience)
        lacking = self._strength.lacks(claims)
        if lacking is not None:
            raise StrongerSignInNeeded(lacking, self._strength.contexts, self._strength.max_age)
        return claims

    async def _published(self) -> Keys:
        """The provider's keys, found through its discovery document; raises KeysAway."""
        described = await _document(self.issuer.rstrip("/") + DISCOVERY)
        # OpenID Connect Discovery 1.0 §4.3: another issuer's document would bring another issuer's keys.
        if described.get("issuer") != self.issuer:
            raise KeysAway("another issuer")
        return keys_of(await _document(str(described.get("jwks_uri"))))


async def _document(url: str) -> dict[str, Any]:
    """A JSON object, within size and time; raises KeysAway. No redirect is followed."""
    if not is_safe(url):
        raise KeysAway("not https")
    body = bytearray()
    try:
        async with (
            asyncio.timeout(ALTOGETHER_SECONDS),
            httpx.AsyncClient(timeout=TIMEOUT, follow_redirects=False, trust_env=False) as client,
            client.stream("GET", url, headers={"Accept": "application/json"}) as answer,
        ):
            if answer.status_code != 200:
                raise KeysAway(f"status {answer.status_code}")
            async for part in answer.aiter_bytes():
                body += part
                if len(body) > DOCUMENT_LIMIT:
                    raise KeysAway("too large")
        found = json.loads(body)
    except (TimeoutError, httpx.HTTPError, httpx.InvalidURL, ValueError, RecursionError) as error:
        raise KeysAway(type(error).__name__) from error
    if not isinstance(found, dict):
        raise KeysAway("not an object")
    return found


def is_safe(url: str) -> bool:
    """https, or the machine itself: keys that anybody on the road could replace are no keys."""
    try:
        parts = urlsplit(url)
        return parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(parts.hostname or ""))
    except ValueError:
        return False


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
