"""Nobody forgets a person alone, and nobody at all while a hold stands: said by the service, and by the database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from casework.authz.caller import Caller
from casework.authz.policy import Role
from casework.kernel import clock
from tests.builders import a_case
from tests.privacy.opening import key_now, openings
from tests.privacy.stories import asked, decide, erased, held, people_of

if TYPE_CHECKING:
    from tests.conftest import World

pytestmark = pytest.mark.anyio


async def test_who_asks_does_not_decide(world: World) -> None:
    case = await a_case(world, size=1)
    [person] = people_of(case)
    mine = await asked(world, person, by="prosper")
    for answer in (
        await decide(world, mine),
        await world.client("prosper").post(f"/v1/erasures/{mine['id']}/refuse", json={"refusal": "still_needed"}),
    ):
        assert (answer.status_code, answer.json()["type"]) == (409, "/v1/problems/second-person-required")
    assert openings(world, key_now(world, person))


async def test_a_request_waits_and_a_second_one_is_told_of_it(world: World) -> None:
    case = await a_case(world, size=1)
    [person] = people_of(case)
    erasure = await asked(world, person)
    assert (erasure["status"], erasure["legal_basis"]) == ("requested", "RLRQ, c. A-2.1, a. 73")
    assert openings(world, key_now(world, person))
    again = await world.client("camille").post(f"/v1/people/{person}/erasures", json={"reason": "wrong_person"})
    assert again.status_code == 409
    assert again.json()["erasure_id"] == erasure["id"]
    listed = await world.client("basile").get("/v1/erasures?status=requested")
    assert [found["id"] for found in listed.json()["items"]] == [erasure["id"]]


async def test_a_refused_request_destroys_nothing_and_is_final(world: World) -> None:
    case = await a_case(world, size=1)
    [person] = people_of(case)
    erasure = await asked(world, person)
    refused = await world.client("prosper").post(
        f"/v1/erasures/{erasure['id']}/refuse", json={"refusal": "still_needed"}
    )
    assert (refused.json()["status"], refused.json()["refusal"]) == ("refused", "still_needed")
    late = await decide(world, erasure)
    assert (late.status_code, late.json()["type"]) == (409, "/v1/problems/erasure-already-decided")
    assert openings(world, key_now(world, person))
    assert await asked(world, person)


async def test_only_the_one_who_follows_the_case_asks_and_nobody_else_decides(world: World) -> None:
    case = await a_case(world, by="camille", size=1)
    [person] = people_of(case)
    body = {"reason": "purpose_achieved"}
    assert (await world.client("basile").post(f"/v1/people/{person}/erasures", json=body)).status_code == 404
    absent = await world.client("camille").post("/v1/people/01890000-0000-7000-8000-000000000000/erasures", json=body)
    assert absent.status_code == 404
    for username in ("ines", "coralie", "pelagie", "sidonie", "aurele", "adele"):
        assert (await world.client(username).post(f"/v1/people/{person}/erasures", json=body)).status_code == 403
    erasure = await asked(world, person)
    for username in ("camille", "basile", "ines", "coralie", "pelagie", "aurele", "adele"):
        assert (await decide(world, erasure, by=username)).status_code == 403


FORGERIES = {
    "a row born done": (
        "INSERT INTO erasures (id, case_id, office_id, person_id, reason, status, requested_by, requested_at,"
        " decided_by, decided_at) SELECT gen_random_uuid(), case_id, office_id, id, 'order', 'done', %(other)s, now(),"
        " %(me)s, now() FROM persons"
    ),
    "a request in another's name": (
        "INSERT INTO erasures (id, case_id, office_id, person_id, reason, status, requested_by, requested_at)"
        " SELECT gen_random_uuid(), case_id, office_id, id, 'order', 'requested', %(other)s, now() FROM persons"
    ),
    "a rule that no sweep applied": (
        "INSERT INTO erasures (id, case_id, office_id, person_id, reason, rule_code, status, requested_by,"
        " requested_at) SELECT gen_random_uuid(), case_id, office_id, id, 'retention', 'closed_case', 'requested',"
        " %(me)s, now() FROM persons"
    ),
    "a decision in another's name": "UPDATE erasures SET status = 'done', decided_by = %(other)s, decided_at = now()",
    "a key taken away": "UPDATE subject_keys SET wrapped = '', erased_at = now()",
    "an opening deleted": "DELETE FROM log_openings",
}


@pytest.mark.parametrize("forgery", FORGERIES)
async def test_the_database_itself_refuses_to_forget_by_one_person_alone(world: World, forgery: str) -> None:
    """Every statement runs as the programme manager's own session would, injected SQL included."""
    case = await a_case(world, size=1)
    [person] = people_of(case)
    await asked(world, person, by="prosper")
    me = Caller(world.key("prosper"), Role.programme_manager, "prosper", world.key("prosper/grant"))
    values = {"me": me.actor_id, "other": world.key("camille")}
    with pytest.raises(psycopg.Error) as refused:
        async with world.app.state.database.transaction(me.context()) as session:
            await session.rows(FORGERIES[forgery], values)
    assert refused.value.sqlstate == "42501"
    assert openings(world, key_now(world, person))


async def test_the_database_lets_nobody_approve_their_own_request(world: World) -> None:
    case = await a_case(world, size=1)
    [person] = people_of(case)
    await asked(world, person, by="prosper")
    me = Caller(world.key("prosper"), Role.programme_manager, "prosper", world.key("prosper/grant"))
    with pytest.raises(psycopg.errors.CheckViolation, match="four_eyes"):
        async with world.app.state.database.transaction(me.context()) as session:
            await session.rows(
                "UPDATE erasures SET status = 'done', decided_by = %s, decided_at = now()", (me.actor_id,)
            )
    assert openings(world, key_now(world, person))


# Legal hold


async def test_a_held_person_or_case_is_not_erased_and_the_refusal_names_the_hold(world: World) -> None:
    case = await a_case(world, size=2)
    first, second = people_of(case)
    waiting = await asked(world, first)
    hold = await held(world, case_id=case["id"])
    for answer in (
        await decide(world, waiting),
        await world.client("camille").post(f"/v1/people/{second}/erasures", json={"reason": "order"}),
    ):
        assert (answer.status_code, answer.json()["type"]) == (409, "/v1/problems/under-legal-hold")
        assert answer.json()["hold_id"] == hold["id"]
    released = await world.client("prosper").post(f"/v1/legal-holds/{hold['id']}/release", json={"reference": "TAQ-9"})
    assert released.status_code == 200
    again = await world.client("prosper").post(f"/v1/legal-holds/{hold['id']}/release", json={"reference": "TAQ-9"})
    assert again.json()["type"] == "/v1/problems/hold-already-released"
    assert (await decide(world, waiting)).status_code == 200


async def test_a_hold_on_one_person_leaves_the_others_free(world: World) -> None:
    case = await a_case(world, size=2)
    first, second = people_of(case)
    hold = await held(world, person_id=first)
    refused = await world.client("camille").post(f"/v1/people/{first}/erasures", json={"reason": "order"})
    assert refused.json()["hold_id"] == hold["id"]
    assert (await erased(world, second))["status"] == "done"
    standing = await world.client("basile").get(f"/v1/legal-holds?case_id={case['id']}&standing=true")
    assert [found["id"] for found in standing.json()["items"]] == [hold["id"]]


async def test_the_database_keeps_a_held_person_even_from_an_approved_request(world: World) -> None:
    case = await a_case(world, size=1)
    [person] = people_of(case)
    erasure = await asked(world, person)
    await held(world, person_id=person)
    me = Caller(world.key("prosper"), Role.programme_manager, "prosper", world.key("prosper/grant"))
    with pytest.raises(psycopg.Error, match="legal hold"):
        async with world.app.state.database.transaction(me.context()) as session:
            await session.rows(
                "UPDATE erasures SET status = 'done', decided_by = %s, decided_at = %s WHERE id = %s",
                (me.actor_id, clock.now(), erasure["id"]),
            )
    assert openings(world, key_now(world, person))


@pytest.mark.parametrize("scope", [{}, {"case_id": None}, "both"])
async def test_a_hold_names_exactly_one_scope(world: World, scope: Any) -> None:
    case = await a_case(world, size=1)
    if scope == "both":
        scope = {"case_id": case["id"], "person_id": people_of(case)[0]}
    body = {"basis": "audit", "reference": "VG-2026", **scope}
    answer = await world.client("prosper").post("/v1/legal-holds", json=body)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["code"] == "one_scope"
