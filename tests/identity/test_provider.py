"""Access tokens of a real OpenID Connect provider: accepted for people we know, refused for every other reason."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from casework.identity import keysets, provider
from casework.identity.tokens import Strength
from casework.main import install
from tests.conftest import settings_for
from tests.identity.real_provider import RealProvider, installed
from tests.identity.security_log import reasons
from tests.identity.test_security_log import told

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Server, World

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealProvider]:
    with RealProvider(installed(tmp_path_factory.mktemp("oidc"))) as running:
        yield running


@pytest.fixture
async def joined(world: World, server: Server, real: RealProvider) -> World:
    """Casework told of the provider, where Camille and the machine have an account; fresh keys, nothing cached."""
    real.control("away", away=False)
    real.control("renew")
    await world.app.state.database.close()
    settings = settings_for(server, world.database).model_copy(update={"oidc_issuer": real.issuer})
    install(world.app, settings)
    with world.owner() as owner:
        for username, subject in (("camille", "camille-at-the-ministry"), ("basile", "machine")):
            owner.execute("UPDATE users SET issuer = %s, subject = %s WHERE id = %s",
                          (real.issuer, subject, world.key(username)))  # fmt: skip
    return world


async def asked(world: World, token: str, path: str = "/v1/me") -> httpx.Response:
    return await world.client(None, Authorization=f"Bearer {token}").get(path)


def claims_of(token: str) -> dict[str, Any]:
    part = token.split(".")[1]
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return found


async def test_a_person_who_signed_in_at_the_provider_acts_with_the_grant_in_our_database(
    joined: World, real: RealProvider
) -> None:
    token = real.by_code("camille-at-the-ministry", "openid profile")["access_token"]
    me = await asked(joined, token)
    assert me.status_code == 200, me.text
    assert (me.json()["id"], me.json()["role"]) == (str(joined.key("camille")), "caseworker")


async def test_a_scope_that_names_a_permission_narrows_the_role_to_it(joined: World, real: RealProvider) -> None:
    token = real.by_code("camille-at-the-ministry", "openid case:read")["access_token"]
    assert (await asked(joined, token, "/v1/cases")).status_code == 200
    assert (await asked(joined, token)).status_code == 403


async def test_a_token_by_client_credentials_is_accepted_too(joined: World, real: RealProvider) -> None:
    answer = await asked(joined, real.by_client_credentials(), "/v1/cases")
    assert answer.status_code == 200, answer.text


async def test_a_person_without_an_account_here_is_refused(joined: World, real: RealProvider) -> None:
    answer = await asked(joined, real.by_code("a-stranger")["access_token"])
    assert (answer.status_code, reasons(joined, "token.refused")) == (401, ["unknown_subject"])


async def test_an_id_token_is_refused_by_its_type_and_by_nothing_else(joined: World, real: RealProvider) -> None:
    id_token = real.by_code("camille-at-the-ministry")["id_token"]
    assert (await asked(joined, id_token)).status_code == 401
    assert reasons(joined, "token.refused") == ["type"]
    # The very claims of an access token, signed by the very key: only the header's type is another.
    access = claims_of(real.by_code("camille-at-the-ministry")["access_token"])
    assert (await asked(joined, real.sign(access, typ="JWT"), "/v1/cases")).status_code == 401
    assert (await asked(joined, real.sign(access), "/v1/cases")).status_code == 200


async def test_every_bad_token_of_the_provider_gets_one_answer(joined: World, real: RealProvider) -> None:
    good = claims_of(real.by_code("camille-at-the-ministry")["access_token"])
    now = int(time.time())
    head = base64.urlsafe_b64encode(b'{"alg":"none","typ":"at+jwt","kid":"x"}').rstrip(b"=").decode()
    body = base64.urlsafe_b64encode(json.dumps(good).encode()).rstrip(b"=").decode()
    another = real.by_client_credentials("urn:elsewhere")
    signed = real.sign(good)
    bad = {
        "algorithm": f"{head}.{body}.",
        "audience": another,
        "expired": real.sign({**good, "iat": now - 900, "exp": now - 300}),
        "not_yet_valid": real.sign({**good, "nbf": now + 600}),
        "key": real.sign(good, kid="nobody-published-it"),
        "signature": signed[:-8] + ("A" * 8 if not signed.endswith("A" * 8) else "B" * 8),
        "claims": real.sign({name: value for name, value in good.items() if name != "jti"}),
    }
    answers = [await asked(joined, token) for token in bad.values()]
    assert len({told(answer) for answer in answers}) == 1
    assert answers[0].status_code == 401
    assert reasons(joined, "token.refused") == list(bad)


async def test_another_issuers_token_is_not_ours_to_judge(joined: World, real: RealProvider) -> None:
    good = claims_of(real.by_client_credentials())
    assert (await asked(joined, real.sign({**good, "iss": "https://elsewhere.example"}))).status_code == 401


async def test_a_rotated_key_is_picked_up_and_the_old_one_is_dropped(
    joined: World, real: RealProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keysets, "PAUSE_SECONDS", 0.0)
    before = real.by_client_credentials()
    assert (await asked(joined, before, "/v1/cases")).status_code == 200
    real.control("renew")
    after = real.by_client_credentials()
    assert (await asked(joined, after, "/v1/cases")).status_code == 200
    assert (await asked(joined, before, "/v1/cases")).status_code == 401


async def test_a_flood_of_unknown_keys_asks_the_provider_once(joined: World, real: RealProvider) -> None:
    good = claims_of(real.by_client_credentials())
    before = real.control("counts")
    tokens = [real.sign(good, kid=f"unknown-{number}") for number in range(25)]
    for token in tokens:
        assert (await asked(joined, token)).status_code == 401
    after = real.control("counts")
    assert (after["jwks"] - before["jwks"], after["discovery"] - before["discovery"]) == (1, 1)


async def test_known_keys_serve_while_the_provider_is_away(
    joined: World, real: RealProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = real.by_client_credentials()
    assert (await asked(joined, token, "/v1/cases")).status_code == 200
    real.control("away", away=True)
    monkeypatch.setattr(keysets, "FRESH_SECONDS", -1.0)
    monkeypatch.setattr(keysets, "PAUSE_SECONDS", 0.0)
    assert (await asked(joined, token, "/v1/cases")).status_code == 200
    monkeypatch.setattr(keysets, "STALE_SECONDS", -1.0)
    assert (await asked(joined, token, "/v1/cases")).status_code == 401


async def test_people_keep_no_local_way_in_once_it_is_closed(joined: World, server: Server, real: RealProvider) -> None:
    await joined.app.state.database.close()
    changes = {"oidc_issuer": real.issuer, "local_sign_in": False}
    install(joined.app, settings_for(server, joined.database).model_copy(update=changes))
    assert (await joined.client("camille").get("/v1/me")).status_code == 401
    assert reasons(joined, "token.refused") == ["local_sign_in_off"]
    assert (await asked(joined, real.by_client_credentials(), "/v1/cases")).status_code == 200


async def test_a_sign_in_too_weak_or_too_old_is_asked_for_again(
    joined: World, server: Server, real: RealProvider
) -> None:
    """RFC 9470: the challenge says in which way; the token is genuine in every case."""
    await joined.app.state.database.close()
    changes = {"oidc_issuer": real.issuer, "oidc_acr": "urn:two-factors urn:passkey", "oidc_max_age_seconds": 3600}
    install(joined.app, settings_for(server, joined.database).model_copy(update=changes))
    good = claims_of(real.by_code("camille-at-the-ministry")["access_token"])
    now = int(time.time())
    strong = {**good, "acr": "urn:passkey", "auth_time": now - 60}
    refused = {
        "authentication_weak": [good, {**strong, "acr": "urn:password"}, {**strong, "acr": ["urn:passkey"]}],
        "authentication_old": [
            {**strong, "auth_time": now - 7200},
            {k: v for k, v in strong.items() if k != "auth_time"},
        ],
    }
    for claims in (one for tokens in refused.values() for one in tokens):
        answer = await asked(joined, real.sign(claims), "/v1/cases")
        assert (answer.status_code, answer.json()["type"]) == (401, "/v1/problems/stronger-sign-in-needed")
        assert answer.headers["www-authenticate"].endswith('acr_values="urn:two-factors urn:passkey", max_age=3600')
    assert reasons(joined, "token.refused") == [code for code, tokens in refused.items() for _ in tokens]
    assert (await asked(joined, real.sign(strong), "/v1/cases")).status_code == 200


HERE = "http://127.0.0.1:9"
SOUND = {"issuer": HERE, "jwks_uri": f"{HERE}/jwks", "keys": []}
"""Serves as the discovery document and as the keys."""


async def published(monkeypatch: pytest.MonkeyPatch, served: Any) -> keysets.Keys:
    """What we take from a provider that answers every request with `served`."""
    transport = httpx.MockTransport(lambda _request: httpx.Response(200, json=served))
    real_client = httpx.AsyncClient
    monkeypatch.setattr(httpx, "AsyncClient", lambda **_: real_client(transport=transport))
    return await provider.Provider(HERE, "casework", Strength())._published()


@pytest.mark.parametrize(
    "described",
    [
        {**SOUND, "issuer": "https://elsewhere.example"},
        {**SOUND, "jwks_uri": "http://keys.example/jwks"},
        {"issuer": HERE, "keys": []},
        {**SOUND, "keys": "none"},
        [SOUND],
        {**SOUND, "more": "x" * provider.DOCUMENT_LIMIT},
    ],
    ids=["another issuer", "keys in clear", "no address of keys", "no keys", "no object", "too large"],
)
async def test_a_discovery_document_that_cannot_be_trusted_brings_no_key(
    monkeypatch: pytest.MonkeyPatch, described: Any
) -> None:
    with pytest.raises(keysets.KeysAway):
        await published(monkeypatch, described)


async def test_a_redirect_of_the_provider_is_not_followed() -> None:
    """A real answer on a real socket: the keys behind it would be somebody else's."""
    asked: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(keysets.KeysAway, match="status 302"):
            await provider.Provider(f"http://127.0.0.1:{port}", "casework", Strength())._published()
    assert len(asked) == 1


async def test_a_sound_discovery_document_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control of the test above."""
    assert await published(monkeypatch, SOUND) == {}
