"""A placement run over 200 cases: proposed, read as a page and as a table, confirmed, and one household declines."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import psycopg

from casework.demo import world
from casework.demo.story import StepFailed, Story, unhurried
from casework.placement.engine.check import check

if TYPE_CHECKING:
    from uuid import UUID

CASES = 200
CONFIRMED = 3
FIRST_FAMILY = 1_000  # the numbers before are those of the demo's other families
AT_ONCE = 6
PATIENCE_SECONDS = 100  # a busy machine waits; a quiet one takes a few seconds
RUNS = "/v1/placement-runs"
MADE = "SELECT id FROM placement_runs WHERE created_by = %s ORDER BY id LIMIT 1"
REASON = "Propositions relues une à une avec l'équipe."
NEXT_REASON = "Deuxième choix, après le refus du premier lieu."


async def planned(story: Story) -> dict[str, Any]:
    """What `demo --once` tells of the run; every request is a step, the intakes together one."""
    cases = await _waiting(story)
    body = {"case_ids": list(cases)}
    run = (await story.act("camille", "placement_run", "POST", RUNS, 201, json=body)).json()
    path = f"{RUNS}/{run['id']}"
    await _finished(story, path)
    run = (await story.act("camille", "placement_run_done", "GET", path, 200)).json()
    page = (await story.act("camille", "placement_run_page", "GET", f"{path}?format=html", 200)).text
    table = (await story.act("camille", "placement_run_table", "GET", f"{path}?format=csv", 200)).text
    proof = (await story.act("camille", "placement_run_certificate", "GET", f"{path}/certificate", 200)).json()
    placed = [one for one in run["proposals"] if one["capacity_id"]]
    moved = await _confirmed(story, path, placed[:CONFIRMED], cases)
    return {"run": run["id"], "cases": len(run["proposals"]), "placed": len(placed), "certificate": run["certificate"],
            "checked": _holds(proof, run["certificate"]) and proof["sha256"] in page, "map_regions": page.count("<rect"),
            "table_lines": len(table.splitlines()) - 1, **moved}  # fmt: skip


def _holds(proof: dict[str, Any], told: dict[str, Any]) -> bool:
    """The independent checker's word, not the solver's."""
    try:
        return bool(check(proof, told["sha256"]) == told["gap"])
    except ValueError:
        return False


async def _waiting(story: Story) -> dict[str, dict[str, Any]]:
    """200 families that consent, by their case's id."""
    unhurried(story.app)
    crowd, gate = Story(story.app), asyncio.Semaphore(AT_ONCE)

    async def one(number: int) -> dict[str, Any]:
        async with gate:
            return await crowd.take_in(FIRST_FAMILY + number)

    try:
        cases = await asyncio.gather(*(one(number) for number in range(CASES)))
    finally:
        await crowd.close()
    story.steps.append({**crowd.steps[0], "step": f"intake of {CASES} cases", "ok": len(crowd.steps) == CASES})
    return {case["id"]: case for case in cases}


async def _finished(story: Story, path: str) -> None:
    """Waits for the server's own hand. Raises StepFailed when the run ends otherwise, or not in time."""
    watch = Story(story.app)
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            status = "queued"
            while status in {"queued", "running"}:
                await asyncio.sleep(0.25)
                status = (await watch.act("camille", "watch", "GET", path, 200)).json()["status"]
    except TimeoutError:
        raise StepFailed("placement_run_done: the run did not end in time") from None
    finally:
        await watch.close()
    if status != "done":
        raise StepFailed(f"placement_run_done: the run is {status}")


async def _confirmed(
    story: Story, path: str, chosen: list[dict[str, Any]], cases: dict[str, dict[str, Any]]
) -> dict[str, Any]:
    """A person confirms; the first household declines, its places are free, and the next place is offered."""
    body = {"choices": [{"case_id": one["case_id"]} for one in chosen], "reason": REASON}
    run = (await story.act("camille", "proposals_confirmed", "POST", f"{path}/confirmations", 201, json=body)).json()
    first = next(one for one in run["proposals"] if one["case_id"] == chosen[0]["case_id"])
    case = cases[first["case_id"]]
    offer = (await story.act("camille", "offer_read", "GET", f"/v1/offers/{first['offer_id']}", 200)).json()
    await story.decline(case, offer, "distance")
    found = await story.recommend(case)
    following = next(place for place in found["ranked"] if place["capacity_id"] != first["capacity_id"])
    body = {"case_id": case["id"], "capacity_id": following["capacity_id"], "recommendation_id": found["id"],
            "reason": NEXT_REASON}  # fmt: skip
    await story.act("camille", "next_place_offered", "POST", "/v1/offers", 201, json=body)
    return {
        "confirmed": run["report"]["confirmed"],
        "declined_place": first["place_name"],
        "next_place": following["name"],
    }


async def proposed(story: Story) -> None:
    """Queue the run that `casework demo` shows, over every open case; the serving process solves it."""
    ids: list[str] = []
    path = "/v1/cases?status=open&limit=100"
    while path:
        page = await story.act("camille", "cases", "GET", path, 200)
        ids += [case["id"] for case in page.json()["items"]]
        path = page.links.get("next", {}).get("url", "")
    await story.act("camille", "placement_run", "POST", RUNS, 201, json={"case_ids": ids[:500]})


def run_made(owner_url: str) -> UUID | None:
    """The first run of the demo's caseworker, if she has made one."""
    with psycopg.connect(owner_url) as connection:
        rows = connection.execute(MADE, (world.key("camille"),)).fetchall()
    return rows[0][0] if rows else None
