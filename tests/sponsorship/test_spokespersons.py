"""Somebody else speaks for a sponsor: access follows at once, and who spoke before stays on record."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest

from tests.sponsorship.steps import Json, a_sponsor, an_undertaking, if_match, read, report, settled, told

if TYPE_CHECKING:
    import httpx

    from tests.conftest import World

pytestmark = pytest.mark.anyio


async def the_sponsor(world: World, undertaking: Json) -> Json:
    return told(await world.client("prosper").get(f"/v1/sponsors/{undertaking['sponsor_id']}"))


async def handing_over(world: World, sponsor: Json, to: str = "sylvain", by: str = "prosper") -> httpx.Response:
    body = {"spokesperson_id": str(world.key(to)), "reason": "sponsor_moved"}
    return await world.client(by).post(
        f"/v1/sponsors/{sponsor['id']}/spokesperson", json=body, headers=if_match(sponsor)
    )


async def test_whoever_speaks_next_sees_everything_and_the_former_nothing(world: World) -> None:
    undertaking, case = await settled(world)
    sponsor = await the_sponsor(world, undertaking)
    paths = [f"/v1/cases/{case['id']}", f"/v1/undertakings/{undertaking['id']}", f"/v1/sponsors/{sponsor['id']}",
             f"/v1/undertakings/{undertaking['id']}/history", f"/v1/cases/{case['id']}/settlement-reports"]  # fmt: skip
    after = told(await handing_over(world, sponsor))
    assert after["spokesperson_id"] == str(world.key("sylvain"))
    [former] = after["former_spokespersons"]
    assert (former["user_id"], former["reason"]) == (str(world.key("sidonie")), "sponsor_moved")
    for path in paths:
        seen = {who: (await world.client(who).get(path)).status_code for who in ("sidonie", "sylvain")}
        assert seen == {"sidonie": 404, "sylvain": 200}, path
    # The undertaking itself has taken no step, and its report is the new one's to hand in.
    assert (await read(world, undertaking))["state"] == "report1_due"
    assert (await report(world, case, 1, by="sidonie")).status_code == 404
    told(await report(world, case, 1, by="sylvain"), 201)
    back = told(await handing_over(world, after, to="sidonie"))
    assert [one["user_id"] for one in back["former_spokespersons"]] == [
        str(world.key(who)) for who in ("sidonie", "sylvain")
    ]


async def test_the_view_that_a_hand_over_gave_ends_with_the_undertaking(world: World) -> None:
    undertaking, case = await settled(world)
    told(await handing_over(world, await the_sponsor(world, undertaking)))
    body = {"to": "breakdown", "occurred_on": undertaking["settled_on"], "reason": "conflict"}
    stands = await read(world, undertaking)
    path = f"/v1/undertakings/{undertaking['id']}/steps"
    told(await world.client("prosper").post(path, json=body, headers=if_match(stands)))
    assert (await world.client("sylvain").get(f"/v1/cases/{case['id']}")).status_code == 404


async def test_only_the_ministry_changes_it_and_only_for_somebody_in_force(world: World) -> None:
    sponsor = await a_sponsor(world)
    await an_undertaking(world, sponsor)
    for by in ("sidonie", "sylvain", "camille", "coralie"):
        assert (await handing_over(world, sponsor, by=by)).status_code == 403, by
    for to, code in (
        ("camille", "not_a_spokesperson"),
        ("nobody", "not_a_spokesperson"),
        ("sidonie", "speaks_already"),
    ):
        refused = await handing_over(world, sponsor, to=to)
        assert (refused.status_code, refused.json()["errors"][0]["code"]) == (422, code), to
    assert (await handing_over(world, {**sponsor, "version": 7})).status_code == 412
    stands = told(await world.client("sidonie").get(f"/v1/sponsors/{sponsor['id']}"))
    assert (stands["version"], stands["former_spokespersons"]) == (sponsor["version"], [])


async def test_who_spoke_before_is_rewritten_by_nobody(world: World) -> None:
    """Even the owner of the tables: the trigger says what was."""
    sponsor = told(await handing_over(world, await a_sponsor(world)))
    with world.owner() as owner:
        owner.execute("UPDATE sponsors SET former_spokespersons = '[{}, {}]' WHERE id = %s", (sponsor["id"],))
        with pytest.raises(psycopg.errors.CheckViolation):
            owner.execute("UPDATE sponsors SET handover_reason = NULL WHERE id = %s", (sponsor["id"],))
    stands = told(await world.client("prosper").get(f"/v1/sponsors/{sponsor['id']}"))
    assert stands["former_spokespersons"] == sponsor["former_spokespersons"]
