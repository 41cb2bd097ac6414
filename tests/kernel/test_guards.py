"""The guard before the routes, shape by shape: what it refuses, that it costs little, and that it echoes nothing."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from casework.kernel import body_guard, limits
from casework.kernel.body_guard import refuse_hostile_form, refuse_hostile_json
from casework.kernel.head_guard import refuse_hostile_head
from casework.kernel.limits import (
    BODY_LIMIT,
    BODY_LIMITS,
    HEADER_LIMIT,
    HEADERS_LIMIT,
    PARAMETER_LIMIT,
    URL_LIMIT,
    body_limit,
)
from casework.kernel.problems import AddressTooLong, HeadersTooLarge, MalformedRequest, Problem
from casework.surface import routes_of

if TYPE_CHECKING:
    from fastapi import FastAPI

    from tests.conftest import World

QUOTES = b'"' + b'\\"' * 32_000


def head(path: str = "/v1/cases", query: bytes = b"", headers: tuple[tuple[bytes, bytes], ...] = ()) -> dict[str, Any]:
    return {"type": "http", "path": path, "raw_path": path.encode(), "query_string": query, "headers": list(headers)}


def code_of(refused: pytest.ExceptionInfo[Problem]) -> str:
    return refused.value.errors[0].code


@pytest.mark.parametrize(
    "query", [b"a=%00", b"a=%ff", b"a=%ed%a0%80", b"a=%c0%af", b"%00=1", b"a=\xc3\xa9", b"a=%"[:2] + b"\x00"]
)
def test_the_query_is_decoded_once_and_strictly(query: bytes) -> None:
    with pytest.raises(MalformedRequest) as refused:
        refuse_hostile_head(head(query=query))
    assert code_of(refused) == "address"


@pytest.mark.parametrize("query", [b"", b"a=%25", b"a=%2500", b"a=%C3%A9", b"a=b+c&d=%20", b"cursor=AA-_aa&limit=3"])
def test_an_ordinary_query_passes(query: bytes) -> None:
    refuse_hostile_head(head(query=query))


def test_an_address_and_headers_have_their_size() -> None:
    refuse_hostile_head(head(query=b"a=" + b"x" * (URL_LIMIT - 20)))
    with pytest.raises(AddressTooLong):
        refuse_hostile_head(head(query=b"a=" + b"x" * URL_LIMIT))
    with pytest.raises(MalformedRequest):
        refuse_hostile_head(head(query=b"&" * PARAMETER_LIMIT))
    refuse_hostile_head(head(headers=tuple((b"x-%d" % n, b"y") for n in range(HEADER_LIMIT))))
    for many in (tuple((b"x-%d" % n, b"y") for n in range(HEADER_LIMIT + 1)), ((b"x", b"y" * HEADERS_LIMIT),)):
        with pytest.raises(HeadersTooLarge):
            refuse_hostile_head(head(headers=many))


@pytest.mark.parametrize(
    "name", sorted(b.decode() for b in (b"authorization", b"if-match", b"idempotency-key", b"content-type"))
)
def test_a_header_that_speaks_once_is_not_said_twice(name: str) -> None:
    with pytest.raises(MalformedRequest) as refused:
        refuse_hostile_head(head(headers=((name.encode(), b"a"), (b"accept", b"x"), (name.encode(), b"b"))))
    assert code_of(refused) == "header"
    refuse_hostile_head(head(headers=((b"accept", b"a"), (b"accept", b"b"))))


@pytest.mark.parametrize("value", [b"a\x00b", b"a\x01", b"\x7f", b"a\x1bb"])
def test_a_header_holds_no_control_character(value: bytes) -> None:
    with pytest.raises(MalformedRequest):
        refuse_hostile_head(head(headers=((b"x-purpose-of-use", value),)))


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"a=1&" * 21 + b"b=2", "form"), (b"a=%ff", "form"), (b"a=%ed%a0%80", "form"), (b"a=1&a=2", "duplicate"),
        (b"a=1&a=", "duplicate"), (b"a=%00", "characters"), (b"%00=a", "characters"),
    ],
)  # fmt: skip
def test_a_form_is_guarded_like_json(body: bytes, code: str) -> None:
    with pytest.raises(MalformedRequest) as refused:
        refuse_hostile_form(body)
    assert code_of(refused) == code
    refuse_hostile_form(b"grant_type=client_credentials&scope=case%3Aread+me%3Aread")


def test_a_body_of_quotes_costs_no_more_than_it_is_long() -> None:
    """An unterminated text is one match, passed over once; the pattern that went before read it again at each quote."""
    naive = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
    assert body_guard.STRING.findall(QUOTES) == [QUOTES]
    assert naive.findall(QUOTES[:200]) == []
    for body in (QUOTES, QUOTES + b"\\", b'"' * 65_001):
        assert b'"' not in body_guard.STRING.sub(b"", body)
        with pytest.raises(MalformedRequest):
            refuse_hostile_json(body)


@pytest.mark.parametrize("body", [b'["[[[[", {"a": "{{{{"}]', b'"\\\\"', b'["\\"[", 1]', b"[" * 32 + b"]" * 32])
def test_brackets_inside_texts_are_no_depth(body: bytes) -> None:
    refuse_hostile_json(body)
    with pytest.raises(MalformedRequest) as refused:
        refuse_hostile_json(b"[" * 33 + b"1" + b"]" * 33)
    assert code_of(refused) == "depth"


def test_each_exception_to_the_size_of_a_body_is_a_route(application: FastAPI) -> None:
    assert set(BODY_LIMITS) <= {path for _, path, _ in routes_of(application)}
    assert (body_limit("/oauth/token"), body_limit("/v1/cases")) == (8 * 1024, BODY_LIMIT)


def test_an_exception_may_name_a_parameter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "_PATTERNS", limits.patterns({"/v1/cases/{case_id}/import": 10}))
    assert (body_limit("/v1/cases/x/import"), body_limit("/v1/cases/x/y/import")) == (10, BODY_LIMIT)


@pytest.mark.anyio
async def test_the_size_of_a_body_is_its_routes(world: World) -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    body = b"grant_type=client_credentials&client_secret=" + b"s" * 9_000
    refused = await world.client(None, **form).post("/oauth/token", content=body)
    assert (refused.status_code, refused.json()["limit_bytes"]) == (413, 8 * 1024)
    large = b'{"a": "' + b"s" * 9_000 + b'"}'
    answer = await world.client("camille", **{"Content-Type": "application/json"}).post("/v1/cases", content=large)
    assert answer.status_code == 422


@pytest.mark.anyio
@pytest.mark.parametrize("credentials", ["Basic \u00e9", "Basic !!", "Basic gICA", "Basic"])
async def test_credentials_nobody_can_read_are_refused(world: World, credentials: str) -> None:
    client = world.client(None)
    headers = [(b"authorization", credentials.encode("latin-1"))]
    answer = await client.post("/oauth/token", data={"grant_type": "client_credentials"}, headers=headers)
    assert answer.status_code == 401


@pytest.mark.anyio
async def test_a_parameter_given_twice_is_refused(world: World) -> None:
    answer = await world.client("camille").get("/v1/cases?limit=1&limit=2")
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, "repeated_parameter")


@pytest.mark.anyio
async def test_every_answer_forbids_guessing_and_keeping(world: World) -> None:
    for path in ("/v1/cases", "/v1/nothing", "/v1/cases?limit=x", "/health/live"):
        answer = await world.client("camille").get(path)
        assert (answer.headers["x-content-type-options"], answer.headers["cache-control"]) == ("nosniff", "no-store")


@pytest.mark.anyio
async def test_no_answer_tells_what_it_is_made_of(world: World) -> None:
    answer = await world.client("camille").get("/v1/cases")
    assert not {"server", "x-powered-by", "via"} & set(answer.headers)


@pytest.mark.anyio
async def test_trace_is_refused(world: World) -> None:
    assert (await world.client("camille").request("TRACE", "/v1/cases")).status_code == 405


@pytest.mark.anyio
async def test_a_fault_of_ours_is_a_problem_document_without_its_message(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(_request: object) -> None:
        raise RuntimeError("marked-value")

    monkeypatch.setattr(world.app.state, "authenticate", fails, raising=True)
    answer = await world.client("camille").get("/v1/me")
    assert (answer.status_code, answer.json()["type"]) == (500, "/v1/problems/unexpected")
    assert "marked-value" not in answer.text


@pytest.mark.anyio
async def test_nobody_is_believed_about_his_own_address(world: World) -> None:
    """No proxy is named by default: a made-up X-Forwarded-For buys no bucket of its own."""
    from casework.kernel.rate import Bucket

    assert world.app.state.settings.trusted_proxies == ""
    world.app.state.addresses = Bucket(0.001, 2)
    answers = [await world.client(None, **{"X-Forwarded-For": f"192.0.2.{n}"}).get("/health/live") for n in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
