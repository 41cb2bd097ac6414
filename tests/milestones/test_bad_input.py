"""Each thing that cannot be: one clear answer in the two languages, alone and as a line of a batch; nothing is stored."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from casework.kernel import clock
from casework.kernel.problems import CATALOGUE
from tests.milestones.steps import (
    a_granted_case,
    anchor,
    child,
    correct,
    days_ago,
    grant,
    leaves,
    on,
    person,
    placed,
    record,
    recorded,
    shared,
    slug,
    step,
    the_velquindors,
    void,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.conftest import World

pytestmark = pytest.mark.anyio

DIED = (
    "INSERT INTO claim_statuses (id, case_id, office_id, region_code, person_id, status, occurred_on, sealed_source,"
    " recorded_at, version) SELECT gen_random_uuid(), id, office_id, region_code, %s, 'deceased', %s, '', now(), 1 FROM cases"
    " WHERE id = %s"
)
Told = tuple[dict[str, Any], str, dict[str, Any]]
"""A case, who tells, and what."""


async def before_birth(world: World) -> Told:
    case = await a_granted_case(world, child(2))
    anchor(world, case, arrived_on=days_ago(9 * 365))
    day = {"value": str(clock.today().year - 8), "precision": "year"}
    return case, "pelagie", {"code": "HEALTH", "person_id": person(case, 1), "occurred_on": day}


async def after_death(world: World) -> Told:
    case = await a_granted_case(world)
    with world.owner() as connection:
        connection.execute(DIED, (person(case), days_ago(9), case["id"]))
    return case, "pelagie", {"code": "AID", "person_id": person(case)}


async def in_the_future(world: World) -> Told:
    case = await a_granted_case(world)
    return case, "pelagie", {"code": "AID", "person_id": person(case), "occurred_on": on(days_ago(-1))}


async def out_of_reach(world: World) -> Told:
    case = await the_velquindors(world)
    return case, "pelagie", {"code": "AID", "person_id": person(case)}


async def of_another_household(world: World) -> Told:
    mine, other = await a_granted_case(world), await a_granted_case(world)
    return mine, "pelagie", {"code": "AID", "person_id": person(other)}


async def out_of_force(world: World) -> Told:
    case = await a_granted_case(world, child(12))
    anchor(world, case, arrived_on=days_ago(9 * 365))
    closed = {"value": "2020-05", "precision": "month"}
    return case, "pelagie", {"code": "CHILDCARE", "person_id": person(case, 1), "occurred_on": closed}


async def of_another_role(world: World) -> Told:
    case = await a_granted_case(world)
    return case, "pelagie", {"code": "MED_EXAM", "person_id": person(case)}


async def under_an_ended_agreement(world: World) -> Told:
    case = await a_granted_case(world)
    with world.owner() as connection:
        connection.execute("UPDATE agreements SET ended_at = now() WHERE id = %s", (world.key("le-phare/agreement"),))
    return case, "pelagie", {"code": "AID", "person_id": person(case)}


async def before_the_arrival(world: World) -> Told:
    case = await the_velquindors(world)
    grant(world, case, to="le-phare")
    return case, "pelagie", {"code": "AID", "person_id": person(case)}


async def on_a_closed_case(world: World) -> Told:
    case = await the_velquindors(world)
    closed = await world.client("camille").post(
        f"/v1/cases/{case['id']}/close", json={"reason": "Parti."}, headers={"If-Match": '"1-caseworker"'}
    )
    assert closed.status_code == 200
    return case, "camille", {"code": "NEEDS", "person_id": person(case)}


async def of_an_erased_person(world: World) -> Told:
    case = await a_granted_case(world)
    with world.owner() as connection:
        connection.execute(
            "UPDATE subject_keys SET erased_at = now(), wrapped = '' WHERE subject_id = %s",
            (person(case),),
        )
    return case, "pelagie", {"code": "AID", "person_id": person(case)}


STORIES: list[tuple[Callable[[World], Awaitable[Told]], int, str]] = [
    (before_birth, 422, "milestone-before-birth"),
    (after_death, 422, "milestone-after-death"),
    (in_the_future, 422, "milestone-in-future"),
    (out_of_reach, 404, "not-found"),
    (of_another_household, 404, "not-found"),
    (out_of_force, 422, "milestone-type-not-in-force"),
    (of_another_role, 403, "milestone-not-yours"),
    (under_an_ended_agreement, 404, "not-found"),
    (before_the_arrival, 409, "milestone-before-arrival"),
    (on_a_closed_case, 409, "milestone-on-closed-case"),
    (of_an_erased_person, 410, "subject-erased"),
]


@pytest.mark.parametrize(("story", "status", "problem"), STORIES, ids=lambda part: getattr(part, "__name__", None))
async def test_what_cannot_be_is_refused_clearly_in_both_languages(
    world: World, story: Callable[[World], Awaitable[Told]], status: int, problem: str
) -> None:
    case, who, told = await story(world)
    body = {"outcome": "done", "occurred_on": on(days_ago(1)), **told}
    path, title = f"/v1/cases/{case['id']}/milestones", CATALOGUE[problem].title
    for language, words in (("fr", title.fr), ("en", title.en)):
        answer = await world.client(who, **{"Accept-Language": language}).post(path, json=body)
        assert (answer.status_code, slug(answer), answer.json()["title"]) == (status, problem, words)
        if status == 422:
            assert answer.json()["errors"][0]["pointer"] in {"/occurred_on", "/code"}
    line = {**body, "case_id": case["id"], "external_id": "carnet-1"}
    [item] = (await world.client(who).post("/v1/milestone-batches", json={"items": [line]})).json()["items"]
    assert (item["status"], item["problem"]["type"], item["id"]) == (status, f"/v1/problems/{problem}", None)
    assert (item["problem"]["title_fr"], item["problem"]["title_en"]) == (title.fr, title.en)
    with world.owner() as connection:
        assert connection.execute("SELECT count(*) FROM milestones").fetchone() == (0,)
    assert leaves(world) == []


async def test_a_void_of_a_void_and_a_correction_of_one(world: World) -> None:
    case = await the_velquindors(world)
    camille = world.client("camille")
    wrong = await recorded(camille, case, "NEEDS", person(case))
    right = (await correct(camille, wrong, "caseworker")).json()
    for answer in (
        await void(camille, {**wrong, "version": 2}, "x"),
        await correct(camille, {**wrong, "version": 2}, "x"),
    ):
        assert (answer.status_code, slug(answer)) == (409, "milestone-already-voided")
    english = {"If-Match": '"2-caseworker"', "Accept-Language": "en"}
    again = await camille.post(f"/v1/milestones/{wrong['id']}/void", json={"reason": "x"}, headers=english)
    assert again.json()["title"] == "Milestone already voided"
    # What replaced it stands, and may itself be corrected: a chain in which each names the one before.
    third = (await correct(camille, right, "caseworker", occurred_on=on(days_ago(2)))).json()
    assert (right["corrects"], third["corrects"]) == (wrong["id"], right["id"])


async def test_a_mistyped_arrival_never_leaves_the_windows_of_a_journey(world: World) -> None:
    case = await the_velquindors(world, consents=shared())
    path = await placed(world, case, "le-phare/10043", "pelagie", days_ago(9), days_ago(8))
    for day in (days_ago(10), days_ago(-1)):
        body = {"occurred_on": day.isoformat(), "reason_code": "mistyped"}
        answer = await step(world, path, "pelagie", "correct-arrival", body)
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/occurred_on")


async def test_a_clock_an_hour_wrong_is_told_the_day_it_is(world: World) -> None:
    case = await a_granted_case(world)
    late = datetime.combine(clock.today(), datetime.min.time(), clock.QUEBEC) + timedelta(hours=23, minutes=30)
    tomorrow = on(days_ago(-1))
    with clock.frozen(late):
        fast = await record(world.client("pelagie"), case, "AID", person(case), occurred_on=tomorrow)
        assert (fast.status_code, slug(fast)) == (422, "milestone-in-future")
        assert fast.json()["today"] == days_ago(0).isoformat()
        # An hour slow is only a day early: possible, and the log's index keeps the order in which it was told.
        await recorded(world.client("pelagie"), case, "LEGAL", person(case), occurred_on=on(days_ago(1)))
    with clock.frozen(late + timedelta(minutes=31)):
        await recorded(world.client("pelagie"), case, "AID", person(case), occurred_on=tomorrow)
    await world.sequence()
    with world.owner() as connection:
        indexed: list[Any] = connection.execute(
            "SELECT l.body::jsonb ->> 'code' FROM log_entries e JOIN log_leaves l ON l.id = e.leaf_id"
            " WHERE e.log = 'milestones' ORDER BY e.index"
        ).fetchall()
    assert [code for (code,) in indexed] == ["LEGAL", "AID"]
