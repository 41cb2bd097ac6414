"""A case is taken in where its worker works, followed by somebody who can, and counts its people once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from casework.demo.families import family
from casework.kernel import clock
from tests.builders import a_case, accepted, an_offer
from tests.placement.households import RIMOUSKI, a_couple_with_a_child, a_member, counted, offering, problem

if TYPE_CHECKING:
    import httpx

    from tests.conftest import World

pytestmark = pytest.mark.anyio


async def taking_in(world: World, by: str = "camille", **changes: Any) -> httpx.Response:
    return await world.client(by).post("/v1/cases", json={**family(77, size=1).body, **changes})


def pointer(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["errors"][0]["pointer"]


async def test_only_a_caseworker_in_force_at_the_office_follows_a_case(world: World) -> None:
    for stranger in ("aurele", "pelagie", "octave", "prosper"):
        assert pointer(await taking_in(world, caseworker_id=str(world.key(stranger)))) == (422, "/caseworker_id")
    case = (await taking_in(world, caseworker_id=str(world.key("basile")))).json()
    patch = {"Content-Type": "application/merge-patch+json", "If-Match": f'"{case["version"]}"'}

    async def handed_to(whom: str) -> httpx.Response:
        body = {"caseworker_id": str(world.key(whom))}
        return await world.client("octave", **patch).patch(f"/v1/cases/{case['id']}", json=body, headers=patch)

    assert pointer(await handed_to("aurele")) == (422, "/caseworker_id")
    with world.owner() as owner:
        owner.execute("UPDATE users SET disabled_at = now() WHERE id = %s", (world.key("basile"),))
    assert pointer(await handed_to("basile")) == (422, "/caseworker_id")
    assert (await handed_to("camille")).status_code == 200


async def test_another_office_is_refused_and_not_replaced(world: World) -> None:
    assert pointer(await taking_in(world, "octave", office_id=str(world.key("praida")))) == (422, "/office_id")
    assert (await taking_in(world, "octave", office_id=str(world.key("mifi-montreal")))).status_code == 201


async def test_a_household_has_one_principal_and_no_external_id_twice(world: World) -> None:
    orsane = a_member("adult", "Orsane Velquindor")
    spouse = {**orsane, "relation": "spouse"}
    for members in ([orsane, orsane], [spouse]):
        assert pointer(await taking_in(world, members=members, consents=[])) == (422, "/members")
    twice = [{**orsane, "external_id": "X-1"}, {**spouse, "external_id": "X-1"}]
    assert pointer(await taking_in(world, members=twice, consents=[])) == (422, "/members/1/external_id")


async def test_an_assigned_case_gets_no_new_recommendation(world: World) -> None:
    case = await a_couple_with_a_child(world)
    await accepted(world, case, await an_offer(world, case))
    answer = await world.client("camille").post(f"/v1/cases/{case['id']}/recommendations")
    assert problem(answer) == (409, "case-already-assigned")


async def test_an_offer_on_places_at_school_says_so(world: World) -> None:
    with world.owner() as owner:
        owner.execute("UPDATE capacities SET resource = 'school' WHERE id = %s", (world.key(RIMOUSKI),))
    answer = await offering(world, await a_couple_with_a_child(world))
    assert problem(answer) == (409, "capacity-of-another-resource")


async def test_the_same_places_are_not_opened_twice_over_one_period(world: World) -> None:
    year = clock.today().year
    body = {"agreement_id": str(world.key("le-phare/agreement")), "geo_code": "10043", "total": 5,
            "starts_on": f"{year}-06-01", "ends_on": f"{year}-08-31"}  # fmt: skip
    coralie = world.client("coralie")
    assert problem(await coralie.post("/v1/capacities", json=body)) == (409, "capacity-already-open")
    school = {**body, "resource": "school"}
    assert (await coralie.post("/v1/capacities", json=school)).status_code == 201
    assert problem(await coralie.post("/v1/capacities", json=school)) == (409, "capacity-already-open")


async def test_a_coordinator_ends_the_placement_of_a_household_living_in_its_region(world: World) -> None:
    """The host is in another region: what can be read can be ended, and the places come back there."""
    case = await a_case(world, size=1, needs={}, preferences={})
    offer = await accepted(world, case, await an_offer(world, case))
    with world.owner() as owner:
        owner.execute("UPDATE cases SET region_code = '05' WHERE id = %s", (case["id"],))
    edmee, path = world.client("edmee"), f"/v1/assignments/{offer['assignment_id']}"
    tag = (await edmee.get(path)).headers["etag"]
    body = {"occurred_on": clock.today().isoformat(), "reason": "Reste dans la région."}
    assert counted(world) == (0, 1)
    ended = await edmee.post(f"{path}/end", json=body, headers={"If-Match": tag})
    assert ended.status_code == 200, ended.text
    assert counted(world) == (0, 0)
