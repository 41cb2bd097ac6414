"""A pilot from its opening to its early end."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.builders import a_case
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
    try_to_enrol,
)

if TYPE_CHECKING:
    from tests.conftest import World

pytestmark = pytest.mark.anyio


async def test_a_pilot_has_a_period_regions_and_partners_that_everybody_may_read(world: World) -> None:
    pilot = await a_pilot(world)
    assert (pilot["regions"], pilot["partners"]) == (["01", "05"], [str(world.key("le-phare"))])
    for reader in ("camille", "pelagie", "melchior", "coralie"):
        assert await read(world, f"/v1/pilots/{pilot['id']}", reader) == pilot
    refused = await world.client("camille").post("/v1/pilots", json={})
    assert refused.status_code == 403
    backwards = await world.client("prosper").post(
        "/v1/pilots", json={"name": "Trop court", "starts_on": day(2), "ends_on": day(1), "regions": ["01"]}
    )
    assert backwards.json()["errors"][0]["code"] == "period_reversed"


async def test_a_revised_target_leaves_what_was_promised_on_record(world: World) -> None:
    pilot = await a_pilot(world)
    path = f"/v1/pilots/{pilot['id']}/targets"
    for persons, from_day, reason in ((540, -30, "Annonce"), (400, -5, "Moins d'arrivées"), (700, 90, "Relance")):
        body = {"measure": "departed", "persons": persons, "valid_from": day(from_day), "reason": reason}
        pilot = done(await act(world, path, body, pilot["version"]))
    assert [target["persons"] for target in pilot["revisions"]] == [540, 400, 700]
    assert [(target["measure"], target["persons"]) for target in pilot["targets"]] == [("departed", 400)]
    assert [target["reason"] for target in pilot["revisions"]] == ["Annonce", "Moins d'arrivées", "Relance"]
    stale = await act(world, path, {**body, "persons": 1}, 1)
    assert stale.status_code == 412
    late = await act(world, path, {**body, "valid_from": day(301)}, pilot["version"])
    assert late.json()["errors"][0]["code"] == "outside_pilot"


async def test_a_departure_lies_within_the_pilot_its_days_and_its_regions(world: World) -> None:
    pilot = await a_pilot(world)
    path = f"/v1/pilots/{pilot['id']}/cohorts"
    for change, code in (({"region_code": "08"}, "region_not_in_pilot"), ({"departs_on": day(301)}, "outside_pilot")):
        body = {"region_code": "01", "departs_on": day(7), "seats": 12, **change}
        answer = await world.client("prosper").post(path, json=body)
        assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, code)
    first, second = await a_cohort(world, pilot), await a_cohort(world, pilot, region_code="05")
    page = await read(world, path, "coralie")
    assert [cohort["id"] for cohort in page["items"]] == [second["id"], first["id"]]


async def test_a_pilot_that_ends_early_takes_nobody_in_and_leaves_nobody_alone(world: World) -> None:
    pilot = await a_pilot(world)
    gone, planned = await a_cohort(world, pilot), await a_cohort(world, pilot)
    one = await enrolled(world, await a_consenting_case(world), gone)
    await departed(world, gone)
    orphan = await a_consenting_case(world, by="octave")
    two = await enrolled(world, orphan, planned, "octave")
    current = await read(world, f"/v1/pilots/{pilot['id']}")
    end, path = {"reason": "fewer_participants"}, f"/v1/pilots/{pilot['id']}/end"
    alone = await act(world, path, end, current["version"])
    assert (alone.status_code, alone.json()["offices"]) == (409, str(world.key("mifi-montreal")))
    relay = {"office_id": str(world.key("mifi-montreal")), "caseworker_id": str(world.key("basile"))}
    ended = done(await act(world, path, {**end, "handovers": [relay]}, current["version"]), 200)
    assert (ended["ended_on"], ended["end_reason"]) == (day(), "fewer_participants")
    for enrolment in (one, two):
        now = await read(world, f"/v1/enrolments/{enrolment['id']}")
        assert (now["status"], now["enrolled_on"]) == ("handed_over", day())
    assert (await read(world, f"/v1/enrolments/{one['id']}"))["departed_on"] == day()
    assert (await read(world, f"/v1/cases/{orphan['id']}"))["caseworker_id"] == str(world.key("basile"))
    assert (await read(world, f"/v1/cohorts/{planned['id']}"))["status"] == "cancelled"
    assert (await read(world, f"/v1/cohorts/{gone['id']}"))["status"] == "departed"
    refused = await try_to_enrol(world, await a_consenting_case(world), planned)
    assert refused.json()["type"] == "/v1/problems/pilot-not-open"
    again = await act(world, path, {**end, "handovers": [relay]}, ended["version"])
    assert again.json()["type"] == "/v1/problems/pilot-not-open"


async def test_a_successor_is_somebody_who_can_follow_the_case(world: World) -> None:
    pilot = await a_pilot(world)
    case = await a_consenting_case(world, by="octave")
    enrolment = await enrolled(world, case, await a_cohort(world, pilot), "octave")
    relay = {"office_id": str(world.key("mifi-montreal")), "caseworker_id": str(world.key("adele"))}
    body = {"reason": "cost", "handovers": [relay]}
    refused = await act(world, f"/v1/pilots/{pilot['id']}/end", body, pilot["version"])
    assert refused.json()["errors"][0]["code"] == "not_a_caseworker"
    assert await read(world, f"/v1/pilots/{pilot['id']}") == pilot
    assert await read(world, f"/v1/enrolments/{enrolment['id']}") == enrolment


async def test_a_pilot_not_begun_over_or_of_another_programme_takes_nobody_in(world: World) -> None:
    case = await a_consenting_case(world)
    early = await a_cohort(world, await a_pilot(world, starts_on=day(1)))
    assert (await try_to_enrol(world, case, early)).json()["type"] == "/v1/problems/pilot-not-open"
    sponsored = await a_pilot(world, programme="collective_sponsorship")
    other = await try_to_enrol(world, case, await a_cohort(world, sponsored))
    assert other.json()["type"] == "/v1/problems/case-not-enrollable"
    draft = await a_consenting_case(world, draft=True)
    waiting = await try_to_enrol(world, draft, await a_cohort(world, await a_pilot(world)))
    assert waiting.json()["type"] == "/v1/problems/case-not-enrollable"
    with world.owner() as owner:
        owner.execute("UPDATE pilots SET starts_on = '2020-01-01', ends_on = '2020-12-31'")
    over = await try_to_enrol(world, case, early)
    assert over.json()["type"] == "/v1/problems/pilot-not-open"


async def test_what_a_pilot_does_is_on_record_without_anybodys_name(world: World) -> None:
    pilot = await a_pilot(world)
    case = await a_case(world)
    await departed(world, await a_cohort(world, pilot))
    with world.owner() as owner:
        leaves = owner.execute("SELECT body FROM log_leaves WHERE log = 'audit'").fetchall()
    told = " ".join(str(body) for (body,) in leaves)
    assert all(kind in told for kind in ("pilot.opened", "cohort.planned", "cohort.departed"))
    assert case["id"] not in told
