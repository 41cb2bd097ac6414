"""The figures of a pilot come from what happened, milestone by milestone, and from nowhere else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from tests.builders import accepted, an_offer
from tests.pilots.departures import a_cohort, a_consenting_case, a_pilot, act, day, departed, done, enrolled, read

if TYPE_CHECKING:
    from tests.conftest import World

pytestmark = pytest.mark.anyio

HOUSEHOLDS, SIZE = 3, 5
LONG_AGO = -40


async def published(world: World, pilot: dict[str, Any]) -> dict[str, Any]:
    return done(await world.client("prosper").post(f"/v1/pilots/{pilot['id']}/evaluations"))


async def arrived(world: World, case: dict[str, Any]) -> None:
    """From the offer to the arrival in the region, recorded as the host records it."""
    offer = await accepted(world, case, await an_offer(world, case))
    path = f"/v1/assignments/{offer['assignment_id']}"
    for who, step, body in (
        ("pelagie", "acknowledge", None),
        ("camille", "depart", {"occurred_on": day(LONG_AGO)}),
        ("pelagie", "arrive", {"occurred_on": day(LONG_AGO)}),
    ):
        tag = (await world.client(who).get(path)).headers["etag"]
        done(await world.client(who).post(f"{path}/{step}", json=body, headers={"If-Match": tag}), 200)


async def checked(world: World, case: dict[str, Any], outcome: str) -> list[dict[str, Any]]:
    """One check of presence for each person of the household."""
    told = {"code": "RETENTION_30", "outcome": "not_applicable" if outcome == "left" else outcome,
            "occurred_on": {"value": day(), "precision": "day"}}  # fmt: skip
    told |= {"reason_code": "left_region"} if outcome == "left" else {}
    made = []
    for member in case["household"]["members"]:
        path = f"/v1/cases/{case['id']}/milestones"
        made.append(done(await world.client("pelagie").post(path, json={**told, "person_id": member["person_id"]})))
    return made


async def test_nothing_is_published_until_somebody_publishes(world: World) -> None:
    pilot = await a_pilot(world)
    answer = await world.client("melchior").get(f"/v1/pilots/{pilot['id']}/evaluation")
    assert (answer.status_code, answer.json()["type"]) == (404, "/v1/problems/evaluation-not-published")
    first = await published(world, pilot)
    assert (first["total"]["enrolled"], first["departures"]) == (0, [])
    assert await read(world, f"/v1/pilots/{pilot['id']}/evaluation", "melchior") == first


async def test_enrolled_departed_arrived_and_still_there_are_counted_from_the_milestones(world: World) -> None:
    pilot = await a_pilot(world)
    cohort = await a_cohort(world, pilot, seats=30)
    cases = [await a_consenting_case(world, SIZE, needs={}, preferences={}) for _ in range(HOUSEHOLDS)]
    for case in cases:
        await enrolled(world, case, cohort)
    waiting = await published(world, pilot)
    assert (waiting["total"]["enrolled"], waiting["total"]["waiting"], waiting["total"]["departed"]) == (15, 15, 0)
    await departed(world, cohort, occurred_on=day(LONG_AGO))
    for case in cases[:2]:
        await arrived(world, case)
    await checked(world, cases[0], "done")
    last = await checked(world, cases[1], "left")
    figures = await published(world, pilot)
    total = figures["total"]
    assert (total["departed"], total["arrived"], total["not_arrived"]) == (15, 10, 5)
    assert total["retention"][0] == {"days": 30, "here": 5, "left": 5, "unknown": 0, "unasked": 0}
    assert total["retention"][1] == {"days": 90, "here": 0, "left": 0, "unknown": 0, "unasked": 10}
    [departure] = figures["departures"]
    assert (departure["cohort_id"], departure["figures"]) == (cohort["id"], total)
    # A check taken back counts for nothing; one person not asked is too few to tell, and so are the four beside it.
    path = f"/v1/milestones/{last[0]['id']}"
    done(await act(world, f"{path}/void", {"reason": "Mauvaise personne."}, last[0]["version"], "pelagie"), 200)
    after = (await published(world, pilot))["total"]["retention"][0]
    assert after == {"days": 30, "here": 5, "left": None, "unknown": 0, "unasked": None}
    # What was published before is published still.
    with world.owner() as owner, pytest.raises(psycopg.errors.InsufficientPrivilege):
        owner.execute("UPDATE pilot_evaluations SET figures = '{}'")


async def test_a_few_persons_are_not_told(world: World) -> None:
    pilot = await a_pilot(world)
    cohort = await a_cohort(world, pilot)
    await enrolled(world, await a_consenting_case(world, 2), cohort)
    figures = await published(world, pilot)
    assert (figures["total"]["enrolled"], figures["total"]["waiting"]) == (None, None)
    assert figures["departures"] == [{"cohort_id": cohort["id"], "figures": None}]


async def test_figures_say_how_long_the_signed_log_was_when_they_were_counted(world: World) -> None:
    pilot = await a_pilot(world)
    assert (await published(world, pilot))["log_size"] == 0
    case = await a_consenting_case(world)
    milestone = {"code": "CLAIM_DOC", "person_id": case["household"]["members"][0]["person_id"], "outcome": "done",
                 "occurred_on": {"value": day(), "precision": "day"}}  # fmt: skip
    done(await world.client("octave").post(f"/v1/cases/{case['id']}/milestones", json=milestone))
    await world.sequence()
    assert (await published(world, pilot))["log_size"] == 1
