"""Each transaction enters through PostgreSQL's own door: what the token said a moment ago does not open it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from casework.kernel.database import Context
from casework.kernel.problems import NotSignedIn
from tests.builders import a_case

if TYPE_CHECKING:
    from tests.conftest import World

pytestmark = pytest.mark.anyio


async def test_a_grant_that_ends_closes_the_door_at_once(world: World) -> None:
    """The caller is remembered for a while; the grant is not."""
    case = await a_case(world)
    client = world.client("camille")
    assert (await client.get(f"/v1/cases/{case['id']}")).status_code == 200
    with world.owner() as connection:
        connection.execute("UPDATE role_grants SET revoked_at = now() WHERE user_id = %s", (world.key("camille"),))
    refused = await client.get(f"/v1/cases/{case['id']}")
    assert refused.status_code == 401
    # The connection that was refused goes back to the pool in working order.
    assert (await world.client("basile").get(f"/v1/cases/{case['id']}")).status_code == 200


async def test_a_context_signed_with_another_key_is_refused(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    signed = Context.signed
    monkeypatch.setattr(Context, "signed", lambda context, _key: signed(context, b"another key"))
    with pytest.raises(NotSignedIn):
        async with world.app.state.database.transaction(Context("auditor", world.key("aurele"))):
            raise AssertionError("the door was open")
