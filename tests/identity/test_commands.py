"""`casework user|grant|client`: how the first administrator comes in, on a machine where nobody may do anything yet."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from casework import cli
from casework.account_commands import ROLES
from casework.authz.caller import system
from casework.authz.policy import Role, SystemActor
from casework.authz.shields import SHIELDS
from casework.kernel import clock
from tests.builders import a_case
from tests.conftest import SECRET
from tests.identity.security_log import events

if TYPE_CHECKING:
    from click.testing import Result

    from tests.conftest import World

pytestmark = pytest.mark.anyio


async def command(world: World, *arguments: str) -> Result:
    env = {"CASEWORK_DATABASE_URL": world.server_url, "CASEWORK_SECRET": SECRET}
    return await asyncio.to_thread(CliRunner(env=env).invoke, cli.main, list(arguments))


async def done(world: World, *arguments: str) -> Any:
    outcome = await command(world, *arguments, "--json")
    assert outcome.exit_code == 0, outcome.output
    return json.loads(outcome.output)


def test_the_commands_know_every_role() -> None:
    assert set(ROLES) == set(Role)


async def test_a_first_administrator_comes_in_from_the_machine(world: World) -> None:
    user = await done(world, "user", "create", "hilarion", "Hilarion Portebois")
    assert (await done(world, "grant", "create", "hilarion", "administrator"))["state"] == "in_force"
    password = (await done(world, "user", "password", "hilarion"))["password"]
    body = {"username": "hilarion", "password": password, "new_password": "un hibou traverse la cour"}
    token = (await world.client(None).post("/v1/sessions", json=body)).json()["access_token"]
    hilarion = world.client(None, Authorization=f"Bearer {token}")
    assert (await hilarion.get("/v1/me")).json()["role"] == "administrator"
    listed = (await done(world, "user", "list"))["items"]
    assert [row["username"] for row in listed if row["id"] == user["id"]] == ["hilarion"]
    told = [leaf["type"] for leaf in events(world)]
    assert told == ["user.created", "grant.made", "password.issued", "password.changed", "sign_in.succeeded"]
    assert [leaf["role"] for leaf in events(world)[:3]] == ["operator"] * 3


async def test_a_dated_grant_is_made_listed_and_revoked(world: World) -> None:
    tomorrow = (clock.now() + timedelta(days=1)).date().isoformat()
    office = str(world.key("mifi-montreal"))
    made = await done(world, "grant", "create", "aurele", "caseworker", "--office", office, "--from", tomorrow)
    assert made["state"] == "to_come"
    listed = (await done(world, "grant", "list", "aurele"))["items"]
    assert sorted(row["role"] for row in listed) == ["auditor", "caseworker"]
    assert (await done(world, "grant", "revoke", made["id"]))["state"] == "ended"
    assert (await done(world, "user", "disable", "basile"))["disabled"] is True
    assert (await world.client("basile").get("/v1/me")).status_code == 401


async def test_a_client_is_made_given_a_secret_and_revoked(world: World) -> None:
    scopes = ("--scope", "me:read", "--scope", "case:read", "--network", "127.0.0.0/8")
    made = await done(world, "client", "create", "Suivi", "--organization", str(world.key("le-phare")), *scopes)
    secret = await done(world, "client", "secret", made["id"])
    form, who = {"grant_type": "client_credentials"}, (made["id"], secret["secret"])
    assert (await world.client(None).post("/oauth/token", data=form, auth=who)).status_code == 200
    assert made["id"] in {row["id"] for row in (await done(world, "client", "list"))["items"]}
    assert (await done(world, "client", "revoke", made["id"]))["revoked_at"] is not None
    assert (await world.client(None).post("/oauth/token", data=form, auth=who)).status_code == 401


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("user", "create", "camille", "Camille Autre"), 1, "already has an account"),
        (("user", "create", "Not A Username", "Nom"), 2, "username"),
        (("user", "disable", "nobody"), 1, "does not exist"),
        (("grant", "create", "camille", "emperor"), 2, "emperor"),
        (("grant", "create", "camille", "coordinator"), 1, "region_code"),
        (("grant", "create", "camille", "coordinator", "--region", "99"), 2, "region_code"),
        (("client", "revoke", "01890000-0000-7000-8000-000000000000"), 1, "does not exist"),
    ],
)
async def test_a_refusal_is_one_plain_message(world: World, arguments: tuple[str, ...], code: int, told: str) -> None:
    outcome = await command(world, *arguments)
    assert (outcome.exit_code, told in outcome.output) == (code, True), outcome.output
    assert "Traceback" not in outcome.output


async def test_the_operator_sees_accounts_and_nothing_else(world: World) -> None:
    """Row by row of every table: the hand of `casework user` is no way to a case, a password or the log."""
    await a_case(world)
    seen = set()
    for shield in SHIELDS:
        async with world.app.state.database.transaction(system(SystemActor.operator).context()) as session:
            [(may,)] = await session.rows("SELECT has_any_column_privilege(%s, 'SELECT')", (shield.table,))
            if may and await session.rows(f"SELECT 1 FROM {shield.table} LIMIT 1"):
                seen.add(shield.table)
    accounts = {"users", "role_grants", "api_clients", "client_secrets"}
    assert accounts <= seen
    reference = {shield.table for shield in SHIELDS if shield.shape == "reference"}
    assert seen <= accounts | reference
