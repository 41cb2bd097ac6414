"""The claim of each person, told as it happens: added to, dated, sourced, never changed (domain.md §2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from casework.cases.claim import ALWAYS, FOLLOWS, NOT_PLACEABLE, Standing, may_follow, stops_placement
from casework.cases.lifecycle import ClaimStatus
from casework.kernel.ids import new_id
from tests.builders import a_case, accepted, an_offer
from tests.cases.claims import (
    a_claim_status,
    a_status,
    arrived,
    history,
    notices,
    on,
    stepped,
    telling,
    voiding,
)
from tests.placement.households import problem

if TYPE_CHECKING:
    from tests.conftest import World

pytestmark = pytest.mark.anyio


def standings(found: dict[str, Any]) -> list[str | None]:
    return [one["status"] for one in found["standing"]]


async def test_a_status_is_added_and_what_was_told_before_stays(world: World) -> None:
    case = await a_case(world, size=2)
    answer = await telling(world, case, a_status("referred", printed_due_on=on(15)))
    assert answer.status_code == 201, answer.text
    assert [one["printed_due_on"] for one in answer.json()["items"]] == [on(15)] * 2
    found = await history(world, case)
    assert [one["status"] for one in found["items"]] == ["referred", "referred", "acknowledged"]
    assert found["items"][0]["source"] == "Document vu."
    assert found["items"][0]["recorded_by"] == str(world.key("camille"))
    assert standings(found) == ["referred", "referred"]


async def test_what_is_printed_is_kept_and_nothing_is_computed_in_its_place(world: World) -> None:
    case = await a_case(world, size=1)
    entry = await a_claim_status(world, case)
    assert (entry["printed_due_on"], entry["hearing_on"], entry["hearing_place"]) == (None, None, None)


async def test_the_words_of_a_source_are_sealed(world: World) -> None:
    case = await a_case(world, size=1)
    entry = await a_claim_status(world, case, source="Lettre de la CISR 77-Velquindor")
    await voiding(world, entry)
    with world.owner() as connection:
        rows = connection.execute("SELECT sealed_source, sealed_void_reason FROM claim_statuses").fetchall()
    assert b"Velquindor" not in b"".join(bytes(value) for row in rows for value in row if value)
    assert (await history(world, case))["items"][0]["void"]["reason"] == "Erreur."


async def test_a_status_that_cannot_follow_is_refused_on_either_side_of_its_day(world: World) -> None:
    case = await a_case(world, size=1)
    await a_claim_status(world, case, **a_status("referred", -9))
    await a_claim_status(world, case, **a_status("accepted", -1))
    late = await telling(world, case, a_status("referred"))
    assert problem(late) == (409, "claim-status-cannot-follow")
    assert (late.json()["earlier"], late.json()["later"]) == ("accepted", "referred")
    between = await telling(world, case, a_status("withdrawn", -5))
    assert (between.json()["earlier"], between.json()["later"]) == ("withdrawn", "accepted")
    assert (await telling(world, case, a_status("hearing_scheduled", -5, hearing_on=on(-1)))).status_code == 201
    assert standings(await history(world, case)) == ["accepted"]


async def test_an_entry_made_by_mistake_is_voided_and_shown_as_such(world: World) -> None:
    case = await a_case(world, size=1)
    entry = await a_claim_status(world, case, **a_status("ineligible"))
    assert problem(await voiding(world, entry, tag='"7"')) == (412, "stale-version")
    voided = await voiding(world, entry)
    assert voided.json()["void"]["by"] == str(world.key("camille"))
    assert problem(await voiding(world, entry, tag='"2"')) == (409, "claim-status-already-voided")
    found = await history(world, case)
    assert standings(found) == ["acknowledged"]
    assert found["items"][0]["void"] is not None
    assert [one["status"] for one in (await world.client("camille").get(f"/v1/cases/{case['id']}")).json()["claim"]["statuses"]] == ["acknowledged"]  # fmt: skip


async def test_voiding_leaves_no_gap(world: World) -> None:
    case = await a_case(world, size=1)
    referred = await a_claim_status(world, case, **a_status("referred", -9))
    await a_claim_status(world, case, **a_status("rejected", -1))
    assert problem(await voiding(world, referred)) == (409, "claim-status-cannot-follow")


async def test_the_history_is_paged_and_complete(world: World) -> None:
    case = await a_case(world, size=2)
    for status in ("referred", "hearing_scheduled", "hearing_postponed", "hearing_scheduled"):
        assert (await telling(world, case, a_status(status))).status_code == 201
    whole = (await history(world, case))["items"]
    cursor, pages = None, []
    while True:
        page = await history(world, case, limit=2, **({"cursor": cursor} if cursor else {}))
        pages += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert pages == whole
    assert len(whole) == 9


async def test_a_closed_case_and_a_programme_without_claim_take_no_status(world: World) -> None:
    sponsored = await a_case(world, size=1, programme="collective_sponsorship")
    assert problem(await telling(world, sponsored, a_status())) == (409, "no-claim-here")
    case = await a_case(world, size=1)
    tag = {"If-Match": f'"{case["version"]}"'}
    await world.client("camille").post(f"/v1/cases/{case['id']}/close", json={"reason": "Parti."}, headers=tag)
    assert problem(await telling(world, case, a_status())) == (409, "case-already-closed")


async def test_a_hearing_day_belongs_to_a_hearing(world: World) -> None:
    case = await a_case(world, size=1)
    assert problem(await telling(world, case, a_status("referred", hearing_on=on(9)))) == (422, "invalid-content")
    assert problem(await telling(world, case, a_status("referred", 1))) == (422, "invalid-content")


async def test_at_intake_a_status_may_be_of_one_member_only(world: World) -> None:
    told = [{"status": "acknowledged", "occurred_on": on(-3), "source": "Vu.", "member": 0}]
    case = await a_case(world, size=2, claim_statuses=told)
    assert standings(await history(world, case)) == ["acknowledged", None]
    bad = [{**told[0], "member": 7}]
    body = {"programme": "asylum", "members": [{"relation": "principal", "name": {"full": "Orsane Velquindor"},
            "birth": {"value": "1988", "precision": "year"}}], "claim_statuses": bad}  # fmt: skip
    answer = await world.client("camille").post("/v1/cases", json=body)
    assert [fault["pointer"] for fault in answer.json()["errors"]] == ["/claim_statuses/0/member"]


async def test_a_pending_hearing_is_seen_in_the_recommendation_the_offer_and_at_departure(world: World) -> None:
    case = await a_case(world, size=1)
    await a_claim_status(world, case, **a_status("referred", -5))
    await a_claim_status(world, case, **a_status("hearing_scheduled", hearing_on=on(20), hearing_place="montreal"))
    recommended = await world.client("camille").post(f"/v1/cases/{case['id']}/recommendations")
    assert any("audience" in notice for notice in recommended.json()["notices"])
    offer = await an_offer(world, case)
    [member] = case["household"]["members"]
    pending = [{"person_id": member["person_id"], "hearing_on": on(20), "hearing_place": "montreal"}]
    assert offer["hearings_pending"] == pending
    taken = await accepted(world, case, offer)
    await stepped(world, taken["assignment_id"], "pelagie", "acknowledge")
    left = await stepped(world, taken["assignment_id"], "camille", "depart", {"occurred_on": on()})
    assert left["hearings_pending"] == pending
    for host in ("pelagie",):
        seen = (await world.client(host).get(f"/v1/offers/{offer['id']}")).json()
        assert "hearings_pending" not in seen


async def test_a_hearing_of_the_past_is_pending_no_more(world: World) -> None:
    case = await a_case(world, size=1)
    await a_claim_status(world, case, **a_status("referred", -30))
    await a_claim_status(world, case, **a_status("hearing_scheduled", -20, hearing_on=on(-1)))
    assert (await an_offer(world, case))["hearings_pending"] == []


async def test_a_move_raises_the_duty_to_tell_both_authorities_and_each_is_ticked_apart(world: World) -> None:
    case = await a_case(world, size=1)
    assert await notices(world, case) == []
    await arrived(world, await accepted(world, case, await an_offer(world, case)))
    found = await notices(world, case, "pelagie")
    assert {one["authority"] for one in found} == {"irb", "ircc_cbsa"}
    assert {(one["moved_on"], one["due_on"], one["notified_on"]) for one in found} == {(on(), on(3), None)}
    done = {"notified_on": on(), "receipt": "Accusé 12"}
    path = f"/v1/address-notices/{found[0]['id']}/done"
    told = await world.client("pelagie").post(path, json=done, headers={"If-Match": '"1"'})
    assert (told.status_code, told.json()["receipt"]) == (200, "Accusé 12"), told.text
    again = await world.client("camille").post(path, json=done, headers={"If-Match": '"2"'})
    assert problem(again) == (409, "address-notice-already-done")
    assert sorted(one["notified_on"] or "" for one in await notices(world, case)) == ["", on()]


async def test_a_sponsored_household_has_nobody_to_tell(world: World) -> None:
    case = await a_case(world, size=1, programme="collective_sponsorship")
    await arrived(world, await accepted(world, case, await an_offer(world, case)))
    assert await notices(world, case) == []


@pytest.mark.parametrize("gates", [True, False])
async def test_hosts_never_see_the_claim_and_regions_never_write_it(world: World, gates: bool) -> None:
    case = await a_case(world, size=1)
    await arrived(world, await accepted(world, case, await an_offer(world, case)))
    world.app.state.gates_enforced = gates
    for who in ("pelagie", "sidonie", "melchior", "aurele", "adele"):
        read = await world.client(who).get(f"/v1/cases/{case['id']}/claim-statuses")
        assert read.status_code == (403 if gates else 404), (who, read.text)
    for who in ("pelagie", "coralie", "aurele"):
        refused = await telling(world, case, a_status(), who)
        assert refused.status_code == (403 if gates else 404), (who, refused.text)
    assert len((await history(world, case))["items"]) == 1


# The rules alone

STATUSES = st.sampled_from(ClaimStatus)


@given(STATUSES, STATUSES)
def test_nothing_follows_a_death_and_anything_else_may_end_or_be_lost_sight_of(
    before: ClaimStatus, after: ClaimStatus
) -> None:
    assert may_follow(before, after) is (
        before is not ClaimStatus.deceased and (after in ALWAYS or after in FOLLOWS[before])
    )
    assert not may_follow(ClaimStatus.deceased, after)
    assert set(FOLLOWS) == set(ClaimStatus)


@given(st.lists(st.none() | STATUSES, max_size=8))
def test_a_household_is_placed_as_long_as_one_of_its_claims_lives(statuses: list[ClaimStatus | None]) -> None:
    stopped = stops_placement([Standing(new_id(), status, None, None, None) for status in statuses])
    alive = [status for status in statuses if status is not None and status not in NOT_PLACEABLE]
    assert (stopped is not None) is (any(statuses) and not alive)
