"""Many cases pass from one office to another at once: the receiver accepts all or none, and nothing of theirs stays behind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.builders import a_case, an_offer
from tests.following.test_handovers import proposing
from tests.placement.households import problem

if TYPE_CHECKING:
    import httpx

    from tests.conftest import World

pytestmark = pytest.mark.anyio
STRAYED = "SELECT count(*) FROM {} x JOIN cases c ON c.id = x.case_id WHERE (x.office_id, x.region_code) IS DISTINCT FROM (c.office_id, c.region_code)"


async def handing(
    world: World, *cases: dict[str, Any], to: str = "mifi-montreal", by: str = "prosper"
) -> httpx.Response:
    body = {
        "to_office_id": str(world.key(to)),
        "case_ids": [case["id"] for case in cases],
        "reason": "Le bureau ferme.",
    }
    return await world.client(by).post("/v1/office-handovers", json=body)


async def answering(world: World, handover: dict[str, Any], word: str, by: str = "camille") -> httpx.Response:
    path, body = f"/v1/office-handovers/{handover['id']}/{word}", {"reason": "Trop de dossiers."}
    tag = {"If-Match": f'"{handover["version"]}"'}
    return await world.client(by).post(path, json=body if word == "refuse" else None, headers=tag)


async def offices(world: World, case: dict[str, Any], by: str = "prosper") -> dict[str, list[str]]:
    """Which offices answered, and will answer, for the case; the one that does now stands in `now`."""
    read = (await world.client(by).get(f"/v1/cases/{case['id']}/responsibility")).json()
    names = {str(world.key(name)): name for name in ("praida", "mifi-montreal")}
    told = {
        when: [names[one["office_id"]] for one in read[when] if one["kind"] == "office"] for when in ("before", "next")
    }
    return {**told, "now": [names[read["office_id"]]]}


def strayed(world: World) -> dict[str, int]:
    """Rows of a case that stand in another office or region than their case, by table."""
    with world.owner() as owner:
        tables = owner.execute(
            "SELECT table_name FROM information_schema.columns WHERE table_schema = 'public' AND column_name IN"
            " ('case_id', 'office_id', 'region_code') GROUP BY table_name HAVING count(*) = 3"
        ).fetchall()
        assert len(tables) > 30
        counts = {str(name): owner.execute(STRAYED.format(name).encode()).fetchall()[0][0] for (name,) in tables}
    return {name: int(count) for name, count in counts.items() if count}


async def test_every_case_moves_with_all_that_is_its_own(world: World) -> None:
    cases = [await a_case(world, "ines", size=2) for _ in range(3)]
    offer = await an_offer(world, cases[0], by="prosper")
    assert [(await world.client("camille").get(f"/v1/cases/{case['id']}")).status_code for case in cases] == [404] * 3
    proposed = (await handing(world, *cases)).json()
    assert (proposed["status"], proposed["cases"]) == ("proposed", 3)
    assert await offices(world, cases[0]) == {"before": [], "now": ["praida"], "next": ["mifi-montreal"]}
    [waiting] = (await world.client("camille").get("/v1/office-handovers")).json()["items"]
    assert (waiting["id"], waiting["cases"], waiting["case_ids"]) == (proposed["id"], 3, [])
    done = await answering(world, proposed, "accept")
    assert done.status_code == 200, done.text
    assert set(done.json()["case_ids"]) == {case["id"] for case in cases}
    for case in cases:
        assert (await world.client("camille").get(f"/v1/cases/{case['id']}")).status_code == 200
        assert (await world.client("ines").get(f"/v1/cases/{case['id']}")).status_code == 404
        assert await offices(world, case) == {"before": ["praida"], "now": ["mifi-montreal"], "next": []}
    assert strayed(world) == {}
    assert (await world.client("camille").get(f"/v1/offers/{offer['id']}")).json()["status"] == "held"
    unassigned = (await world.client("basile").get("/v1/worklists", params={"name": "unassigned"})).json()["items"]
    assert {case["id"] for case in cases} <= {one["case"]["id"] for one in unassigned}


async def test_a_row_that_stays_behind_is_seen(world: World) -> None:
    """The look into every table would find one: the test above can fail."""
    case = await a_case(world, "ines", size=1)
    with world.owner() as owner:
        owner.execute("UPDATE needs SET office_id = %s WHERE case_id = %s", (world.key("mifi-montreal"), case["id"]))
    assert strayed(world) == {"needs": 1}


async def test_refused_or_taken_back_nothing_moves_and_it_can_be_proposed_again(world: World) -> None:
    case = await a_case(world, "ines", size=1)
    for by in ("camille", "prosper"):
        proposed = (await handing(world, case)).json()
        answered = await answering(world, proposed, "refuse", by)
        assert (answered.json()["status"], answered.json()["answer"]) == ("refused", "Trop de dossiers.")
        assert problem(await answering(world, answered.json(), "accept")) == (409, "handover-already-answered")
    assert await offices(world, case) == {"before": [], "now": ["praida"], "next": []}


async def test_an_office_that_closes_hands_over_all_it_has_and_what_was_proposed_inside_it_ends(world: World) -> None:
    mine = [await a_case(world, size=1) for _ in range(2)]
    inside = (await proposing(world, mine[0])).json()
    body = {
        "from_office_id": str(world.key("mifi-montreal")),
        "to_office_id": str(world.key("praida")),
        "reason": "Ferme.",
    }
    prosper = world.client("prosper")
    proposed = (await prosper.post("/v1/office-handovers", json=body)).json()
    assert set(proposed["case_ids"]) == {case["id"] for case in mine}
    assert problem(await prosper.post("/v1/office-handovers", json=body)) == (409, "nothing-to-hand-over")
    # PRAIDA has no caseworker in this world: the owner lends it one.
    with world.owner() as owner:
        owner.execute(
            "UPDATE role_grants SET office_id = %s WHERE user_id = %s", (world.key("praida"), world.key("basile"))
        )
    assert (await answering(world, proposed, "accept", "basile")).status_code == 200
    assert await offices(world, mine[0]) == {"before": ["mifi-montreal"], "now": ["praida"], "next": []}
    ended = (await prosper.get(f"/v1/cases/{mine[0]['id']}/handovers")).json()["items"]
    assert [(one["id"], one["status"]) for one in ended] == [(inside["id"], "refused")]


async def test_what_cannot_be_handed_over_is_refused_whole(world: World) -> None:
    theirs, mine = await a_case(world, "ines", size=1), await a_case(world, size=1)
    there = await handing(world, theirs, mine)
    assert [fault["pointer"] for fault in there.json()["errors"]] == ["/case_ids/1"]
    absent = {"id": "01890000-0000-7000-8000-000000000000"}
    assert (await handing(world, theirs, absent)).status_code == 404
    assert (await handing(world, theirs, theirs)).status_code == 422
    assert problem(await handing(world, theirs, by="camille")) == (403, "not-permitted")
    assert (await handing(world, theirs)).status_code == 201
    assert problem(await handing(world, theirs)) == (409, "case-already-proposed-to-office")


async def test_an_external_id_that_the_receiver_uses_moves_nobody(world: World) -> None:
    mine = await a_case(world, size=1, external_id="F-1")
    theirs = [await a_case(world, "ines", size=1, external_id=name) for name in ("F-1", "F-2")]
    proposed = (await handing(world, *theirs)).json()
    assert problem(await answering(world, proposed, "accept")) == (409, "external-id-taken")
    assert [(await offices(world, case))["now"] for case in (mine, *theirs)] == [
        ["mifi-montreal"],
        ["praida"],
        ["praida"],
    ]


async def test_another_office_neither_sees_nor_answers_it(world: World) -> None:
    proposed = (await handing(world, await a_case(world, size=1), to="praida")).json()
    assert (await world.client("camille").get(f"/v1/office-handovers/{proposed['id']}")).status_code == 404
    assert (await answering(world, proposed, "accept")).status_code == 404
    assert problem(await answering(world, proposed, "accept", "prosper")) == (403, "not-permitted")
