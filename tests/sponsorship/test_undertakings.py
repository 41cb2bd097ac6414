"""An undertaking from draft to CSQ: each step when it may be taken, by whoever takes it, and never twice."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import psycopg
import pytest

from casework.kernel import clock
from casework.kernel.ids import new_id
from tests.sponsorship.steps import (
    MONTREAL,
    RIMOUSKI,
    a_draw,
    a_sponsor,
    accepted,
    act,
    an_undertaking,
    day,
    drawn,
    if_match,
    long_in_office,
    read,
    step,
    submitted,
    told,
)

if TYPE_CHECKING:
    from tests.conftest import World

pytestmark = pytest.mark.anyio


async def test_the_spokesperson_prepares_and_submits_and_gets_a_receipt(world: World) -> None:
    draft = await an_undertaking(world)
    assert (draft["state"], draft["region_code"], draft["entry_id"]) == ("draft", "01", None)
    done = await submitted(world, draft)
    assert (done["state"], done["year"], done["regional"]) == ("submitted", clock.today().year, True)
    assert done["entry_id"] not in {None, done["id"]}
    assert done["waiting"] == {"since_submission_days": 0, "since_draw_days": None}


@pytest.mark.parametrize(("geo_code", "regional"), [(RIMOUSKI, True), (MONTREAL, False), ("75017", False)])
async def test_regional_is_outside_both_the_cmm_and_the_rmr(world: World, geo_code: str, regional: bool) -> None:
    """Saint-Jérôme is in the RMR and not in the CMM: a region's code alone could not have told (domain.md §4)."""
    assert (await an_undertaking(world, geo_code=geo_code))["regional"] is regional


async def test_a_place_that_nobody_knows_is_refused_by_name_of_its_field(world: World) -> None:
    sponsor = await a_sponsor(world)
    body = {"sponsor_id": sponsor["id"], "geo_code": "00000", "persons": 3}
    answer = await world.client("sidonie").post("/v1/undertakings", json=body)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/geo_code")


async def test_both_clocks_run_from_their_own_day(world: World) -> None:
    with clock.frozen(datetime(2026, 3, 2, 15, tzinfo=UTC)):
        waits = await submitted(world, await an_undertaking(world))
    with clock.frozen(datetime(2026, 3, 12, 15, tzinfo=UTC)):
        draw = await act(world, await a_draw(world, year=2026), "freeze")
        await act(world, draw, "run")
    with clock.frozen(datetime(2026, 3, 30, 15, tzinfo=UTC)):
        waits = await read(world, waits)
    assert waits["waiting"] == {"since_submission_days": 28, "since_draw_days": 18}


async def test_nothing_is_received_while_the_intake_is_suspended(world: World) -> None:
    long_in_office(world)
    with clock.frozen(datetime(2025, 2, 3, 15, tzinfo=UTC)):
        draft = await an_undertaking(world)
        answer = await world.client("sidonie").post(f"/v1/undertakings/{draft['id']}/submit", headers=if_match(draft))
    assert answer.json()["type"].endswith("/intake-suspended")
    assert answer.json()["reopens_on"] == "2025-07-01"
    assert (await submitted(world, draft))["state"] == "submitted"


async def test_from_the_draw_to_the_csq(world: World) -> None:
    undertaking = await drawn(world, await submitted(world, await an_undertaking(world)))
    assert undertaking["state"] == "drawn"
    undertaking = await step(world, await accepted(world, undertaking), "csq_issued")
    assert (undertaking["accepted_on"], undertaking["csq_issued_on"]) == (day(), day())
    history = told(await world.client("sidonie").get(f"/v1/undertakings/{undertaking['id']}/history"))["events"]
    assert [event["state"] for event in history] == [
        "draft", "submitted", "drawn", "under_review", "accepted", "csq_issued",
    ]  # fmt: skip


async def test_no_step_is_skipped_and_none_is_the_spokesperson_s(world: World) -> None:
    undertaking = await submitted(world, await an_undertaking(world))
    path, accept = f"/v1/undertakings/{undertaking['id']}/steps", {"to": "accepted", "occurred_on": day()}
    early = await world.client("prosper").post(path, json=accept, headers=if_match(undertaking))
    assert (early.status_code, early.json()["undertaking_state"]) == (409, "submitted")
    assert (await world.client("sidonie").post(path, json=accept, headers=if_match(undertaking))).status_code == 403
    by_draw = await world.client("prosper").post(
        path, json={"to": "drawn", "occurred_on": day()}, headers=if_match(undertaking)
    )
    assert by_draw.json()["errors"][0]["code"] == "decidable"


async def test_a_step_before_the_one_it_follows_is_refused(world: World) -> None:
    undertaking = await accepted(world, await drawn(world, await submitted(world, await an_undertaking(world))))
    path, body = f"/v1/undertakings/{undertaking['id']}/steps", {"to": "csq_issued", "occurred_on": day(1)}
    answer = await world.client("prosper").post(path, json=body, headers=if_match(undertaking))
    assert answer.json()["errors"][0]["code"] == "date_out_of_order"
    tomorrow = (clock.today() + timedelta(days=1)).isoformat()
    late = await world.client("prosper").post(
        path, json={**body, "occurred_on": tomorrow}, headers=if_match(undertaking)
    )
    assert late.json()["errors"][0]["code"] == "date_in_future"


async def test_a_refusal_needs_a_reason_and_an_acceptance_takes_none(world: World) -> None:
    undertaking = await step(
        world, await drawn(world, await submitted(world, await an_undertaking(world))), "under_review"
    )
    path = f"/v1/undertakings/{undertaking['id']}/steps"
    for body in ({"to": "refused"}, {"to": "accepted", "reason": "means"}):
        answer = await world.client("prosper").post(
            path, json={**body, "occurred_on": day()}, headers=if_match(undertaking)
        )
        assert answer.json()["errors"][0]["code"] == "reason", body
    assert (await step(world, undertaking, "refused", reason="means"))["end_reason"] == "means"


async def test_giving_up_is_the_spokesperson_s_until_the_arrival(world: World) -> None:
    undertaking = await submitted(world, await an_undertaking(world))
    path, body = f"/v1/undertakings/{undertaking['id']}/cancel", {"occurred_on": day(), "reason": "withdrawn"}
    stale = await world.client("sidonie").post(path, json=body, headers={"If-Match": '"1"'})
    assert stale.status_code == 412
    gone = told(await world.client("sidonie").post(path, json=body, headers=if_match(undertaking)))
    assert (gone["state"], gone["ended_on"]) == ("cancelled", day())
    again = await world.client("sidonie").post(path, json=body, headers=if_match(gone))
    assert again.status_code == 409


async def test_a_spokesperson_decides_nothing_even_with_sql_of_their_own(world: World) -> None:
    """The trigger asks whom the transaction's context was signed for, whatever statement it is."""
    from casework.kernel.database import Context

    undertaking = await drawn(world, await submitted(world, await an_undertaking(world)))
    context = Context("sponsor_spokesperson", world.key("sidonie"), world.key("sidonie/grant"))
    for to in ("under_review", "accepted", "submitted"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            async with world.app.state.database.transaction(context) as session:
                await session.rows("UPDATE undertakings SET state = %s WHERE id = %s", (to, undertaking["id"]))


async def test_the_region_of_destination_and_the_ministry_see_it_and_others_do_not(world: World) -> None:
    undertaking = await an_undertaking(world)
    path = f"/v1/undertakings/{undertaking['id']}"
    seen = {who: (await world.client(who).get(path)).status_code for who in ("coralie", "edmee", "camille", "pelagie")}
    assert seen == {"coralie": 200, "edmee": 404, "camille": 200, "pelagie": 403}
    listed = told(await world.client("coralie").get("/v1/undertakings?state=draft&region=01"))["items"]
    assert [one["id"] for one in listed] == [undertaking["id"]]
    nobody = await world.client("coralie").get(f"/v1/undertakings/{new_id()}")
    assert nobody.content == (await world.client("edmee").get(path)).content
