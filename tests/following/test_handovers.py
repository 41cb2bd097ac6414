"""Who is responsible, who was, who will be: a case is proposed, accepted or refused, and its past stays on record."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from tests.builders import a_case, accepted, an_offer
from tests.cases.claims import arrived
from tests.placement.households import problem

if TYPE_CHECKING:
    import httpx

    from tests.conftest import World

pytestmark = pytest.mark.anyio


async def proposing(world: World, case: dict[str, Any], to: str = "basile", by: str = "camille") -> httpx.Response:
    body = {"to_user_id": str(world.key(to)), "reason": "Congé de Camille."}
    return await world.client(by).post(f"/v1/cases/{case['id']}/handovers", json=body)


async def answering(world: World, handover: dict[str, Any], word: str, by: str = "basile") -> httpx.Response:
    tag, body = {"If-Match": f'"{handover["version"]}"'}, {"reason": "Trop de dossiers."}
    path = f"/v1/handovers/{handover['id']}/{word}"
    return await world.client(by).post(path, headers=tag, json=body if word == "refuse" else None)


async def responsible(world: World, case: dict[str, Any], by: str = "camille") -> dict[str, list[Any]]:
    answer = await world.client(by).get(f"/v1/cases/{case['id']}/responsibility")
    assert answer.status_code == 200, answer.text
    found = answer.json()
    names = {str(world.key(name)): name for name in ("camille", "basile", "le-phare")}
    return {
        when: [names.get(one["user_id"] or one["organization_id"], one["region_code"]) for one in found[when]]
        for when in ("now", "before", "next")
    }


async def test_a_case_changes_hands_once_its_receiver_accepts(world: World) -> None:
    case = await a_case(world, size=1)
    handover = await proposing(world, case)
    assert handover.status_code == 201, handover.text
    assert await responsible(world, case) == {"now": ["camille"], "before": [], "next": ["basile"]}
    taken = await answering(world, handover.json(), "accept")
    assert (taken.status_code, taken.json()["status"]) == (200, "accepted"), taken.text
    assert await responsible(world, case) == {"now": ["basile"], "before": ["camille"], "next": []}
    seen = (await world.client("basile").get(f"/v1/cases/{case['id']}")).json()
    assert seen["caseworker_id"] == str(world.key("basile"))


async def test_a_refusal_leaves_the_case_where_it_was_with_its_reason(world: World) -> None:
    case = await a_case(world, size=1)
    refused = await answering(world, (await proposing(world, case)).json(), "refuse")
    assert (refused.json()["status"], refused.json()["answer"]) == ("refused", "Trop de dossiers.")
    assert await responsible(world, case) == {"now": ["camille"], "before": [], "next": []}
    [told] = (await world.client("prosper").get(f"/v1/cases/{case['id']}/handovers")).json()["items"]
    assert (told["reason"], told["answer"]) == ("Congé de Camille.", "Trop de dossiers.")
    with world.owner() as connection:
        rows = connection.execute("SELECT sealed_reason || sealed_answer FROM handovers").fetchall()
    assert b"dossiers" not in bytes(rows[0][0])


async def test_nobody_answers_for_another_and_nobody_answers_twice(world: World) -> None:
    case = await a_case(world, size=1)
    handover = (await proposing(world, case)).json()
    for who in ("camille", "prosper"):
        assert problem(await answering(world, handover, "accept", who)) == (403, "not-the-receiver")
    assert (await answering(world, handover, "accept")).status_code == 200
    assert problem(await answering(world, handover, "refuse")) == (409, "handover-already-answered")


async def test_whoever_proposed_takes_it_back(world: World) -> None:
    case = await a_case(world, size=1)
    handover = (await proposing(world, case)).json()
    assert problem(await proposing(world, case)) == (409, "handover-already-proposed")
    assert (await answering(world, handover, "refuse", "camille")).status_code == 200
    assert (await proposing(world, case)).status_code == 201


async def test_a_case_is_proposed_to_a_caseworker_of_its_office_only(world: World) -> None:
    case = await a_case(world, size=1)
    for stranger in ("ines", "octave", "adele", "nobody"):
        refused = await proposing(world, case, stranger)
        assert [(f["pointer"], f["code"]) for f in refused.json()["errors"]] == [("/to_user_id", "not_a_caseworker")]
    assert problem(await proposing(world, case, "camille")) == (409, "receiver-follows-already")


async def test_whoever_left_the_office_meanwhile_takes_nothing_over(world: World) -> None:
    case = await a_case(world, size=1)
    handover = (await proposing(world, case)).json()
    with world.owner() as owner:
        owner.execute("UPDATE role_grants SET office_id = %s WHERE user_id = %s", (world.key("praida"), world.key("basile")))  # fmt: skip
    assert (await answering(world, handover, "accept")).status_code == 404


async def test_two_proposals_at_once_leave_one(world: World) -> None:
    case = await a_case(world, size=1)
    answers = await asyncio.gather(*(proposing(world, case, by=who) for who in ("camille", "basile", "prosper") * 2))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409, 409, 409]


async def test_a_plain_assignment_is_history_too(world: World) -> None:
    case = await a_case(world, size=1)
    patch = {"Content-Type": "application/merge-patch+json", "If-Match": f'"{case["version"]}"'}
    moved = await world.client("camille").patch(
        f"/v1/cases/{case['id']}", json={"caseworker_id": str(world.key("basile"))}, headers=patch
    )
    assert moved.status_code == 200, moved.text
    assert await responsible(world, case) == {"now": ["basile"], "before": ["camille"], "next": []}


async def test_the_host_is_next_while_the_offer_stands_then_now(world: World) -> None:
    case = await a_case(world, size=1)
    offer = await an_offer(world, case)
    assert (await responsible(world, case))["next"] == ["le-phare", "01"]
    await arrived(world, await accepted(world, case, offer))
    assert (await responsible(world, case))["now"] == ["camille", "le-phare", "01"]
    assert (await responsible(world, case, "pelagie"))["now"] == ["camille", "le-phare"]
