"""From the partner's answer to arrival and end."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from casework.kernel import clock
from tests.builders import a_case, accepted, an_offer

if TYPE_CHECKING:
    import httpx

    from tests.conftest import World

pytestmark = pytest.mark.anyio


async def a_proposal(world: World, size: int = 2) -> tuple[dict[str, Any], dict[str, Any]]:
    case = await a_case(world, size=size)
    offer = await accepted(world, case, await an_offer(world, case))
    assignment = await world.client("camille").get(f"/v1/assignments/{offer['assignment_id']}")
    return case, assignment.json()


async def step(world: World, by: str, assignment: dict[str, Any], name: str, **body: Any) -> httpx.Response:
    return await world.client(by).post(
        f"/v1/assignments/{assignment['id']}/{name}",
        json=body,
        headers={"If-Match": f'"{assignment["version"]}"'},
    )


def taken(world: World, place: str = "le-phare/10043") -> tuple[object, ...]:
    with world.owner() as connection:
        row = connection.execute("SELECT held, used FROM capacities WHERE id = %s", (world.key(place),)).fetchone()
    assert row is not None
    return row


async def test_acceptance_by_all_proposes_the_household_to_the_organization(world: World) -> None:
    case, assignment = await a_proposal(world)
    assert assignment["status"] == "proposed"
    assert taken(world) == (0, 2)
    assert (await world.client("pelagie").get(f"/v1/cases/{case['id']}")).status_code == 200
    assert (await world.client("raoul").get(f"/v1/cases/{case['id']}")).status_code == 404


async def test_the_partner_does_not_see_the_claim_nor_the_identifiers(world: World) -> None:
    case, _ = await a_proposal(world)
    seen = (await world.client("pelagie").get(f"/v1/cases/{case['id']}")).json()
    assert "claim" not in seen
    assert "preferences" not in seen
    assert all("identifiers" not in member for member in seen["household"]["members"])


async def test_the_household_leaves_arrives_and_its_case_lives_in_the_region(world: World) -> None:
    case, assignment = await a_proposal(world)
    today = clock.today()
    assignment = (await step(world, "pelagie", assignment, "acknowledge")).json()
    left = await step(world, "camille", assignment, "depart", occurred_on=(today - timedelta(days=2)).isoformat())
    early = await step(world, "pelagie", left.json(), "arrive", occurred_on=(today - timedelta(days=3)).isoformat())
    assert early.status_code == 422
    there = await step(world, "pelagie", left.json(), "arrive", occurred_on=today.isoformat())
    assert there.json()["status"] == "arrived"
    seen = (await world.client("coralie").get(f"/v1/cases/{case['id']}")).json()
    assert (seen["region_code"], seen["arrived_on"]) == ("01", today.isoformat())


async def test_a_refusal_gives_the_places_back_and_ends_the_access(world: World) -> None:
    case, assignment = await a_proposal(world)
    answer = await step(world, "pelagie", assignment, "refuse", reason_code="no_staff")
    assert answer.status_code == 200
    assert answer.json()["status"] == "refused"
    assert taken(world) == (0, 0)
    assert (await world.client("pelagie").get(f"/v1/cases/{case['id']}")).status_code == 404


async def test_an_end_is_neutral_and_history_stays(world: World) -> None:
    case, assignment = await a_proposal(world)
    day = clock.today().isoformat()
    ended = await step(world, "camille", assignment, "end", occurred_on=day, reason="Le ménage rejoint sa famille.")
    assert ended.json()["status"] == "ended"
    assert taken(world) == (0, 0)
    again = await step(world, "camille", ended.json(), "depart", occurred_on=day)
    assert (again.status_code, again.json()["assignment_status"]) == (409, "ended")
    assert (await world.client("camille").get(f"/v1/cases/{case['id']}")).status_code == 200


async def test_a_departure_in_the_future_is_refused(world: World) -> None:
    _, assignment = await a_proposal(world)
    assignment = (await step(world, "pelagie", assignment, "acknowledge")).json()
    later = (clock.today() + timedelta(days=1)).isoformat()
    assert (await step(world, "camille", assignment, "depart", occurred_on=later)).status_code == 422


async def test_only_the_organization_answers_for_itself(world: World) -> None:
    _, assignment = await a_proposal(world)
    assert (await step(world, "camille", assignment, "acknowledge")).status_code == 403
    assert (await step(world, "raoul", assignment, "acknowledge")).status_code == 404


async def test_the_agreement_that_ends_takes_the_access_with_it(world: World) -> None:
    case, _ = await a_proposal(world)
    with world.owner() as connection:
        connection.execute("UPDATE agreements SET ended_at = now() WHERE id = %s", (world.key("le-phare/agreement"),))
    assert (await world.client("pelagie").get(f"/v1/cases/{case['id']}")).status_code == 404
