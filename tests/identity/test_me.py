"""`GET /v1/me` says what the two tables say, for the one who asks."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import pytest

from casework.authz.policy import permissions_of, sights_of
from casework.demo.world import CLIENT, CLIENT_SECRET, USERS
from casework.kernel import clock

if TYPE_CHECKING:
    from tests.conftest import World

pytestmark = pytest.mark.anyio


async def test_each_is_told_their_rows_of_both_tables_and_their_grant(world: World) -> None:
    for username, _, role, office, region, organization in USERS:
        me = (await world.client(username).get("/v1/me")).json()
        assert me["permissions"] == {str(p): str(reach) for p, reach in permissions_of(role).items()}
        assert me["field_groups"] == {str(group): str(seen) for group, seen in sights_of(role).items()}
        assert (me["id"], me["role"], me["region_code"]) == (str(world.key(username)), str(role), region)
        assert me["office_id"] == (str(world.key(office)) if office else None)
        assert me["organization_id"] == (str(world.key(organization)) if organization else None)
        assert me["grant_id"] == str(world.key(f"{username}/grant"))
        assert datetime.fromisoformat(me["valid_from"]) < clock.now()
        assert (me["valid_until"], me["scopes"]) == (None, None)


async def test_the_end_of_a_grant_is_told_before_it_comes(world: World) -> None:
    with world.owner() as connection:
        connection.execute(
            "UPDATE role_grants SET valid_until = '2100-01-01T00:00:00Z' WHERE user_id = %s", (world.key("raoul"),)
        )
    me = (await world.client("raoul").get("/v1/me")).json()
    assert datetime.fromisoformat(me["valid_until"]) == datetime.fromisoformat("2100-01-01T00:00:00+00:00")


async def test_a_client_is_told_its_scopes_and_no_permission_beyond_them(world: World) -> None:
    form = {"grant_type": "client_credentials", "scope": "me:read case:read"}
    asked = await world.client(None).post("/oauth/token", data=form, auth=(str(world.key(CLIENT)), CLIENT_SECRET))
    client = world.client(None, Authorization=f"Bearer {asked.json()['access_token']}")
    me = (await client.get("/v1/me")).json()
    assert me["scopes"] == ["case:read", "me:read"]
    assert me["permissions"] == {"me:read": "all", "case:read": "granted"}
    assert me["grant_id"] is None
    assert datetime.fromisoformat(me["valid_until"]) > clock.now()
