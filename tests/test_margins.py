"""Roads by which words could reach a log, a header or a column where they do not belong."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from casework.kernel import clock
from tests.builders import a_case, accepted, an_offer

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import World

pytestmark = pytest.mark.anyio
WORDS = "Fuit sa belle-famille de Montréal."


def texts(world: World, query: str) -> list[str]:
    with world.owner() as owner:
        return [str(row[0]) for row in owner.execute(query.encode()).fetchall()]


@pytest.mark.parametrize(
    "said",
    ["visite de Orsane", "514 555 0199", "Orsane", "a" * 90, "réunion", "audit_", "x@exemple.test", "", "somebody"],
)
async def test_a_purpose_is_a_code_and_never_a_sentence(world: World, said: str) -> None:
    case = await a_case(world, size=1)
    before = texts(world, "SELECT id FROM read_entries")
    client = world.client("camille")
    answer = await client.get(f"/v1/cases/{case['id']}", headers={b"X-Purpose-Of-Use": said.encode()})
    assert (answer.status_code, answer.json()["errors"][0]["parameter"]) == (400, "X-Purpose-of-Use")
    assert not said or said not in answer.text
    assert texts(world, "SELECT id FROM read_entries") == before


async def test_a_purpose_that_is_a_code_stands_in_the_entry(world: World) -> None:
    case = await a_case(world, size=1)
    client = world.client("camille", **{"X-Purpose-of-Use": "placement"})
    assert (await client.get(f"/v1/cases/{case['id']}")).status_code == 200
    assert texts(world, "SELECT purpose FROM read_entries WHERE purpose IS NOT NULL") == ["placement"]


@pytest.mark.parametrize(
    ("path", "word"), [("audit-log?type=", "Orsane.Velquindor"), ("milestone-log?code=", "VELQUINDOR")]
)
async def test_a_filter_that_selects_nothing_leaves_no_word_in_the_log(world: World, path: str, word: str) -> None:
    """The log is never rewritten: what an auditor mistyped into it would stay."""
    await a_case(world, size=1)
    await world.sequence()
    answer = await world.client("aurele").get(f"/v1/{path}{word}")
    if answer.status_code == 200:
        assert json.loads(answer.text.splitlines()[0])["filter"] == {path.partition("?")[2].rstrip("="): word}
    assert not [leaf for leaf in texts(world, "SELECT body FROM log_leaves") if word in leaf]


async def test_a_filter_that_selects_something_is_on_record(world: World) -> None:
    await a_case(world, size=1)
    await world.sequence()
    assert (await world.client("aurele").get("/v1/audit-log?type=case.opened")).status_code == 200
    leaves = [json.loads(leaf) for leaf in texts(world, "SELECT body FROM log_leaves")]
    assert [leaf["facts"]["filter"] for leaf in leaves if leaf["type"] == "audit_log.exported"] == [
        {"type": "case.opened"}
    ]


async def test_what_was_told_of_a_household_stands_sealed_and_is_read_by_its_staff(world: World) -> None:
    case = await a_case(world, size=1)
    offer = await accepted(world, case, await an_offer(world, case, reason=WORDS))
    camille, path = world.client("camille"), f"/v1/assignments/{offer['assignment_id']}"
    body = {"occurred_on": clock.today().isoformat(), "reason": WORDS}
    ended = await camille.post(f"{path}/end", json=body, headers={"If-Match": '"1"'})
    assert ended.json()["end_reason"] == WORDS
    stands = (await camille.get(f"/v1/cases/{case['id']}")).headers["etag"]
    closed = await camille.post(f"/v1/cases/{case['id']}/close", json={"reason": WORDS}, headers={"If-Match": stands})
    assert closed.json()["close_reason"] == WORDS
    assert closed.json()["claim"]["statuses"][0]["source"] == "document vu"
    assert (await camille.get(f"/v1/offers/{offer['id']}")).json()["reason"] == WORDS
    listed: list[dict[str, Any]] = (await camille.get("/v1/assignments")).json()["items"]
    assert [one["end_reason"] for one in listed] == [WORDS]
    for table in ("cases", "offers", "assignments", "claim_statuses", "log_leaves"):
        rows = texts(world, f"SELECT t::text FROM {table} t")
        assert rows
        assert not [row for row in rows if WORDS in row or "document vu" in row], table


async def test_no_header_of_a_client_comes_back_or_reaches_the_log(world: World, logged: Callable[[], str]) -> None:
    names = (
        "User-Agent",
        "Referer",
        "X-Request-Id",
        "X-Correlation-Id",
        "Traceparent",
        "Tracestate",
        "Baggage",
        "Cookie",
    )
    answer = await world.client("camille", **dict.fromkeys(names, "Velquindor-514")).get(
        "/v1/cases?external_id=Velquindor-514"
    )
    assert answer.status_code == 200
    said = logged()
    assert said.count('"event": "request"') == 1
    assert "Velquindor" not in str(answer.headers) + answer.text + said


async def test_a_well_formed_trace_stands_in_the_log_line(world: World, logged: Callable[[], str]) -> None:
    trace = "0af7651916cd43dd8448eb211c80319c"
    await world.client("camille", Traceparent=f"00-{trace}-b7ad6b7169203331-01").get("/v1/cases")
    assert trace in logged()
