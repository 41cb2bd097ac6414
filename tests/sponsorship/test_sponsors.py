"""Sponsors: who they are, who speaks for them, who answers for what, and who may know it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest

from casework.kernel.ids import new_id
from tests.sponsorship.steps import (
    MEMBERS,
    a_sponsor,
    accepted,
    an_undertaking,
    day,
    drawn,
    group,
    if_match,
    step,
    submitted,
    told,
)

if TYPE_CHECKING:
    from tests.conftest import World

pytestmark = pytest.mark.anyio


async def test_a_spokesperson_registers_a_group_and_speaks_for_it(world: World) -> None:
    sponsor = await a_sponsor(world)
    assert sponsor["spokesperson_id"] == str(world.key("sidonie"))
    assert [member["name"] for member in sponsor["members"]] == list(MEMBERS)
    assert (sponsor["category"], sponsor["name"], sponsor["below_minimum"]) == ("group", None, False)


@pytest.mark.parametrize("members", [1, 6])
async def test_a_group_is_two_to_five(world: World, members: int) -> None:
    body = group(5)
    body["members"] = (body["members"] * 2)[:members]
    answer = await world.client("sidonie").post("/v1/sponsors", json=body)
    assert answer.status_code == (409 if members == 1 else 422)


async def test_a_sixth_member_finds_the_group_full(world: World) -> None:
    sponsor = await a_sponsor(world, members=5)
    path, more = f"/v1/sponsors/{sponsor['id']}/members", {"name": "Wendel Ruissombre", "joined_on": day()}
    answer = await world.client("sidonie").post(path, json=more, headers=if_match(sponsor))
    assert answer.json()["type"].endswith("/sponsor-full")


@pytest.mark.parametrize("category", ["R", "RS", "E", "ES"])
async def test_a_legal_person_has_a_name_and_one_who_represents_it(world: World, category: str) -> None:
    body = group(1, category=category, name="Paroisse des Trois-Saules")
    assert told(await world.client("sidonie").post("/v1/sponsors", json=body), 201)["name"] == body["name"]
    for wrong in ({**body, "name": None}, {**group(2), "name": "Un groupe nommé"}):
        answer = await world.client("sidonie").post("/v1/sponsors", json=wrong)
        assert answer.json()["errors"][0]["code"] == "named"


async def test_the_ministry_names_a_spokesperson_in_force_and_nobody_is_told_who_exists(world: World) -> None:
    prosper = world.client("prosper")
    made = await prosper.post("/v1/sponsors", json=group(spokesperson_id=str(world.key("sylvain"))))
    assert told(made, 201)["spokesperson_id"] == str(world.key("sylvain"))
    refusals = [
        await prosper.post("/v1/sponsors", json=group(spokesperson_id=somebody))
        for somebody in (str(world.key("camille")), str(new_id()), None)
    ]
    assert len({answer.content for answer in refusals}) == 1
    assert refusals[0].status_code == 422
    own = await world.client("sidonie").post("/v1/sponsors", json=group(spokesperson_id=str(world.key("sylvain"))))
    assert own.status_code == 422


async def test_another_spokesperson_sees_nothing_of_it(world: World) -> None:
    sponsor = await a_sponsor(world)
    undertaking = await an_undertaking(world, sponsor)
    sylvain = world.client("sylvain")
    for path in (f"/v1/sponsors/{sponsor['id']}", f"/v1/undertakings/{undertaking['id']}"):
        assert (await sylvain.get(path)).status_code == 404
    assert (
        told(await sylvain.get("/v1/sponsors"))["items"] == told(await sylvain.get("/v1/undertakings"))["items"] == []
    )


async def test_nobody_hangs_a_member_of_their_own_under_another_s_sponsor(world: World) -> None:
    """Behind the application too: the composite key refuses another's sponsor like one that nobody has."""
    sponsor = await a_sponsor(world)
    for sponsor_id in (sponsor["id"], str(new_id())):
        with world.owner() as owner, pytest.raises(psycopg.errors.ForeignKeyViolation):
            owner.execute(
                "INSERT INTO sponsor_members (id, sponsor_id, spokesperson_id, sealed_name, kek_id, wrapped,"
                " key_version, joined_on) VALUES (%s, %s, %s, '', 'k', 'w', 1, now())",
                (new_id(), sponsor_id, world.key("sylvain")),
            )


async def test_names_are_sealed_and_a_read_of_them_is_on_record(world: World) -> None:
    sponsor = await a_sponsor(world)
    answer = await world.client("prosper").get(f"/v1/sponsors/{sponsor['id']}")
    assert MEMBERS[0] in answer.text
    with world.owner() as owner:
        sealed = owner.execute("SELECT sealed_name FROM sponsor_members").fetchall()
        read = owner.execute(
            "SELECT permission FROM read_entries WHERE request_id = %s", (answer.headers["x-request-id"],)
        ).fetchall()
    assert len(sealed) == 3
    assert not any(name.encode() in bytes(row[0]) for row in sealed for name in MEMBERS)
    assert read == [("sponsor:read",)]
    for stranger in ("camille", "coralie", "pelagie"):
        assert (await world.client(stranger).get(f"/v1/sponsors/{sponsor['id']}")).status_code == 403


async def test_who_leaves_still_answers_and_only_a_death_frees(world: World) -> None:
    """Edge case 20 of domain.md: the sponsor's death, move, and a group below two."""
    sponsor = await a_sponsor(world)
    undertaking = await accepted(
        world, await drawn(world, await submitted(world, await an_undertaking(world, sponsor)))
    )
    sidonie = world.client("sidonie")
    dies, moves, stays = (member["id"] for member in sponsor["members"])
    for member, reason in ((dies, "deceased"), (moves, "moved")):
        path, body = f"/v1/sponsors/{sponsor['id']}/members/{member}/leave", {"left_on": day(), "leave_reason": reason}
        sponsor = told(await sidonie.post(path, json=body, headers=if_match(sponsor)))
        again = await sidonie.post(path, json=body, headers=if_match(sponsor))
        assert again.json()["type"].endswith("/member-already-left")
    answers = {member["id"]: member["liable_for"] for member in sponsor["members"]}
    # Who left on the very day of the acceptance was there when it was given only if they left after it.
    assert answers == {dies: [], moves: [], stays: [undertaking["id"]]}
    assert sponsor["below_minimum"] is True


async def test_a_group_below_two_is_not_accepted_until_it_grows_again(world: World) -> None:
    sponsor = await a_sponsor(world, members=2)
    review = await step(
        world, await drawn(world, await submitted(world, await an_undertaking(world, sponsor))), "under_review"
    )
    sidonie, member = world.client("sidonie"), sponsor["members"][0]["id"]
    path, body = f"/v1/sponsors/{sponsor['id']}/members/{member}/leave", {"left_on": day(), "leave_reason": "withdrew"}
    sponsor = told(await sidonie.post(path, json=body, headers=if_match(sponsor)))
    steps, accept = f"/v1/undertakings/{review['id']}/steps", {"to": "accepted", "occurred_on": day()}
    refused = await world.client("prosper").post(steps, json=accept, headers=if_match(review))
    assert refused.json()["type"].endswith("/group-too-small")
    newcomer = {"name": "Xavière Lunombre", "joined_on": day()}
    told(await sidonie.post(f"/v1/sponsors/{sponsor['id']}/members", json=newcomer, headers=if_match(sponsor)), 201)
    assert (await step(world, review, "accepted"))["state"] == "accepted"


async def test_a_name_is_erased_once_nothing_is_owed_and_its_key_with_it(world: World) -> None:
    sponsor = await a_sponsor(world)
    sidonie, prosper = world.client("sidonie"), world.client("prosper")
    member = f"/v1/sponsors/{sponsor['id']}/members/{sponsor['members'][0]['id']}"
    still_there = await prosper.post(f"{member}/erase", headers=if_match(sponsor))
    assert still_there.json()["type"].endswith("/member-still-liable")
    left = {"left_on": day(), "leave_reason": "withdrew"}
    sponsor = told(await sidonie.post(f"{member}/leave", json=left, headers=if_match(sponsor)))
    assert (await sidonie.post(f"{member}/erase", headers=if_match(sponsor))).status_code == 403
    sponsor = told(await prosper.post(f"{member}/erase", headers=if_match(sponsor)))
    assert [one["name"] for one in sponsor["members"]] == [None, *MEMBERS[1:]]
    with world.owner() as owner:
        [(sealed, wrapped)] = owner.execute(
            "SELECT sealed_name, wrapped FROM sponsor_members WHERE erased_at IS NOT NULL"
        ).fetchall()
    assert (bytes(sealed), bytes(wrapped)) == (b"", b"")
