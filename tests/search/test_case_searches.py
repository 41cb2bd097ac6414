"""Who searches finds within reach only, says why, and leaves no trace of what was typed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from casework.demo.world import key
from casework.upkeep import reindexing
from tests.builders import a_case, accepted, an_offer
from tests.cases.claims import a_claim_status, a_status, on
from tests.search.test_recall import PURPOSE, taken_in

if TYPE_CHECKING:
    from tests.conftest import World

pytestmark = pytest.mark.anyio
UCI = {"type": "uci", "value": "77-1234-5678"}
NOBODY: dict[str, Any] = {"items": [], "next_cursor": None}


async def test_a_name_out_of_reach_finds_what_an_unknown_name_finds(world: World) -> None:
    body = taken_in(70_001, "Ondine Valcourtois-Fictive", None, identifiers=[UCI])
    assert (await world.client("ines").post("/v1/cases", json=body)).status_code == 201
    ines, camille = world.client("ines", **PURPOSE), world.client("camille", **PURPOSE)
    for asked in ({"name": "Ondine Valcourtois"}, {"identifier": {**UCI, "value": "7712345678"}}):
        assert len((await ines.post("/v1/case-searches", json=asked)).json()["items"]) == 1
        assert (await camille.post("/v1/case-searches", json=asked)).json() == NOBODY
    assert (await camille.post("/v1/case-searches", json={"name": "Personne Inconnue"})).json() == NOBODY


async def test_an_identifier_is_found_exactly_and_of_its_own_kind_only(world: World) -> None:
    body = taken_in(70_002, "Amaru Sablonvert", None, identifiers=[UCI])
    case = (await world.client("camille").post("/v1/cases", json=body)).json()
    client = world.client("camille", **PURPOSE)
    [one] = (await client.post("/v1/case-searches", json={"identifier": UCI})).json()["items"]
    assert (one["case"]["id"], one["score"]) == (case["id"], 100.0)
    for other in ({"type": "passport", "value": UCI["value"]}, {"type": "uci", "value": "77-1234-567"}):
        assert (await client.post("/v1/case-searches", json={"identifier": other})).json()["items"] == []
    both = {"identifier": UCI, "name": "Amaru Sablonver"}
    assert len((await client.post("/v1/case-searches", json=both)).json()["items"]) == 1
    assert (await client.post("/v1/case-searches", json={**both, "programme": "collective_sponsorship"})).json()[
        "items"
    ] == []
    assert len((await client.post("/v1/case-searches", json={**both, "status": "open"})).json()["items"]) == 1


async def test_a_search_states_its_purpose_and_is_on_record_once_with_what_it_showed(world: World) -> None:
    case = await a_case(world, size=1)
    name = case["household"]["members"][0]["name"]["full"]
    unstated = await world.client("camille").post("/v1/case-searches", json={"name": name})
    assert (unstated.status_code, unstated.json()["errors"][0]["code"]) == (400, "purpose_required")
    unknown = await world.client("camille", **{"X-Purpose-of-Use": "curiosity"}).post(
        "/v1/case-searches", json={"name": name}
    )
    assert (unknown.status_code, unknown.json()["errors"][0]["code"]) == (400, "unknown_purpose")
    assert "case_management" in unknown.text
    assert "curiosity" not in unknown.text
    found = await world.client("camille", **PURPOSE).post("/v1/case-searches", json={"name": name})
    assert found.status_code == 200
    with world.owner() as connection:
        entries = connection.execute(
            "SELECT purpose, case_ids::text[] FROM read_entries WHERE permission = 'case:search'"
        ).fetchall()
        tables = [row[0] for row in connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")]
        for table in tables:
            for (row,) in connection.execute(f"SELECT t::text FROM {table} t".encode()).fetchall():
                assert name not in row, table
    assert entries == [("case_management", [case["id"]])]


async def test_a_search_asks_for_somebody_or_for_something(world: World) -> None:
    for asked in ({}, {"limit": 5}, {"hearing_from": "2026-03-02", "hearing_to": "2026-03-01"}):
        answer = await world.client("camille", **PURPOSE).post("/v1/case-searches", json=asked)
        assert answer.status_code == 422, answer.text


async def searched(world: World, asked: dict[str, Any], by: str = "camille", **query: Any) -> dict[str, Any]:
    answer = await world.client(by, **PURPOSE).post("/v1/case-searches", json=asked, params=query)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_filters_alone_list_cases_within_reach_and_narrow_a_name(world: World) -> None:
    soon, far, hers = await a_case(world, size=1), await a_case(world, size=1), await a_case(world, "ines", size=1)
    for case, day in ((soon, 5), (far, 60)):
        await a_claim_status(world, case, **a_status("referred", -5))
        await a_claim_status(world, case, **a_status("hearing_scheduled", -2, hearing_on=on(day)))
    window = {"hearing_from": on(1), "hearing_to": on(14)}
    [one] = (await searched(world, window))["items"]
    assert (one["case"]["id"], one["person_id"], one["score"]) == (soon["id"], None, None)
    name = far["household"]["members"][0]["name"]["full"]
    assert far["id"] in {one["case"]["id"] for one in (await searched(world, {"name": name}))["items"]}
    narrowed = (await searched(world, {"name": name, "hearing_from": on(50)}))["items"]
    assert {one["case"]["id"] for one in narrowed} == {far["id"]}
    [need, *_] = soon["needs"]["services"]
    told = {one["case"]["id"]: need for one in (await searched(world, {"need": need, "limit": 50}))["items"]}
    assert soon["id"] in told
    assert hers["id"] not in told
    mine = {"caseworker_id": str(key("camille"))}
    assert {one["case"]["id"] for one in (await searched(world, mine))["items"]} == {soon["id"], far["id"]}


async def test_a_host_is_a_filter(world: World) -> None:
    placed, other = await a_case(world, size=1), await a_case(world, size=1)
    offer = await an_offer(world, placed)
    with world.owner() as owner:
        [(host,)] = owner.execute("SELECT organization_id FROM offers WHERE id = %s", (offer["id"],)).fetchall()
    assert (await searched(world, {"organization_id": str(host)})) == NOBODY
    await accepted(world, placed, offer)
    found = [one["case"]["id"] for one in (await searched(world, {"organization_id": str(host)}))["items"]]
    assert found == [placed["id"]]
    assert other["id"] not in found


@pytest.mark.parametrize("by", ["ines", "camille", "coralie", "prosper"])
async def test_every_filter_answers_everybody_who_searches(world: World, by: str) -> None:
    each = {
        "status": "open", "programme": "asylum", "region": "01", "caseworker_id": str(key("camille")),
        "organization_id": str(key("le-phare")), "hearing_to": on(9), "need": "francization",
    }  # fmt: skip
    for asked in (*({name: value} for name, value in each.items()), each, {"name": "Amaru Sablonvert", **each}):
        assert set(await searched(world, asked, by)) == {"items", "next_cursor"}


@pytest.mark.parametrize("asked", [{"status": "open"}, {"name": "Amaru Sablonvert"}])
async def test_pages_join_and_a_cursor_serves_its_own_question_only(world: World, asked: dict[str, Any]) -> None:
    for number in range(5):
        body = taken_in(71_000 + number, "Amaru Sablonvert", None)
        assert (await world.client("camille").post("/v1/cases", json=body)).status_code == 201
    whole = [one["case"]["id"] for one in (await searched(world, {**asked, "limit": 50}))["items"]]
    found, page = [], await searched(world, {**asked, "limit": 2})
    while True:
        found += [one["case"]["id"] for one in page["items"]]
        if page["next_cursor"] is None:
            break
        follows = page["next_cursor"]
        page = await searched(world, {**asked, "limit": 2}, cursor=follows)
    assert (found, len(found)) == (whole, 5)
    for by, other in (("camille", {"status": "draft", "limit": 2}), ("basile", {**asked, "limit": 2})):
        answer = await world.client(by, **PURPOSE).post("/v1/case-searches", json=other, params={"cursor": follows})
        assert answer.status_code == 400, answer.text


async def test_a_region_finds_who_lives_there_and_who_is_offered_to_it(world: World) -> None:
    body = taken_in(70_010, "Ondine Valcourtois-Fictive", None)
    case = (await world.client("camille").post("/v1/cases", json=body)).json()
    asked = {"name": "Ondine Valcourtois"}
    assert await searched(world, asked, "coralie") == NOBODY
    await an_offer(world, case)
    [offered] = (await searched(world, asked, "coralie"))["items"]
    assert offered["case"]["id"] == case["id"]
    assert await searched(world, {**asked, "region": "01"}, "coralie") == NOBODY
    with world.owner() as owner:
        owner.execute("UPDATE cases SET region_code = '01' WHERE id = %s", (case["id"],))
    for more in ({}, {"region": "01"}):
        [lives] = (await searched(world, {**asked, **more}, "coralie"))["items"]
        assert lives["case"]["id"] == case["id"]
    assert await searched(world, asked, "edmee") == NOBODY


async def test_rows_older_than_the_index_are_found_once_it_is_written_again(world: World) -> None:
    body = taken_in(70_003, "Amaru Sablonvert", "أمارو سابلون", identifiers=[UCI])
    assert (await world.client("camille").post("/v1/cases", json=body)).status_code == 201
    client = world.client("camille", **PURPOSE)
    with world.owner() as connection:
        tokens = connection.execute("SELECT * FROM name_tokens ORDER BY token").fetchall()
        connection.execute("DELETE FROM name_tokens")
        connection.execute("UPDATE identifiers SET blind = NULL")
    for asked in ({"name": "Amaru Sablonvert"}, {"identifier": UCI}):
        assert (await client.post("/v1/case-searches", json=asked)).json()["items"] == []
    for _ in range(2):
        assert sum([count async for count in reindexing.reindex(world.app.state.database)]) == 1
        with world.owner() as connection:
            assert connection.execute("SELECT * FROM name_tokens ORDER BY token").fetchall() == tokens
    for asked in ({"name": "Amaru Sablonvert"}, {"identifier": UCI}):
        assert len((await client.post("/v1/case-searches", json=asked)).json()["items"]) == 1


async def test_an_index_tells_nothing_without_its_key(world: World) -> None:
    """The tokens are keyed: the same name under another index key shares none of them."""
    from casework.kernel.blind_index import BlindIndex
    from casework.people import names

    features = names.features(["Amaru Sablonvert"])
    one, other = BlindIndex(b"k" * 32), BlindIndex(b"j" * 32)
    assert one.tokens(features) == one.tokens(features)
    assert not set(one.tokens(features)) & set(other.tokens(features))
    assert len({one.exact("uci", "1"), one.exact("passport", "1"), other.exact("uci", "1")}) == 3


async def test_tokens_follow_their_case_to_another_region(world: World) -> None:
    await a_case(world, size=2)
    with world.owner() as connection:
        connection.execute("UPDATE cases SET region_code = '01'")
        regions = connection.execute("SELECT DISTINCT region_code FROM name_tokens").fetchall()
    assert regions == [("01",)]
