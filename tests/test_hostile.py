"""What arrives malformed gets an answer a person can act on, never a 5xx, and leaves nothing behind."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from casework.demo.families import family

if TYPE_CHECKING:
    import httpx

    from tests.conftest import World

pytestmark = pytest.mark.anyio

GOOD = json.dumps(family(1, size=1).body)
NAME = '"full":'


def with_name(raw: str) -> bytes:
    """The good intake with the principal's full name replaced by raw JSON."""
    before, _, after = json.dumps(family(1, size=1).body, separators=(",", ":")).partition(NAME)
    return (before + NAME + raw + after[after.index('",') + 1 :]).encode()


def with_consent(**changes: Any) -> dict[str, Any]:
    """The good intake, with its first consent changed."""
    body: dict[str, Any] = json.loads(GOOD)
    body["consents"][0].update(changes)
    return body


BODIES: dict[str, tuple[bytes, int]] = {
    "not json": (b"{", 400),
    "two documents": (b"{}{}", 400),
    "an array": (b"[]", 422),
    "a bare string": (b'"case"', 422),
    "null": (b"null", 422),
    "nothing": (b"", 422),
    "invalid utf-8": (b'{"programme": "\xff"}', 400),
    "a byte order mark": (b"\xef\xbb\xbf{}", 400),
    "unknown field": (GOOD.replace('"programme"', '"surprise": 1, "programme"').encode(), 422),
    "duplicate key": (b'{"programme": "asylum", "programme": "asylum"}', 400),
    "wrong type": (GOOD.replace('"asylum"', "7").encode(), 422),
    "unknown enum": (GOOD.replace('"asylum"', '"holiday"').encode(), 422),
    "NUL": (with_name('"a\\u0000b"'), 400),
    "raw NUL": (with_name('"a\x00b"'), 400),
    "lone surrogate": (with_name('"\\ud800"'), 400),
    "NaN": (b'{"programme": NaN}', 400),
    "Infinity": (b'{"programme": Infinity}', 400),
    "1e400": (GOOD.replace('"bedrooms": 1', '"bedrooms": 1e400').encode(), 400),
    "huge integer": (GOOD.replace('"bedrooms": 1', '"bedrooms": ' + "9" * 400).encode(), 400),
    "int8 overflow": (GOOD.replace('"bedrooms": 1', '"bedrooms": 9223372036854775808').encode(), 400),
    "negative": (GOOD.replace('"bedrooms": 1', '"bedrooms": -1').encode(), 422),
    "a fraction": (GOOD.replace('"bedrooms": 1', '"bedrooms": 1.5').encode(), 422),
    "a boolean for a number": (GOOD.replace('"bedrooms": 1', '"bedrooms": true').encode(), 422),
    "nested 500 deep": (b"[" * 500 + b"]" * 500, 400),
    "nested objects": (b'{"a":' * 500 + b"1" + b"}" * 500, 400),
    "2,000 keys": (json.dumps({f"k{n}": n for n in range(2_000)}).encode(), 400),
    "too large": (b'{"a": "' + b"x" * 70_000 + b'"}', 413),
    "empty name": (with_name('""'), 422),
    "a name of blanks": (with_name('"   "'), 422),
    "a name of 10,000 characters": (with_name('"' + "x" * 10_000 + '"'), 422),
    "no member": (json.dumps({**json.loads(GOOD), "members": []}).encode(), 422),
    "31 members": (json.dumps({**json.loads(GOOD), "members": json.loads(GOOD)["members"] * 31}).encode(), 422),
    "30 February": (GOOD.replace('"claimed_on": "', '"claimed_on": "2026-02-30').encode(), 422),
    "year 10000": (json.dumps({**json.loads(GOOD), "claimed_on": "10000-01-01"}).encode(), 422),
    "anchor of the other programme": (json.dumps({**json.loads(GOOD), "undertaking_on": "2026-01-01"}).encode(), 422),
    "a date as seconds": (json.dumps({**json.loads(GOOD), "claimed_on": 1759276800}).encode(), 422),
    "a date as an instant": (json.dumps({**json.loads(GOOD), "claimed_on": "2026-10-01T00:00:00Z"}).encode(), 422),
    "the last day there is": (json.dumps({**json.loads(GOOD), "claimed_on": "9999-12-31"}).encode(), 422),
    "year 1": (json.dumps({**json.loads(GOOD), "claimed_on": "0001-01-01"}).encode(), 422),
    "a claim next year": (json.dumps({**json.loads(GOOD), "claimed_on": "2099-01-01"}).encode(), 422),
    "a consent of next year": (json.dumps(with_consent(occurred_on="2099-01-01")).encode(), 422),
    "a consent that ends before it begins": (json.dumps(with_consent(expires_on="2020-01-01")).encode(), 422),
    "yes for true": (json.dumps(with_consent(given="yes")).encode(), 422),
    "1 for true": (json.dumps(with_consent(given=1)).encode(), 422),
    "a name nobody can see": (with_name('"\\u200b\\u202e\\ufeff"'), 422),
    "a name of bells": (with_name('"\\u0007\\u0007"'), 422),
    "consent of nobody": (GOOD.replace('"member": 0', '"member": 9').encode(), 422),
    "an office that is no id": (json.dumps({**json.loads(GOOD), "office_id": "here"}).encode(), 422),
    "a caseworker nobody knows": (
        json.dumps({**json.loads(GOOD), "caseworker_id": "01890000-0000-7000-8000-000000000000"}).encode(),
        422,
    ),
}


async def sent(world: World, body: bytes, media: str = "application/json") -> httpx.Response:
    return await world.client("camille").post("/v1/cases", content=body, headers={"Content-Type": media})


def stored(world: World) -> list[tuple[Any, ...]]:
    with world.owner() as connection:
        return connection.execute(
            "SELECT (SELECT count(*) FROM cases), (SELECT count(*) FROM persons), (SELECT count(*) FROM subject_keys),"
            " (SELECT count(*) FROM log_leaves), (SELECT count(*) FROM idempotency_records)"
        ).fetchall()


async def test_every_hostile_intake_is_answered_and_nothing_is_stored(world: World) -> None:
    before = stored(world)
    for name, (body, status) in BODIES.items():
        answer = await sent(world, body)
        assert answer.status_code == status, (name, answer.text)
        problem = answer.json()
        assert answer.headers["content-type"] == "application/problem+json", name
        assert {"type", "title", "status", "detail"} <= set(problem), name
        assert "xxxxxxxx" not in answer.text, name
    assert stored(world) == before


async def test_a_fault_names_its_place_and_never_repeats_the_input(world: World) -> None:
    body = json.loads(GOOD)
    body["members"][0]["name"]["full"] = 42
    body["members"][0]["sekret-field"] = "marked-value"
    problem = (await sent(world, json.dumps(body).encode())).json()
    assert {fault["pointer"] for fault in problem["errors"]} == {"/members/0/name/full", "/members/0"}
    assert "marked-value" not in json.dumps(problem)
    assert "sekret-field" not in json.dumps(problem)


async def test_french_first_english_on_request(world: World) -> None:
    french = await world.client("camille").get("/v1/cases?status=lost")
    english = await world.client("camille", **{"Accept-Language": "en-CA, fr;q=0.5"}).get("/v1/cases?status=lost")
    assert (french.json()["title"], english.json()["title"]) == ("Requête mal formée", "Malformed request")


@pytest.mark.parametrize(
    "media", ["text/plain", "application/xml", "multipart/form-data", "text/json", "application/jsonx", ""]
)
async def test_another_media_type_is_415(world: World, media: str) -> None:
    assert (await sent(world, GOOD.encode(), media)).status_code == 415


@pytest.mark.parametrize(
    "query",
    [
        "sort=name", "limit=0", "limit=201", "limit=-1", "limit=99999999999999999999", "limit=x", "cursor=abc",
        "cursor=%00", "status=", "region=99", "caseworker=%ff", "status=open&surprise=1", "total=perhaps",
        "status=open&status=closed", "limit=1&limit=2", "cursor=",
    ],
)  # fmt: skip
async def test_an_unusable_parameter_is_a_400(world: World, query: str) -> None:
    answer = await world.client("camille").get(f"/v1/cases?{query}")
    assert answer.status_code == 400, answer.text
    assert answer.json()["errors"]


async def test_a_cursor_of_another_caller_or_filter_is_refused(world: World) -> None:
    for _ in range(3):
        await sent(world, json.dumps({**json.loads(GOOD), "external_id": None}).encode())
    cursor = (await world.client("camille").get("/v1/cases?limit=1")).json()["next_cursor"]
    assert (await world.client("camille").get(f"/v1/cases?limit=1&cursor={cursor}")).status_code == 200
    assert (await world.client("camille").get(f"/v1/cases?limit=1&status=open&cursor={cursor}")).status_code == 400
    assert (await world.client("basile").get(f"/v1/cases?limit=1&cursor={cursor}")).status_code == 400


@pytest.mark.parametrize("path", ["/v1/cases/1", "/v1/cases/%00", "/v1/cases/%ed%a0%80", "/v1/cases/" + "9" * 3_000])
async def test_an_address_that_names_nothing(world: World, path: str) -> None:
    assert (await world.client("camille").get(path)).status_code == 400


async def test_a_forged_or_foreign_token_is_one_401(world: World) -> None:
    good = world.token("camille")
    head, payload, signature = good.split(".")
    none = "eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0In0." + payload + "."
    for token in ("x", "a.b.c", none, f"{head}.{payload}.", f"{head}.{payload}.{signature[:-4]}AAAA", "x" * 9_000):
        answer = await world.client(None, Authorization=f"Bearer {token}").get("/v1/cases")
        assert answer.status_code == 401
        assert 'error="invalid_token"' in answer.headers["www-authenticate"]


async def test_a_stranger_is_told_so_before_any_precondition(world: World) -> None:
    path = "/v1/cases/01890000-0000-7000-8000-000000000000"
    for headers in ({}, {"If-Match": "x"}, {"If-Match": '"1"'}):
        assert (await world.client(None).post(f"{path}/close", json={}, headers=headers)).status_code == 401
        assert (await world.client("aurele").post(f"{path}/close", json={}, headers=headers)).status_code == 403
        assert (await world.client(None).patch(path, content=b"{", headers=headers)).status_code in {400, 401}
        assert (await world.client("aurele").patch(path, json={}, headers=headers)).status_code == 403


@pytest.mark.parametrize(
    ("form", "headers"),
    [
        ("&".join(f"field{n}=1" for n in range(12)), {}),
        ("grant_type=client_credentials", {"Authorization": "Basic é".encode("latin-1")}),
        ("grant_type=client_credentials", {"Authorization": b"Basic ////"}),
        ("grant_type=\xe9", {}),
        ("grant_type=password&username=x", {}),
    ],
)
async def test_a_hostile_token_request_is_refused_plainly(world: World, form: str, headers: dict[str, bytes]) -> None:
    sent_as = {b"Content-Type": b"application/x-www-form-urlencoded", **{k.encode(): v for k, v in headers.items()}}
    answer = await world.client(None).post("/oauth/token", content=form.encode("latin-1"), headers=sent_as)
    assert answer.status_code in {400, 401}, answer.text
    assert answer.headers["content-type"] == "application/problem+json"


async def test_a_draft_keeps_a_status(world: World) -> None:
    draft = (await sent(world, json.dumps({**json.loads(GOOD), "draft": True}).encode())).json()
    client = world.client("camille", **{"Content-Type": "application/merge-patch+json", "If-Match": '"1"'})
    path = f"/v1/cases/{draft['id']}"
    assert (await client.patch(path, content=b'{"status": null}')).status_code == 422
    untouched = await client.patch(path, content=b'{"external_id": "d-1"}')
    assert (untouched.json()["status"], untouched.json()["external_id"]) == ("draft", "d-1")


async def test_a_list_links_to_its_next_page_until_the_last(world: World) -> None:
    for _ in range(3):
        await sent(world, json.dumps({**json.loads(GOOD), "external_id": None}).encode())
    client = world.client("camille")
    path, seen = "/v1/cases?limit=2&status=open", []
    while path:
        page = await client.get(path)
        seen += [case["id"] for case in page.json()["items"]]
        path = page.links.get("next", {}).get("url", "")
    assert len(seen) == len(set(seen)) == 3


async def test_a_key_belongs_to_one_request(world: World) -> None:
    case = (await sent(world, GOOD.encode())).json()
    client = world.client("camille", **{"Idempotency-Key": "close-000001"})
    path = f"/v1/cases/{case['id']}"
    body = {"reason": "Le ménage s'est établi par lui-même."}
    closed = await client.post(f"{path}/close", json=body, headers={"If-Match": '"1"'})
    again = await client.post(f"{path}/close", json=body, headers={"If-Match": '"1"'})
    assert (closed.status_code, again.status_code, again.json()) == (200, 200, closed.json())
    elsewhere = await client.post(f"{path}/reopen", headers={"If-Match": '"2"'})
    other_version = await client.post(f"{path}/close", json=body, headers={"If-Match": '"2"'})
    assert [answer.json()["type"] for answer in (elsewhere, other_version)] == ["/v1/problems/key-reused"] * 2


async def test_if_none_match_is_read_as_the_rfc_says(world: World) -> None:
    case = await sent(world, GOOD.encode())
    client, path, tag = world.client("camille"), case.headers["location"], case.headers["etag"]
    for told in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        assert (await client.get(path, headers={"If-None-Match": told})).status_code == 304, told
    for told in (f"x{tag}y", f'"{tag}"', '"1"'):
        assert (await client.get(path, headers={"If-None-Match": told})).status_code == 200, told


async def test_an_action_without_a_body_takes_none(world: World) -> None:
    case = (await sent(world, GOOD.encode())).json()
    path = f"/v1/cases/{case['id']}/recommendations"
    for body in (b"[1]", b'{"surprise": 1}', b"hello"):
        answer = await world.client("prosper").post(path, content=body, headers={"Content-Type": "application/json"})
        assert answer.status_code in {400, 422}, body
    assert (await world.client("aurele").post(path, json=[1])).status_code == 403
    assert (await world.client(None).post(path, json=[1])).status_code == 401
    assert (await world.client("prosper").post(path, json={})).status_code == 201


async def test_a_revoked_grant_ends_at_once(world: World) -> None:
    client = world.client("camille")
    assert (await client.get("/v1/cases")).status_code == 200
    with world.owner() as connection:
        connection.execute("UPDATE role_grants SET revoked_at = now() WHERE user_id = %s", (world.key("camille"),))
    assert (await client.get("/v1/cases")).status_code == 401


async def test_a_change_needs_the_version_that_was_read(world: World) -> None:
    case = (await sent(world, GOOD.encode())).json()
    client = world.client("camille", **{"Content-Type": "application/merge-patch+json"})
    path = f"/v1/cases/{case['id']}"
    assert (await client.patch(path, content=b'{"external_id": "x-1"}')).status_code == 428
    assert (await client.patch(path, content=b'{"external_id": "x-1"}', headers={"If-Match": '"9"'})).status_code == 412
    done = await client.patch(path, content=b'{"external_id": "x-1"}', headers={"If-Match": '"1"'})
    assert (done.status_code, done.json()["external_id"]) == (200, "x-1")
    unchanged = await client.get(path, headers={"If-None-Match": done.headers["etag"]})
    assert unchanged.status_code == 304


async def test_the_database_away_is_a_503_and_the_server_recovers_by_itself(world: World) -> None:
    client = world.client("camille")
    assert (await client.get("/v1/cases")).status_code == 200
    name = str(conninfo_to_dict(world.server_url)["dbname"])
    switch = sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}")
    with psycopg.connect(world.server.url("superuser", "template1"), autocommit=True) as admin:
        admin.execute(switch.format(sql.Identifier(name), sql.SQL("false")))
        admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,))
        away = await client.get("/v1/cases")
        assert (away.status_code, away.headers["retry-after"]) == (503, "2")
        admin.execute(switch.format(sql.Identifier(name), sql.SQL("true")))
    assert (await client.get("/v1/cases")).status_code == 200
