"""Who searches finds within reach only, says why, and leaves no trace of what was typed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from casework.upkeep import reindexing
from tests.builders import a_case
from tests.search.test_recall import PURPOSE, taken_in

if TYPE_CHECKING:
    from tests.conftest import World

pytestmark = pytest.mark.anyio
UCI = {"type": "uci", "value": "77-1234-5678"}


async def test_a_name_out_of_reach_finds_what_an_unknown_name_finds(world: World) -> None:
    body = taken_in(70_001, "Ondine Valcourtois-Fictive", None, identifiers=[UCI])
    assert (await world.client("ines").post("/v1/cases", json=body)).status_code == 201
    ines, camille = world.client("ines", **PURPOSE), world.client("camille", **PURPOSE)
    for asked in ({"name": "Ondine Valcourtois"}, {"identifier": {**UCI, "value": "7712345678"}}):
        assert len((await ines.post("/v1/case-searches", json=asked)).json()["items"]) == 1
        assert (await camille.post("/v1/case-searches", json=asked)).json() == {"items": []}
    assert (await camille.post("/v1/case-searches", json={"name": "Personne Inconnue"})).json() == {"items": []}


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


async def test_a_search_asks_for_somebody(world: World) -> None:
    answer = await world.client("camille", **PURPOSE).post("/v1/case-searches", json={"status": "open"})
    assert answer.status_code == 422


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
