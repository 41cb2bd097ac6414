"""Whatever shows something of a case leaves exactly one entry, with its ids and purpose, before the answer leaves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from casework.audit import trail
from casework.authz.caller import Caller
from casework.authz.guard import gates_of
from casework.authz.policy import Permission
from casework.authz.purposes import ACCEPTED, Purpose
from casework.kernel import clock
from casework.placement.run_solving import solve_next
from casework.surface import PUBLIC, routes_of
from tests.builders import a_case, accepted, an_offer
from tests.lodging.shelters import a_shelter, closing, lodging
from tests.pilots.departures import a_cohort, a_pilot, enrolled, say

if TYPE_CHECKING:
    from tests.conftest import World

pytestmark = pytest.mark.anyio

NOT_ABOUT_PEOPLE_WE_FOLLOW = {
    Permission.me_read,
    Permission.saved_worklist_read,
    Permission.pilot_read,
    Permission.territory_read,
    Permission.capacity_read,
    Permission.target_read,
    Permission.regional_need_read,
    Permission.organization_read,
    Permission.user_read,
    Permission.grant_read,
    Permission.api_client_read,
    # Decisions, rules and a register: ids, codes and dates, nothing of a household.
    Permission.erasure_read,
    Permission.legal_hold_read,
    Permission.retention_read,
    Permission.incident_read,
    # Sponsors and undertakings: entries without a case, or with the sponsored household's (tests/sponsorship).
    Permission.sponsor_read,
    Permission.undertaking_read,
    # Receipts, ranks and hashes.
    Permission.draw_read,
    # Pseudonymized; their own entries are tested in tests/audit/test_log_api.py.
    Permission.milestone_log_read,
    Permission.log_read,
}
READS = 44
"""GET operations that show something of a case; a new one is walked by the test below without being named in it."""


def of_people(world: World) -> list[tuple[str, Permission]]:
    gets = [(path, route) for method, path, route in routes_of(world.app) if method == "GET"]
    found = [(path, gates_of(route.dependant)[0].permission) for path, route in gets if ("GET", path) not in PUBLIC]
    return [(path, permission) for path, permission in found if permission not in NOT_ABOUT_PEOPLE_WE_FOLLOW]


async def a_lived_case(world: World) -> tuple[str, dict[str, str]]:
    """A case of which every read has something to show; its id, and the value of each path parameter."""
    case = await a_case(world, size=1)
    client, person = world.client("camille"), case["household"]["members"][0]["person_id"]
    await say(world, case, person)
    enrolment = await enrolled(world, case, await a_cohort(world, await a_pilot(world)))
    recommended = await client.post(f"/v1/cases/{case['id']}/recommendations")
    passed = {"to_office_id": str(world.key("praida")), "case_ids": [case["id"]], "reason": "Le bureau ferme."}
    handover = await world.client("prosper").post("/v1/office-handovers", json=passed)
    kept = await world.client("prosper").post("/v1/saved-worklists", json={"name": "A", "asked": {"status": "open"}})
    shelter = await a_shelter(world, "Refuge", 9)
    assert (await lodging(world, case, shelter)).status_code == 201
    closure = await closing(world, shelter, leave_waiting=True)
    offer = await accepted(world, case, await an_offer(world, case))
    moving = {"case_id": case["id"], "capacity_id": str(world.key("maison-des-rives/23027")), "asked_by": "household",
              "reason_code": "family", "reason": "Près de sa sœur."}  # fmt: skip
    transfer = await client.post("/v1/transfers", json=moving)
    assert transfer.status_code == 201, transfer.text
    milestone = {"code": "SKILLS_DECLARED", "person_id": person, "outcome": "done",
                 "occurred_on": {"value": clock.today().isoformat(), "precision": "day"}}  # fmt: skip
    recorded = await world.client("pelagie").post(f"/v1/cases/{case['id']}/milestones", json=milestone)
    assert recorded.status_code == 201, recorded.text
    run = await client.post("/v1/placement-runs", json={"case_ids": [case["id"]]})
    assert await solve_next(world.app.state.database) is not None
    glass = {"case_id": case["id"], "reason_code": "danger_to_life", "reason": "Appel de nuit."}
    assert (await world.client("ines").post("/v1/break-glass", json=glass)).status_code == 201
    born = {"how": "birth", "member": {"relation": "child", "name": {"full": "Venue Deux Fois"},
            "birth": {"value": None, "precision": "unknown"}}}  # fmt: skip
    stands = (await client.get(f"/v1/cases/{case['id']}")).headers["etag"]
    twice = await client.post(f"/v1/cases/{case['id']}/members", json=born, headers={"If-Match": stands})
    same = {"duplicate_id": twice.json()["person_id"], "reason": "Vue deux fois."}
    assert (await client.post(f"/v1/people/{person}/merges", json=same)).status_code == 201
    return case["id"], {
        "case_id": case["id"], "person_id": person, "offer_id": offer["id"], "assignment_id": offer["assignment_id"],
        "transfer_id": transfer.json()["id"], "run_id": run.json()["id"], "closure_id": closure.json()["id"],
        "office_handover_id": handover.json()["id"], "saved_id": kept.json()["id"],
        "enrolment_id": enrolment["id"], "pilot_id": enrolment["pilot_id"],
        "recommendation_id": recommended.json()["id"], "milestone_id": recorded.json()["id"],
    }  # fmt: skip


def entries_of(world: World, request_id: str) -> list[tuple[Any, ...]]:
    with world.owner() as connection:
        return connection.execute(
            "SELECT permission, purpose, actor_id, case_ids::text[] FROM read_entries WHERE request_id = %s",
            (request_id,),
        ).fetchall()


async def test_every_read_about_people_leaves_exactly_one_entry(world: World) -> None:
    case_id, values = await a_lived_case(world)
    client = world.client("prosper", **{"X-Purpose-of-Use": "supervision"})
    reads = of_people(world)
    assert len(reads) == READS
    for path, permission in reads:
        answer = await client.get(path.format(**values))
        assert answer.status_code == 200, (path, answer.text)
        [entry] = entries_of(world, answer.headers["x-request-id"])
        # A list names the case once a row: its first offer and its transfer's are two.
        assert (*entry[:3], {*entry[3]}) == (str(permission), "supervision", world.key("prosper"), {case_id}), path
        tag = answer.headers.get("etag")
        if tag is not None:
            unchanged = await client.get(path.format(**values), headers={"If-None-Match": tag})
            assert unchanged.status_code == 304, path
            assert len(entries_of(world, unchanged.headers["x-request-id"])) == 1, path


async def test_a_read_that_finds_nothing_within_reach_is_on_record_of_nobody(world: World) -> None:
    case_id, values = await a_lived_case(world)
    client = world.client("edmee")
    for path, _ in of_people(world):
        answer = await client.get(path.format(**values))
        assert all(case_id not in entry[3] for entry in entries_of(world, answer.headers["x-request-id"])), path


async def test_no_entry_no_answer(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    case = await a_case(world, size=1)

    def entry(*_: Any) -> tuple[Any, ...]:
        return tuple(None for _ in range(9))

    monkeypatch.setattr(trail, "read_entry", entry)
    answer = await world.client("camille").get(f"/v1/cases/{case['id']}")
    assert answer.status_code >= 400
    assert case["household"]["members"][0]["name"]["full"] not in answer.text


@pytest.mark.parametrize("purpose", Purpose)
async def test_each_purpose_of_the_list_is_kept_with_the_entry(world: World, purpose: Purpose) -> None:
    case = await a_case(world, size=1)
    await world.client("ines").post(
        "/v1/break-glass", json={"case_id": case["id"], "reason_code": "danger_to_life", "reason": "Appel de nuit."}
    )
    reader = "ines" if purpose is Purpose.emergency else "camille"
    answer = await world.client(reader, **{"X-Purpose-of-Use": str(purpose)}).get(f"/v1/cases/{case['id']}")
    [entry] = entries_of(world, answer.headers["x-request-id"])
    assert entry[1] == purpose


async def test_a_purpose_outside_the_list_is_refused_by_name_of_those_in_it(world: World) -> None:
    answer = await world.client("camille", **{"X-Purpose-of-Use": "Just Looking"}).get("/v1/cases")
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, "unknown_purpose")
    assert ACCEPTED in answer.json()["errors"][0]["detail"]
    assert "Just" not in answer.text


async def test_only_an_emergency_changes_what_a_transaction_sees(world: World) -> None:
    from casework.authz.policy import Role

    for purpose in (None, *Purpose):
        caller = Caller(world.key("ines"), Role.intake_worker, "ines", purpose=purpose)
        assert (caller.context().role == "emergency") is (purpose is Purpose.emergency)
