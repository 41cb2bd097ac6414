"""Which keys of others are accepted, and how rarely they are asked for."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from casework.identity import keysets
from casework.identity.keysets import FRESH_SECONDS, PAUSE_SECONDS, STALE_SECONDS, Key, KeysAway, KeySet, keys_of

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.anyio

RSA = json.loads(RSAAlgorithm.to_jwk(rsa.generate_private_key(65_537, 2_048).public_key()))
P256 = json.loads(ECAlgorithm.to_jwk(ec.generate_private_key(ec.SECP256R1()).public_key()))
P384 = json.loads(ECAlgorithm.to_jwk(ec.generate_private_key(ec.SECP384R1()).public_key()))
EDWARDS = json.loads(OKPAlgorithm.to_jwk(ed25519.Ed25519PrivateKey.generate().public_key()))


@pytest.mark.parametrize(
    ("jwk", "algorithms"),
    [
        (RSA, ("PS256", "RS256")),
        ({**RSA, "alg": "RS256"}, ("RS256",)),
        ({**RSA, "alg": "PS256"}, ("PS256",)),
        ({**RSA, "alg": "RS512"}, None),
        (P256, ("ES256",)),
        (P384, None),
        (EDWARDS, ("EdDSA",)),
        ({**P256, "use": "enc"}, None),
        ({"kty": "oct", "k": "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0"}, None),
        ({**P256, "crv": "P-257"}, None),
        ({**P256, "x": 7}, None),
    ],
)
def test_a_key_serves_the_algorithm_it_states_or_those_of_its_kind(
    jwk: dict[str, Any], algorithms: tuple[str, ...] | None
) -> None:
    found = keys_of({"keys": [{**jwk, "kid": "1"}]}).get("1")
    assert (found and found.algorithms) == algorithms


@pytest.mark.parametrize("document", [{}, {"keys": {}}, {"keys": [P256] * (keysets.KEYS_LIMIT + 1)}])
def test_what_is_no_key_set_is_not_read(document: dict[str, Any]) -> None:
    with pytest.raises(KeysAway):
        keys_of(document)


class Owner:
    """Publishes `keys`, counts how often it is asked, and may be away; `now` is the clock of the test."""

    def __init__(self) -> None:
        self.keys, self.asked, self.away, self.now = {"1": Key("first", ("ES256",))}, 0, False, 0.0
        self.found: Callable[[str], Any] = KeySet(self.fetch, lambda: self.now).find

    async def fetch(self) -> keysets.Keys:
        self.asked += 1
        await asyncio.sleep(0)
        if self.away:
            raise KeysAway
        return dict(self.keys)


async def test_a_crowd_asks_once() -> None:
    owner = Owner()
    found = await asyncio.gather(*(owner.found("1") for _ in range(50)), *(owner.found(f"x{n}") for n in range(50)))
    assert found == [owner.keys["1"]] * 50 + [None] * 50
    assert owner.asked == 1


async def test_an_unknown_key_is_asked_for_again_after_a_pause_only() -> None:
    owner = Owner()
    for now in (0.0, PAUSE_SECONDS - 1, PAUSE_SECONDS, PAUSE_SECONDS + 1):
        owner.now = now
        assert await owner.found("2") is None
    assert owner.asked == 2
    owner.keys["2"], owner.now = Key("second", ("ES256",)), 3 * PAUSE_SECONDS
    assert await owner.found("2") == owner.keys["2"]


async def test_a_key_that_is_no_longer_published_is_dropped_once_the_keys_are_old() -> None:
    owner = Owner()
    assert await owner.found("1") is not None
    owner.keys = {"2": Key("second", ("ES256",))}
    owner.now = FRESH_SECONDS
    assert await owner.found("1") is not None
    owner.now = FRESH_SECONDS + 1
    assert await owner.found("1") is None


async def test_known_keys_serve_for_a_day_while_their_owner_is_away() -> None:
    owner = Owner()
    assert await owner.found("1") is not None
    owner.away = True
    for now, serves in ((FRESH_SECONDS + 1, True), (STALE_SECONDS, True), (STALE_SECONDS + 1, False)):
        owner.now = now
        assert (await owner.found("1") is not None) is serves
    assert owner.asked == 3
