"""The draw over HTTP: committed before the list closes, frozen once, drawn once, and the same for whoever runs it."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from casework.authz.policy import Role
from casework.demo.world import USERS
from casework.kernel import clock
from casework.sponsorship.draw import commitment
from casework.sponsorship.lifecycle import Pool
from casework.sponsorship.reference import cap_of, caps
from tests.sponsorship.steps import (
    MONTREAL,
    RIMOUSKI,
    a_draw,
    a_sponsor,
    act,
    an_undertaking,
    day,
    group,
    if_match,
    read,
    submitted,
    told,
)

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import World

pytestmark = pytest.mark.anyio


async def the_publication(world: World, draw: Any, by: str = "aurele") -> Any:
    return told(await world.client(by).get(f"/v1/draws/{draw['id']}/publication"))


async def test_from_commitment_to_a_result_that_a_stranger_runs_again(
    world: World, checkout: Path, tmp_path: Path
) -> None:
    sponsor = await a_sponsor(world)
    draw = await a_draw(world, cap=3, reserve=1)
    waiting = [
        await submitted(world, await an_undertaking(world, sponsor, geo_code=place))
        for place in (RIMOUSKI, MONTREAL, MONTREAL, RIMOUSKI, MONTREAL)
    ]
    assert (draw["status"], draw["seed"], draw["list_sha256"]) == ("committed", None, None)
    frozen = await act(world, draw, "freeze")
    assert (frozen["status"], frozen["entries"], frozen["seed"]) == ("frozen", 5, None)
    done = await act(world, frozen, "run")
    assert commitment(bytes.fromhex(done["seed"])) == draw["commitment"]
    states = [(await read(world, one))["state"] for one in waiting]
    assert sorted(states) == ["drawn"] * 3 + ["not_drawn"] * 2
    file = tmp_path / "draw.json"
    file.write_text(json.dumps(await the_publication(world, draw)), encoding="utf-8")
    kept = (draw["commitment"], frozen["list_sha256"])
    run = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-I", str(checkout / "docs" / "redraw.py"), str(file), *kept],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (run.returncode, json.loads(run.stdout)) == (0, {"equal": True, "differs": []})
    verified = told(await world.client("sidonie").get(f"/v1/draws/{draw['id']}/verification"))
    assert verified == {"draw_id": draw["id"], "verified": True, "commitment_holds": True, "list_unchanged": True,
                        "result_equal": True}  # fmt: skip
    # Among the drawn stands at least the one that the reserve is for.
    assert any(entry["regional"] and entry["drawn"] for entry in (await the_publication(world, draw))["entries"])


async def test_everybody_reads_a_draw_and_it_names_nobody(world: World) -> None:
    sponsor = await a_sponsor(world)
    undertaking = await submitted(world, await an_undertaking(world, sponsor))
    draw = await act(world, await a_draw(world), "freeze")
    for username, _, role, *_ in USERS:
        told_to = await world.client(username).get(f"/v1/draws/{draw['id']}/publication")
        assert told_to.status_code == 200, role
        assert not {undertaking["id"], sponsor["id"]} & set(told_to.text.split('"')), role
    assert {role for _, _, role, *_ in USERS} == set(Role)


async def test_a_draw_is_not_run_again_nor_opened_again_nor_skipped(world: World) -> None:
    draw, prosper = await a_draw(world), world.client("prosper")
    early = await prosper.post(f"/v1/draws/{draw['id']}/run", headers=if_match(draw))
    assert (early.status_code, early.json()["draw_status"]) == (409, "committed")
    second = {"year": draw["year"], "pool": "groups", "cap": 99, "cap_source": "Un autre."}
    assert (await prosper.post("/v1/draws", json=second)).json()["type"].endswith("/draw-already-open")
    done = await act(world, await act(world, draw, "freeze"), "run")
    for action in ("freeze", "run"):
        again = await prosper.post(f"/v1/draws/{draw['id']}/{action}", headers=if_match(done))
        assert (again.status_code, again.json()["draw_status"]) == (409, "drawn")
    other = await a_draw(world, pool="organizations")
    for early_path in ("publication", "verification"):
        assert (await prosper.get(f"/v1/draws/{other['id']}/{early_path}")).status_code == 409
    assert (await world.client("sidonie").post("/v1/draws", json=second)).status_code == 403


async def test_after_the_freeze_the_list_takes_nobody_and_loses_nobody(world: World) -> None:
    sponsor = await a_sponsor(world)
    listed, late = [await an_undertaking(world, sponsor) for _ in range(2)]
    listed = await submitted(world, listed)
    frozen = await act(world, await a_draw(world), "freeze")
    sidonie = world.client("sidonie")
    answer = await sidonie.post(f"/v1/undertakings/{late['id']}/submit", headers=if_match(late))
    assert answer.json()["type"].endswith("/intake-closed")
    gone = {"occurred_on": day(), "reason": "withdrawn"}
    told(await sidonie.post(f"/v1/undertakings/{listed['id']}/cancel", json=gone, headers=if_match(listed)))
    done = await act(world, frozen, "run")
    assert (await read(world, listed))["state"] == "cancelled"
    [entry] = (await the_publication(world, done))["entries"]
    assert (entry["entry_id"], entry["rank"]) == (listed["entry_id"], 1)
    legal = await a_sponsor(world, category="E", name="Fonds des Ormes")
    other_pool = await submitted(world, await an_undertaking(world, legal))
    assert other_pool["state"] == "submitted", "the organizations' list is another list"


async def test_submissions_and_the_freeze_at_once_never_disagree(world: World) -> None:
    """Whoever was told `submitted` stands on the list; whoever was told `closed` does not."""
    sponsor = await a_sponsor(world)
    drafts = [await an_undertaking(world, sponsor) for _ in range(8)]
    draw, sidonie = await a_draw(world), world.client("sidonie")

    async def hand_in(draft: Any) -> Any:
        return await sidonie.post(f"/v1/undertakings/{draft['id']}/submit", headers=if_match(draft))

    async def close() -> Any:
        await asyncio.sleep(0)
        return await act(world, draw, "freeze")

    *answers, frozen = await asyncio.gather(*[hand_in(draft) for draft in drafts[:4]], close(),
                                            *[hand_in(draft) for draft in drafts[4:]], return_exceptions=False)  # fmt: skip
    everything = [*answers, frozen]
    handed = [one for one in everything if not isinstance(one, dict)]
    assert {one.status_code for one in handed} <= {200, 409}
    receipts = {one.json()["entry_id"] for one in handed if one.status_code == 200}
    listed = {entry["entry_id"] for entry in (await the_publication(world, draw))["entries"]}
    assert listed == receipts


async def test_a_published_cap_stands_and_an_unknown_one_is_stated_with_its_source(world: World) -> None:
    prosper = world.client("prosper")
    made = told(await prosper.post("/v1/draws", json={"year": 2022, "pool": "groups"}), 201)
    assert made["cap"] == 425
    assert "domain.md" in made["cap_source"]
    wrong = {"year": 2022, "pool": "organizations", "cap": 401, "cap_source": "Une note."}
    assert (await prosper.post("/v1/draws", json=wrong)).json()["errors"][0]["code"] == "cap_contradicts"
    for unknown in ({}, {"cap": 5}, {"cap_source": "Une note."}):
        answer = await prosper.post("/v1/draws", json={"year": 2026, "pool": "groups", **unknown})
        assert answer.json()["errors"][0]["code"] == "cap_unknown"
    many = {"year": 2026, "pool": "groups", "cap": 5, "cap_source": "Une note.", "reserve": 6}
    assert (await prosper.post("/v1/draws", json=many)).json()["errors"][0]["code"] == "reserve"
    shown = told(await world.client("sidonie").get("/v1/sponsorship-caps"))["items"]
    assert len(shown) == len(caps()) == 7
    assert all(line["source"] for line in shown)
    assert cap_of(2018, Pool.groups) is not None
    assert cap_of(2018, Pool.organizations) is None


@pytest.mark.parametrize(
    "forgery",
    [
        "UPDATE draws SET seed = repeat('0', 64), result_sha256 = repeat('0', 64)",
        "UPDATE draws SET status = 'frozen', seed = NULL, drawn_at = NULL, result_sha256 = NULL",
        "UPDATE draws SET list_sha256 = repeat('0', 64)",
        "UPDATE draw_entries SET rank = 1, drawn = true",
        "INSERT INTO draw_entries (draw_id, entry_id, regional) SELECT id, gen_random_uuid(), true FROM draws",
    ],
)
async def test_a_result_is_not_rewritten_even_by_the_owner_of_the_tables(world: World, forgery: str) -> None:
    await submitted(world, await an_undertaking(world))
    draw = await act(world, await act(world, await a_draw(world), "freeze"), "run")
    with world.owner() as owner, pytest.raises(psycopg.errors.InsufficientPrivilege):
        owner.execute(forgery.encode())
    assert told(await world.client("aurele").get(f"/v1/draws/{draw['id']}/verification"))["verified"] is True


async def test_a_seed_that_does_not_open_the_commitment_is_refused_by_the_database(world: World) -> None:
    frozen = await act(world, await a_draw(world), "freeze")
    forged = (
        "UPDATE draws SET status = 'drawn', drawn_at = now(), seed = repeat('0', 64), result_sha256 = repeat('0', 64)"
    )
    with world.owner() as owner, pytest.raises(psycopg.errors.InsufficientPrivilege):
        owner.execute(forged.encode())
    assert (await act(world, frozen, "run"))["status"] == "drawn"


async def test_who_disables_the_guard_is_found_by_the_verification(world: World) -> None:
    await submitted(world, await an_undertaking(world))
    await submitted(world, await an_undertaking(world))
    draw = await act(world, await act(world, await a_draw(world, cap=1), "freeze"), "run")
    with world.owner() as owner:
        owner.execute("ALTER TABLE draw_entries DISABLE TRIGGER guard_draw_entry")
        owner.execute("UPDATE draw_entries SET rank = 3 - rank, drawn = NOT drawn")
    found = told(await world.client("aurele").get(f"/v1/draws/{draw['id']}/verification"))
    assert (found["verified"], found["result_equal"], found["list_unchanged"]) == (False, False, True)


async def test_the_seed_is_sealed_until_the_draw(world: World) -> None:
    draw = await a_draw(world)
    with world.owner() as owner:
        [(row,)] = owner.execute("SELECT to_jsonb(d) FROM draws d").fetchall()
    done = await act(world, await act(world, draw, "freeze"), "run")
    assert done["seed"] not in json.dumps(row)
    assert bytes.fromhex(done["seed"]) not in bytes.fromhex(row["sealed_seed"][2:])


async def test_a_group_of_one_stays_off_the_list(world: World) -> None:
    legal = await a_sponsor(world, members=1, category="R", name="Atelier du Saule")
    assert legal["below_minimum"] is False
    body = group(1)
    assert (await world.client("sidonie").post("/v1/sponsors", json=body)).status_code == 409
    assert clock.today().year == (await submitted(world, await an_undertaking(world, legal)))["year"]
