"""A wrong arrival is corrected and all that counts from it follows; a second arrival moves nothing and doubles nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from casework.milestones import queries
from tests.milestones.steps import (
    anchor,
    child,
    correct,
    days_ago,
    expected,
    leaves,
    listed,
    on,
    person,
    placed,
    recorded,
    shared,
    slug,
    step,
    the_velquindors,
)

if TYPE_CHECKING:
    from datetime import date

    import httpx

    from tests.conftest import World

pytestmark = pytest.mark.anyio

RIMOUSKI, SHERBROOKE = "le-phare/10043", "racines-d-estrie/43027"


async def dated_anew(world: World, path: str, by: str, day: date, **more: Any) -> httpx.Response:
    body = {"occurred_on": day.isoformat(), "reason_code": "mistyped"}
    return await step(world, path, by, "correct-arrival", {**body, **more})


async def an_arrival(
    world: World, *children: dict[str, Any], left: int = 25, arrived: int = 20
) -> tuple[dict[str, Any], str]:
    case = await the_velquindors(world, *children, consents=shared())
    return case, await placed(world, case, RIMOUSKI, "pelagie", days_ago(left), days_ago(arrived))


async def test_a_mistyped_arrival_is_corrected_and_its_due_dates_follow(world: World) -> None:
    case, path = await an_arrival(world, arrived=20)
    before, pelagie = expected(world, case), world.client("pelagie")
    assert before["AID", person(case)] == days_ago(10)
    answer = await dated_anew(world, path, "pelagie", days_ago(23))
    assert answer.status_code == 200, answer.text
    assert answer.json()["arrived_on"] == days_ago(23).isoformat()
    assert (await pelagie.get(f"/v1/cases/{case['id']}")).json()["arrived_on"] == days_ago(23).isoformat()
    after = expected(world, case)
    assert set(after) == set(before)
    assert after["AID", person(case)] == days_ago(13)
    assert after["RETENTION_30", person(case)] == days_ago(-7)
    assert after["MED_EXAM", person(case)] == before["MED_EXAM", person(case)]
    arrivals = [item for item in (await listed(pelagie, case))["items"] if item["code"] == "REG_ARRIVAL"]
    [old, new] = sorted(arrivals, key=lambda item: item["void"] is None)
    assert (old["void"]["reason"], old["corrected_by"], new["corrects"]) == ("mistyped", new["id"], old["id"])
    assert new["occurred_on"] == on(days_ago(23))
    [told] = [leaf for leaf in leaves(world) if leaf.get("corrects")]
    assert (told["code"], told["occurred_on"]["value"]) == ("REG_ARRIVAL", days_ago(23).isoformat())


async def test_an_arrival_is_corrected_by_its_region_too_even_once_ended(world: World) -> None:
    case, path = await an_arrival(world)
    ended = await step(world, path, "camille", "end", {"occurred_on": days_ago(5).isoformat(), "reason": "Parti."})
    assert ended.status_code == 200, ended.text
    late = await dated_anew(world, path, "coralie", days_ago(4))
    assert (late.status_code, late.json()["errors"][0]["code"]) == (422, "too_late")
    assert (await dated_anew(world, path, "coralie", days_ago(21))).status_code == 200
    assert expected(world, case)["AID", person(case)] == days_ago(11)


async def test_a_correction_stays_within_the_journey(world: World) -> None:
    case, path = await an_arrival(world, left=25, arrived=20)
    before = expected(world, case)
    refusals = [
        (await dated_anew(world, path, "pelagie", days_ago(26)), 422),  # before the departure
        (await dated_anew(world, path, "pelagie", days_ago(-1)), 422),  # tomorrow
        (await dated_anew(world, path, "pelagie", days_ago(21), reason_code="because"), 422),
        (await step(world, path, "pelagie", "correct-arrival", {"occurred_on": days_ago(21).isoformat()}), 422),
        (await world.client("camille").post(f"{path}/correct-arrival", json={}), 403),
        (await world.client("raoul").post(f"{path}/correct-arrival", headers={"If-Match": '"4"'}, json={
            "occurred_on": days_ago(21).isoformat(), "reason_code": "mistyped"}), 404),
    ]  # fmt: skip
    assert [answer.status_code for answer, _ in refusals] == [status for _, status in refusals]
    assert expected(world, case) == before


async def test_a_household_on_its_way_has_no_arrival_to_correct(world: World) -> None:
    from tests.placement.test_reach_race import on_the_way

    _, path = await on_the_way(world)
    answer = await dated_anew(world, path, "pelagie", days_ago(0))
    assert (answer.status_code, slug(answer)) == (409, "step-not-possible")


async def test_what_follows_the_arrival_is_corrected_before_it(world: World) -> None:
    case, path = await an_arrival(world, arrived=20)
    pelagie = world.client("pelagie")
    visit = await recorded(pelagie, case, "FIRST_VISIT", person(case), occurred_on=on(days_ago(19)))
    refused = await dated_anew(world, path, "pelagie", days_ago(15))
    assert (refused.status_code, slug(refused)) == (409, "arrival-after-its-milestones")
    assert refused.json()["earliest_on"] == days_ago(19).isoformat()
    assert (await pelagie.get(path)).json()["arrived_on"] == days_ago(20).isoformat()
    assert (await correct(pelagie, visit, "partner", occurred_on=on(days_ago(14)))).status_code == 201
    assert (await dated_anew(world, path, "pelagie", days_ago(15))).status_code == 200


async def test_an_age_is_taken_on_the_corrected_day(world: World) -> None:
    """Five years old between the two days: school is expected after the one and not after the other."""
    fifth = days_ago(22)
    born = {"value": fifth.replace(year=fifth.year - 5).isoformat(), "precision": "day"}
    case, path = await an_arrival(world, {**child(5), "birth": born}, arrived=20)
    school, care = ("SCHOOL", person(case, 1)), ("CHILDCARE", person(case, 1))
    assert school in expected(world, case)
    assert care not in expected(world, case)
    assert (await dated_anew(world, path, "pelagie", days_ago(24))).status_code == 200
    assert school not in expected(world, case)
    assert expected(world, case)[care] == days_ago(24 - 60)


async def test_a_second_arrival_neither_loses_nor_doubles_what_is_expected(world: World) -> None:
    case, first = await an_arrival(world, child(9), left=31, arrived=30)
    pelagie = world.client("pelagie")
    visit = await recorded(pelagie, case, "FIRST_VISIT", person(case), occurred_on=on(days_ago(29)))
    before = expected(world, case)
    ended = await step(world, first, "camille", "end", {"occurred_on": days_ago(9).isoformat(), "reason": "Transfert."})
    assert ended.status_code == 200, ended.text
    second = await placed(world, case, SHERBROOKE, "raoul", days_ago(8), days_ago(7))
    assert expected(world, case) == before
    assert before["RETENTION_90", person(case)] == days_ago(30 - 90)
    shown = await listed(world.client("raoul"), case)
    assert [
        one["fulfilled_by"]
        for one in shown["expected"]
        if one["code"] == "FIRST_VISIT" and one["person_id"] == person(case)
    ] == [visit["id"]]
    assert [item["occurred_on"]["value"] for item in shown["items"] if item["code"] == "REG_ARRIVAL"] == [
        days_ago(30).isoformat(), days_ago(7).isoformat(),
    ]  # fmt: skip
    with world.owner() as connection:
        rows = connection.execute(
            "SELECT count(*), count(DISTINCT (code, person_id)), count(DISTINCT region_code), min(region_code)"
            " FROM milestone_expectations WHERE case_id = %s", (case["id"],)
        ).fetchone()  # fmt: skip
    assert rows == (len(before), len(before), 1, "05")
    # The second arrival's own correction moves nothing either: what is counted keeps the first.
    assert (await dated_anew(world, second, "raoul", days_ago(8))).status_code == 200
    assert expected(world, case) == before


# A rule that changes


async def test_a_changed_rule_is_applied_to_every_open_case_within_reach(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    cases = [await the_velquindors(world) for _ in range(3)]
    exam = await recorded(world.client("octave"), cases[0], "MED_EXAM", person(cases[0]))
    changed = [
        replace(kind, offset_days=45) if kind.code == "MED_EXAM" else kind
        for kind in queries.catalogue()
        if kind.code != "SHELTER_IN"
    ]
    monkeypatch.setattr(queries, "catalogue", lambda: tuple(changed))
    prosper, told, cursor = world.client("prosper"), [], "?limit=2"
    while cursor:
        page = (await prosper.post(f"/v1/milestone-recomputations{cursor}")).json()
        told.append(page)
        cursor = page["next_cursor"] and f"?limit=2&cursor={page['next_cursor']}"
    assert [sum(page[name] for page in told) for name in ("cases", "added", "moved", "withdrawn")] == [3, 0, 3, 3]
    for case in cases:
        due = expected(world, case)
        assert due["MED_EXAM", person(case)] == days_ago(40 - 45)
        assert ("SHELTER_IN", person(case)) not in due
    done = [one for one in (await listed(prosper, cases[0]))["expected"] if one["fulfilled_by"]]
    assert [(one["code"], one["fulfilled_by"]) for one in done] == [("MED_EXAM", exam["id"])]
    again = (await prosper.post("/v1/milestone-recomputations")).json()
    assert (again["cases"], again["added"], again["moved"], again["withdrawn"]) == (3, 0, 0, 0)


async def test_an_answered_expectation_outlives_its_rule(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    case = await the_velquindors(world)
    await recorded(world.client("octave"), case, "SHELTER_IN", person(case))
    without = tuple(kind for kind in queries.catalogue() if kind.code != "SHELTER_IN")
    monkeypatch.setattr(queries, "catalogue", lambda: without)
    page = (await world.client("camille").post("/v1/milestone-recomputations")).json()
    assert page["withdrawn"] == 0
    assert ("SHELTER_IN", person(case)) in expected(world, case)


async def test_who_does_not_keep_cases_recomputes_nothing(world: World) -> None:
    case = await the_velquindors(world)
    anchor(world, case, region_code="01")
    for username in ("pelagie", "coralie", "sidonie", "aurele", "adele"):
        assert (await world.client(username).post("/v1/milestone-recomputations")).status_code == 403, username
