"""A filter is saved under a name, run by whoever may, and reaches no further than who runs it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.builders import a_case
from tests.cases.claims import a_claim_status, a_status, on
from tests.placement.households import problem

if TYPE_CHECKING:
    import httpx

    from tests.conftest import World

pytestmark = pytest.mark.anyio


async def saving(world: World, by: str = "camille", name: str = "Francisation", **body: Any) -> httpx.Response:
    asked = {name: body.pop(name) for name in list(body) if name != "shared"}
    return await world.client(by).post("/v1/saved-worklists", json={"name": name, "asked": asked, **body})


async def run(world: World, saved: dict[str, Any], by: str = "camille", **query: Any) -> dict[str, Any]:
    answer = await world.client(by).get(f"/v1/saved-worklists/{saved['id']}/cases", params=query)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def ids(page: dict[str, Any]) -> list[str]:
    return [one["case"]["id"] for one in page["items"]]


async def test_it_finds_what_its_filters_say_newest_first_page_by_page(world: World) -> None:
    wanted = [await a_case(world, size=1, needs={"services": ["francization"]}) for _ in range(3)]
    await a_case(world, size=1, needs={"services": ["employment"]})
    saved = (await saving(world, need="francization", status="open")).json()
    first = await run(world, saved, limit=2)
    second = await run(world, saved, limit=2, cursor=first["next_cursor"])
    assert ids(first) + ids(second) == [case["id"] for case in reversed(wanted)]
    assert (second["next_cursor"], first["name"]) == (None, "Francisation")


async def test_a_worklist_is_narrowed_and_its_hearings_are_counted_from_today(world: World) -> None:
    cases = [await a_case(world, size=1) for _ in range(3)]
    for case, days in zip(cases, (3, 12, 40), strict=True):
        await a_claim_status(world, case, **a_status("referred", -9))
        await a_claim_status(world, case, **a_status("hearing_scheduled", -1, hearing_on=on(days)))
    near = (await saving(world, name="Sept jours", worklist="hearing_soon", hearing_within_days=7)).json()
    assert ids(await run(world, near)) == [cases[0]["id"]]
    far = (await saving(world, name="Deux mois", hearing_within_days=60)).json()
    assert ids(await run(world, far)) == [case["id"] for case in reversed(cases)]
    mine = (await saving(world, name="Les miens", worklist="mine")).json()
    first = await run(world, mine, limit=2)
    assert ids(first) + ids(await run(world, mine, limit=2, cursor=first["next_cursor"])) == [c["id"] for c in cases]


async def test_shared_it_shows_each_their_own_reach_and_nobody_elses(world: World) -> None:
    theirs, ours = await a_case(world, "ines", size=1), await a_case(world, size=1)
    shared = (await saving(world, shared=True, status="open")).json()
    assert ids(await run(world, shared)) == ids(await run(world, shared, "basile")) == [ours["id"]]
    for other in ("ines", "coralie", "prosper"):
        assert (await world.client(other).get(f"/v1/saved-worklists/{shared['id']}/cases")).status_code == 404
    wide = (await saving(world, "prosper", status="open")).json()
    assert set(ids(await run(world, wide, "prosper"))) == {theirs["id"], ours["id"]}
    assert (await world.client("camille").get(f"/v1/saved-worklists/{wide['id']}")).status_code == 404


async def test_one_finds_ones_own_and_those_shared_and_deletes_ones_own(world: World) -> None:
    alone = (await saving(world, name="À moi", status="open")).json()
    shared = (await saving(world, name="À nous", shared=True, status="open")).json()
    basile, path = world.client("basile"), f"/v1/saved-worklists/{shared['id']}"
    assert [(one["id"], one["own"]) for one in (await basile.get("/v1/saved-worklists")).json()["items"]] == [
        (shared["id"], False)
    ]
    assert problem(await basile.delete(path, headers={"If-Match": '"1"'})) == (403, "not-your-worklist")
    camille = world.client("camille")
    assert (await camille.delete(path)).status_code == 428
    assert (await camille.delete(path, headers={"If-Match": '"1"'})).status_code == 200
    assert [one["id"] for one in (await camille.get("/v1/saved-worklists")).json()["items"]] == [alone["id"]]
    assert (await basile.get(path)).status_code == 404


@pytest.mark.parametrize(
    ("by", "body", "expected"),
    [
        ("camille", {}, 422),
        ("camille", {"identifier": {"type": "uci", "value": "00-1"}}, 422),
        ("camille", {"region": "99"}, 422),
        ("camille", {"hearing_within_days": 366}, 422),
        ("prosper", {"status": "open", "shared": True}, 422),
        ("pelagie", {"status": "open"}, 403),
    ],
)
async def test_no_name_of_anybody_is_kept_and_a_filter_that_says_nothing_is_refused(
    world: World, by: str, body: dict[str, Any], expected: int
) -> None:
    assert (await saving(world, by, **body)).status_code == expected


async def test_a_name_is_taken_once_by_each(world: World) -> None:
    assert (await saving(world, status="open")).status_code == 201
    assert problem(await saving(world, status="closed")) == (409, "worklist-name-taken")
    assert (await saving(world, "basile", status="open")).status_code == 201
