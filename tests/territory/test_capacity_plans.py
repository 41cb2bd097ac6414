"""Places counted as data, their history, what is lost under people's feet, what is expected and what is meant."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from casework.kernel import clock
from casework.territory import reference
from tests.builders import a_case, an_offer
from tests.territory.test_territory_api import PATCH, a_season, changing, every

if TYPE_CHECKING:
    import httpx

    from tests.conftest import World

pytestmark = pytest.mark.anyio
RIMOUSKI = "le-phare/10043"
REASON = "Le propriétaire reprend l'immeuble."


async def a_hold(world: World, size: int = 3) -> dict[str, Any]:
    return await an_offer(world, await a_case(world, size=size, needs={}, preferences={}))


async def reviewing(world: World, total: int, version: int = 2, by: str = "coralie") -> httpx.Response:
    path = f"/v1/capacities/{world.key(RIMOUSKI)}/reviews"
    body = {"total": total, "reason": REASON}
    return await world.client(by).post(path, json=body, headers={"If-Match": f'"{version}"'})


async def settling(world: World, review: dict[str, Any], outcome: str) -> httpx.Response:
    body = {"outcome": outcome, "note": "Un autre lieu a été trouvé."}
    headers = {"If-Match": f'"{review["version"]}"'}
    return await world.client("coralie").post(f"/v1/capacity-reviews/{review['id']}/settle", json=body, headers=headers)


async def standing(world: World) -> dict[str, Any]:
    found: dict[str, Any] = (await world.client("coralie").get(f"/v1/capacities/{world.key(RIMOUSKI)}")).json()
    return found


async def test_what_places_are_counted_in_is_a_list(world: World) -> None:
    shown = (await world.client("melchior").get("/v1/resources")).json()["items"]
    assert {one["code"] for one in shown} == {one.code for one in reference.resources()}
    assert {one["bedrooms"] for one in shown if one["code"].startswith("homes_")} == set(range(1, 7))


async def test_a_new_line_of_the_list_is_a_new_resource_and_one_that_ended_is_not_opened(world: World) -> None:
    client = world.client("coralie")
    assert (await client.post("/v1/capacities", json=a_season(world, resource="daycare"))).status_code == 422
    with world.owner() as owner:
        owner.execute(
            "INSERT INTO resources SELECT 'daycare', 'Garderie', 'Daycare', NULL, valid_from, NULL, 'test'"
            " FROM resources LIMIT 1"
        )
        owner.execute("UPDATE resources SET valid_to = '2024-01-01' WHERE code = 'school'")
    assert (await client.post("/v1/capacities", json=a_season(world, resource="daycare"))).status_code == 201
    ended = await client.post("/v1/capacities", json=a_season(world, resource="school"))
    assert (ended.status_code, ended.json()["errors"][0]["pointer"]) == (422, "/resource")


async def test_a_capacity_keeps_its_history(world: World) -> None:
    opened = (await world.client("coralie").post("/v1/capacities", json=a_season(world))).json()
    path = f"/v1/capacities/{opened['id']}"
    for version, total in ((1, 30), (2, 12)):
        body = json.dumps({"total": total, "reason": f"Total {total}."})
        headers = {"If-Match": f'"{version}"', "Content-Type": PATCH}
        assert (await world.client("prosper").patch(path, content=body, headers=headers)).status_code == 200
    told = await every(world.client("pelagie"), f"{path}/changes")
    assert [(one["total_before"], one["total_after"], one["reason"]) for one in told] == [
        (30, 12, "Total 12."), (25, 30, "Total 30."), (None, 25, None),
    ]  # fmt: skip
    assert {one["changed_by"] for one in told} == {str(world.key("prosper")), str(world.key("coralie"))}
    assert (await world.client("raoul").get(f"{path}/changes")).status_code == 404


async def test_places_lost_under_a_hold_open_a_review_and_bump_nobody(world: World) -> None:
    offer = await a_hold(world)
    opened = await reviewing(world, 1)
    assert (opened.status_code, opened.json()["taken"], opened.json()["wanted_total"]) == (201, 3, 1)
    place = await standing(world)
    assert (place["total"], place["held"], place["shrinks_to"], place["places_left"]) == (140, 3, 1, 0)
    assert (await world.client("camille").get(f"/v1/offers/{offer['id']}")).json()["status"] == "held"
    # Whoever reviews finds the households concerned.
    concerned = await world.client("coralie").get("/v1/offers", params={"capacity_id": str(world.key(RIMOUSKI))})
    assert [one["id"] for one in concerned.json()["items"]] == [offer["id"]]
    # Nothing is offered there meanwhile, nor changed beside the review.
    case = await a_case(world, size=1, needs={}, preferences={})
    body = {"case_id": case["id"], "capacity_id": str(world.key(RIMOUSKI)), "reason": "Place libre."}
    refused = await world.client("camille").post("/v1/offers", json=body)
    assert (refused.status_code, refused.json()["places_left"]) == (409, 0)
    beside = await changing(world, "coralie", RIMOUSKI, 50, version=3)
    assert (beside.status_code, beside.json()["type"]) == (409, "/v1/problems/capacity-under-review")
    assert (await reviewing(world, 0, version=3)).json()["type"] == "/v1/problems/capacity-under-review"


async def test_a_review_is_settled_once_nobody_holds_a_lost_place(world: World) -> None:
    offer = await a_hold(world)
    review = (await reviewing(world, 1)).json()
    early = await settling(world, review, "shrunk")
    assert (early.status_code, early.json()["taken"]) == (409, 3)
    withdrawn = await world.client("camille").post(
        f"/v1/offers/{offer['id']}/withdraw", json={"reason": "Lieu perdu."}, headers={"If-Match": '"1"'}
    )
    assert withdrawn.status_code == 200
    # The places given back are not offered again: they are gone.
    assert (await standing(world))["places_left"] == 1
    settled = await settling(world, review, "shrunk")
    assert (settled.status_code, settled.json()["outcome"]) == (200, "shrunk")
    assert (await standing(world))["total"] == 1
    [last, *_] = await every(world.client("coralie"), f"/v1/capacities/{world.key(RIMOUSKI)}/changes")
    assert (last["total_before"], last["total_after"], last["reason"]) == (140, 1, REASON)
    again = await settling(world, settled.json(), "restored")
    assert again.json()["type"] == "/v1/problems/review-already-settled"


async def test_places_found_again_are_offered_again(world: World) -> None:
    await a_hold(world)
    review = (await reviewing(world, 0)).json()
    assert (await settling(world, review, "restored")).status_code == 200
    place = await standing(world)
    assert (place["total"], place["shrinks_to"], place["places_left"]) == (140, None, 137)


async def test_a_review_needs_something_to_review_and_somebody_who_may(world: World) -> None:
    await a_hold(world)
    assert (await reviewing(world, 3)).json()["type"] == "/v1/problems/nothing-to-review"
    assert (await reviewing(world, 0, version=7)).status_code == 412
    assert (await reviewing(world, 0, by="edmee")).status_code == 404
    assert (await reviewing(world, 0, by="pelagie")).status_code == 403
    assert (await reviewing(world, -1)).status_code == 422


async def test_two_reviews_at_once_are_one(world: World) -> None:
    await a_hold(world)
    answers = await asyncio.gather(*(reviewing(world, 0) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [201, 412, 412, 412]


async def test_the_row_itself_refuses_to_go_below_what_is_taken(world: World) -> None:
    await a_hold(world)
    with world.owner() as owner, pytest.raises(psycopg.errors.CheckViolation):
        owner.execute("UPDATE capacities SET total = 2 WHERE id = %s", (world.key(RIMOUSKI),))


# Forecasts


def a_forecast(**changes: Any) -> dict[str, Any]:
    today = clock.today()
    told = {"geo_code": "10043", "starts_on": today.isoformat(), "ends_on": (today + timedelta(days=90)).isoformat(),
            "low": 10, "expected": 20, "high": 30, "source": "Parc locatif, estimation de la direction régionale."}  # fmt: skip
    return {**told, **changes}


async def test_a_forecast_is_told_with_its_range_and_promises_nothing(world: World) -> None:
    before = await standing(world)
    first = await world.client("coralie").post("/v1/capacity-forecasts", json=a_forecast())
    second = await world.client("coralie").post("/v1/capacity-forecasts", json=a_forecast(expected=25))
    assert (first.status_code, second.status_code) == (201, 201)
    told = await every(world.client("camille"), "/v1/capacity-forecasts", region="01")
    assert [one["expected"] for one in told] == [25, 20]
    assert await every(world.client("edmee"), "/v1/capacity-forecasts") == []
    assert await standing(world) == before


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"low": 21}, 422),
        ({"high": 19}, 422),
        ({"expected": -1}, 422),
        ({"resource": "beds"}, 422),
        ({"ends_on": "2000-01-01"}, 422),
        ({"geo_code": "99999"}, 404),
        ({"geo_code": "43027"}, 404),
        ({"organization_id": "01890000-0000-7000-8000-000000000000"}, 404),
    ],
)
async def test_a_forecast_without_ground_is_refused(world: World, changes: dict[str, Any], status: int) -> None:
    answer = await world.client("coralie").post("/v1/capacity-forecasts", json=a_forecast(**changes))
    assert answer.status_code == status, answer.text
    with world.owner() as owner:
        assert owner.execute("SELECT count(*) FROM capacity_forecasts").fetchone() == (0,)


# Targets and ceilings


def a_target(**changes: Any) -> dict[str, Any]:
    year = clock.today().year
    told = {"region_code": "01", "starts_on": f"{year}-01-01", "ends_on": f"{year}-12-31", "target": 2, "ceiling": 4,
            "source": "Plan régional."}  # fmt: skip
    return {**told, **changes}


async def test_a_region_s_ceiling_stops_the_offer_that_would_pass_it(world: World) -> None:
    assert (await world.client("prosper").post("/v1/regional-targets", json=a_target())).status_code == 201
    await a_hold(world)
    case = await a_case(world, size=2, needs={}, preferences={})
    for place in ("10043", "12072"):  # two municipalities, one region
        body = {"case_id": case["id"], "capacity_id": str(world.key(f"le-phare/{place}")), "reason": "Place libre."}
        refused = await world.client("camille").post("/v1/offers", json=body)
        assert (refused.status_code, refused.json()["type"]) == (409, "/v1/problems/region-full")
        assert (refused.json()["places_left"], refused.json()["places_needed"]) == (1, 2)
    elsewhere = {**body, "capacity_id": str(world.key("racines-d-estrie/43027"))}
    assert (await world.client("camille").post("/v1/offers", json=elsewhere)).status_code == 201


async def test_a_ceiling_holds_when_everybody_offers_at_once(world: World) -> None:
    assert (await world.client("prosper").post("/v1/regional-targets", json=a_target())).status_code == 201
    cases = [await a_case(world, size=1, needs={}, preferences={}) for _ in range(8)]

    async def offered(number: int, case: dict[str, Any]) -> int:
        place = world.key(f"le-phare/{('10043', '12072')[number % 2]}")
        body = {"case_id": case["id"], "capacity_id": str(place), "reason": "Place libre."}
        return (await world.client("camille").post("/v1/offers", json=body)).status_code

    answers = await asyncio.gather(*(offered(number, case) for number, case in enumerate(cases)))
    assert sorted(answers) == [201] * 4 + [409] * 4


async def test_a_target_is_set_by_the_ministry_and_read_by_its_region(world: World) -> None:
    set_ = await world.client("prosper").post("/v1/regional-targets", json=a_target())
    assert (await world.client("coralie").post("/v1/regional-targets", json=a_target())).status_code == 403
    again = await world.client("prosper").post("/v1/regional-targets", json=a_target(target=3))
    assert again.json()["type"] == "/v1/problems/target-already-set"
    assert [one["id"] for one in await every(world.client("melchior"), "/v1/regional-targets")] == [set_.json()["id"]]
    assert await every(world.client("edmee"), "/v1/regional-targets") == []
    path, body = f"/v1/regional-targets/{set_.json()['id']}", json.dumps({"target": 9, "source": "Révisé."})
    headers = {"If-Match": set_.headers["etag"], "Content-Type": PATCH}
    changed = await world.client("prosper").patch(path, content=body, headers=headers)
    assert (changed.json()["target"], changed.json()["ceiling"]) == (9, None)


@pytest.mark.parametrize("changes", [{"ceiling": 1}, {"target": -1}, {"ends_on": "2000-01-01"}, {"region_code": "18"}])
async def test_a_target_that_contradicts_itself_is_refused(world: World, changes: dict[str, Any]) -> None:
    answer = await world.client("prosper").post("/v1/regional-targets", json=a_target(**changes))
    assert answer.status_code == 422, answer.text
