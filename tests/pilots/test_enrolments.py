"""Into the coach by the consent of each adult; out of it whenever one says so, and nothing follows from it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from tests.builders import a_case, accepted, adults_of, an_offer
from tests.pilots.departures import (
    a_cohort,
    a_consenting_case,
    a_pilot,
    act,
    day,
    departed,
    done,
    enrolled,
    read,
    say,
    try_to_enrol,
)

if TYPE_CHECKING:
    from tests.conftest import World

pytestmark = pytest.mark.anyio

CLIENTS, SEATS = 16, 5
LEFT_ALONE = {"enrolments", "cohorts", "consents", "log_leaves", "log_queue", "read_entries", "idempotency_records"}


def rows_of(world: World, case_id: str) -> dict[str, Any]:
    """Every row of the case, in every table that has a case, but those that a withdrawal is about."""
    with world.owner() as owner:
        tables = owner.execute(
            "SELECT table_name FROM information_schema.columns WHERE column_name = 'case_id' AND table_schema = 'public'"
        ).fetchall()
        found = {
            str(name): owner.execute(f"SELECT t::text FROM {name} t WHERE case_id = %s ORDER BY 1".encode(), (case_id,)).fetchall()
            for (name,) in tables if str(name) not in LEFT_ALONE
        }  # fmt: skip
        return {**found, "cases": owner.execute("SELECT t::text FROM cases t WHERE id = %s", (case_id,)).fetchall()}


async def test_each_adult_consents_apart_and_silence_is_no_yes(world: World) -> None:
    cohort = await a_cohort(world, await a_pilot(world))
    case = await a_case(world, size=4)
    adults = adults_of(case)
    while len(adults) < 2:
        case = await a_case(world, size=4)
        adults = adults_of(case)
    for heard, adult in enumerate(adults):
        refused = await try_to_enrol(world, case, cohort)
        assert (refused.status_code, refused.json()["type"]) == (409, "/v1/problems/pilot-consent-missing")
        assert refused.json()["missing"] == len(adults) - heard
        await say(world, case, adult)
    enrolment = await enrolled(world, case, cohort)
    assert (enrolment["persons"], enrolment["status"]) == (4, "enrolled")
    assert (await read(world, f"/v1/cohorts/{cohort['id']}"))["taken"] == 4
    again = await try_to_enrol(world, case, cohort)
    assert again.json()["type"] == "/v1/problems/already-enrolled"
    assert (await read(world, f"/v1/cohorts/{cohort['id']}"))["taken"] == 4


async def test_the_consent_to_a_placement_is_not_a_consent_to_the_pilot_and_an_expired_one_is_none(
    world: World,
) -> None:
    cohort = await a_cohort(world, await a_pilot(world))
    case = await a_case(world, size=1, consent=True)
    assert (await try_to_enrol(world, case, cohort)).json()["missing"] == 1
    [adult] = adults_of(case)
    await say(world, case, adult, occurred_on=day(-9), expires_on=day(-1))
    assert (await try_to_enrol(world, case, cohort)).json()["missing"] == 1


async def test_withdrawing_changes_nothing_else_on_the_case(world: World) -> None:
    cohort = await a_cohort(world, await a_pilot(world))
    case = await a_consenting_case(world)
    await accepted(world, case, await an_offer(world, case))
    enrolment = await enrolled(world, case, cohort)
    before = rows_of(world, case["id"])
    assert any(before["assignments"])
    [adult] = adults_of(case)
    body = {"person_id": adult, "channel": "phone"}
    left = done(await act(world, f"/v1/enrolments/{enrolment['id']}/withdraw", body, 1, "octave"), 200)
    assert (left["status"], left["ended_at"] is not None) == ("withdrawn", True)
    assert rows_of(world, case["id"]) == before
    assert (await read(world, f"/v1/cohorts/{cohort['id']}"))["taken"] == 0
    twice = await act(world, f"/v1/enrolments/{enrolment['id']}/withdraw", body, left["version"], "octave")
    assert twice.json()["type"] == "/v1/problems/enrolment-ended"
    # Nor does it close the door: a new yes, a new enrolment, the old one kept.
    await say(world, case, adult)
    back = await enrolled(world, case, cohort)
    page = await read(world, f"/v1/pilots/{cohort['pilot_id']}/enrolments", "camille")
    assert [(one["id"], one["status"]) for one in page["items"]] == [
        (back["id"], "enrolled"),
        (left["id"], "withdrawn"),
    ]


async def test_a_no_said_elsewhere_ends_the_enrolment_in_the_same_breath(world: World) -> None:
    cohort = await a_cohort(world, await a_pilot(world))
    case = await a_consenting_case(world)
    enrolment = await enrolled(world, case, cohort)
    [adult] = adults_of(case)
    await say(world, case, adult, given=False, purpose="partner_sharing")
    assert (await read(world, f"/v1/enrolments/{enrolment['id']}"))["status"] == "enrolled"
    await say(world, case, adult, given=False, occurred_on=day(-3))
    assert (await read(world, f"/v1/enrolments/{enrolment['id']}"))["status"] == "enrolled", (
        "an older word than the yes"
    )
    await say(world, case, adult, given=False)
    assert (await read(world, f"/v1/enrolments/{enrolment['id']}"))["status"] == "withdrawn"
    assert (await read(world, f"/v1/cohorts/{cohort['id']}"))["taken"] == 0


async def test_one_may_leave_the_pilot_after_the_coach_has_left(world: World) -> None:
    cohort = await a_cohort(world, await a_pilot(world))
    case = await a_consenting_case(world)
    enrolment = await enrolled(world, case, cohort)
    await departed(world, cohort)
    gone = await read(world, f"/v1/enrolments/{enrolment['id']}")
    assert (gone["status"], gone["departed_on"]) == ("departed", day())
    body = {"person_id": adults_of(case)[0], "channel": "phone"}
    left = done(await act(world, f"/v1/enrolments/{enrolment['id']}/withdraw", body, gone["version"], "camille"), 200)
    assert (left["status"], left["departed_on"]) == ("withdrawn", day())
    assert (await read(world, f"/v1/cohorts/{cohort['id']}"))["taken"] == 1, "a seat that travelled is not given back"


async def test_the_coach_leaves_with_those_who_boarded_and_still_consent(world: World) -> None:
    cohort = await a_cohort(world, await a_pilot(world))
    boarded, absent, lapsed = [await enrolled(world, await a_consenting_case(world), cohort) for _ in range(3)]
    with world.owner() as owner:
        owner.execute(
            "UPDATE consents SET occurred_on = %s, expires_on = %s WHERE case_id = %s AND purpose = 'pilot'",
            (day(-9), day(-1), lapsed["case_id"]),
        )
    before = await act(world, f"/v1/cohorts/{cohort['id']}/depart", {"occurred_on": day(-61)}, 4)
    assert before.json()["errors"][0]["code"] == "outside_pilot"
    gone = await departed(world, cohort, stayed=[absent["id"]])
    assert (gone["status"], gone["departed_on"]) == ("departed", day())
    states = [(await read(world, f"/v1/enrolments/{one['id']}"))["status"] for one in (boarded, absent, lapsed)]
    assert states == ["departed", "stayed", "stayed"]
    twice = await act(world, f"/v1/cohorts/{cohort['id']}/depart", {"occurred_on": day()}, gone["version"])
    assert twice.json()["type"] == "/v1/problems/cohort-not-open"
    late = await try_to_enrol(world, await a_consenting_case(world), cohort)
    assert late.json()["type"] == "/v1/problems/cohort-not-open"


async def test_somebody_elses_enrolment_cannot_be_said_to_have_stayed(world: World) -> None:
    pilot = await a_pilot(world)
    one, other = await a_cohort(world, pilot), await a_cohort(world, pilot)
    elsewhere = await enrolled(world, await a_consenting_case(world), other)
    body = {"occurred_on": day(), "stayed": [elsewhere["id"]]}
    assert (await act(world, f"/v1/cohorts/{one['id']}/depart", body, one["version"])).status_code == 404


async def test_a_household_is_not_split_over_two_departures(world: World) -> None:
    cohort = await a_cohort(world, await a_pilot(world), seats=3)
    await enrolled(world, await a_consenting_case(world), cohort)
    refused = await try_to_enrol(world, await a_consenting_case(world, size=3), cohort)
    assert refused.json()["type"] == "/v1/problems/not-enough-seats"
    assert (refused.json()["seats_left"], refused.json()["seats_needed"]) == (2, 3)
    assert (await read(world, f"/v1/pilots/{cohort['pilot_id']}/enrolments"))["items"][0]["persons"] == 1


async def test_the_last_seats_go_to_so_many_households_and_no_more(world: World) -> None:
    cohort = await a_cohort(world, await a_pilot(world), seats=SEATS)
    cases = [await a_consenting_case(world) for _ in range(CLIENTS)]
    answers = await asyncio.gather(*(try_to_enrol(world, case, cohort) for case in cases))
    assert [answer.status_code for answer in answers].count(201) == SEATS
    assert {answer.json()["type"] for answer in answers if answer.status_code != 201} == {
        "/v1/problems/not-enough-seats"
    }
    assert (await read(world, f"/v1/cohorts/{cohort['id']}"))["taken"] == SEATS
    with world.owner() as owner:
        assert owner.execute("SELECT sum(persons) FROM enrolments").fetchone() == (SEATS,)


async def naively(url: str, all_have_read: asyncio.Barrier) -> bool:
    """What the statement of the service replaces: read, think, write."""
    async with await psycopg.AsyncConnection.connect(url) as connection:
        cursor = await connection.execute("SELECT seats, taken FROM naive_cohorts")
        seats, taken = await cursor.fetchone() or (0, 0)
        await all_have_read.wait()
        if taken + 1 > seats:
            return False
        await connection.execute("UPDATE naive_cohorts SET taken = %s", (taken + 1,))
    return True


async def test_reading_then_writing_oversells_the_coach(world: World) -> None:
    """The control: without the conditional statement, the same crowd is promised seats twice."""
    await a_cohort(world, await a_pilot(world), seats=SEATS)
    with world.owner() as owner:
        owner.execute("CREATE TABLE naive_cohorts AS SELECT seats, taken FROM cohorts")
    barrier = asyncio.Barrier(CLIENTS)
    assert sum(await asyncio.gather(*(naively(world.owner_url, barrier) for _ in range(CLIENTS)))) > SEATS
    with world.owner() as owner, pytest.raises(psycopg.errors.CheckViolation):
        owner.execute("UPDATE cohorts SET taken = seats + 1")


async def test_a_household_out_of_reach_is_enrolled_by_nobody(world: World) -> None:
    cohort = await a_cohort(world, await a_pilot(world))
    case = await a_consenting_case(world, by="ines")
    assert (await try_to_enrol(world, case, cohort)).status_code == 404
    enrolment = await enrolled(world, case, cohort, "ines")
    assert (await world.client("camille").get(f"/v1/enrolments/{enrolment['id']}")).status_code == 404
    assert (await read(world, f"/v1/pilots/{cohort['pilot_id']}/enrolments", "camille"))["items"] == []
