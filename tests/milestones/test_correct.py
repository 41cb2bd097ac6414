"""A correction keeps the entry it corrects and names it; a presence is here, gone, or unknown, and nothing between."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from tests.milestones.steps import (
    a_granted_case,
    anchor,
    correct,
    days_ago,
    grant,
    leaves,
    listed,
    on,
    person,
    record,
    recorded,
    refresh,
    slug,
    the_velquindors,
    void,
)

if TYPE_CHECKING:
    from tests.conftest import World

pytestmark = pytest.mark.anyio

DIED = (
    "INSERT INTO claim_statuses (id, case_id, office_id, region_code, person_id, status, occurred_on, sealed_source,"
    " recorded_at, version) SELECT gen_random_uuid(), id, office_id, region_code, %s, %s, %s, '', now(), 1 FROM cases WHERE id = %s"
)


async def test_a_correction_keeps_what_it_corrects_and_names_it(world: World) -> None:
    case = await a_granted_case(world)
    await refresh(world, case, "pelagie")
    pelagie = world.client("pelagie")
    wrong = await recorded(pelagie, case, "FIRST_VISIT", person(case), occurred_on=on(days_ago(2)), note="Au local.")
    answer = await correct(
        pelagie, wrong, "partner", occurred_on=on(days_ago(19)), note="Chez eux.",
        evidence={"kind": "note", "reference": "Cahier 3"},
    )  # fmt: skip
    assert answer.status_code == 201, answer.text
    right = answer.json()
    assert (right["corrects"], right["void"], right["note"]) == (wrong["id"], None, "Chez eux.")
    assert (right["code"], right["person_id"], right["evidence"]["reference"]) == (
        "FIRST_VISIT",
        person(case),
        "Cahier 3",
    )
    assert answer.headers["location"] == f"/v1/milestones/{right['id']}"
    old = (await pelagie.get(f"/v1/milestones/{wrong['id']}")).json()
    assert (old["corrected_by"], old["void"]["reason"], old["note"]) == (right["id"], "Jour mal lu.", "Au local.")
    shown = await listed(pelagie, case)
    assert [one["fulfilled_by"] for one in shown["expected"] if one["code"] == "FIRST_VISIT"] == [right["id"]]
    first, voided, second = leaves(world)
    assert [leaf["type"] for leaf in (first, voided, second)] == [
        "milestone.recorded", "milestone.voided", "milestone.recorded",
    ]  # fmt: skip
    assert voided["of"] == second["corrects"] == first["milestone"]
    assert "corrects" not in first


async def test_a_refused_correction_changes_nothing(world: World) -> None:
    case = await a_granted_case(world)
    grant(world, case, to="racines-d-estrie")
    pelagie, camille = world.client("pelagie"), world.client("camille")
    told = await recorded(pelagie, case, "FIRST_VISIT", person(case))
    refusals = [
        (await correct(pelagie, told, "partner", occurred_on=on(days_ago(-1))), 422, "milestone-in-future"),
        (await correct(pelagie, told, "partner", occurred_on=on(days_ago(21))), 422, "milestone-too-early"),
        (await correct(pelagie, told, "partner", outcome="not_applicable"), 422, "invalid-content"),
        (await correct(world.client("raoul"), told, "partner"), 403, "milestone-of-another"),
        (await correct(camille, told, "caseworker"), 403, "milestone-not-yours"),
        (await correct(world.client("octave"), told, "intake_worker"), 403, "not-permitted"),
        (await correct(pelagie, {**told, "version": 9}, "partner"), 412, "stale-version"),
    ]
    for answer, status, problem in refusals:
        assert (answer.status_code, slug(answer)) == (status, problem), answer.text
    [item] = (await listed(pelagie, case))["items"]
    assert (item["void"], item["version"], item["corrected_by"]) == (None, 1, None)
    assert len(leaves(world)) == 1


async def test_a_void_entry_is_neither_corrected_nor_voided_again(world: World) -> None:
    case = await the_velquindors(world)
    camille = world.client("camille")
    told = await recorded(camille, case, "NEEDS", person(case))
    assert (await void(camille, told, "caseworker")).status_code == 200
    again = {**told, "version": 2}
    for answer in (await void(camille, again, "caseworker"), await correct(camille, again, "caseworker")):
        assert (answer.status_code, slug(answer)) == (409, "milestone-already-voided")


async def test_two_who_correct_at_once_leave_one_correction(world: World) -> None:
    case = await a_granted_case(world)
    pelagie = world.client("pelagie")
    told = await recorded(pelagie, case, "FIRST_VISIT", person(case))
    answers = await asyncio.gather(
        *(correct(pelagie, told, "partner", occurred_on=on(days_ago(day))) for day in (3, 4, 5))
    )
    assert sorted(answer.status_code for answer in answers) == [201, 412, 412]
    items = (await listed(pelagie, case))["items"]
    assert [item["void"] is None for item in items].count(True) == 1
    assert len(items) == 2


async def test_what_the_journey_wrote_is_corrected_where_it_was_told(world: World) -> None:
    from tests.milestones.steps import placed, shared

    case = await the_velquindors(world, consents=shared())
    await placed(world, case, "le-phare/10043", "pelagie", days_ago(3), days_ago(2))
    pelagie = world.client("pelagie")
    [arrival] = [item for item in (await listed(pelagie, case))["items"] if item["code"] == "REG_ARRIVAL"]
    coralie = world.client("coralie")
    for answer in (await void(coralie, arrival, "coordinator"), await correct(coralie, arrival, "coordinator")):
        assert (answer.status_code, slug(answer)) == (409, "milestone-of-the-journey")


# Presence


@pytest.mark.parametrize(
    ("outcome", "reason", "presence"),
    [("done", None, "here"), ("unknown", None, "unknown"), ("not_applicable", "left_region", "left"),
     ("not_applicable", "deceased", "deceased")],
)  # fmt: skip
async def test_a_presence_is_told_in_four_ways(world: World, outcome: str, reason: str | None, presence: str) -> None:
    case = await a_granted_case(world)
    anchor(world, case, arrived_on=days_ago(40))
    await refresh(world, case, "pelagie")
    pelagie = world.client("pelagie")
    told = await recorded(
        pelagie, case, "RETENTION_30", person(case), outcome=outcome, reason_code=reason, occurred_on=on(days_ago(9))
    )
    assert told["presence"] == presence
    [check] = [one for one in (await listed(pelagie, case))["expected"] if one["code"] == "RETENTION_30"]
    assert check["fulfilled_by"] == told["id"]
    assert (await recorded(pelagie, case, "FIRST_VISIT", person(case)))["presence"] is None


async def test_an_unreachable_person_is_unknown_never_gone(world: World) -> None:
    case = await a_granted_case(world)
    anchor(world, case, arrived_on=days_ago(40))
    pelagie = world.client("pelagie")
    for reason in ("other", "service_unavailable", "not_needed"):
        answer = await record(pelagie, case, "RETENTION_30", person(case), outcome="not_applicable", reason_code=reason)
        assert (answer.status_code, slug(answer)) == (422, "presence-reason-refused")
        assert answer.json()["errors"][0]["pointer"] == "/reason_code"
    unknown = await recorded(pelagie, case, "RETENTION_30", person(case), outcome="unknown")
    # Found again: what nobody knew becomes known, and the record shows both.
    found = await correct(pelagie, unknown, "partner", reason="Rejointe par téléphone.")
    assert (found.json()["presence"], found.json()["corrects"]) == ("here", unknown["id"])


# After a death


async def test_nothing_is_lived_after_a_death_and_the_host_learns_no_more(world: World) -> None:
    case = await a_granted_case(world)
    with world.owner() as connection:
        connection.execute(DIED, (person(case), "deceased", days_ago(5), case["id"]))
    pelagie = world.client("pelagie")
    for day in (on(days_ago(4)), on(days_ago(0))):
        answer = await record(pelagie, case, "FIRST_VISIT", person(case), occurred_on=day)
        assert (answer.status_code, slug(answer)) == (422, "milestone-after-death")
        assert days_ago(5).isoformat() not in answer.text
    english = await world.client("pelagie", **{"Accept-Language": "en"}).post(
        f"/v1/cases/{case['id']}/milestones",
        json={"code": "FIRST_VISIT", "person_id": person(case), "outcome": "done", "occurred_on": on(days_ago(1))},
    )
    assert english.json()["title"] == "Milestone after death"
    # On the day itself, in a month that holds it, or to say that there is nothing more to do: all possible.
    await recorded(pelagie, case, "FIRST_VISIT", person(case), occurred_on=on(days_ago(5)))
    await recorded(
        pelagie, case, "AID", person(case), occurred_on={"value": f"{days_ago(5).year}", "precision": "year"}
    )
    await recorded(pelagie, case, "EMPLOYMENT", person(case), outcome="not_applicable", reason_code="deceased")
    # A later status of the same person takes back a death told by mistake.
    with world.owner() as connection:
        connection.execute(DIED, (person(case), "referred", days_ago(4), case["id"]))
    await recorded(pelagie, case, "LEGAL", person(case), occurred_on=on(days_ago(1)))
