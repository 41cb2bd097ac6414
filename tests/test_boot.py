"""The server refuses to start behind a broken wall, and the wall holds without the application's own checks."""

from __future__ import annotations

import hashlib
import secrets
import time
from contextlib import contextmanager
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Literal

import psycopg
import pytest
from psycopg import sql
from sqlalchemy.engine import make_url

from casework import installation
from casework.authz import rls
from casework.authz.apply import INHERIT_OPTION, BootRefused, ensure_roles, refuse_unless_shielded
from casework.authz.guard import gates_of
from casework.authz.policy import POLICY, Permission, Reach, Role, SystemActor
from casework.authz.shields import SHIELDS, Shape
from casework.demo.world import USERS
from casework.kernel import database as kernel_database
from casework.kernel.database import Context
from casework.main import refuse_to_start_unshielded
from casework.surface import routes_of
from tests.builders import a_case, accepted, an_offer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

    from tests.conftest import World

pytestmark = pytest.mark.anyio

RECORD_AS_SOUND = "UPDATE authz.applied SET catalogue_sha256 = authz.catalogue()"
REPLACED_CLAIM = """
CREATE OR REPLACE FUNCTION authz.claim(wanted_role text, field int) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER AS $$ SELECT 'all' $$
"""
CASE_TABLES = [shield.table for shield in SHIELDS if shield.shape in {Shape.case, Shape.case_child}]


async def boots(url: str) -> None:
    """Raises BootRefused."""
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        await refuse_unless_shielded(connection)


# At boot


async def test_a_server_behind_a_whole_wall_starts(world: World) -> None:
    await refuse_to_start_unshielded(world.app)


async def test_a_policy_added_by_hand_refuses_the_boot_until_the_next_migration(world: World) -> None:
    with world.owner() as owner:
        owner.execute("CREATE POLICY leak ON cases TO casework_partner USING (true)")
    with pytest.raises(BootRefused, match="casework migrate"):
        await refuse_to_start_unshielded(world.app)
    login = make_url(world.server_url).username or ""
    installation.shield(world.owner_url, login, world.app.state.settings.key("context"))
    await refuse_to_start_unshielded(world.app)


async def test_rows_seen_without_a_context_refuse_the_boot_even_when_recorded_as_sound(world: World) -> None:
    with world.owner() as owner:
        owner.execute("CREATE POLICY leak ON organizations TO casework_partner USING (true)")
        owner.execute(RECORD_AS_SOUND)
    with pytest.raises(BootRefused, match="casework_partner sees rows"):
        await boots(world.server_url)


@pytest.mark.parametrize(
    "damage",
    [
        "DROP POLICY partner_select ON cases",
        "ALTER TABLE cases DISABLE ROW LEVEL SECURITY",
        "ALTER TABLE persons NO FORCE ROW LEVEL SECURITY",
        "GRANT SELECT (claimed_on) ON cases TO casework_partner",
        "GRANT UPDATE ON cases TO casework_auditor",
        "CREATE VIEW everything AS SELECT * FROM cases",
        REPLACED_CLAIM,
    ],
)
async def test_a_wall_changed_behind_our_back_refuses_the_boot(world: World, damage: str) -> None:
    with world.owner() as owner:
        owner.execute(damage)
    with pytest.raises(BootRefused, match="casework migrate"):
        await boots(world.server_url)


async def test_a_server_with_other_rights_in_its_code_refuses_to_start(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = {**POLICY[Permission.case_close], Role.partner: Reach.granted}
    monkeypatch.setattr(rls, "POLICY", {**POLICY, Permission.case_close: row})
    with pytest.raises(BootRefused, match="not those of this version"):
        await boots(world.server_url)


async def test_a_database_never_migrated_refuses_the_boot(world: World) -> None:
    empty = f"e_{secrets.token_hex(6)}"
    world.server.create(empty, "template0")
    try:
        with pytest.raises(BootRefused, match="casework migrate"):
            await boots(world.server.url("server", empty))
    finally:
        world.server.drop(empty)


@pytest.mark.parametrize("role", ["owner", "superuser"])
async def test_a_log_in_that_could_go_around_the_wall_refuses_the_boot(
    world: World, role: Literal["owner", "superuser"]
) -> None:
    with pytest.raises(BootRefused, match="get around row security"):
        await boots(world.server.url(role, world.database))


async def test_a_membership_that_inherits_refuses_the_boot(world: World) -> None:
    """From PostgreSQL 16 on; before it, no membership can say so by itself."""
    login = sql.Identifier(make_url(world.server_url).username or "")
    role = sql.Identifier("casework_partner")
    with psycopg.connect(world.server.url("superuser", world.database), autocommit=True) as connection:
        if connection.info.server_version < INHERIT_OPTION:
            pytest.skip("this server's memberships inherit by role only, which another test refuses")
        connection.execute(sql.SQL("GRANT {} TO {} WITH INHERIT TRUE").format(role, login))
        try:
            with pytest.raises(BootRefused, match="get around row security"):
                await boots(world.server_url)
        finally:
            connection.execute(sql.SQL("GRANT {} TO {} WITH INHERIT FALSE").format(role, login))
    await boots(world.server_url)


async def test_a_second_installation_is_told_the_one_line_it_needs(world: World) -> None:
    """Its owner may create roles, but those of the cluster are another's."""
    other = f"other_{secrets.token_hex(4)}"
    with psycopg.connect(world.server.url("superuser", world.database), autocommit=True) as connection:
        if connection.info.server_version < INHERIT_OPTION:
            pytest.skip("before PostgreSQL 16, CREATEROLE is enough to grant any role")
        for name in (other, f"{other}_login"):
            connection.execute(sql.SQL("CREATE ROLE {} LOGIN CREATEROLE NOINHERIT").format(sql.Identifier(name)))
        try:
            connection.execute(sql.SQL("SET SESSION AUTHORIZATION {}").format(sql.Identifier(other)))
            with pytest.raises(BootRefused, match=r"GRANT casework_.* WITH ADMIN OPTION"):
                ensure_roles(connection, f"{other}_login")
        finally:
            connection.execute("RESET SESSION AUTHORIZATION")
            for name in (f"{other}_login", other):
                connection.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(name)))


# Without the application's own checks


async def test_a_partner_sees_only_what_was_granted_with_every_gate_open(world: World) -> None:
    """Every GET route, at every object there is, as a partner whom no gate stops."""
    granted, other = await a_case(world), await a_case(world)
    offer = await accepted(world, granted, await an_offer(world, granted))
    elsewhere = await accepted(world, other, await an_offer(world, other, at="racines-d-estrie/43027"))
    world.app.state.gates_enforced = False
    client = world.client("pelagie")
    hidden = hidden_texts(world, other)
    places = objects_of(world, granted) | objects_of(world, other)
    seen = []
    for path in readable_paths(world, places):
        answer = await client.get(path)
        assert answer.status_code in {200, 400, 404, 422}, (path, answer.text)
        leaked = [text for text in hidden if text in answer.text and text not in path]
        assert leaked == [], path
        seen += [path] if answer.status_code == 200 else []
    assert f"/v1/cases/{granted['id']}" in seen
    assert f"/v1/assignments/{offer['assignment_id']}" in seen
    assert {elsewhere["id"], elsewhere["assignment_id"]} < objects_of(world, other)
    assert not [path for path in seen if any(place in path for place in objects_of(world, other))]


async def test_a_partner_changes_nothing_of_other_cases_with_every_gate_open(world: World) -> None:
    case = await a_case(world)
    offer = await accepted(world, case, await an_offer(world, case, at="racines-d-estrie/43027"))
    before = contents(world)
    world.app.state.gates_enforced = False
    client = world.client("pelagie", **{"If-Match": '"1"'})
    moves = {
        f"/v1/cases/{case['id']}/close": {"reason": "Plus de nouvelles."},
        f"/v1/cases/{case['id']}/reopen": {},
        f"/v1/cases/{case['id']}/recommendations": {},
        f"/v1/offers/{offer['id']}/withdraw": {"reason": "Changement d'avis."},
        f"/v1/assignments/{offer['assignment_id']}/acknowledge": {},
        f"/v1/assignments/{offer['assignment_id']}/depart": {},
        f"/v1/assignments/{offer['assignment_id']}/end": {"reason": "Déménagement."},
    }
    for path, body in moves.items():
        answer = await client.post(path, json=body)
        assert answer.status_code in {404, 409, 412, 422}, (path, answer.text)
    merge = {"Content-Type": "application/merge-patch+json"}
    patched = await client.patch(f"/v1/cases/{case['id']}", content=b'{"external_id": "x"}', headers=merge)
    assert patched.status_code == 404
    assert contents(world) == before


async def test_every_gate_open_gives_no_role_more_cases_than_its_reach(world: World) -> None:
    case = await a_case(world)
    world.app.state.gates_enforced = False
    may_read = {
        name for name, _, role, office, *_ in USERS if office == "mifi-montreal" or role is Role.programme_manager
    }
    for name, *_ in USERS:
        answer = await world.client(name).get(f"/v1/cases/{case['id']}")
        assert (answer.status_code == 200) is (name in may_read), (name, answer.text)


def objects_of(world: World, case: dict[str, Any]) -> set[str]:
    """The ids of everything that hangs on a case."""
    found = {case["id"]}
    with world.owner() as owner:
        for table in ("offers", "assignments", "milestones", "recommendations"):
            rows = owner.execute(f"SELECT id::text FROM {table} WHERE case_id = %s", (case["id"],)).fetchall()
            found |= {str(row[0]) for row in rows}
    return found


def hidden_texts(world: World, case: dict[str, Any]) -> set[str]:
    people = {member["person_id"] for member in case["household"]["members"]}
    names = {member["name"]["full"] for member in case["household"]["members"]}
    return objects_of(world, case) | people | names | {case["reference"], case["household"]["id"]}


def readable_paths(world: World, places: set[str]) -> Iterator[str]:
    for method, path, route in routes_of(world.app):
        if method != "GET" or not gates_of(route.dependant):
            continue
        head, brace, rest = path.partition("{")
        if not brace:
            yield path
        for place in sorted(places) if brace else ():
            yield head + place + rest.partition("}")[2]


def contents(world: World) -> dict[str, list[tuple[object, ...]]]:
    with world.owner() as owner:
        return {table: owner.execute(f"SELECT t::text FROM {table} t ORDER BY 1").fetchall() for table in CASE_TABLES}


# Behind the application: SQL as an injection would send it


@contextmanager
def acting(world: World, actor: object, context: str | None) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    """The server's own log-in, entered as the role of `actor`, with whatever context somebody claims."""
    with psycopg.connect(world.server_url) as connection:
        connection.execute("SELECT set_config('role', %s, true)", (f"casework_{actor}",))
        if context is not None:
            connection.execute("SELECT set_config('casework.context', %s, true)", (context,))
        yield connection


def rows_seen(connection: psycopg.Connection[tuple[object, ...]], table: str) -> int:
    try:
        with connection.transaction():
            [count] = connection.execute(
                sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table))
            ).fetchone() or (0,)
    # Not the role's table; or a context nobody signed, which ends the statement.
    except (psycopg.errors.InsufficientPrivilege, psycopg.errors.InvalidAuthorizationSpecification):
        return 0
    assert isinstance(count, int)
    return count


def context_of(world: World, username: str, role: object) -> Context:
    [(office, region, organization)] = [(o, r, g) for name, _, _, o, r, g in USERS if name == username]
    key = world.key

    def known(slug: str | None) -> UUID | None:
        return key(slug) if slug else None

    return Context(str(role), key(username), key(f"{username}/grant"), known(office), region, known(organization))


def forgeries(world: World, actor: object, monkeypatch: pytest.MonkeyPatch) -> dict[str, str | None]:
    """Contexts that are not this actor's own, fresh and signed one."""
    ours = world.app.state.settings.key("context")
    genuine = context_of(world, "prosper", actor)
    other = next(name for name in (Role.caseworker, Role.auditor) if name != actor)
    payload = genuine.signed(ours)[:-65]
    with monkeypatch.context() as patch:
        patch.setattr(kernel_database, "time", SimpleNamespace(time=lambda: time.time() - 3600))
        stale = genuine.signed(ours)
    return {
        "none at all": None,
        "empty": "",
        "unsigned": payload,
        "signed with another key": genuine.signed(b"x" * 32),
        "signed with a plain hash": f"{payload}|{hashlib.sha256(payload.encode()).hexdigest()}",
        "of another role": context_of(world, "prosper", other).signed(ours),
        "of an hour ago": stale,
        "with a longer reach": genuine.signed(ours).replace("|", "|06", 1),
    }


async def test_no_role_sees_a_row_with_a_context_that_is_not_its_own(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await a_case(world)
    for actor in (*Role, *SystemActor):
        for kind, context in forgeries(world, actor, monkeypatch).items():
            with acting(world, actor, context) as connection:
                seen = {shield.table: rows_seen(connection, shield.table) for shield in SHIELDS}
            assert not any(seen.values()), (actor, kind, seen)


async def test_a_genuine_context_does_open_its_own_rows(world: World) -> None:
    """The control of the test above: what it refuses is the forgery and nothing else."""
    await a_case(world)
    context = context_of(world, "prosper", Role.programme_manager).signed(world.app.state.settings.key("context"))
    with acting(world, Role.programme_manager, context) as connection:
        assert rows_seen(connection, "cases") == 1


async def test_the_key_of_the_contexts_is_out_of_every_roles_sight(world: World) -> None:
    for actor in (*Role, *SystemActor):
        with acting(world, actor, None) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("SELECT * FROM authz.context_key")


async def test_the_log_in_itself_reads_and_becomes_nothing_more(world: World) -> None:
    owner = make_url(world.owner_url).username or ""
    with psycopg.connect(world.server_url, autocommit=True) as connection:
        for shield in SHIELDS:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(sql.SQL("SELECT 1 FROM {}").format(sql.Identifier(shield.table)))
        for forbidden in (
            sql.SQL("SET ROLE {}").format(sql.Identifier(owner)),
            sql.SQL("CREATE TABLE mine (a int)"),
            sql.SQL("ALTER TABLE cases DISABLE ROW LEVEL SECURITY"),
            sql.SQL("CREATE ROLE casework_friend"),
            sql.SQL("SELECT * FROM authz.context_key"),
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(forbidden)


async def test_a_grant_that_has_ended_is_stopped_at_the_door_of_the_next_transaction(world: World) -> None:
    client = world.client("camille")
    assert (await client.get("/v1/cases")).status_code == 200
    with world.owner() as owner:
        owner.execute("UPDATE role_grants SET revoked_at = now() WHERE id = %s", (world.key("camille/grant"),))
    assert (await client.get("/v1/cases")).status_code == 401
