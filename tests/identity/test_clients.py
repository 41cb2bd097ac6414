"""Partners' machines: secrets that rotate with overlap, keys of their own, networks, scopes, and an end at once."""

from __future__ import annotations

import json
import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from casework.demo.world import CLIENT, CLIENT_SECRET
from casework.identity import assertions
from casework.kernel import clock
from casework.main import install
from casework.settings import Settings
from tests.conftest import settings_for
from tests.identity.security_log import events, reasons
from tests.identity.test_security_log import told

if TYPE_CHECKING:
    from tests.conftest import Server, World

pytestmark = pytest.mark.anyio

GRANT = {"grant_type": "client_credentials"}


async def a_client(world: World, **changes: Any) -> dict[str, Any]:
    """Made by the administrator for Le Phare; it has neither secret nor key yet."""
    body = {"name": "Suivi du Phare", "organization_id": str(world.key("le-phare")),
            "scopes": ["me:read", "case:read"], **changes}  # fmt: skip
    answer = await world.client("adele").post("/v1/api-clients", json=body)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def a_secret(world: World, client: dict[str, Any], by: str = "pelagie", **body: Any) -> dict[str, Any]:
    answer = await world.client(by).post(f"/v1/api-clients/{client['id']}/secrets", json=body)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def token_with(world: World, client: dict[str, Any], secret: str, **form: str) -> httpx.Response:
    return await world.client(None).post("/oauth/token", data={**GRANT, **form}, auth=(client["id"], secret))


async def me_with(world: World, answer: httpx.Response, **headers: str) -> httpx.Response:
    authorization = f"Bearer {answer.json()['access_token']}"
    return await world.client(None, Authorization=authorization, **headers).get("/v1/me")


# --- who makes one, and who knows its secret ------------------------------------------------------------------


async def test_the_administrator_makes_a_client_and_never_learns_a_secret_of_it(world: World) -> None:
    client = await a_client(world)
    assert not {"secret", "secret_hash"} & client.keys()
    refused = await world.client("adele").post(f"/v1/api-clients/{client['id']}/secrets", json={})
    assert refused.status_code == 403
    secret = await a_secret(world, client)
    answer = await token_with(world, client, secret["secret"])
    assert (await me_with(world, answer)).json()["organization_id"] == str(world.key("le-phare"))


async def test_another_organization_finds_no_such_client(world: World) -> None:
    client = await a_client(world)
    theirs = await world.client("raoul").post(f"/v1/api-clients/{client['id']}/secrets", json={})
    absent = await world.client("raoul").post(f"/v1/api-clients/{world.key('nothing')}/secrets", json={})
    assert (theirs.status_code, told(theirs)) == (404, told(absent))
    assert (await world.client("raoul").get("/v1/api-clients")).json()["items"] == []
    listed = (await world.client("pelagie").get("/v1/api-clients")).json()["items"]
    assert {item["id"] for item in listed} == {client["id"], str(world.key(CLIENT))}


async def test_a_machine_gives_itself_no_secret_and_vouches_for_nobody(world: World) -> None:
    for scope in ("client_secret:manage", "grant:approve", "password:issue", "case:create"):
        body = {"name": "X", "organization_id": str(world.key("le-phare")), "scopes": [scope]}
        answer = await world.client("adele").post("/v1/api-clients", json=body)
        assert answer.json()["type"] == "/v1/problems/scope-refused"
    client = await a_client(world)
    answer = await token_with(world, client, (await a_secret(world, client))["secret"])
    machine = world.client(None, Authorization=f"Bearer {answer.json()['access_token']}")
    assert (await machine.post(f"/v1/api-clients/{client['id']}/secrets", json={})).status_code == 403


# --- rotation ------------------------------------------------------------------------------------------------


async def test_two_secrets_serve_during_a_rotation_and_the_old_one_no_longer_after(world: World) -> None:
    client = await a_client(world)
    old = await a_secret(world, client)
    new = await a_secret(world, client, overlap_days=7)
    for secret in (old, new):
        assert (await token_with(world, client, secret["secret"])).status_code == 200
    with clock.frozen(clock.now() + timedelta(days=7, minutes=1)):
        replayed = await token_with(world, client, old["secret"])
        assert (replayed.status_code, replayed.json()["error"]) == (401, "invalid_client")
        assert (await token_with(world, client, new["secret"])).status_code == 200
    [refused] = events(world, "client.refused")
    assert refused["facts"]["reason"] == "secret"
    assert refused["facts"]["client"] == client["id"]


async def test_an_old_secret_is_revoked_before_its_time(world: World) -> None:
    client = await a_client(world)
    old, new = await a_secret(world, client), await a_secret(world, client)
    revoked = await world.client("pelagie").post(f"/v1/api-clients/{client['id']}/secrets/{old['id']}/revoke")
    assert revoked.status_code == 200
    assert (await token_with(world, client, old["secret"])).status_code == 401
    assert (await token_with(world, client, new["secret"])).status_code == 200
    kinds = [leaf["type"] for leaf in events(world) if leaf["type"].startswith("client_secret")]
    assert kinds == ["client_secret.created", "client_secret.created", "client_secret.revoked"]


async def test_a_third_secret_waits_for_the_end_of_the_rotation(world: World) -> None:
    client = await a_client(world)
    await a_secret(world, client)
    await a_secret(world, client)
    third = await world.client("pelagie").post(f"/v1/api-clients/{client['id']}/secrets", json={})
    assert (third.status_code, third.json()["type"]) == (409, "/v1/problems/too-many-secrets")
    # A rotation without overlap ends the one before at once.
    with clock.frozen(clock.now() + timedelta(days=8)):
        await a_secret(world, client, overlap_days=0)


# --- the client's own key ------------------------------------------------------------------------------------


def a_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def public(key: ec.EllipticCurvePrivateKey, kid: str = "1") -> dict[str, Any]:
    return {**json.loads(ECAlgorithm.to_jwk(key.public_key())), "kid": kid, "use": "sig"}


def assertion(world: World, client: dict[str, Any], key: Any, **changes: Any) -> str:
    now = int(time.time())
    header = {"kid": "1", **changes.pop("header", {})}
    algorithm = changes.pop("algorithm", "ES256")
    claims = {"iss": client["id"], "sub": client["id"], "jti": f"{time.monotonic_ns()}", "iat": now, "exp": now + 60,
              "aud": f"{world.app.state.issuer.url}/oauth/token", **changes}  # fmt: skip
    return jwt.encode({name: value for name, value in claims.items() if value is not None}, key, algorithm, header)


async def token_by(world: World, signed: str, **form: str) -> httpx.Response:
    data = {**GRANT, "client_assertion_type": assertions.TYPE, "client_assertion": signed, **form}
    return await world.client(None).post("/oauth/token", data=data)


async def with_key(world: World, key: ec.EllipticCurvePrivateKey) -> dict[str, Any]:
    client = await a_client(world)
    answer = await world.client("pelagie").post(f"/v1/api-clients/{client['id']}/keys", json={"keys": [public(key)]})
    assert answer.status_code == 200, answer.text
    return client


async def test_a_client_signs_in_with_its_own_key_once_an_assertion(world: World) -> None:
    key = a_key()
    client = await with_key(world, key)
    signed = assertion(world, client, key)
    assert (await me_with(world, await token_by(world, signed))).status_code == 200
    replayed = await token_by(world, signed)
    assert (replayed.status_code, replayed.json()["error"]) == (401, "invalid_client")
    assert reasons(world, "client.refused") == ["replayed"]


async def test_every_bad_credential_gets_one_answer(world: World) -> None:
    key, stranger = a_key(), a_key()
    client = await with_key(world, key)
    secret = (await a_secret(world, client))["secret"]
    used = assertion(world, client, key)
    await token_by(world, used)
    now = int(time.time())
    bad = [
        ("replayed", await token_by(world, used)),
        ("assertion", await token_by(world, assertion(world, client, stranger))),
        ("assertion", await token_by(world, assertion(world, client, key, aud="https://elsewhere.example/token"))),
        ("assertion", await token_by(world, assertion(world, client, key, iat=now - 900, exp=now - 600))),
        ("assertion", await token_by(world, assertion(world, client, key, jti=None))),
        ("assertion", await token_by(world, assertion(world, client, key, iss="somebody else"))),
        ("lifetime", await token_by(world, assertion(world, client, key, exp=now + 86_400))),
        ("algorithm", await token_by(world, assertion(world, client, "", algorithm="none"))),
        ("key", await token_by(world, assertion(world, client, key, header={"kid": "2"}))),
        ("unknown_client", await token_by(world, assertion(world, {"id": str(world.key("none"))}, key))),
        ("malformed", await token_by(world, "nonsense")),
        ("credentials", await token_by(world, assertion(world, client, key), client_secret=secret)),
        ("credentials", await token_by(world, assertion(world, client, key), client_assertion_type="urn:other")),
        ("secret", await token_with(world, client, "wrong")),
        ("unknown_client", await token_with(world, {"id": str(world.key("none"))}, secret)),
        ("unknown_client", await token_with(world, {"id": "nonsense"}, secret)),
        ("credentials", await world.client(None).post("/oauth/token", data=GRANT)),
    ]  # fmt: skip
    assert len({told(answer) for _, answer in bad}) == 1
    assert bad[0][1].status_code == 401
    assert reasons(world, "client.refused") == [reason for reason, _ in bad]


@pytest.mark.parametrize(
    "key",
    [
        {"kty": "oct", "k": "c2VjcmV0", "kid": "1"},
        {**public(a_key()), "d": "AAAA"},
        {name: value for name, value in public(a_key()).items() if name != "kid"},
        {**json.loads(RSAAlgorithm.to_jwk(rsa.generate_private_key(65_537, 1_024).public_key())), "kid": "1"},
        {"kty": "EC", "kid": "1"},
        {},
    ],
    ids=["shared secret", "private", "no kid", "short", "incomplete", "empty"],
)
async def test_a_key_that_proves_nothing_is_not_taken(world: World, key: dict[str, Any]) -> None:
    client = await a_client(world)
    answer = await world.client("pelagie").post(f"/v1/api-clients/{client['id']}/keys", json={"keys": [key]})
    assert (answer.status_code, answer.json()["type"]) == (422, "/v1/problems/keys-refused")


# --- networks -------------------------------------------------------------------------------------------------


async def test_a_client_calls_from_its_networks_only(world: World) -> None:
    home = await a_client(world, networks=["127.0.0.0/8"])
    away = await a_client(world, networks=["192.0.2.0/24", "2001:db8::/32"])
    assert (await token_with(world, home, (await a_secret(world, home))["secret"])).status_code == 200
    refused = await token_with(world, away, (await a_secret(world, away))["secret"])
    assert refused.status_code == 401
    assert reasons(world, "client.refused") == ["network"]
    # A token that was had elsewhere does not help either.
    token = world.app.state.issuer.issue(away["id"], away["id"], ["me:read"])
    stolen = await world.client(None, Authorization=f"Bearer {token}").get("/v1/me")
    bad = await world.client(None, Authorization="Bearer nonsense").get("/v1/me")
    assert told(stolen) == told(bad)
    assert reasons(world, "token.refused") == ["network", "malformed"]


@pytest.mark.parametrize(
    ("trusted", "forwarded", "status"),
    [
        ("", "192.0.2.7", 401),
        ("127.0.0.1/32", "192.0.2.7", 200),
        ("127.0.0.1/32", "192.0.2.7, 198.51.100.9", 401),
        ("127.0.0.1/32, 198.51.100.0/24", "192.0.2.7, 198.51.100.9", 200),
        ("127.0.0.1/32", "nonsense", 401),
        ("127.0.0.1/32", "", 401),
    ],
)
async def test_what_a_stranger_forwards_is_hearsay(
    world: World, server: Server, trusted: str, forwarded: str, status: int
) -> None:
    """The nearest address that is none of our own proxies counts, whatever stands before it."""
    away = await a_client(world, networks=["192.0.2.0/24"])
    secret = (await a_secret(world, away))["secret"]
    await world.app.state.database.close()
    install(world.app, Settings(**{**dict(settings_for(server, world.database)), "trusted_proxies": trusted}))
    asked = world.client(None, **{"X-Forwarded-For": forwarded})
    answer = await asked.post("/oauth/token", data=GRANT, auth=(away["id"], secret))
    assert answer.status_code == status


# --- the end ------------------------------------------------------------------------------------------------


async def test_a_revoked_client_is_stopped_at_once_though_it_was_just_seen(world: World) -> None:
    """Revoked by another process: this one still remembers the caller, PostgreSQL refuses it at the door, and from
    then on it is looked up afresh."""
    form = await world.client(None).post("/oauth/token", data=GRANT, auth=(str(world.key(CLIENT)), CLIENT_SECRET))
    client = world.client(None, Authorization=f"Bearer {form.json()['access_token']}")
    assert (await client.get("/v1/me")).status_code == 200
    with world.owner() as owner:
        owner.execute("UPDATE api_clients SET revoked_at = now() WHERE id = %s", (world.key(CLIENT),))
    assert (world.app.state.issuer.url, str(world.key(CLIENT))) in world.app.state.authenticate._callers
    assert (await client.get("/v1/me")).status_code == 401
    assert (await client.get("/v1/cases")).status_code == 401
    assert reasons(world, "token.refused") == ["grant_ended", "unknown_subject"]


async def test_a_client_that_was_revoked_or_has_expired_gets_no_token(world: World) -> None:
    revoked, expired = await a_client(world), await a_client(world, valid_days=1)
    secrets = {client["id"]: (await a_secret(world, client))["secret"] for client in (revoked, expired)}
    answer = await world.client("adele").post(f"/v1/api-clients/{revoked['id']}/revoke")
    assert answer.json()["revoked_at"] is not None
    with clock.frozen(clock.now() + timedelta(days=2)):
        for client in (revoked, expired):
            assert (await token_with(world, client, secrets[client["id"]])).status_code == 401
    assert reasons(world, "client.refused") == ["unknown_client", "unknown_client"]


async def test_a_client_gets_the_scopes_it_was_granted_and_no_more(world: World) -> None:
    client = await a_client(world)
    secret = (await a_secret(world, client))["secret"]
    assert (await token_with(world, client, secret)).json()["scope"] == "case:read me:read"
    more = await token_with(world, client, secret, scope="case:read milestone:record")
    assert (more.status_code, more.json()["error"]) == (400, "invalid_scope")
