"""A partner's token bound to its key: stolen, it opens nothing (RFC 9449)."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from casework.demo.world import CLIENT, CLIENT_SECRET
from casework.identity import proofs
from casework.identity.tokens import TokenInvalid
from casework.main import install
from tests.conftest import settings_for
from tests.identity.security_log import reasons
from tests.identity.test_clients import a_key, public
from tests.identity.test_security_log import told

if TYPE_CHECKING:
    import httpx

    from tests.conftest import Server, World

pytestmark = pytest.mark.anyio
BASE = "http://127.0.0.1:8000"
FORM = {"grant_type": "client_credentials"}


def proof(key: Any, path: str, token: str | None = None, **changes: Any) -> str:
    """As a client signs it for `GET`; a change to None leaves a claim out."""
    header = {"typ": proofs.TYPE, "jwk": public(key), **changes.pop("header", {})}
    claims = {"htm": "GET", "htu": f"{BASE}{path}", "iat": time.time(), "jti": str(time.monotonic_ns()),
              "ath": proofs.fingerprint(token) if token else None, **changes}  # fmt: skip
    return jwt.encode({name: value for name, value in claims.items() if value is not None}, key, "ES256", header)


async def token_for(world: World, key: Any | None, **changes: Any) -> httpx.Response:
    headers = {"DPoP": proof(key, "/oauth/token", htm="POST", **changes)} if key else {}
    return await world.client(None, **headers).post(
        "/oauth/token", data=FORM, auth=(str(world.key(CLIENT)), CLIENT_SECRET)
    )


async def asked(
    world: World, token: str, signed: str | None, scheme: str = "DPoP", path: str = "/v1/me"
) -> httpx.Response:
    headers = {"Authorization": f"{scheme} {token}"} | ({"DPoP": signed} if signed else {})
    return await world.client(None, **headers).get(path)


@pytest.fixture
async def bound(world: World) -> tuple[ec.EllipticCurvePrivateKey, str]:
    key = a_key()
    answer = await token_for(world, key)
    assert (answer.status_code, answer.json()["token_type"]) == (200, "DPoP"), answer.text
    return key, answer.json()["access_token"]


async def test_a_stolen_token_serves_nobody_without_its_key(
    world: World, bound: tuple[ec.EllipticCurvePrivateKey, str]
) -> None:
    key, token = bound
    assert (await asked(world, token, proof(key, "/v1/me", token))).status_code == 200
    thief = a_key()
    thefts = [
        await asked(world, token, None),
        await asked(world, token, None, scheme="Bearer"),
        await asked(world, token, proof(key, "/v1/me", token), scheme="Bearer"),
        await asked(world, token, proof(thief, "/v1/me", token)),
        # The thief's proof under the owner's public key.
        await asked(world, token, proof(thief, "/v1/me", token, header={"jwk": public(key)})),
    ]
    assert {answer.status_code for answer in thefts} == {401}
    assert len({told(answer) for answer in thefts}) == 1
    assert reasons(world, "token.refused") == ["proof", "binding", "binding", "proof", "proof"]


async def test_a_proof_serves_one_request_once(world: World, bound: tuple[ec.EllipticCurvePrivateKey, str]) -> None:
    key, token = bound
    seen = proof(key, "/v1/me", token)
    assert (await asked(world, token, seen)).status_code == 200
    assert (await asked(world, token, seen)).status_code == 401
    other = (await token_for(world, key)).json()["access_token"]
    wrong: dict[str, str] = {
        "replayed": seen,
        "another address": proof(key, "/v1/cases", token),
        "another method": proof(key, "/v1/me", token, htm="POST"),
        "another token": proof(key, "/v1/me", other),
        "no token": proof(key, "/v1/me"),
        "too old": proof(key, "/v1/me", token, iat=time.time() - 90),
        "from the future": proof(key, "/v1/me", token, iat=time.time() + 90),
        "no instant": proof(key, "/v1/me", token, iat="now"),
        "no name of its own": proof(key, "/v1/me", token, jti=None),
        "of another type": proof(key, "/v1/me", token, header={"typ": "JWT"}),
        "with a private key": proof(key, "/v1/me", token, header={"jwk": {**public(key), "d": "AA"}}),
        "with no key": proof(key, "/v1/me", token, header={"jwk": "none"}),
        "with a shared secret": proof(key, "/v1/me", token, header={"jwk": {"kty": "oct", "k": "AAAA"}}),
        "no proof at all": "x.y.z",
        "endless": "x" * 5_000,
    }
    answers = {name: (await asked(world, token, signed)).status_code for name, signed in wrong.items()}
    assert answers == dict.fromkeys(wrong, 401)
    assert (await asked(world, token, proof(key, "/v1/me", token))).status_code == 200


async def test_an_address_with_a_question_is_proven_without_it(
    world: World, bound: tuple[ec.EllipticCurvePrivateKey, str]
) -> None:
    key, token = bound
    assert (await asked(world, token, proof(key, "/v1/cases", token), path="/v1/cases?limit=1")).status_code == 200


async def test_a_token_that_is_not_bound_is_none_of_dpop(world: World) -> None:
    plain = (await token_for(world, None)).json()
    assert plain["token_type"] == "Bearer"
    assert (await asked(world, plain["access_token"], None, scheme="Bearer")).status_code == 200
    signed = proof(a_key(), "/v1/me", plain["access_token"])
    assert (await asked(world, plain["access_token"], signed)).status_code == 401


async def test_a_bad_proof_gets_no_token(world: World) -> None:
    refused = await token_for(world, a_key(), htu=f"{BASE}/v1/me")
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_dpop_proof")
    assert reasons(world, "client.refused") == ["proof"]


async def test_a_house_may_want_every_token_of_a_client_bound(world: World, server: Server) -> None:
    await world.app.state.database.close()
    install(world.app, settings_for(server, world.database).model_copy(update={"bound_client_tokens": True}))
    assert (await token_for(world, None)).json()["error"] == "invalid_dpop_proof"
    assert (await token_for(world, a_key())).json()["token_type"] == "DPoP"
    told_of = (await world.client(None).get("/.well-known/oauth-protected-resource")).json()
    assert told_of["dpop_bound_access_tokens_required"] is True


def test_the_thumbprint_is_the_published_one() -> None:
    """RFC 7638 §3.1, and RFC 8037 appendix A.3."""
    rsa = {
        "kty": "RSA", "e": "AQAB", "alg": "RS256", "kid": "2011-04-29",
        "n": "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknj"
             "hMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5"
             "hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw",
    }  # fmt: skip
    assert proofs.thumbprint_of(rsa) == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"
    okp = {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}
    assert proofs.thumbprint_of(okp) == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"


def test_what_was_seen_is_forgotten_only_once_it_can_serve_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.time()
    here = proofs.Proofs(BASE, lambda: now)
    key = a_key()
    ahead = proof(key, "/v1/me", iat=now + 59)
    here.key_behind(ahead, "GET", "/v1/me")
    for later in (1, 59, 118):
        at = proofs.Proofs(BASE, lambda later=later: now + later)  # type: ignore[misc]
        at._seen = here._seen
        at.key_behind(proof(key, "/v1/me", iat=now + later), "GET", "/v1/me")
        with pytest.raises(TokenInvalid, match="proof_replayed"):
            at.key_behind(ahead, "GET", "/v1/me")
