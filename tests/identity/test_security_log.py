"""Refusals are written down, answered all alike, bounded in a flood, and proven like every other entry."""

from __future__ import annotations

import json
import time
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

import jwt
import psycopg
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from casework.audit import flood, security
from casework.audit.flood import Flood, Source
from casework.authz.caller import Caller, system
from casework.authz.policy import Role, SystemActor
from casework.demo.world import CLIENT, CLIENT_SECRET
from casework.kernel.database import Database
from casework.kernel.problems import DatabaseAway, NotSignedIn
from casework.verify import verify_files
from tests.identity.security_log import events, reasons

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import httpx

    from tests.conftest import World

pytestmark = pytest.mark.anyio

SECRET_WORD = "Rossignol-7731"  # in every hostile input of this file; it may stand in no leaf


def local_token(world: World, **changes: Any) -> str:
    """A token of the local issuer's own key, for Camille; `changes` bend a claim, `header` and `key` the rest."""
    issuer = world.app.state.issuer
    header = {"typ": "at+jwt", "kid": issuer.key_id, **changes.pop("header", {})}
    key, algorithm = changes.pop("key", issuer._key), changes.pop("algorithm", "ES256")
    now = int(time.time())
    claims = {"iss": issuer.url, "aud": "casework", "sub": str(world.key("camille")), "client_id": "tests",
              "iat": now, "exp": now + 600, "jti": SECRET_WORD, **changes}  # fmt: skip
    return jwt.encode({name: value for name, value in claims.items() if value is not None}, key, algorithm, header)


def bad_tokens(world: World) -> dict[str, str]:
    """Reason in the log -> a token that is refused for it."""
    stranger = ec.generate_private_key(ec.SECP256R1())
    return {
        "malformed": SECRET_WORD,
        "signature": local_token(world, key=stranger),
        "key": local_token(world, header={"kid": SECRET_WORD}),
        "type": local_token(world, header={"typ": "JWT"}),
        "algorithm": local_token(world, key="", algorithm="none"),
        "issuer": local_token(world, iss="https://elsewhere.example"),
        "audience": local_token(world, aud="another-api"),
        "expired": local_token(world, iat=1, exp=2),
        "not_yet_valid": local_token(world, nbf=int(time.time()) + 3600),
        "claims": local_token(world, jti=None),
        "unknown_subject": local_token(world, sub=str(world.key("nobody at all"))),
    }


def told(answer: httpx.Response) -> tuple[Any, ...]:
    """Everything an answer tells, but its date and its own id."""
    headers = {name: value for name, value in answer.headers.items() if name not in {"x-request-id", "date"}}
    return answer.status_code, answer.content, tuple(sorted(headers.items()))


# --- tokens -------------------------------------------------------------------------------------------------


async def test_every_bad_token_gets_one_answer_and_its_reason_stands_in_the_log_alone(world: World) -> None:
    bad = bad_tokens(world)
    answers = {
        reason: await world.client(None, Authorization=f"Bearer {token}").get("/v1/me") for reason, token in bad.items()
    }
    assert len({told(answer) for answer in answers.values()}) == 1
    [answer] = list(answers.values())[:1]
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == 'Bearer realm="casework", error="invalid_token"'
    assert reasons(world, "token.refused") == list(bad)


async def test_a_grant_that_has_ended_is_answered_like_a_bad_token(world: World) -> None:
    client = world.client("camille")
    assert (await client.get("/v1/me")).status_code == 200
    with world.owner() as owner:
        owner.execute("UPDATE role_grants SET revoked_at = now() WHERE user_id = %s", (world.key("camille"),))
    ended = await client.get("/v1/me")
    forged = await world.client(None, Authorization=f"Bearer {SECRET_WORD}").get("/v1/me")
    assert told(ended) == told(forged)
    [leaf, _] = events(world, "token.refused")
    assert leaf["facts"]["reason"] == "grant_ended"
    assert leaf["actor"] is not None


async def test_no_credential_at_all_is_no_event(world: World) -> None:
    assert (await world.client(None).get("/v1/me")).status_code == 401
    assert events(world) == []


async def test_a_permission_refused_names_the_actor_and_the_permission(world: World) -> None:
    answer = await world.client("adele").get("/v1/cases")
    assert answer.status_code == 403
    [leaf] = events(world, "permission.refused")
    assert (leaf["role"], leaf["facts"]["permission"]) == ("administrator", "case:read")
    assert leaf["facts"]["request"] == answer.headers["x-request-id"]


# --- contexts forged by SQL -----------------------------------------------------------------------------------


async def test_a_context_forged_by_sql_ends_the_statement(world: World) -> None:
    async def injected() -> None:
        async with world.app.state.database.transaction(as_camille(world).context()) as session:
            assert await session.rows("SELECT id FROM cases") == []
            await session.rows("SELECT set_config('casework.context', %s, true)", (forged(world),))
            await session.rows("SELECT id FROM cases")

    with pytest.raises(psycopg.errors.InvalidAuthorizationSpecification, match="context refused"):
        await injected()


async def test_a_genuine_context_carried_into_another_role_ends_the_statement(world: World) -> None:
    """Prosper's own, signed by the server's key, replayed where the transaction acts as a caseworker."""
    replayed = Caller(world.key("prosper"), Role.coordinator, "prosper", world.key("prosper/grant")).context()

    async def injected() -> None:
        async with world.app.state.database.transaction(as_camille(world).context()) as session:
            signed = replayed.signed(world.app.state.settings.key("context"))
            await session.rows("SELECT set_config('casework.context', %s, true)", (signed,))
            await session.rows("SELECT id FROM cases")

    with pytest.raises(psycopg.errors.InvalidAuthorizationSpecification, match="context refused"):
        await injected()


def as_camille(world: World) -> Caller:
    return Caller(world.key("camille"), Role.caseworker, "camille", world.key("camille/grant"))


def forged(world: World) -> str:
    """Prosper's reach, under a key that is not the server's."""
    return Caller(world.key("prosper"), Role.caseworker, "prosper").context().signed(b"not the key")


async def test_a_forged_context_behind_a_route_is_a_401_and_an_event(world: World) -> None:
    app, ours, setting = world.app, Database.transaction, forged(world)

    class Injected(Database):
        """The server's own database, behind which somebody's SQL runs first."""

        def transaction(self, context: Any) -> Any:
            return Tampered(ours(self, context)) if context.role == "caseworker" else ours(self, context)

    class Tampered:
        def __init__(self, inner: Any) -> None:
            self.inner = inner

        async def __aenter__(self) -> Any:
            session = await self.inner.__aenter__()
            await session.rows("SELECT set_config('casework.context', %s, true)", (setting,))
            return session

        async def __aexit__(self, *raised: object) -> Any:
            return await self.inner.__aexit__(*raised)

    app.state.database.__class__ = Injected
    try:
        answer = await world.client("camille").get("/v1/cases")
    finally:
        app.state.database.__class__ = Database
    bad = await world.client(None, Authorization=f"Bearer {SECRET_WORD}").get("/v1/me")
    assert told(answer) == told(bad)
    assert reasons(world, "token.refused") == ["context_forged", "malformed"]


# --- what a leaf may hold -----------------------------------------------------------------------------------


async def test_no_leaf_holds_a_secret_a_name_an_address_or_the_input(world: World) -> None:
    for token in bad_tokens(world).values():
        await world.client(None, Authorization=f"Bearer {token}").get("/v1/me")
    await world.client(None).post("/v1/sessions", json={"username": "camille", "password": SECRET_WORD})
    await world.client(None).post("/v1/sessions", json={"username": SECRET_WORD, "password": SECRET_WORD})
    form = {"grant_type": "client_credentials"}
    await world.client(None).post("/oauth/token", data=form, auth=(str(world.key(CLIENT)), SECRET_WORD))
    await world.client(None).post("/oauth/token", data=form, auth=(SECRET_WORD, SECRET_WORD))
    await world.client(None).post("/oauth/token", data=form, auth=(str(world.key(CLIENT)), CLIENT_SECRET))
    text = json.dumps(events(world))
    assert {"token.refused", "sign_in.failed", "client.refused", "client.signed_in"} == {
        leaf["type"] for leaf in events(world)
    }
    for hidden in (SECRET_WORD, "camille", "Camille", CLIENT_SECRET, "127.0.0.1", str(world.key("camille"))):
        assert hidden not in text
    assert {leaf["address"] for leaf in events(world)} == {
        world.app.state.sentinel.addresses.hashed(ip_address("127.0.0.1"))
    }


async def test_the_same_person_stands_under_one_pseudonym_in_both_logs(world: World) -> None:
    await world.client("camille").get("/v1/users")
    await world.client(None).post("/v1/sessions", json={"username": "camille", "password": "wrong password"})
    refused, failed = events(world, "permission.refused", "sign_in.failed")
    # Camille has no password: the account is told apart in the log, never in the answer.
    assert failed["facts"] == {"request": failed["facts"]["request"], "reason": "unknown_account",
                               "account": refused["actor"]}  # fmt: skip


# --- bounded ------------------------------------------------------------------------------------------------


async def test_a_flood_from_one_address_leaves_a_few_leaves_and_its_count(world: World) -> None:
    client = world.client(None, Authorization="Bearer nonsense")
    for _ in range(40):
        assert (await client.get("/v1/me")).status_code == 401
    assert len(events(world, "token.refused")) == flood.PER_SOURCE
    await world.app.state.sentinel.tell_counts(force=True)
    [counted] = events(world, security.COUNTED)
    assert counted["facts"] == {"event": "token.refused", "count": 20, "window_seconds": 60}
    assert counted["address"] == events(world, "token.refused")[0]["address"]


def crowd(count: int) -> Iterator[Source]:
    return (Source("token.refused", f"address-{number}") for number in range(count))


def test_a_flood_from_everywhere_is_bounded_too_and_nothing_is_lost() -> None:
    """20,000 addresses: bounded leaves and counts, whose sum is exact."""
    floods = Flood()
    written = sum(floods.admits(source) for source in crowd(20_000))
    told = floods.closed(1e9)
    assert written == flood.ALTOGETHER
    assert len(told) <= flood.NAMED + 1
    assert written + sum(count for _, count in told) == 20_000
    assert len(floods._seen) == 0


def test_a_new_window_writes_again() -> None:
    floods = Flood()
    source = Source("token.refused", "here")
    assert sum(floods.admits(source) for _ in range(25)) == flood.PER_SOURCE
    assert floods.closed(1.0) == []
    assert floods.closed(flood.WINDOW_SECONDS + 1) == [(source, 5)]
    assert floods.admits(source)


async def test_a_refusal_that_cannot_be_written_down_still_stands_and_is_told_later(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = 0

    class Away:
        def transaction(self, _context: Any) -> Any:
            nonlocal asked
            asked += 1
            raise DatabaseAway

    sentinel = world.app.state.sentinel
    monkeypatch.setattr(sentinel, "_database", Away())
    for _ in range(3):
        answer = await world.client(None, Authorization=f"Bearer {SECRET_WORD}").get("/v1/me")
        assert (answer.status_code, answer.json()["type"]) == (401, "/v1/problems/not-signed-in")
    # Asked once: the next refusals did not wait for a database that is away.
    assert asked == 1
    monkeypatch.undo()
    await sentinel.tell_counts(force=True)
    [counted] = events(world)
    assert (counted["type"], counted["facts"]["count"]) == (security.COUNTED, 3)


# --- exported and proven ------------------------------------------------------------------------------------


async def test_the_auditor_exports_the_security_log_and_verifies_it_offline(world: World, tmp_path: Path) -> None:
    for token in bad_tokens(world).values():
        await world.client(None, Authorization=f"Bearer {token}").get("/v1/me")
    await world.sequence()
    auditor = world.client("aurele")
    export = await auditor.get("/v1/security-log")
    kept = await auditor.get("/v1/log/checkpoint?log=security")
    key = (await auditor.get("/v1/log/key")).json()["security"]
    assert export.headers["content-type"] == "application/jsonl"
    file = tmp_path / "security.jsonl"
    file.write_bytes(export.content)
    report = verify_files([file], kept.text, key)
    assert (report.ok, report.complete, report.entries) == (True, True, 11)
    assert report.origin == "casework.example/log/security"
    file.write_bytes(export.content.replace(b'"expired"', b'"audience"', 1))
    assert not verify_files([file], kept.text, key).ok
    filtered = await auditor.get("/v1/security-log?type=token.refused&limit=3")
    assert len(filtered.content.splitlines()) == 4


async def test_the_sentinel_writes_security_leaves_and_nothing_else(world: World) -> None:
    for log in ("audit", "milestones"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            async with world.app.state.database.transaction(system(SystemActor.sentinel).context()) as session:
                await session.rows(
                    "INSERT INTO log_leaves (id, log, body, recorded_at)"
                    " VALUES (gen_random_uuid(), %s, '{}', now())", (log,),
                )  # fmt: skip
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        async with world.app.state.database.transaction(system(SystemActor.sentinel).context()) as session:
            await session.rows("SELECT body FROM log_leaves")


def test_a_reason_is_never_told() -> None:
    problem = NotSignedIn("context_forged")
    assert "context_forged" not in json.dumps(problem.document("fr")) + json.dumps(problem.headers)
