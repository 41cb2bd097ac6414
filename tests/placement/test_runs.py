"""A run over many cases: frozen, solved apart, confirmed by a person, all or none. Every person here is invented."""

from __future__ import annotations

import asyncio
import csv
import json
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from casework.placement import holds, run_solving
from casework.placement.engine.check import check
from casework.placement.run_report import FEWEST, decisions, equity, rules_together
from casework.placement.run_solving import solve_next
from tests.placement.households import (
    ABSENT,
    MATANE,
    QUEBEC,
    RIMOUSKI,
    a_couple_with_a_child,
    answering,
    counted,
    left_alone,
    offering,
    problem,
)

if TYPE_CHECKING:
    import httpx

    from tests.conftest import World

anyio = pytest.mark.anyio


async def a_run(world: World, cases: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    body = {"case_ids": [case["id"] for case in cases], **more}
    answer = await world.client("camille").post("/v1/placement-runs", json=body)
    assert answer.status_code == 201, answer.text
    run: dict[str, Any] = answer.json()
    return run


async def solved(world: World, run: dict[str, Any]) -> dict[str, Any]:
    assert await solve_next(world.app.state.database) == UUID(run["id"])
    return await read(world, run)


async def read(world: World, run: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = (await world.client("camille").get(f"/v1/placement-runs/{run['id']}")).json()
    return found


async def confirming(world: World, run: dict[str, Any], *choices: dict[str, Any]) -> httpx.Response:
    body = {"choices": list(choices), "reason": "Proposition relue avec le ménage."}
    return await world.client("camille").post(f"/v1/placement-runs/{run['id']}/confirmations", json=body)


def held_anywhere(world: World) -> int:
    with world.owner() as connection:
        [(held,)] = connection.execute("SELECT sum(held) FROM capacities").fetchall()
    return int(str(held))


@anyio
async def test_a_run_is_queued_solved_and_its_certificate_checks(world: World) -> None:
    cases = [await a_couple_with_a_child(world) for _ in range(3)]
    run = await a_run(world, cases)
    assert (run["status"], run["progress"], run["certificate"]) == ("queued", 0, None)
    done = await solved(world, run)
    assert (done["status"], done["progress"]) == ("done", 100)
    assert all(one["capacity_id"] and one["score"] > 0 for one in done["proposals"])
    certificate = (await world.client("camille").get(f"/v1/placement-runs/{run['id']}/certificate")).json()
    assert check(certificate, done["certificate"]["sha256"]) == done["certificate"]["gap"]
    certificate["value"] += 1
    with pytest.raises(ValueError, match="does not hold"):
        check(certificate)
    assert held_anywhere(world) == 0, "a proposal is no decision: nothing is held"
    assert await solve_next(world.app.state.database) is None


@anyio
async def test_the_frozen_inputs_name_no_case(world: World) -> None:
    case = await a_couple_with_a_child(world)
    await solved(world, await a_run(world, [case]))
    with world.owner() as connection:
        [(inputs, result)] = connection.execute("SELECT inputs::text, result::text FROM placement_runs").fetchall()
    for told in (case["id"], case["household"]["id"], *(m["person_id"] for m in case["household"]["members"])):
        assert told not in f"{inputs}{result}"


@anyio
async def test_confirmed_proposals_become_offers_and_an_answer_frees_the_next_place(world: World) -> None:
    cases = [await a_couple_with_a_child(world) for _ in range(2)]
    run = await solved(world, await a_run(world, cases))
    answer = await confirming(world, run, *({"case_id": case["id"]} for case in cases))
    assert answer.status_code == 201, answer.text
    report = answer.json()["report"]
    assert (report["confirmed"], report["overridden"], report["override_rate"]) == (2, 0, 0.0)
    assert report["median_seconds_to_confirm"] >= 0
    assert held_anywhere(world) == 6
    again = await confirming(world, run, {"case_id": cases[0]["id"]})
    assert problem(again) == (409, "proposal-already-confirmed")
    # One household declines: its places are free, and a new run moves on to the next place.
    first = next(one for one in answer.json()["proposals"] if one["case_id"] == cases[0]["id"])
    offer = (await world.client("camille").get(f"/v1/offers/{first['offer_id']}")).json()
    person = cases[0]["household"]["members"][0]["person_id"]
    declined = await answering(world, offer, person, "decline", reason_code="distance")
    assert declined.json()["status"] == "declined"
    assert held_anywhere(world) == 3
    following = await solved(world, await a_run(world, cases))
    by_case = {one["case_id"]: one for one in following["proposals"]}
    assert by_case[cases[0]["id"]]["capacity_id"]
    assert by_case[cases[1]["id"]]["left_out"] == "under_hold"


@anyio
async def test_all_or_none_is_held(world: World) -> None:
    cases = [await a_couple_with_a_child(world) for _ in range(2)]
    run = await solved(world, await a_run(world, cases))
    for at in (RIMOUSKI, MATANE):
        left_alone(world, 3, at)
    both = [
        {"case_id": case["id"], "capacity_id": str(world.key(RIMOUSKI)), "override_code": "local_knowledge"}
        for case in cases
    ]
    answer = await confirming(world, run, *both)
    assert problem(answer) == (409, "not-enough-places")
    assert held_anywhere(world) == 0
    assert (await read(world, run))["report"]["confirmed"] == 0


@anyio
async def test_of_two_confirmations_at_once_one_wins_and_nothing_is_half_held(world: World) -> None:
    case = await a_couple_with_a_child(world)
    run = await solved(world, await a_run(world, [case]))
    answers = await asyncio.gather(*(confirming(world, run, {"case_id": case["id"]}) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]
    assert held_anywhere(world) == 3


@anyio
async def test_two_confirmations_that_cross_do_not_wait_for_each_other_in_a_circle(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    cases = [await a_couple_with_a_child(world) for _ in range(4)]
    there, back = [await solved(world, await a_run(world, pair)) for pair in (cases[:2], cases[2:])]
    took = holds.hold

    async def slowly(*told: Any) -> None:
        await took(*told)
        await asyncio.sleep(0.3)  # long enough for the other to take a place as well

    monkeypatch.setattr(holds, "hold", slowly)

    def to(place: str, case: dict[str, Any]) -> dict[str, Any]:
        return {"case_id": case["id"], "capacity_id": str(world.key(place)), "override_code": "household_wish"}

    answers = await asyncio.gather(
        confirming(world, there, to(RIMOUSKI, cases[0]), to(QUEBEC, cases[1])),
        confirming(world, back, to(QUEBEC, cases[2]), to(RIMOUSKI, cases[3])),
    )
    assert [answer.status_code for answer in answers] == [201, 201]
    assert held_anywhere(world) == 12


@anyio
async def test_another_place_needs_a_typed_reason_and_counts_as_an_override(world: World) -> None:
    case = await a_couple_with_a_child(world)
    run = await solved(world, await a_run(world, [case]))
    proposed = run["proposals"][0]["capacity_id"]
    other = next(at for at in (RIMOUSKI, MATANE) if str(world.key(at)) != proposed)
    silent = await confirming(world, run, {"case_id": case["id"], "capacity_id": str(world.key(other))})
    assert problem(silent) == (409, "nothing-proposed")
    choice = {"case_id": case["id"], "capacity_id": str(world.key(other)), "override_code": "household_wish"}
    answer = await confirming(world, run, choice)
    assert answer.status_code == 201, answer.text
    assert answer.json()["report"]["override_rate"] == 1.0
    assert counted(world, other) == (3, 0)


@anyio
async def test_linked_cases_go_to_one_place_and_are_confirmed_together(world: World) -> None:
    cases = [await a_couple_with_a_child(world) for _ in range(3)]
    ids = [case["id"] for case in cases]
    circle = [[ids[0], ids[1]], [ids[1], ids[2]], [ids[2], ids[0]]]
    run = await solved(world, await a_run(world, cases, keep_together=circle))
    assert len({(one["label"], one["capacity_id"]) for one in run["proposals"]}) == 1
    alone = await confirming(world, run, {"case_id": ids[0]})
    assert problem(alone) == (409, "kept-together")
    together = await confirming(world, run, *({"case_id": case_id} for case_id in ids))
    assert together.status_code == 201, together.text


@anyio
@pytest.mark.parametrize("pair", [lambda one: [one, one], lambda one: [one, ABSENT]])
async def test_a_link_out_of_the_run_is_refused(world: World, pair: Any) -> None:
    case = await a_couple_with_a_child(world)
    body = {"case_ids": [case["id"]], "keep_together": [pair(case["id"])]}
    answer = await world.client("camille").post("/v1/placement-runs", json=body)
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, "link_outside")


@anyio
async def test_a_case_twice_is_refused_and_one_out_of_reach_is_not_found(world: World) -> None:
    case = await a_couple_with_a_child(world)
    twice = await world.client("camille").post("/v1/placement-runs", json={"case_ids": [case["id"]] * 2})
    assert (twice.status_code, twice.json()["errors"][0]["code"]) == (422, "case_twice")
    for who, asked in (("camille", ABSENT), ("coralie", case["id"])):
        answer = await world.client(who).post("/v1/placement-runs", json={"case_ids": [asked]})
        assert problem(answer) == (404, "not-found")


@anyio
async def test_without_consent_or_under_a_hold_a_case_is_left_out_with_the_rule(world: World) -> None:
    silent = await a_couple_with_a_child(world, consents=[])
    waiting = await a_couple_with_a_child(world)
    assert (await offering(world, waiting)).status_code == 201
    run = await solved(world, await a_run(world, [silent, waiting]))
    by_case = {one["case_id"]: one for one in run["proposals"]}
    assert by_case[silent["id"]]["left_out"] == "no_consent"
    assert by_case[waiting["id"]]["left_out"] == "under_hold"
    assert {one["capacity_id"] for one in run["proposals"]} == {None}
    assert problem(await confirming(world, run, {"case_id": silent["id"]})) == (409, "nothing-proposed")


@anyio
async def test_a_coach_takes_no_more_than_its_seats(world: World) -> None:
    cases = [await a_couple_with_a_child(world) for _ in range(3)]
    run = await solved(world, await a_run(world, cases, seats=7))
    assert sum(one["capacity_id"] is not None for one in run["proposals"]) == 2


@anyio
async def test_what_nobody_can_take_says_which_rules_together_exclude_every_place(world: World) -> None:
    avoiding = {"choices": [{"kind": "avoid", "code": f"{number:02}"} for number in range(1, 18)], "occupations": []}
    case = await a_couple_with_a_child(world, preferences=avoiding)
    run = await solved(world, await a_run(world, [case]))
    assert run["proposals"][0]["rules_together"] == ["place_avoided"]


@anyio
async def test_a_run_is_cancelled_once_and_never_solved(world: World) -> None:
    run = await a_run(world, [await a_couple_with_a_child(world)])
    client, path = world.client("camille"), f"/v1/placement-runs/{run['id']}/cancel"
    cancelled = await client.post(path, headers={"If-Match": '"1"'})
    assert cancelled.json()["status"] == "cancelled"
    assert await solve_next(world.app.state.database) is None
    assert problem(await client.post(path, headers={"If-Match": '"2"'})) == (409, "run-already-finished")
    assert problem(await confirming(world, run, {"case_id": run["proposals"][0]["case_id"]})) == (
        409,
        "run-not-finished",
    )
    certificate = await client.get(f"/v1/placement-runs/{run['id']}/certificate")
    assert problem(certificate) == (409, "run-not-finished")


@anyio
async def test_a_server_that_stopped_loses_the_run_to_the_next_hand(world: World) -> None:
    run = await a_run(world, [await a_couple_with_a_child(world)])
    with world.owner() as connection:
        connection.execute("UPDATE placement_runs SET status = 'running', lease_until = now() + interval '1 minute'")
    assert await solve_next(world.app.state.database) is None
    with world.owner() as connection:
        connection.execute("UPDATE placement_runs SET lease_until = now() - interval '1 second'")
    assert (await solved(world, run))["status"] == "done"


@anyio
async def test_cancelled_while_it_runs_it_stays_cancelled(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    run = await a_run(world, [await a_couple_with_a_child(world)])
    told = run_solving._alive

    async def cancelled_meanwhile(database: Any, run_id: UUID, percent: int) -> bool:
        with world.owner() as connection:
            connection.execute("UPDATE placement_runs SET status = 'cancelled', version = version + 1")
        return await told(database, run_id, percent)

    monkeypatch.setattr(run_solving, "_alive", cancelled_meanwhile)
    assert (await solved(world, run))["status"] == "cancelled"


@anyio
async def test_a_solver_that_dies_leaves_a_failed_run(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    run = await a_run(world, [await a_couple_with_a_child(world)])
    monkeypatch.setattr(run_solving, "WORKER", ("/bin/false",))
    assert (await solved(world, run))["status"] == "failed"


@anyio
async def test_an_erased_household_is_no_longer_tied_to_a_run(world: World) -> None:
    run = await a_run(world, [await a_couple_with_a_child(world)])
    with world.owner() as connection:
        connection.execute("UPDATE subject_keys SET wrapped = '', erased_at = now() WHERE kind = 'household'")
        assert connection.execute("SELECT count(*) FROM placement_proposals").fetchall() == [(0,)]
        assert connection.execute("SELECT id::text FROM placement_runs").fetchall() == [(run["id"],)]


# What a run reports


@given(st.dictionaries(st.text(min_size=1, max_size=4), st.sampled_from(["1", "2-3", "4-5"]), min_size=1, max_size=30))
def test_no_small_cell_is_told_and_none_follows_from_the_others(sizes: dict[str, str]) -> None:
    groups = {
        label: {"household_size": size, "interpreter": "needed", "waiting_days": 3} for label, size in sizes.items()
    }
    cells = [cell for cell in equity(groups, dict.fromkeys(sizes, 100)) if cell["group"] == "household_size"]
    assert all(cell["cases"] is None or cell["cases"] >= FEWEST for cell in cells)
    hidden = [cell for cell in cells if cell["cases"] is None]
    assert len(hidden) != 1 or len(cells) == 1


def test_the_override_rate_and_the_time_to_click_are_counted() -> None:
    done = datetime(2026, 3, 2, 9, tzinfo=UTC)
    told = [(done + timedelta(seconds=seconds), other) for seconds, other in ((2, False), (60, True), (90, False))]
    assert decisions(done, told) == {
        "confirmed": 3, "overridden": 1, "override_rate": 0.333, "median_seconds_to_confirm": 60,
    }  # fmt: skip
    assert decisions(None, [])["override_rate"] is None


def test_the_rules_that_together_exclude_every_place_are_few_and_enough() -> None:
    broken = [frozenset({"language", "room"}), frozenset({"room"}), frozenset({"avoided", "language"})]
    found = rules_together(broken)
    assert all(place & set(found) for place in broken)
    assert found in (["language", "room"], ["avoided", "room"])
    assert rules_together([*broken, frozenset()]) == []


# Read as a table or as a page


@anyio
async def test_a_finished_run_reads_as_a_table_and_as_a_page_with_map_and_certificate(world: World) -> None:
    case, silent = await a_couple_with_a_child(world), await a_couple_with_a_child(world, consents=[])
    run = await a_run(world, [case, silent])
    path, camille = f"/v1/placement-runs/{run['id']}", world.client("camille")
    early = await camille.get(path, params={"format": "html"})
    assert problem(early) == (409, "run-not-finished")
    done = await solved(world, run)
    table = await camille.get(path, params={"format": "csv"})
    assert table.headers["content-type"].startswith("text/csv")
    rows = {row["case"]: row for row in csv.DictReader(table.text.splitlines())}
    proposed = next(one for one in done["proposals"] if one["case_id"] == case["id"])
    assert rows[case["reference"]] == {
        "case": case["reference"], "persons": "3", "place": proposed["place_name"], "region": proposed["region_code"],
        "score": str(proposed["score"]),
    }  # fmt: skip
    assert rows[silent["reference"]]["place"] == ""
    with world.owner() as connection:
        query = "SELECT permission FROM read_entries WHERE request_id = %s AND %s::uuid = ANY(case_ids)"
        told = connection.execute(query, (table.headers["x-request-id"], case["id"])).fetchall()
    assert told == [("placement_run:read",)]
    page = await camille.get(path, params={"format": "html"})
    assert page.headers["content-security-policy"].startswith("default-src 'none'")
    assert page.text.count("<rect") == 17
    proof = unescape(page.text.partition("<pre id='certificate'>")[2].partition("</pre>")[0])
    assert check(json.loads(proof), done["certificate"]["sha256"]) == done["certificate"]["gap"]
    for export in (table.text, page.text):
        assert "Velquindor" not in export
        assert case["id"] not in export
    assert problem(await world.client("coralie").get(path, params={"format": "csv"})) == (404, "not-found")
    assert problem(await camille.get(path, params={"format": "pdf"}))[0] == 400
