"""In an emergency one case is opened for an hour, with a reason; somebody else is told and judges it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from casework.authz.caller import system
from casework.authz.policy import SystemActor
from casework.kernel import clock
from casework.kernel.ids import new_id
from tests.builders import a_case

if TYPE_CHECKING:
    import httpx

    from tests.conftest import World

pytestmark = pytest.mark.anyio
EMERGENCY = {"X-Purpose-of-Use": "emergency"}
WHY = "Appel de l'hôpital : l'enfant est seul."


async def broken(world: World, case: dict[str, Any], by: str = "ines", **changes: Any) -> httpx.Response:
    body = {"case_id": case["id"], "reason_code": "medical_emergency", "reason": WHY, **changes}
    return await world.client(by).post("/v1/break-glass", json=body)


async def test_a_broken_glass_opens_one_case_to_one_person_and_every_use_is_on_record(world: World) -> None:
    case, other = await a_case(world, size=2), await a_case(world, size=1)
    ines = world.client("ines", **EMERGENCY)
    path = f"/v1/cases/{case['id']}"
    assert (await ines.get(path)).status_code == 404
    answer = await broken(world, case, minutes=30)
    assert answer.status_code == 201, answer.text
    assert WHY not in answer.text
    read = await ines.get(path)
    assert (read.status_code, read.json()["household"]) == (200, case["household"])
    assert (await ines.get(f"{path}/milestones")).status_code == 200
    assert [one["id"] for one in (await ines.get("/v1/cases")).json()["items"]] == [case["id"]]
    assert (await ines.get(f"/v1/cases/{other['id']}")).status_code == 404
    # Only under the emergency's own purpose, and only to who broke the glass.
    assert (await world.client("ines").get(path)).status_code == 404
    assert (await world.client("coralie", **EMERGENCY).get(path)).status_code == 404
    with world.owner() as connection:
        uses = connection.execute(
            "SELECT permission FROM read_entries WHERE purpose = 'emergency' AND %s = ANY(case_ids) ORDER BY at",
            (case["id"],),
        ).fetchall()
        [(reason,)] = connection.execute("SELECT sealed_reason FROM glass_breaks").fetchall()
        [leaf] = connection.execute("SELECT body FROM log_leaves WHERE body LIKE '%glass.broken%'").fetchall()
    assert uses == [("case:read",), ("milestone:read",), ("case:read",)]
    assert WHY.encode() not in bytes(reason)
    assert WHY not in leaf[0]
    assert case["id"] not in leaf[0]


async def test_nothing_is_written_under_a_broken_glass(world: World) -> None:
    case = await a_case(world, size=1)
    await broken(world, case)
    ines = world.client("ines", **EMERGENCY, **{"If-Match": '"1"', "Content-Type": "application/merge-patch+json"})
    assert (await ines.patch(f"/v1/cases/{case['id']}", content=b"{}")).status_code == 403
    assert (await ines.post("/v1/cases", json={})).status_code == 403


@pytest.mark.parametrize("username", ["prosper", "pelagie", "sidonie", "melchior", "aurele", "adele"])
async def test_who_may_not_break_the_glass_enters_by_no_other_way(world: World, username: str) -> None:
    case = await a_case(world, size=1)
    assert (await broken(world, case, by=username)).status_code == 403
    assert (await world.client(username, **EMERGENCY).get(f"/v1/cases/{case['id']}")).status_code == 403


@pytest.mark.parametrize("username", ["melchior", "aurele", "adele"])
async def test_with_the_gates_off_the_wall_itself_keeps_the_glass_whole(world: World, username: str) -> None:
    case, absent = await a_case(world, size=1), {"id": str(new_id())}
    world.app.state.gates_enforced = False
    try:
        refused, unknown = await broken(world, case, by=username), await broken(world, absent, by=username)
        assert (await broken(world, case, by="ines")).status_code == 201
    finally:
        world.app.state.gates_enforced = True
    assert (refused.status_code, refused.json()) == (404, unknown.json())
    with world.owner() as connection:
        assert connection.execute("SELECT count(*) FROM glass_breaks").fetchall() == [(1,)]


async def test_the_glazier_writes_no_grant_that_no_broken_glass_gives(world: World) -> None:
    """Even code that went astray under the glazier's context opens nothing more than the glass did."""
    case, other = await a_case(world, size=1), await a_case(world, size=1)
    glass = (await broken(world, case)).json()
    forged = (
        "INSERT INTO case_grants (id, case_id, office_id, region_code, grantee_user_id, source, source_id, valid_from,"
        " valid_until) SELECT gen_random_uuid(), c.id, c.office_id, c.region_code, %s, 'break_glass', %s,"
        " now(), %s FROM cases c WHERE c.id = %s"
    )
    context = system(SystemActor.glazier).context()
    for person, opened in (("ines", other), ("melchior", case)):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            async with world.app.state.database.transaction(context) as session:
                await session.rows(forged, (world.key(person), glass["id"], glass["ends_at"], opened["id"]))


async def test_the_access_ends_by_itself(world: World) -> None:
    case = await a_case(world, size=1)
    await broken(world, case)
    with world.owner() as connection:
        connection.execute(
            "UPDATE case_grants SET valid_from = now() - interval '2 hours', valid_until = now() - interval '1 second'"
        )
    assert (await world.client("ines", **EMERGENCY).get(f"/v1/cases/{case['id']}")).status_code == 404


@pytest.mark.parametrize(
    "wrong", [{"minutes": 61}, {"minutes": 0}, {"reason": " "}, {"reason_code": "curiosity"}, {"case_id": None}]
)
async def test_more_than_an_hour_or_less_than_a_reason_is_refused(world: World, wrong: dict[str, Any]) -> None:
    case = await a_case(world, size=1)
    assert (await broken(world, case, **wrong)).status_code == 422
    with world.owner() as connection:
        assert connection.execute("SELECT count(*) FROM glass_breaks").fetchone() == (0,)
        assert connection.execute("SELECT count(*) FROM case_grants").fetchone() == (0,)


async def test_a_case_that_does_not_exist_has_no_glass(world: World) -> None:
    absent = {"id": "01890000-0000-7000-8000-000000000000"}
    assert (await broken(world, absent)).status_code == 404


async def test_the_supervisor_is_told_and_somebody_else_reviews_it_once(world: World) -> None:
    case = await a_case(world, size=1)
    made = (await broken(world, case)).json()
    prosper = world.client("prosper")
    [told] = (await prosper.get("/v1/break-glass", params={"reviewed": "false"})).json()["items"]
    assert (told["id"], told["reason"], told["overdue"], told["outcome"]) == (made["id"], WHY, False, None)
    path, said = f"/v1/break-glass/{made['id']}/review", {"outcome": "justified", "note": "Confirmé par l'hôpital."}
    assert (await world.client("ines", **{"If-Match": '"1"'}).post(path, json=said)).status_code == 403
    done = await world.client("prosper", **{"If-Match": '"1"'}).post(path, json=said)
    assert (done.status_code, done.json()["outcome"], done.json()["note"]) == (200, "justified", said["note"])
    assert done.json()["reviewed_by"] == str(world.key("prosper"))
    again = await world.client("prosper", **{"If-Match": done.headers["etag"]}).post(path, json=said)
    assert again.status_code == 409
    assert (await prosper.get("/v1/break-glass", params={"reviewed": "false"})).json()["items"] == []
    assert len((await prosper.get("/v1/break-glass", params={"reviewed": "true"})).json()["items"]) == 1


async def test_a_review_that_waits_longer_than_72_hours_is_overdue(world: World) -> None:
    case = await a_case(world, size=1)
    with clock.frozen(clock.now() - timedelta(hours=73)):
        await broken(world, case)
    [told] = (await world.client("prosper").get("/v1/break-glass")).json()["items"]
    assert told["overdue"] is True


async def test_nobody_reviews_what_they_did_themselves(world: World) -> None:
    case = await a_case(world, size=1)
    made = (await broken(world, case, by="coralie")).json()
    with world.owner() as connection:
        connection.execute("UPDATE cases SET region_code = '01'")
    review = {"outcome": "justified", "note": "Tout va bien."}
    coralie = world.client("coralie", **{"If-Match": '"1"'})
    answer = await coralie.post(f"/v1/break-glass/{made['id']}/review", json=review)
    assert (answer.status_code, answer.json()["type"]) == (409, "/v1/problems/reviewer-must-differ")
    with world.owner() as connection, pytest.raises(Exception, match="reviewed_by_another"):
        connection.execute("UPDATE glass_breaks SET reviewed_by = user_id, reviewed_at = now(), outcome = 'justified'")
    # Another region's coordinator hears nothing of it.
    assert (await world.client("edmee").get("/v1/break-glass")).json()["items"] == []


async def test_a_repeated_key_breaks_the_glass_once(world: World) -> None:
    case = await a_case(world, size=1)
    client = world.client("ines", **{"Idempotency-Key": "glass-000001"})
    body = {"case_id": case["id"], "reason_code": "danger_to_life", "reason": WHY}
    first, again = [await client.post("/v1/break-glass", json=body) for _ in range(2)]
    assert (first.status_code, again.status_code, first.content) == (201, 201, again.content)
    with world.owner() as connection:
        assert connection.execute("SELECT count(*) FROM glass_breaks").fetchone() == (1,)
