"""A household that lives in one region asks to move to another, and its history goes with it."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from casework.kernel import clock
from casework.placement.expiry import expire_due
from tests.builders import adults_of
from tests.placement.households import (
    ABSENT,
    MATANE,
    RIMOUSKI,
    a_couple_with_a_child,
    answering,
    counted,
    left_alone,
    let_time_pass,
    offering,
    problem,
)
from tests.placement.moving import (
    SHERBROOKE,
    all_say_yes,
    moved,
    moving,
    proposed,
    proposing,
    settled,
    stands,
    step,
    today,
)

if TYPE_CHECKING:
    from tests.conftest import World

pytestmark = pytest.mark.anyio


async def arrived_anew(world: World, transfer: dict[str, Any]) -> dict[str, Any]:
    """From the last adult's yes to the arrival in Sherbrooke; the new assignment."""
    transfer = await moved(world, "raoul", transfer, "accept")
    transfer = await moved(world, "camille", transfer, "depart", occurred_on=today())
    assignment = (await world.client("raoul").get(f"/v1/assignments/{transfer['assignment_id']}")).json()
    return await step(world, "raoul", assignment, "arrive", occurred_on=today())


async def test_a_household_moves_to_another_region_and_its_history_stays(world: World) -> None:
    case, before = await settled(world)
    transfer = await proposed(world, case)
    assert (transfer["status"], transfer["reason_label"]) == ("proposed", "Rejoindre la famille")
    assert (transfer["from_region_code"], transfer["to_region_code"]) == ("01", "05")
    assert (counted(world), counted(world, SHERBROOKE)) == ((0, 3), (3, 0))
    transfer = await all_say_yes(world, case, transfer)
    assert (transfer["status"], transfer["offer"]["status"]) == ("proposed", "accepted")
    # The household lives where it lived, and its places there are its own, until it leaves.
    assert (counted(world), counted(world, SHERBROOKE)) == ((0, 3), (0, 3))
    after = await arrived_anew(world, transfer)
    assert (after["status"], after["offer_id"]) == ("arrived", transfer["offer_id"])
    assert (counted(world), counted(world, SHERBROOKE)) == ((0, 0), (0, 3))
    assert (await stands(world, transfer))["status"] == "carried_out"
    old = (await world.client("camille").get(f"/v1/assignments/{before['id']}")).json()
    assert (old["status"], old["end_code"], old["arrived_on"]) == ("ended", "transferred", before["arrived_on"])
    seen = (await world.client("edmee").get(f"/v1/cases/{case['id']}")).json()
    assert seen["region_code"] == "05"
    assert (await world.client("pelagie").get(f"/v1/cases/{case['id']}")).status_code == 404
    assert (await world.client("coralie").get(f"/v1/cases/{case['id']}")).status_code == 404
    events = (await world.client("camille").get(f"/v1/cases/{case['id']}/timeline?limit=200")).json()["items"]
    kinds = {event["kind"] for event in events}
    assert {"transfer_proposed", "transfer_answered", "transfer_closed", "assignment_ended"} <= kinds
    assert [event["kind"] for event in events].count("arrived") == 2


async def test_due_dates_keep_what_they_are_counted_from(world: World) -> None:
    """The first arrival stays the anchor of whatever is counted from the arrival, retention included."""
    case, _ = await settled(world)
    first = clock.today() - timedelta(days=20)
    with world.owner() as connection:
        connection.execute("UPDATE assignments SET departed_on = %s WHERE case_id = %s", (first, case["id"]))
        connection.execute("UPDATE assignments SET arrived_on = %s WHERE case_id = %s", (first, case["id"]))
    await world.client("octave").post("/v1/milestone-recomputations")
    expected = await due(world, case)
    assert expected["RETENTION_30"] == (first + timedelta(days=30)).isoformat()
    await arrived_anew(world, await all_say_yes(world, case, await proposed(world, case)))
    assert await due(world, case) == expected
    read = (await world.client("camille").get(f"/v1/cases/{case['id']}")).json()
    assert read["arrived_on"] == first.isoformat()


async def due(world: World, case: dict[str, Any]) -> dict[str, Any]:
    with world.owner() as connection:
        query = (
            "SELECT code, min(due_on) FROM milestone_expectations WHERE case_id = %s AND anchor = 'arrival' GROUP BY 1"
        )
        return {code: day.isoformat() for code, day in connection.execute(query, (case["id"],)).fetchall()}


async def test_both_authorities_are_to_be_told_of_the_move_as_of_the_first_one(world: World) -> None:
    case, _ = await settled(world)
    path = f"/v1/cases/{case['id']}/address-notices"
    assert len((await world.client("camille").get(path)).json()["items"]) == 2
    await arrived_anew(world, await all_say_yes(world, case, await proposed(world, case)))
    notices = (await world.client("raoul").get(path)).json()["items"]
    assert [one["authority"] for one in notices].count("irb") == 2
    assert [one["authority"] for one in notices].count("ircc_cbsa") == 2
    assert {one["due_on"] for one in notices} == {(clock.today() + timedelta(days=3)).isoformat()}


async def test_a_pending_hearing_is_seen_before_the_move(world: World) -> None:
    day = (clock.today() + timedelta(days=40)).isoformat()
    told = {"status": "hearing_scheduled", "occurred_on": today(), "hearing_on": day, "hearing_place": "montreal"}
    case, _ = await settled(world, claim_statuses=[{**told, "source": "Avis."}])
    transfer = await proposed(world, case)
    assert {one["hearing_on"] for one in transfer["offer"]["hearings_pending"]} == {day}
    # A host never reads the claim, nor why a person decided.
    assert {"hearings_pending", "reason"}.isdisjoint((await stands(world, transfer, "raoul"))["offer"])


async def test_one_adult_s_no_leaves_everybody_where_they_live(world: World) -> None:
    case, assignment = await settled(world)
    transfer = await proposed(world, case)
    orsane, tilvar = adults_of(case)
    offer = (await answering(world, transfer["offer"], orsane)).json()
    said = await answering(world, offer, tilvar, "decline", reason_code="school")
    assert said.status_code == 200
    transfer = await stands(world, transfer)
    assert (transfer["status"], transfer["offer"]["answers"][1]["reason_code"]) == ("declined", "school")
    assert (counted(world), counted(world, SHERBROOKE)) == ((0, 3), (0, 0))
    assert (await world.client("pelagie").get(f"/v1/assignments/{assignment['id']}")).json()["status"] == "arrived"
    assert (await world.client("raoul").get(f"/v1/cases/{case['id']}")).status_code == 404
    # A no has no consequence: the household may be asked again.
    assert (await proposed(world, case, MATANE, reason_code="employment"))["status"] == "proposed"


async def test_silence_is_not_a_yes(world: World) -> None:
    case, _ = await settled(world)
    transfer = await proposed(world, case)
    let_time_pass(world)
    await expire_due(world.app.state.database)
    assert (await stands(world, transfer))["status"] == "expired"
    assert (counted(world), counted(world, SHERBROOKE)) == ((0, 3), (0, 0))


async def test_the_organization_answers_after_the_adults_and_refuses_whenever(world: World) -> None:
    case, _ = await settled(world)
    transfer = await proposed(world, case)
    assert problem(await moving(world, "raoul", transfer, "accept")) == (409, "household-not-answered")
    assert (await moving(world, "pelagie", transfer, "refuse", reason_code="no_staff")).status_code == 404
    refused = await moved(world, "raoul", transfer, "refuse", reason_code="housing_fell_through")
    assert (refused["status"], refused["refusal_code"]) == ("refused", "housing_fell_through")
    assert (counted(world), counted(world, SHERBROOKE)) == ((0, 3), (0, 0))
    assert (await world.client("raoul").get(f"/v1/transfers/{transfer['id']}")).status_code == 404
    assert (await stands(world, transfer))["offer"]["status"] == "withdrawn"
    again = await moving(world, "camille", refused, "withdraw", reason_code="mistaken", reason="Erreur.")
    assert problem(again) == (409, "transfer-not-possible")


async def test_a_refusal_after_every_yes_gives_the_places_back(world: World) -> None:
    case, _ = await settled(world)
    transfer = await all_say_yes(world, case, await proposed(world, case))
    await moved(world, "raoul", transfer, "refuse", reason_code="no_staff")
    assert (counted(world), counted(world, SHERBROOKE)) == ((0, 3), (0, 0))
    assert (await world.client("edmee").get(f"/v1/cases/{case['id']}")).status_code == 404


async def test_the_host_to_be_sees_the_household_however_long_it_takes_to_answer(world: World) -> None:
    """An offer's view ends with its hours; once every adult has said yes, it lasts until the word or the withdrawal."""
    case, _ = await settled(world)
    transfer = await all_say_yes(world, case, await proposed(world, case, expires_in_hours=1))
    let_time_pass(world)
    with world.owner() as connection:
        query = "SELECT count(*) FROM case_grants WHERE source_id = %s AND ended_at IS NULL AND valid_until > now() + interval '9 days'"
        assert connection.execute(query, (transfer["offer_id"],)).fetchone() == (2,)
    assert (await moved(world, "raoul", transfer, "accept"))["status"] == "accepted"


async def test_it_may_be_withdrawn_until_the_departure(world: World) -> None:
    case, _ = await settled(world)
    transfer = await all_say_yes(world, case, await proposed(world, case))
    transfer = await moved(world, "raoul", transfer, "accept")
    told = {"reason_code": "household_changed_its_mind", "reason": "L'école plaît aux enfants."}
    withdrawn = await moved(world, "camille", transfer, "withdraw", **told)
    assert (withdrawn["status"], withdrawn["offer"]["withdraw_reason"]) == ("withdrawn", told["reason"])
    assert (counted(world), counted(world, SHERBROOKE)) == ((0, 3), (0, 0))
    assert (await world.client("raoul").get(f"/v1/cases/{case['id']}")).status_code == 404
    late = await moving(world, "camille", withdrawn, "depart", occurred_on=today())
    assert (problem(late), late.json()["transfer_status"]) == ((409, "transfer-not-possible"), "withdrawn")


async def test_a_return_on_the_way_is_a_neutral_event(world: World) -> None:
    case, _ = await settled(world)
    transfer = await moved(world, "raoul", await all_say_yes(world, case, await proposed(world, case)), "accept")
    transfer = await moved(world, "camille", transfer, "depart", occurred_on=today())
    assert counted(world) == (0, 0)
    assignment = (await world.client("camille").get(f"/v1/assignments/{transfer['assignment_id']}")).json()
    told = {"occurred_on": today(), "cause": "returned_to_previous_region", "reason": "Le logement n'était pas prêt."}
    ended = await step(world, "camille", assignment, "end", **told)
    assert ended["end_code"] == "returned_to_previous_region"
    assert (await stands(world, transfer))["status"] == "interrupted"
    assert (counted(world), counted(world, SHERBROOKE)) == ((0, 0), (0, 0))
    # It is free to be offered the place where it lived.
    assert (await offering(world, case)).status_code == 201


async def test_who_has_no_host_gets_an_offer_and_nobody_moves_to_where_they_are(world: World) -> None:
    waiting = await a_couple_with_a_child(world)
    assert problem(await proposing(world, waiting)) == (409, "case-not-assigned")
    case, _ = await settled(world)
    assert problem(await proposing(world, case, RIMOUSKI)) == (409, "transfer-to-same-place")
    assert (await proposing(world, case, capacity_id=ABSENT)).status_code == 404
    assert (await proposing(world, {"id": ABSENT})).status_code == 404
    assert (await proposing(world, case, reason_code="because")).status_code == 422


async def test_a_household_assigned_but_not_yet_there_may_be_asked_elsewhere(world: World) -> None:
    case, before = await settled(world, until="acknowledge")
    transfer = await all_say_yes(world, case, await proposed(world, case))
    assert (await arrived_anew(world, transfer))["status"] == "arrived"
    old = (await world.client("camille").get(f"/v1/assignments/{before['id']}")).json()
    assert (old["end_code"], old["arrived_on"]) == ("transferred", None)


async def test_a_transfer_is_one_at_a_time_and_a_case_is_not_closed_under_it(world: World) -> None:
    case, _ = await settled(world)
    transfer = await proposed(world, case)
    assert problem(await proposing(world, case, MATANE)) == (409, "transfer-already-open")
    await all_say_yes(world, case, transfer)
    assert problem(await proposing(world, case, MATANE)) == (409, "transfer-already-open")
    camille = world.client("camille")
    tag = {"If-Match": (await camille.get(f"/v1/cases/{case['id']}")).headers["etag"]}
    closed = await camille.post(f"/v1/cases/{case['id']}/close", json={"reason": "Parti."}, headers=tag)
    assert problem(closed) == (409, "case-still-placed")


async def test_a_consent_taken_back_or_an_agreement_ended_stops_the_departure(world: World) -> None:
    case, _ = await settled(world)
    transfer = await moved(world, "raoul", await all_say_yes(world, case, await proposed(world, case)), "accept")
    with world.owner() as connection:
        connection.execute(
            "UPDATE agreements SET ended_at = now() WHERE id = %s", (world.key("racines-d-estrie/agreement"),)
        )
    assert problem(await moving(world, "camille", transfer, "depart", occurred_on=today())) == (409, "agreement-ended")
    with world.owner() as connection:
        connection.execute("UPDATE agreements SET ended_at = NULL")
        connection.execute("UPDATE consents SET given = false WHERE person_id = %s", (adults_of(case)[0],))
    stopped = await moving(world, "camille", transfer, "depart", occurred_on=today())
    assert problem(stopped) == (409, "consent-no-longer-stands")
    assert (counted(world), counted(world, SHERBROOKE)) == ((0, 3), (0, 3))


async def test_a_date_before_the_arrival_is_no_departure(world: World) -> None:
    case, _ = await settled(world)
    transfer = await moved(world, "raoul", await all_say_yes(world, case, await proposed(world, case)), "accept")
    for days in (-1, 1):
        day = (clock.today() + timedelta(days=days)).isoformat()
        assert (await moving(world, "camille", transfer, "depart", occurred_on=day)).status_code == 422


async def test_the_last_places_go_to_one_of_two_who_move_at_once(world: World) -> None:
    left_alone(world, 4, SHERBROOKE)
    cases = [(await settled(world))[0] for _ in range(2)]
    answers = await asyncio.gather(*(proposing(world, case) for case in cases))
    assert sorted(answer.status_code for answer in answers) == [201, 409]
    assert {problem(answer)[1] for answer in answers if answer.status_code == 409} == {"not-enough-places"}
    assert counted(world, SHERBROOKE) == (3, 0)


async def test_two_propose_for_one_household_at_once(world: World) -> None:
    case, _ = await settled(world)
    answers = await asyncio.gather(*(proposing(world, case, at) for at in (SHERBROOKE, MATANE, SHERBROOKE, MATANE)))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]
    assert sum(counted(world, SHERBROOKE) + counted(world, MATANE)) == 3


@pytest.mark.parametrize("attempt", range(4))
async def test_withdrawn_refused_and_answered_at_the_same_time(world: World, attempt: int) -> None:
    """Whoever comes first is right, the others are told so, and no place is given back twice or lost."""
    del attempt
    case, _ = await settled(world)
    transfer = await proposed(world, case)
    orsane, tilvar = adults_of(case)
    offer = (await answering(world, transfer["offer"], orsane)).json()
    answers = await asyncio.gather(
        moving(world, "camille", transfer, "withdraw", reason_code="place_lost", reason="Bail perdu."),
        moving(world, "raoul", transfer, "refuse", reason_code="no_staff"),
        answering(world, offer, tilvar, "decline", reason_code="distance"),
    )
    assert [answer.status_code for answer in answers].count(200) == 1
    assert {answer.status_code for answer in answers} <= {200, 404, 409, 412}
    assert (counted(world), counted(world, SHERBROOKE)) == ((0, 3), (0, 0))
    assert (await stands(world, transfer))["status"] in {"withdrawn", "refused", "declined"}


async def test_withdrawn_while_the_household_leaves(world: World) -> None:
    case, _ = await settled(world)
    transfer = await moved(world, "raoul", await all_say_yes(world, case, await proposed(world, case)), "accept")
    left, withdrawn = await asyncio.gather(
        moving(world, "camille", transfer, "depart", occurred_on=today()),
        moving(world, "camille", transfer, "withdraw", reason_code="other", reason="Autre."),
    )
    assert sorted((left.status_code, withdrawn.status_code)) == [200, 409]
    places = ((0, 0), (0, 3)) if left.status_code == 200 else ((0, 3), (0, 0))
    assert (counted(world), counted(world, SHERBROOKE)) == places


async def test_who_does_not_see_the_case_sees_no_transfer_of_it(world: World) -> None:
    case, _ = await settled(world)
    transfer = await proposed(world, case)
    for by in ("ines", "pelagie", "sylvain"):
        assert (await world.client(by).get(f"/v1/transfers/{transfer['id']}")).status_code in {403, 404}
    assert [
        one["id"] for one in (await world.client("raoul").get("/v1/transfers?status=proposed")).json()["items"]
    ] == [transfer["id"]]
    listed = await world.client("edmee").get(f"/v1/transfers?case_id={case['id']}", headers={"Accept-Language": "en"})
    assert [one["reason_label"] for one in listed.json()["items"]] == ["To join family"]
