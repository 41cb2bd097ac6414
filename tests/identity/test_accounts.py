"""Accounts and grants: two people for each, nobody beyond what they hold, and no administrator near a case."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from casework.authz.caller import Caller
from casework.authz.guard import gates_of
from casework.authz.policy import VOUCHERS, Reach, Role
from casework.demo.world import USERS
from casework.kernel import clock
from casework.surface import PUBLIC, routes_of
from tests.builders import a_case
from tests.identity.security_log import events, reasons
from tests.identity.test_security_log import told
from tests.test_surface import SOMEBODY, filled, knock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

    from tests.conftest import World

pytestmark = pytest.mark.anyio


async def a_user(world: World, username: str = "zephyrin", **more: Any) -> dict[str, Any]:
    body = {"username": username, "display_name": "Zéphyrin Clairbois", **more}
    answer = await world.client("adele").post("/v1/users", json=body)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def a_proposal(world: World, user: dict[str, Any], role: str = "caseworker", **reach: Any) -> dict[str, Any]:
    if role in {"caseworker", "intake_worker"}:
        reach.setdefault("office_id", str(world.key("mifi-montreal")))
    answer = await world.client("adele").post("/v1/grants", json={"user_id": user["id"], "role": role, **reach})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def approve(world: World, grant: dict[str, Any], by: str) -> Any:
    return await world.client(by).post(f"/v1/grants/{grant['id']}/approve")


def token_of(world: World, user: dict[str, Any]) -> dict[str, str]:
    return {"Authorization": f"Bearer {world.app.state.issuer.issue(user['id'], 'tests')}"}


# --- two people -----------------------------------------------------------------------------------------------


async def test_a_grant_is_proposed_by_one_and_takes_effect_when_another_approves(world: World) -> None:
    user = await a_user(world)
    grant = await a_proposal(world, user)
    assert grant["state"] == "proposed"
    newcomer = world.client(None, **token_of(world, user))
    assert (await newcomer.get("/v1/me")).status_code == 401
    [waiting] = (await world.client("prosper").get("/v1/grants?state=proposed")).json()["items"]
    assert (waiting["id"], waiting["username"], waiting["subject"]) == (grant["id"], "zephyrin", None)
    approved = await approve(world, grant, "prosper")
    assert (approved.status_code, approved.json()["state"]) == (200, "in_force")
    assert (await newcomer.get("/v1/me")).json()["role"] == "caseworker"
    case = await a_case(world)
    assert (await newcomer.get(f"/v1/cases/{case['id']}")).status_code == 200
    kinds = [leaf["type"] for leaf in events(world) if not leaf["type"].startswith("token")]
    assert kinds == ["user.created", "grant.proposed", "grant.approved"]


async def test_a_revoked_grant_and_a_disabled_account_end_at_once(world: World) -> None:
    for username, path in (("camille", f"/v1/grants/{world.key('camille/grant')}/revoke"),
                           ("basile", f"/v1/users/{world.key('basile')}/disable")):  # fmt: skip
        client = world.client(username)
        assert (await client.get("/v1/me")).status_code == 200
        assert (await world.client("adele").post(path)).status_code == 200
        assert (await client.get("/v1/me")).status_code == 401


async def test_a_dated_grant_begins_and_ends_by_itself(world: World) -> None:
    user = await a_user(world)
    start = clock.now() + timedelta(days=1)
    dates = {"valid_from": start.isoformat(), "valid_until": (start + timedelta(days=1)).isoformat()}
    grant = await a_proposal(world, user, **dates)
    assert (await approve(world, grant, "prosper")).json()["state"] == "to_come"
    assert (await world.client(None, **token_of(world, user)).get("/v1/me")).status_code == 401
    adele = world.client("adele")
    for state, found in (("to_come", 1), ("in_force", 0), ("proposed", 0), ("ended", 0)):
        listed = (await adele.get(f"/v1/grants?user={user['id']}&state={state}")).json()["items"]
        assert len(listed) == found, state


@pytest.mark.parametrize("role", Role)
async def test_each_role_is_approved_by_those_who_may_vouch_for_it_and_by_nobody_else(world: World, role: Role) -> None:
    """As every demo user in turn, through the API; a refusal is logged, and what one cannot see is absent."""
    reach = {
        Role.coordinator: {"region_code": "01"},
        Role.municipal_viewer: {"region_code": "01"},
        Role.partner: {"organization_id": str(world.key("le-phare"))},
    }.get(role, {})
    user = await a_user(world)
    refused = 0
    for username, _, their_role, _, region, organization in USERS:
        within = VOUCHERS[role].get(their_role)
        expected = (
            within is Reach.all
            or (within is Reach.organization and organization == "le-phare")
            or (within is Reach.region and region == "01")
        )
        grant = await a_proposal(world, user, role, **reach)
        # Adèle has proposed it herself: not even a grant of her own role is hers to approve.
        answer = await approve(world, grant, username)
        assert (answer.status_code == 200) is (expected and username != "adele"), (username, answer.text)
        assert answer.status_code in {200, 403, 404}, username
        refused += answer.status_code != 200
    assert len(events(world, "grant.refused", "permission.refused")) == refused


async def test_a_second_administrator_approves_what_the_first_proposed(world: World) -> None:
    with world.owner() as owner:
        owner.execute("INSERT INTO users (id, username, display_name, created_at) VALUES (%s, 'hilarion', 'H', now())",
                      (world.key("hilarion"),))  # fmt: skip
        owner.execute("INSERT INTO role_grants (id, user_id, role, valid_from) VALUES (%s, %s, 'administrator', now())",
                      (world.key("hilarion/grant"), world.key("hilarion")))  # fmt: skip
    grant = await a_proposal(world, await a_user(world), "administrator")
    assert (await approve(world, grant, "adele")).status_code == 403
    assert (await approve(world, grant, "hilarion")).json()["state"] == "in_force"
    again = await approve(world, grant, "hilarion")
    assert (again.status_code, again.json()["type"]) == (409, "/v1/problems/grant-not-proposed")


async def test_each_account_stands_on_one_page_with_the_role_in_force(world: World) -> None:
    """Pages go by account: neither a second grant repeats one, nor does the want of any lose it."""
    proposed, bare = await a_user(world, "proposee"), await a_user(world, "sans-role")
    await a_proposal(world, proposed)
    with world.owner() as owner:
        for role, ended in (("intake_worker", None), ("auditor", clock.now())):
            owner.execute(
                "INSERT INTO role_grants (id, user_id, role, office_id, valid_from, revoked_at)"
                " VALUES (gen_random_uuid(), %s, %s, %s, %s, %s)",
                (world.key("camille"), role, world.key("praida"), clock.now(), ended),
            )
    found: list[dict[str, Any]] = []
    cursor: dict[str, str] | None = {}
    while cursor is not None:
        page = (await world.client("adele").get("/v1/users", params={"limit": 2, **cursor})).json()
        found += page["items"]
        cursor = {"cursor": page["next_cursor"]} if page["next_cursor"] else None
    roles = {one["id"]: one["role"] for one in found}
    assert len(found) == len(roles) == len(USERS) + 2
    assert (roles[proposed["id"]], roles[bare["id"]]) == (None, None)
    assert (roles[str(world.key("camille"))], roles[str(world.key("basile"))]) == ("intake_worker", "caseworker")


async def test_nobody_proposes_for_themself_nor_approves_their_own(world: World) -> None:
    own = await world.client("adele").post("/v1/grants", json={"user_id": str(world.key("adele")), "role": "auditor"})
    assert (own.status_code, own.json()["type"]) == (403, "/v1/problems/own-grant")
    grant = await a_proposal(world, {"id": str(world.key("prosper"))}, "programme_manager")
    answer = await approve(world, grant, "prosper")
    assert answer.json()["type"] == "/v1/problems/own-grant"
    assert reasons(world, "grant.refused") == ["own_grant", "own_grant"]


async def test_who_administers_accounts_holds_no_other_role(world: World) -> None:
    """Two roles of one person would bring both hands of a grant, or a case, within the administrator's reach."""
    office = str(world.key("mifi-montreal"))
    newcomer = await a_user(world)
    await a_proposal(world, newcomer, "administrator")
    for body in ({"user_id": newcomer["id"], "role": "caseworker", "office_id": office},
                 {"user_id": str(world.key("camille")), "role": "administrator"}):  # fmt: skip
        answer = await world.client("adele").post("/v1/grants", json=body)
        assert (answer.status_code, answer.json()["type"]) == (409, "/v1/problems/duties-apart")


async def test_a_grant_out_of_reach_is_answered_like_one_that_does_not_exist(world: World) -> None:
    grant = await a_proposal(world, await a_user(world), "auditor")
    hidden = await approve(world, grant, "prosper")
    absent = await approve(world, {"id": str(world.key("no grant"))}, "prosper")
    assert (hidden.status_code, told(hidden)) == (404, told(absent))
    assert reasons(world, "grant.refused") == ["out_of_reach", "out_of_reach"]


@pytest.mark.parametrize(
    ("role", "reach"),
    [
        ("caseworker", {}),
        ("caseworker", {"region_code": "01"}),
        ("coordinator", {}),
        ("partner", {"region_code": "01"}),
        ("programme_manager", {"region_code": "01"}),
        ("auditor", {"organization_id": "01890000-0000-7000-8000-000000000000"}),
    ],
)
async def test_a_grant_names_exactly_how_far_it_reaches(world: World, role: str, reach: dict[str, str]) -> None:
    user = await a_user(world)
    answer = await world.client("adele").post("/v1/grants", json={"user_id": user["id"], "role": role, **reach})
    assert (answer.status_code, answer.json()["type"]) == (422, "/v1/problems/grant-incomplete")


async def test_a_username_and_a_person_at_the_provider_have_one_account(world: World) -> None:
    abroad = {"issuer": "https://id.example", "subject": "person-1"}
    await a_user(world, **abroad)
    for body in ({"username": "zephyrin"}, {"username": "autre", **abroad}):
        answer = await world.client("adele").post("/v1/users", json={"display_name": "Autre Nom", **body})
        assert (answer.status_code, answer.json()["type"]) == (409, "/v1/problems/username-taken")
    half = {"username": "autre", "display_name": "Autre Nom", "issuer": "https://id.example"}
    assert (await world.client("adele").post("/v1/users", json=half)).status_code == 422


# --- passwords are vouched for as grants are --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("by", "target", "status"),
    [
        ("prosper", "camille", 201),
        ("prosper", "pelagie", 201),
        ("pelagie", "raoul", 404),
        ("prosper", "aurele", 404),
        ("prosper", "adele", 404),
        ("prosper", "prosper", 404),
        ("aurele", "camille", 404),
        ("adele", "camille", 404),
        ("adele", "prosper", 404),
        ("camille", "basile", 403),
    ],
)
async def test_only_who_may_vouch_for_an_account_hands_it_a_password(
    world: World, by: str, target: str, status: int
) -> None:
    """An administrator who could set a caseworker's password could read cases."""
    answer = await world.client(by).post(f"/v1/users/{world.key(target)}/one-time-passwords")
    assert answer.status_code == status, answer.text
    with world.owner() as owner:
        [count] = owner.execute("SELECT count(*) FROM passwords").fetchone() or [0]
    assert count == (status == 201)


async def test_a_second_role_that_one_may_not_vouch_for_closes_the_door(world: World) -> None:
    """Prosper may vouch for caseworkers; once Camille is an auditor too, her password is not his to set."""
    with world.owner() as owner:
        owner.execute(
            "INSERT INTO role_grants (id, user_id, role, valid_from) VALUES (gen_random_uuid(), %s, 'auditor', now())",
            (world.key("camille"),),
        )
    answer = await world.client("prosper").post(f"/v1/users/{world.key('camille')}/one-time-passwords")
    assert answer.status_code == 404
    assert reasons(world, "wall.refused") == ["row_security"]


# --- the wall alone ---------------------------------------------------------------------------------------------


def caller(world: World, username: str) -> Caller:
    [(role, organization)] = [(role, org) for name, _, role, _, _, org in USERS if name == username]
    return Caller(world.key(username), role, username, world.key(f"{username}/grant"),
                  organization_id=world.key(organization) if organization else None)  # fmt: skip


def inserted(user: UUID, role: str, proposed_by: UUID | None, approved_by: UUID | None = None) -> str:
    by, approved = (f"'{proposed_by}'" if proposed_by else "NULL"), (f"'{approved_by}'" if approved_by else "NULL")
    return (
        "INSERT INTO role_grants (id, user_id, role, valid_from, proposed_by, approved_by, approved_at)"
        f" SELECT gen_random_uuid(), '{user}', '{role}', now(), {by}, {approved}, {'now()' if approved_by else 'NULL'}"
    )


def forbidden(world: World, proposal: str) -> Iterator[tuple[str, str]]:
    """Whose SQL, and what it tries: each a grant or a credential beyond their own."""
    camille, adele, prosper = (world.key(name) for name in ("camille", "adele", "prosper"))
    yield "adele", inserted(camille, "auditor", None)
    yield "adele", inserted(adele, "caseworker", adele)
    yield "adele", inserted(camille, "administrator", adele)
    yield "adele", inserted(camille, "auditor", adele, adele)
    yield "adele", inserted(camille, "auditor", prosper)
    yield "adele", f"UPDATE role_grants SET approved_at = now(), approved_by = '{adele}' WHERE id = '{proposal}'"
    yield "adele", f"UPDATE role_grants SET role = 'programme_manager' WHERE user_id = '{adele}'"
    yield "prosper", f"UPDATE role_grants SET approved_at = now(), approved_by = '{adele}' WHERE id = '{proposal}'"
    yield "prosper", inserted(camille, "auditor", None)
    yield "camille", inserted(camille, "auditor", None)
    password = (
        "INSERT INTO passwords (id, user_id, hash, one_time, created_at) SELECT gen_random_uuid(), '{}', 'x', {}, now()"
    )
    yield "adele", password.format(camille, "true")
    yield "prosper", password.format(camille, "false")
    yield "prosper", password.format(world.key("aurele"), "true")
    yield "prosper", "SELECT hash FROM passwords"
    yield "adele", "SELECT secret_hash FROM client_secrets"
    yield (
        "adele",
        (
            "INSERT INTO client_secrets (id, client_id, organization_id, secret_hash, created_at, valid_until) SELECT"
            f" gen_random_uuid(), '{world.key('le-phare-api')}', '{world.key('le-phare')}', 'x', now(), now()"
        ),
    )
    yield "adele", "UPDATE api_clients SET jwks = NULL"


async def test_sql_alone_grants_nothing_beyond_ones_own(world: World) -> None:
    """The statements an injection would send, with each actor's own genuine context: row security and its trigger."""
    proposal = (await a_proposal(world, await a_user(world)))["id"]
    tried = list(forbidden(world, proposal))
    for who, statement in tried:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            async with world.app.state.database.transaction(caller(world, who).context()) as session:
                await session.rows(statement)
    assert len(tried) == 17
    # The control: the same road, within one's own.
    async with world.app.state.database.transaction(caller(world, "prosper").context()) as session:
        await session.rows(
            "UPDATE role_grants SET approved_at = now(), approved_by = %s WHERE id = %s",
            (world.key("prosper"), proposal),
        )


async def test_sql_alone_approves_nothing_that_is_out_of_sight(world: World) -> None:
    proposal = (await a_proposal(world, await a_user(world), "auditor"))["id"]
    async with world.app.state.database.transaction(caller(world, "prosper").context()) as session:
        await session.rows(
            "UPDATE role_grants SET approved_at = now(), approved_by = %s WHERE id = %s",
            (world.key("prosper"), proposal),
        )
    with world.owner() as owner:
        assert owner.execute("SELECT approved_at FROM role_grants WHERE id = %s", (proposal,)).fetchone() == (None,)


# --- no administrator reads a case ------------------------------------------------------------------------------


async def test_no_administrator_reads_a_case_by_any_route(world: World) -> None:
    """Every GET there is, at a case that exists, with the application's own checks and then without them."""
    case = await a_case(world)
    hidden = {case["id"], case["reference"], *(m["name"]["full"] for m in case["household"]["members"])}
    adele = world.client("adele")
    gets = [(path, gates_of(route.dependant)) for method, path, route in routes_of(world.app) if method == "GET"]
    tried = 0
    for enforced in (True, False):
        world.app.state.gates_enforced = enforced
        for path, _ in gets:
            head, brace, rest = path.partition("{")
            place = head + (case["id"] + rest.partition("}")[2] if brace else "")
            answer = await adele.get(place)
            leaked = [text for text in hidden if text in answer.text]
            assert not leaked, (enforced, place, answer.text)
            tried += 1
    assert tried == 2 * len(gets) > 60


async def test_an_administrator_is_refused_at_every_gate_about_cases(world: World) -> None:
    adele = world.client("adele")
    about = {"case", "claim", "identifier", "recommendation", "offer", "assignment", "milestone"}
    refused = 0
    for method, path, route in routes_of(world.app):
        if (method, path) in PUBLIC:
            continue
        [gate] = gates_of(route.dependant)
        if gate.permission.partition(":")[0] in about:
            assert (await knock(adele, method, path)).status_code == 403, filled(path)
            refused += 1
    assert refused > 20
    assert SOMEBODY[Role.administrator] == "adele"
