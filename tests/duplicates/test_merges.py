"""Two records of one person: found with reasons, merged by a person, undone to the column."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from tests.builders import a_case
from tests.households.people import a_member, amend, day, person_path, read, tell, told
from tests.privacy import stories

if TYPE_CHECKING:
    from tests.conftest import World

pytestmark = pytest.mark.anyio

REASON = {"reason": "Même personne, vue deux fois à l'accueil."}
# Grows with every change, and tells no more than that there was one.
NOT_COMPARED = {"version"}


def first_of(case: dict[str, Any], place: int = 0) -> str:
    found: str = case["household"]["members"][place]["person_id"]
    return found


async def twice(world: World, second_by: str = "camille") -> tuple[dict[str, Any], dict[str, Any]]:
    """One person in two households, written two ways."""
    uci = {"type": "uci", "value": "00-4444-7777"}
    one = a_member("Mohammed Zafirelle", birth=day("1987-04-03"), identifiers=[uci])
    other = a_member("Muhammad Al-Zafirelle", birth=day("1987-04"), identifiers=[{**uci, "value": "0044447777"}])
    kept = await a_case(world, members=[one, a_member("Lumiel Zafirelle", "spouse")], consents=[])
    return kept, await a_case(world, second_by, members=[other], consents=[])


async def candidates(world: World, person_id: str, by: str = "camille") -> list[dict[str, Any]]:
    client = world.client(by, **{"X-Purpose-of-Use": "case_management"})
    found: list[dict[str, Any]] = told(await client.post("/v1/duplicates/searches", json={"person_id": person_id}))[
        "items"
    ]
    return found


async def merged(world: World, kept: str, duplicate: str, by: str = "camille") -> dict[str, Any]:
    body = {"duplicate_id": duplicate, **REASON}
    return told(await world.client(by).post(f"/v1/people/{kept}/merges", json=body), 201)


async def undone(world: World, merge: dict[str, Any], by: str = "camille") -> dict[str, Any]:
    client = world.client(by, **{"If-Match": f'"{merge["version"]}"'})
    return told(await client.delete(f"/v1/merges/{merge['id']}"))


def standing(world: World, tables: tuple[str, ...] = ()) -> dict[str, list[Any]]:
    """Every row of every table about people and cases, but for versions and the merges' own."""
    with world.owner() as owner:
        names = tables or tuple(
            name for (name,) in owner.execute(
                "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename !~ '^(log_|merges|read_|idem)'"
            ).fetchall()
        )  # fmt: skip
        return {
            name: sorted(
                ({k: v for k, v in row.items() if k not in NOT_COMPARED} for (row,) in
                 owner.execute(f"SELECT to_jsonb(t) FROM {name} t".encode()).fetchall()), key=repr,
            )
            for name in names
        }  # fmt: skip


async def test_a_duplicate_is_found_with_its_reasons_across_spellings(world: World) -> None:
    kept, other = await twice(world)
    await a_case(world, members=[a_member("Brunehilde Ostrava", birth=day("1987-04-03"))], consents=[])
    [found] = await candidates(world, first_of(kept))
    assert (found["person_id"], found["likely"]) == (first_of(other), True)
    factors = {one["factor"] for one in found["reasons"]}
    assert factors == {"name", "birth_month", "identifier"}
    assert found["score"] == min(100, sum(one["points"] for one in found["reasons"]))
    assert "Zafirelle" not in str(found["reasons"])
    assert all(one["text"] for one in found["reasons"])


async def test_a_search_shows_only_what_is_within_reach(world: World) -> None:
    kept, other = await twice(world, "ines")
    assert await candidates(world, first_of(kept)) == []
    assert [one["person_id"] for one in await candidates(world, first_of(kept), "prosper")] == [first_of(other)]
    client = world.client("camille", **{"X-Purpose-of-Use": "case_management"})
    assert (await client.post("/v1/duplicates/searches", json={"person_id": first_of(other)})).status_code == 404


async def test_a_merge_is_undone_to_the_column(world: World) -> None:
    kept, other = await twice(world)
    await stories.noted(world, other, first_of(other), "vu au comptoir")
    before = standing(world)
    merge = await merged(world, first_of(kept), first_of(other))
    assert (merge["status"], merge["across"]) == ("done", False)
    shown = await read(world, person_path(kept))
    assert shown["merged"] == [first_of(other)]
    assert (await read(world, f"/v1/cases/{other['id']}"))["household"]["members"] == []
    assert standing(world) != before
    assert await candidates(world, first_of(kept)) == []
    assert (await undone(world, merge))["status"] == "undone"
    assert standing(world) == before
    assert (await read(world, person_path(other)))["merged_into"] is None


async def test_what_was_learned_meanwhile_survives_the_undoing(world: World) -> None:
    kept, other = await twice(world)
    merge = await merged(world, first_of(kept), first_of(other))
    told(await amend(world, person_path(kept), contact={"phone": "+1 514 555 0122"}))
    leads = f"/v1/cases/{kept['id']}/people/{first_of(other)}"
    refused = await amend(world, leads, contact={"phone": "+1 514 555 0199"})
    assert refused.json()["type"] == "/v1/problems/person-merged"
    await undone(world, merge)
    assert (await read(world, person_path(kept)))["contact"] == {"phone": "+1 514 555 0122"}
    assert (await read(world, person_path(other)))["contact"] is None


async def test_merges_make_no_chain_and_no_circle(world: World) -> None:
    kept, other = await twice(world)
    third = await a_case(world, members=[a_member("M. Zafirelle")], consents=[])
    merge = await merged(world, first_of(kept), first_of(other))
    a, b, c = first_of(kept), first_of(other), first_of(third)
    for keep, duplicate in ((b, a), (a, b), (b, c), (c, b), (c, a)):
        answer = await world.client("camille").post(
            f"/v1/people/{keep}/merges", json={"duplicate_id": duplicate, **REASON}
        )
        assert answer.status_code in {409, 422}, (keep, duplicate, answer.text)
    itself = await world.client("camille").post(f"/v1/people/{a}/merges", json={"duplicate_id": a, **REASON})
    assert itself.json()["errors"][0]["code"] == "same_record"
    second = await merged(world, a, c)
    for one in (merge, second):
        await undone(world, one)
    again = world.client("camille", **{"If-Match": '"2"'})
    assert (await again.delete(f"/v1/merges/{merge['id']}")).status_code == 409


async def test_across_two_offices_a_second_person_decides(world: World) -> None:
    kept, other = await twice(world, "ines")
    before = standing(world, ("persons", "memberships", "identifiers", "name_tokens", "subject_keys"))
    body = {"duplicate_id": first_of(other), **REASON}
    path = f"/v1/people/{first_of(kept)}/merges"
    assert (await world.client("camille").post(path, json=body)).status_code == 404
    proposed = told(await world.client("prosper").post(path, json=body), 201)
    assert (proposed["status"], proposed["across"], proposed["decided_by"]) == ("proposed", True, None)
    assert standing(world, tuple(before)) == before
    decision = f"/v1/merges/{proposed['id']}/approve"
    own = await world.client("prosper", **{"If-Match": '"1"'}).post(decision)
    assert own.json()["type"] == "/v1/problems/merge-decided-by-another"
    done = told(await world.client("basile", **{"If-Match": '"1"'}).post(decision))
    assert (done["status"], done["decided_by"]) == ("done", str(world.key("basile")))
    assert (await read(world, f"/v1/cases/{kept['id']}/people/{first_of(other)}"))["merged_into"] == first_of(kept)
    await undone(world, done)
    assert standing(world, tuple(before)) == before
    assert (await world.client("ines").get(person_path(other))).status_code == 200
    waiting = (await world.client("basile").get("/v1/merges?status=undone")).json()["items"]
    assert [one["reason"] for one in waiting] == [REASON["reason"]]


async def test_the_second_person_holds_in_the_database_too(world: World) -> None:
    kept, other = await twice(world, "ines")
    body = {"duplicate_id": first_of(other), **REASON}
    proposed = told(await world.client("prosper").post(f"/v1/people/{first_of(kept)}/merges", json=body), 201)
    sql = "UPDATE merges SET status = 'done', decided_by = %s, decided_at = now() WHERE id = %s"
    with world.owner() as owner, pytest.raises(psycopg.errors.InsufficientPrivilege):
        owner.execute(sql, (world.key("basile"), proposed["id"]))


async def test_the_principal_of_others_is_not_merged_away(world: World) -> None:
    kept, other = await twice(world)
    answer = await world.client("camille").post(
        f"/v1/people/{first_of(other)}/merges", json={"duplicate_id": first_of(kept), **REASON}
    )
    assert answer.json()["errors"][0]["code"] == "principal_stays"


async def test_one_person_erased_is_erased_under_every_record(world: World) -> None:
    kept, other = await twice(world)
    await merged(world, first_of(kept), first_of(other))
    await stories.erased(world, first_of(kept))
    with world.owner() as owner:
        keys = owner.execute(
            "SELECT length(wrapped) FROM subject_keys WHERE subject_id = ANY(%s::uuid[])",
            ([first_of(kept), first_of(other)],),
        ).fetchall()
        left = owner.execute("SELECT count(*) FROM identifiers WHERE person_id = %s", (first_of(other),)).fetchall()
    assert (keys, left) == ([(0,), (0,)], [(0,)])
    path = f"/v1/cases/{kept['id']}/people/{first_of(other)}"
    assert (await world.client("camille").get(path)).status_code == 410


async def test_a_merged_person_still_moves_with_the_one_they_are(world: World) -> None:
    kept, other = await twice(world)
    merge = await merged(world, first_of(kept), first_of(other))
    path = f"/v1/cases/{kept['id']}"
    body = {"people": [first_of(kept)], "principal_id": first_of(kept), "reason": "separation",
            "remaining_principal": first_of(kept, 1)}  # fmt: skip
    new = told(await tell(world, f"{path}/splits", body, of=path), 201)
    assert (await read(world, f"/v1/cases/{new['id']}/people/{first_of(other)}"))["merged_into"] == first_of(kept)
    await undone(world, merge)
    assert (await read(world, person_path(other)))["relation"] == "principal"
