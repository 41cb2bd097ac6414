"""Who can see a case, and who saw it: the answer and row security come from one table, and never disagree."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from casework.authz.caller import Caller
from casework.authz.policy import POLICY, Permission, Role, reach_of
from casework.demo.world import CLIENT, USERS
from casework.kernel import clock
from tests.builders import a_case, accepted, an_offer
from tests.milestones.steps import acting, caller_of, grant
from tests.test_endings import said

if TYPE_CHECKING:
    import httpx

    from tests.conftest import World

pytestmark = pytest.mark.anyio

VISIBLE = "SELECT 1 FROM cases WHERE id = %s"


async def asked(world: World, case: dict[str, Any], by: str = "camille", **params: Any) -> httpx.Response:
    return await world.client(by).get(f"/v1/cases/{case['id']}/access", params=params)


async def answered(world: World, case: dict[str, Any]) -> set[str]:
    """The ids that the answer names; the programme manager may ask about every case."""
    body = (await asked(world, case, "prosper")).json()
    ids = [seer["actor_id"] for seer in body["can_see"]]
    assert len(ids) == len(set(ids))
    return set(ids)


async def really(world: World, case: dict[str, Any]) -> set[str]:
    """The ids of the users, and of the one client, to whom row security alone shows the case."""
    client = world.key(CLIENT)
    callers = [Caller(client, Role.partner, CLIENT, organization_id=world.key("le-phare"), client_id=client)]
    callers += [caller_of(world, username) for username, *_ in USERS]
    return {str(caller.actor_id) for caller in callers if await _shown(world, case, caller)}


async def _shown(world: World, case: dict[str, Any], caller: Caller) -> bool:
    try:
        async with world.app.state.database.transaction(caller.context()) as session:
            return bool(await session.rows(VISIBLE, (case["id"],)))
    except psycopg.errors.InsufficientPrivilege:
        return False


async def _at_home(world: World) -> dict[str, Any]:
    return await a_case(world, size=1)


async def _of_another_office(world: World) -> dict[str, Any]:
    return await a_case(world, by="ines", size=1)


async def _offered(world: World) -> dict[str, Any]:
    case = await a_case(world, size=1, needs={}, preferences={})
    await an_offer(world, case)
    return case


async def _placed(world: World) -> dict[str, Any]:
    case = await a_case(world, size=1, needs={}, preferences={})
    await accepted(world, case, await an_offer(world, case, at="racines-d-estrie/43027"))
    return case


async def _arrived(world: World) -> dict[str, Any]:
    case = await _placed(world)
    with world.owner() as connection:
        connection.execute("UPDATE assignments SET status = 'arrived', arrived_on = current_date")
    return case


async def _ended(world: World) -> dict[str, Any]:
    case = await _arrived(world)
    with world.owner() as connection:
        connection.execute("UPDATE assignments SET status = 'ended'")
    return case


async def _consent_taken_back(world: World) -> dict[str, Any]:
    case = await _offered(world)
    assert (await said(world, case, given=False)).status_code == 201
    return case


async def _sharing_refused(world: World) -> dict[str, Any]:
    case = await _offered(world)
    assert (await said(world, case, purpose="partner_sharing", given=False)).status_code == 201
    return case


async def _sponsored(world: World) -> dict[str, Any]:
    case = await a_case(world, size=1, programme="collective_sponsorship")
    grant(world, case, to="sidonie")
    return case


async def _under_an_agreement_that_ended(world: World) -> dict[str, Any]:
    case = await _offered(world)
    with world.owner() as connection:
        connection.execute("UPDATE agreements SET ended_at = now()")
    return case


STAFF = {"camille", "basile", "octave", "prosper"}
STATES = {
    _at_home: STAFF,
    _of_another_office: {"ines", "prosper"},
    _offered: {*STAFF, "coralie", "pelagie", CLIENT},
    _placed: {*STAFF, "edmee", "raoul"},
    _arrived: {*STAFF, "edmee", "raoul"},
    _ended: {*STAFF, "edmee"},
    _consent_taken_back: STAFF,
    _sharing_refused: {*STAFF, "coralie"},
    _sponsored: {*STAFF, "sidonie"},
    _under_an_agreement_that_ended: STAFF,
}


@pytest.mark.parametrize("state", STATES)
async def test_the_answer_names_exactly_those_to_whom_row_security_shows_the_case(world: World, state: Any) -> None:
    case = await state(world)
    expected = {str(world.key(name)) for name in STATES[state]}
    assert (await answered(world, case), await really(world, case)) == (expected, expected)


async def test_a_wall_that_shows_more_than_the_answer_says_is_noticed(world: World) -> None:
    """The comparison above bites: one policy weakened on purpose, and the two no longer agree."""
    case = await _offered(world)
    assert await answered(world, case) == await really(world, case)
    with world.owner() as connection:
        connection.execute("ALTER POLICY partner_select ON cases USING (true)")
    assert await really(world, case) - await answered(world, case) == {str(world.key("raoul"))}


async def test_a_client_that_was_revoked_is_named_no_more(world: World) -> None:
    case = await _offered(world)
    assert str(world.key(CLIENT)) in await answered(world, case)
    with world.owner() as connection:
        connection.execute("UPDATE api_clients SET revoked_at = now()")
    assert str(world.key(CLIENT)) not in await answered(world, case)


@pytest.mark.parametrize(
    "ending",
    ["role_grants SET revoked_at = now()", "role_grants SET valid_until = now()", "users SET disabled_at = now()"],
)
async def test_who_lost_their_role_is_named_no_more(world: World, ending: str) -> None:
    case = await _offered(world)
    column = "id" if ending.startswith("users") else "user_id"
    with world.owner() as connection:
        connection.execute(f"UPDATE {ending} WHERE {column} = %s", (world.key("pelagie"),))
    left = await answered(world, case)
    assert str(world.key("pelagie")) not in left
    assert str(world.key("coralie")) in left


async def test_each_line_says_the_rule_and_what_stands_behind_it(world: World) -> None:
    case = await a_case(world, size=1, needs={}, preferences={})
    offer = await an_offer(world, case)
    body = (await asked(world, case)).json()
    lines = {seer["actor_id"]: seer for seer in body["can_see"]}
    mine, theirs = lines[str(world.key("camille"))], lines[str(world.key("pelagie"))]
    assert (mine["role"], mine["reach"], mine["through"]) == ("caseworker", "office", [])
    assert mine["rule"] == "les lignes du bureau de la personne"
    assert (theirs["role"], theirs["reach"], theirs["kind"]) == ("partner", "granted", "user")
    [through] = theirs["through"]
    assert (through["source"], through["source_id"]) == ("offer", offer["id"])
    assert through["agreement_id"] == str(world.key("le-phare/agreement"))
    assert through["until"] == offer["expires_at"]
    for seer in body["can_see"]:
        assert seer["reach"] == str(reach_of(Role(seer["role"]), Permission.case_read))


async def test_the_soonest_end_is_the_one_that_is_told(world: World) -> None:
    case = await _placed(world)
    day = clock.today().isoformat()
    assert (await said(world, case, expires_on=day)).status_code == 201
    lines = {seer["actor_id"]: seer for seer in (await asked(world, case)).json()["can_see"]}
    [through] = lines[str(world.key("raoul"))]["through"]
    assert through["until"] == through["consent_until"]


async def test_no_name_and_no_word_of_the_household_is_in_the_answer(world: World) -> None:
    case = await _offered(world)
    text = (await asked(world, case)).text
    for member in case["household"]["members"]:
        assert member["name"]["full"] not in text
        assert member["person_id"] not in text
    for _, name, *_ in USERS:
        assert name not in text


# Who saw it


async def test_everybody_who_saw_the_case_is_told_newest_first_by_pages(world: World) -> None:
    case = await _offered(world)
    await world.client("pelagie", **{"X-Purpose-Of-Use": "settlement"}).get(f"/v1/cases/{case['id']}")
    await world.client("octave").get("/v1/cases")
    seen = (await asked(world, case)).json()["seen"]["items"]
    assert [(line["role"], line["permission"]) for line in seen[:2]] == [
        ("intake_worker", "case:read"), ("partner", "case:read"),
    ]  # fmt: skip
    assert (seen[1]["purpose"], seen[1]["organization_id"]) == ("settlement", str(world.key("le-phare")))
    assert [line["at"] for line in seen] == sorted((line["at"] for line in seen), reverse=True)
    pages: list[str] = []
    cursor = None
    for _ in range(20):
        page = (await asked(world, case, limit=1, **({"cursor": cursor} if cursor else {}))).json()["seen"]
        pages += [line["id"] for line in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None or pages[-1] == seen[-1]["id"]:
            break
    assert set(pages) >= {line["id"] for line in seen[-1:]}
    assert len(pages) == len(set(pages))


async def test_asking_who_saw_it_is_itself_on_record(world: World) -> None:
    case = await _at_home(world)
    await asked(world, case)
    newest = (await asked(world, case)).json()["seen"]["items"][0]
    assert (newest["permission"], newest["actor_id"]) == ("access:read", str(world.key("camille")))


async def test_another_cases_readers_are_not_told(world: World) -> None:
    case, other = await _at_home(world), await _at_home(world)
    await world.client("basile").get(f"/v1/cases/{other['id']}")
    assert str(world.key("basile")) not in str((await asked(world, case)).json()["seen"])


# Who may ask


@pytest.mark.parametrize("gates", [True, False])
async def test_only_staff_within_reach_may_ask(world: World, gates: bool) -> None:
    case = await _offered(world)
    world.app.state.gates_enforced = gates
    for username, _, role, *_ in USERS:
        status = (await asked(world, case, username)).status_code
        holds = role in POLICY[Permission.access_read]
        sees = username in STATES[_offered]
        refused = 403 if gates else 404
        assert status == (refused if not holds else 200 if sees else 404), username


async def test_the_functions_check_the_askers_reach_themselves(world: World) -> None:
    """They look behind row security, so injected SQL that calls them for any case must get nothing."""
    case = await _of_another_office(world)
    for function in ("authz.who_sees(%s)", "authz.who_saw(%s, NULL, 100)"):
        async with acting(world, "camille") as (session, _):
            assert await session.rows(f"SELECT * FROM {function}", (case["id"],)) == []
        async with acting(world, "prosper") as (session, _):
            assert await session.rows(f"SELECT * FROM {function}", (case["id"],)) != []
        for username in ("pelagie", "sidonie", "aurele", "adele", "ines"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                async with acting(world, username) as (session, _):
                    await session.rows(f"SELECT * FROM {function}", (case["id"],))
