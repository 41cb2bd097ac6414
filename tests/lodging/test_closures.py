"""A shelter closes: its households move at once, each whole or not; offers, holds and consents stand (domain.md §7.11)."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from casework.kernel import clock
from tests.builders import a_case, accepted, an_offer
from tests.household_imports.test_imports import rows_everywhere
from tests.lodging.shelters import a_shelter, all_moved, beds, closing, day, lodged, lodging, stays
from tests.placement.households import problem

if TYPE_CHECKING:
    from tests.conftest import World

pytestmark = pytest.mark.anyio


def moves(read: dict[str, Any]) -> dict[str, tuple[str, str | None]]:
    return {one["case_id"]: (one["status"], one["to_site_id"]) for one in read["moves"]}


async def listed(world: World, by: str = "camille") -> set[str]:
    answer = await world.client(by).get("/v1/worklists", params={"name": "to_lodge"})
    return {one["case"]["id"] for one in answer.json()["items"]}


async def test_everybody_moves_and_offers_holds_and_consents_stand(world: World) -> None:
    ormes, aulnes = await a_shelter(world, "Refuge des Ormes", 6), await a_shelter(world, "Refuge des Aulnes", 4)
    mine, _ = await lodged(world, ormes, 2, needs={}, preferences={})
    theirs, _ = await lodged(world, ormes, 1, "ines")
    offer = await an_offer(world, mine)
    closed = await closing(world, ormes, aulnes)
    assert closed.status_code == 201, closed.text
    read = closed.json()
    assert (read["status"], read["progress"], read["persons"], read["short"]) == ("running", 0, 3, 0)
    assert (await beds(world, ormes), await beds(world, aulnes)) == ((3, 0), (0, 3))
    assert await all_moved(world) == 2
    after = (await world.client("prosper").get(closed.headers["location"])).json()
    assert (after["status"], after["progress"]) == ("done", 100)
    assert moves(after) == {one["id"]: ("moved", aulnes["id"]) for one in (mine, theirs)}
    assert (await beds(world, ormes), await beds(world, aulnes)) == ((0, 0), (3, 0))
    assert await stays(world, mine) == [(ormes["id"], "site_closed"), (aulnes["id"], None)]
    assert (await accepted(world, mine, offer))["status"] == "accepted"


async def test_each_household_that_moved_owes_both_authorities_its_address_and_its_timeline_says_so(
    world: World,
) -> None:
    ormes, aulnes = await a_shelter(world, "Refuge des Ormes", 6), await a_shelter(world, "Refuge des Aulnes", 4)
    case, _ = await lodged(world, ormes, 2, programme="asylum")
    assert (await closing(world, ormes, aulnes)).status_code == 201
    await all_moved(world)
    client = world.client("camille")
    notices = (await client.get(f"/v1/cases/{case['id']}/address-notices")).json()["items"]
    owed = {(one["authority"], one["moved_on"], one["notified_on"]) for one in notices}
    assert owed == {("irb", day(), None), ("ircc_cbsa", day(), None)}
    events = (await client.get(f"/v1/cases/{case['id']}/timeline")).json()["items"]
    kinds = [(event["kind"], event["code"]) for event in events]
    assert kinds.count(("lodged", None)) == 2
    assert ("lodging_ended", "site_closed") in kinds


async def test_a_rehearsal_says_the_same_and_writes_nothing(world: World) -> None:
    ormes, aulnes = await a_shelter(world, "Refuge des Ormes", 6), await a_shelter(world, "Refuge des Aulnes", 4)
    case, _ = await lodged(world, ormes, 3)
    before = {name: rows for name, rows in rows_everywhere(world).items() if not name.startswith(("log_", "read_"))}
    told = await closing(world, ormes, aulnes, dry=True)
    assert told.status_code == 201, told.text
    assert (told.json()["id"], told.json()["dry_run"]) == (None, True)
    assert moves(told.json()) == {case["id"]: ("waiting", aulnes["id"])}
    after = {name: rows for name, rows in rows_everywhere(world).items() if not name.startswith(("log_", "read_"))}
    assert after == before
    assert await all_moved(world) == 0
    assert (await closing(world, ormes, aulnes)).status_code == 201


async def test_without_room_it_says_how_many_are_short_or_leaves_them_in_the_worklist(world: World) -> None:
    """A household of three is not parted for two beds: the one of two goes there instead."""
    ormes, aulnes = await a_shelter(world, "Refuge des Ormes", 9), await a_shelter(world, "Refuge des Aulnes", 2)
    three, _ = await lodged(world, ormes, 3)
    two, _ = await lodged(world, ormes, 2)
    refused = await closing(world, ormes, aulnes)
    assert (problem(refused), refused.json()["short"]) == ((409, "not-enough-beds"), 3)
    assert await beds(world, aulnes) == (0, 0)
    done = await closing(world, ormes, aulnes, leave_waiting=True)
    assert (done.status_code, done.json()["short"]) == (201, 3)
    await all_moved(world)
    assert await stays(world, two) == [(ormes["id"], "site_closed"), (aulnes["id"], None)]
    assert await stays(world, three) == [(ormes["id"], "site_closed")]
    assert await listed(world) == {three["id"]}
    pins = await a_shelter(world, "Refuge des Pins", 3)
    assert (await lodging(world, three, pins, since=0)).status_code == 201
    assert await listed(world) == set()


async def test_on_a_later_day_nobody_moves_before_and_the_promised_beds_are_nobody_elses(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    ormes, aulnes = await a_shelter(world, "Refuge des Ormes", 6), await a_shelter(world, "Refuge des Aulnes", 4)
    case, _ = await lodged(world, ormes, 3)
    closed = await closing(world, ormes, aulnes, closed_on=day(5))
    assert closed.json()["status"] == "scheduled"
    assert await all_moved(world) == 0
    newcomer = await a_case(world, size=2)
    full = await lodging(world, newcomer, aulnes)
    assert (problem(full), full.json()["short"]) == ((409, "not-enough-beds"), 1)
    assert problem(await lodging(world, newcomer, ormes)) == (409, "site-closed-for-lodging")
    with monkeypatch.context() as later:
        in_five_days = clock.today() + timedelta(days=5)
        later.setattr(clock, "today", lambda: in_five_days)
        assert await all_moved(world) == 1
    assert await stays(world, case) == [(ormes["id"], "site_closed"), (aulnes["id"], None)]


async def test_who_has_left_before_the_day_is_gone_and_gives_the_promised_beds_back(world: World) -> None:
    ormes, aulnes = await a_shelter(world, "Refuge des Ormes", 6), await a_shelter(world, "Refuge des Aulnes", 4)
    case, stay = await lodged(world, ormes, 3)
    closed = await closing(world, ormes, aulnes)
    left = await world.client("camille").post(
        f"/v1/lodgings/{stay['id']}/end", json={"ends_on": day()}, headers={"If-Match": '"1"'}
    )
    assert left.json()["end_reason"] == "left"
    assert await all_moved(world) == 1
    after = (await world.client("prosper").get(closed.headers["location"])).json()
    assert moves(after) == {case["id"]: ("gone", aulnes["id"])}
    assert await beds(world, aulnes) == (0, 0)
    assert await listed(world) == set()


async def test_those_kept_together_go_to_the_same_shelter(world: World) -> None:
    ormes = await a_shelter(world, "Refuge des Ormes", 9)
    small, large = await a_shelter(world, "Refuge des Aulnes", 2), await a_shelter(world, "Refuge des Pins", 4)
    one, _ = await lodged(world, ormes, 2)
    other, _ = await lodged(world, ormes, 2)
    camille, path = world.client("camille"), f"/v1/cases/{one['id']}"
    link, tag = {"other_case_id": other["id"], "kind": "keep_together"}, (await camille.get(path)).headers["etag"]
    tied = await camille.post(f"{path}/links", json=link, headers={"If-Match": tag})
    assert tied.status_code == 201, tied.text
    told = await closing(world, ormes, small, large)
    assert moves(told.json()) == {case["id"]: ("waiting", large["id"]) for case in (one, other)}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"closed_on": day(-1)}, (422, "/closed_on")),
        ({"successors": ["itself"]}, (422, "/successors/0")),
        ({"successors": ["elsewhere"]}, (422, "/successors/0")),
        ({"successors": ["bedless"]}, (422, "/successors/0")),
        ({"successors": ["aulnes", "aulnes"]}, (422, "/successors/1")),
        ({"successors": ["nobody"]}, (404, None)),
    ],
)
async def test_what_cannot_be_is_refused_and_nothing_is_written(
    world: World, changes: dict[str, Any], expected: tuple[int, str | None]
) -> None:
    ormes = await a_shelter(world, "Refuge des Ormes", 6)
    await lodged(world, ormes, 2)
    sites = {
        "itself": ormes["id"], "aulnes": (await a_shelter(world, "Refuge des Aulnes", 4))["id"],
        "elsewhere": (await a_shelter(world, "Refuge de Sherbrooke", 9, "43027"))["id"],
        "bedless": (await a_shelter(world, "Bureau", None))["id"], "nobody": "01890000-0000-7000-8000-000000000000",
    }  # fmt: skip
    named = {"successors": [sites[one] for one in changes["successors"]]} if "successors" in changes else {}
    answer = await closing(world, ormes, leave_waiting=True, **{**changes, **named})
    assert answer.status_code == expected[0], answer.text
    assert [fault["pointer"] for fault in answer.json().get("errors", [])] == ([expected[1]] if expected[1] else [])
    assert (await closing(world, ormes, leave_waiting=True)).status_code == 201


async def test_a_site_is_closed_once_by_the_ministry_and_not_past_its_households(world: World) -> None:
    ormes = await a_shelter(world, "Refuge des Ormes", 6)
    await lodged(world, ormes, 2)
    tag = {"If-Match": f'"{ormes["version"]}"'}
    plain = await world.client("coralie").post(f"/v1/sites/{ormes['id']}/close", json={"closed_on": day()}, headers=tag)
    assert (problem(plain), plain.json()["persons"]) == ((409, "site-still-lodges"), 2)
    assert problem(await closing(world, ormes, by="coralie", leave_waiting=True)) == (403, "not-permitted")
    absent = {**ormes, "id": "01890000-0000-7000-8000-000000000000"}
    body = {"closed_on": day(), "reason": "Bail perdu."}
    path = f"/v1/sites/{absent['id']}/closures"
    assert (await world.client("prosper").post(path, json=body, headers=tag)).status_code == 404
    assert (await closing(world, ormes, leave_waiting=True)).status_code == 201
    assert problem(await closing(world, ormes, leave_waiting=True)) == (409, "site-already-closed")
    assert await all_moved(world) == 1


async def test_the_same_key_closes_once_and_gets_the_same_answer(world: World) -> None:
    ormes = await a_shelter(world, "Refuge des Ormes", 6)
    await lodged(world, ormes, 2)
    client = world.client("prosper", **{"Idempotency-Key": "fermeture-0001", "If-Match": '"1"'})
    body = {"closed_on": day(), "reason": "Bail perdu.", "leave_waiting": True}
    first, again = [await client.post(f"/v1/sites/{ormes['id']}/closures", json=body) for _ in range(2)]
    assert (first.status_code, again.headers.get("idempotency-replayed")) == (201, "true")
    assert first.json() == again.json()


async def test_many_hands_at_once_move_each_household_once_and_pass_no_bed(world: World) -> None:
    """Two closures promise the same shelter what it has and no more; four hands share the work."""
    target = await a_shelter(world, "Refuge des Aulnes", 5)
    first, second = await a_shelter(world, "Refuge des Ormes", 9), await a_shelter(world, "Refuge des Pins", 9)
    for site in (first, second):
        for size in (2, 1):
            await lodged(world, site, size)
    answers = await asyncio.gather(*(closing(world, site, target, leave_waiting=True) for site in (first, second)))
    assert sorted(answer.json()["short"] for answer in answers) == [0, 1]
    await asyncio.gather(*(all_moved(world) for _ in range(4)))
    assert await beds(world, target) == (5, 0)
    assert len(await listed(world)) == 1


async def test_a_household_that_arrives_in_its_region_gives_its_beds_back(world: World) -> None:
    from tests.cases.claims import arrived

    ormes = await a_shelter(world, "Refuge des Ormes", 6)
    case, _ = await lodged(world, ormes, 2, needs={}, preferences={})
    await arrived(world, await accepted(world, case, await an_offer(world, case)))
    assert await beds(world, ormes) == (0, 0)
    assert await stays(world, case) == [(ormes["id"], "regional_move")]
