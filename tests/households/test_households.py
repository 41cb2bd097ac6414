"""Households that part and meet: each case keeps its history, nobody is counted twice."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from casework.authz.caller import Caller
from casework.authz.policy import Role
from casework.kernel import clock
from tests.builders import a_case, accepted, an_offer
from tests.households.people import a_member, day, fault_of, person_path, read, tell, told

if TYPE_CHECKING:
    from tests.conftest import World

pytestmark = pytest.mark.anyio


async def a_couple(world: World, **changes: Any) -> dict[str, Any]:
    members = [a_member(), a_member("Isaure Karnec", "spouse"), a_member("Timéo Karnec", "child", birth=day("2019"))]
    return await a_case(world, **{"members": members, "consents": [], **changes})


def both_consent() -> list[dict[str, Any]]:
    said = {"purpose": "placement", "given": True, "notice_version": "2026-01", "notice_language": "fr",
            "channel": "in_person", "occurred_on": clock.today().isoformat()}  # fmt: skip
    return [{**said, "member": place} for place in (0, 1)]


def people_of(case: dict[str, Any]) -> list[str]:
    return [one["person_id"] for one in case["household"]["members"]]


async def parted(world: World, case: dict[str, Any], *places: int, **changes: Any) -> dict[str, Any]:
    people = [people_of(case)[place] for place in places]
    path = f"/v1/cases/{case['id']}"
    body = {"people": people, "principal_id": people[0], "reason": "separation", **changes}
    return told(await tell(world, f"{path}/splits", body, of=path), 201)


async def test_a_household_that_parts_leaves_two_cases_and_two_histories(world: World) -> None:
    case = await a_couple(world)
    path, (first, spouse, child) = f"/v1/cases/{case['id']}", people_of(case)
    new = await parted(world, case, 1, 2)
    shown = [(one["person_id"], one["relation"]) for one in new["household"]["members"]]
    assert shown == [(spouse, "principal"), (child, "child")]
    left = await read(world, path)
    assert people_of(left) == [first]
    assert (new["claim"], new["consents"]) == ({**left["claim"]}, [])
    assert new["reference"] != left["reference"]
    gone = [(one["person_id"], one["end_reason"]) for one in (await read(world, f"{path}/members"))["items"]]
    assert sorted(gone) == sorted([(first, None), (spouse, "split_off"), (child, "split_off")])
    history = await read(world, f"/v1/cases/{new['id']}/people/{spouse}/history")
    assert [(one["case_id"], one["relation"], one["end_reason"]) for one in history["memberships"]] == [
        (case["id"], "spouse", "split_off"), (new["id"], "principal", None),
    ]  # fmt: skip
    assert (await world.client("camille").get(f"{path}/people/{spouse}")).status_code == 404
    for at, kind, other in ((case["id"], "split_into", new["id"]), (new["id"], "split_from", case["id"])):
        [link] = (await read(world, f"/v1/cases/{at}/links"))["items"]
        assert (link["kind"], link["other_case_id"]) == (kind, other)


async def test_what_was_reached_before_the_parting_is_reached(world: World) -> None:
    case = await a_couple(world, claimed_on=(clock.today() - timedelta(days=90)).isoformat())
    spouse = people_of(case)[1]
    seen = {"code": "CLAIM_DOC", "person_id": spouse, "outcome": "done", "occurred_on": day(clock.today().isoformat())}
    told(await world.client("octave").post(f"/v1/cases/{case['id']}/milestones", json=seen), 201)
    new = await parted(world, case, 1)

    def open_ones(case_id: str) -> set[str]:
        with world.owner() as owner:
            sql = (
                "SELECT code FROM milestone_expectations WHERE case_id = %s AND person_id = %s"
                " AND fulfilled_by IS NULL AND lapsed_at IS NULL"
            )
            return {code for (code,) in owner.execute(sql, (case_id, spouse)).fetchall()}

    assert open_ones(case["id"]) == set()
    assert "CLAIM_DOC" not in open_ones(new["id"])
    assert open_ones(new["id"])
    assert new["claim"]["claimed_on"] == case["claim"]["claimed_on"]


async def test_a_household_does_not_part_under_an_offer_nor_entirely(world: World) -> None:
    case = await a_case(world, size=2)
    path, people = f"/v1/cases/{case['id']}", people_of(case)
    everybody = {"people": people, "principal_id": people[0], "reason": "error"}
    assert fault_of(await tell(world, f"{path}/splits", everybody, of=path))[1] == "nobody_stays"
    principal = {**everybody, "people": people[:1]}
    assert fault_of(await tell(world, f"{path}/splits", principal, of=path))[1] == "principal_needed"
    offer = await an_offer(world, case)
    one = {"people": people[1:], "principal_id": people[1], "reason": "adult_child"}
    refused = await tell(world, f"{path}/splits", one, of=path)
    assert (refused.status_code, refused.json()["type"]) == (409, "/v1/problems/case-still-placed")
    await accepted(world, case, offer)
    assert (await tell(world, f"{path}/splits", one, of=path)).status_code == 409
    assert people_of(await read(world, path)) == people


async def test_whoever_parts_is_asked_again_before_any_placement(world: World) -> None:
    """A yes was given with that household and to that plan; silence in the new case is not a yes."""
    case = await a_case(world, members=[a_member(), a_member("Isaure Karnec", "spouse")], consents=both_consent())
    assert (await world.client("camille").post(f"/v1/cases/{case['id']}/recommendations")).status_code == 201
    new = await parted(world, case, 1)
    refused = await world.client("camille").post(f"/v1/cases/{new['id']}/recommendations")
    assert (refused.status_code, refused.json()["rules"]) == (409, ["no_consent"])
    assert (await world.client("camille").post(f"/v1/cases/{case['id']}/recommendations")).status_code == 201


async def test_the_one_who_flees_is_told_of_nowhere_in_the_case_left(world: World) -> None:
    case = await a_couple(world)
    new = await parted(world, case, 1, 2, reason="safety")
    path = f"/v1/cases/{case['id']}"
    assert (await read(world, f"{path}/links"))["items"] == []
    assert (new["region_code"], new["status"]) == (None, "open")
    left = await world.client("camille").get(path)
    members = await world.client("camille").get(f"{path}/members")
    assert new["id"] not in left.text + members.text


async def test_a_later_arrival_joins_from_a_case_of_their_own(world: World) -> None:
    case, other = await a_couple(world), await a_case(world, members=[a_member("Nour Karnec")], consents=[])
    who, path = people_of(other)[0], f"/v1/cases/{case['id']}"
    body = {"person_id": who, "relation": "sibling"}
    joined = told(await tell(world, f"{path}/joins", body, of=path), 201)
    assert (joined["case_id"], joined["relation"]) == (case["id"], "sibling")
    assert len(people_of(await read(world, path))) == 4
    assert people_of(await read(world, f"/v1/cases/{other['id']}")) == []
    again = await tell(world, f"{path}/joins", body, of=path)
    assert (again.status_code, again.json()["type"]) == (409, "/v1/problems/two-households")
    with world.owner() as owner:
        sql = "SELECT count(*) FROM memberships WHERE person_id = %s AND ends_on IS NULL"
        assert owner.execute(sql, (who,)).fetchall() == [(1,)]


async def test_whoever_left_may_come_back_and_never_before_they_left(world: World) -> None:
    case = await a_couple(world)
    path, who = f"/v1/cases/{case['id']}", person_path(case, 1)
    today = clock.today()
    told(await tell(world, f"{who}/leave", {"reason": "left", "ends_on": today.isoformat()}, of=who))
    back = {"person_id": people_of(case)[1], "relation": "spouse"}
    early = {**back, "on": (today - timedelta(days=2)).isoformat()}
    assert (await tell(world, f"{path}/joins", early, of=path)).json()["type"] == "/v1/problems/two-households"
    assert told(await tell(world, f"{path}/joins", back, of=path), 201)["relation"] == "spouse"
    spans = [(one["end_reason"]) for one in (await read(world, f"{who}/history"))["memberships"]]
    assert spans == ["left", None]


async def test_cases_are_linked_to_be_kept_together_and_told_at_both_ends(world: World) -> None:
    one, other = await a_case(world, size=1), await a_case(world, size=1)
    path, far = f"/v1/cases/{one['id']}", f"/v1/cases/{other['id']}"
    body = {"other_case_id": other["id"], "kind": "keep_together"}
    [link] = told(await tell(world, f"{path}/links", body, of=path), 201)["items"]
    assert link["other_case_id"] == other["id"]
    [twin] = (await read(world, f"{far}/links"))["items"]
    assert (twin["other_case_id"], twin["kind"], twin["ended_at"]) == (one["id"], "keep_together", None)
    assert (await tell(world, f"{path}/links", body, of=path)).status_code == 409
    stands = await read(world, far)
    client = world.client("camille", **{"If-Match": f'"{stands["version"]}"'})
    assert (await client.delete(f"{far}/links/{link['id']}")).status_code == 404  # the other end has its own id
    told(await client.delete(f"{far}/links/{twin['id']}"))
    assert [(x["ended_at"] is None) for x in (await read(world, f"{path}/links"))["items"]] == [False]
    told(await tell(world, f"{path}/links", body, of=path), 201)
    assert len((await read(world, f"{far}/links"))["items"]) == 2


async def test_nobody_is_pulled_out_of_a_case_that_is_out_of_reach(world: World) -> None:
    mine, foreign = await a_case(world, size=1), await a_case(world, "ines", size=1)
    path, theirs = f"/v1/cases/{mine['id']}", people_of(foreign)[0]
    for body, action in (
        ({"person_id": theirs, "relation": "other"}, "joins"),
        ({"other_case_id": foreign["id"], "kind": "kin"}, "links"),
    ):
        assert (await tell(world, f"{path}/{action}", body, of=path)).status_code == 404
    office = mine["office_id"]
    move = (
        "INSERT INTO person_moves (id, case_id, office_id, person_id, from_case_id, reason, moved_by, moved_at)"
        " VALUES (gen_random_uuid(), %s, %s, %s, %s, 'error', %s, now())"
    )
    caller = Caller(
        world.key("camille"), Role.caseworker, "camille", office_id=office, grant_id=world.key("camille/grant")
    )
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        async with world.app.state.database.transaction(caller.context()) as session:
            await session.rows(move, (mine["id"], office, theirs, foreign["id"], world.key("camille")))
    with world.owner() as owner:
        assert owner.execute("SELECT case_id::text FROM persons WHERE id = %s", (theirs,)).fetchall() == [
            (foreign["id"],)
        ]


async def test_a_hold_follows_whoever_moves(world: World) -> None:
    case = await a_couple(world)
    hold = {"basis": "litigation", "reference": "TAQ-2026-117", "case_id": case["id"]}
    told(await world.client("prosper").post("/v1/legal-holds", json=hold), 201)
    new = await parted(world, case, 1)
    asking = {"reason": "order", "reference": "X-1"}
    refused = await world.client("camille").post(f"/v1/people/{people_of(new)[0]}/erasures", json=asking)
    assert refused.json()["type"] == "/v1/problems/under-legal-hold"
