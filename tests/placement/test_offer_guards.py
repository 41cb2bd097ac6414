"""What may not happen to an offer: a rule stepped over, a place lost or sold twice, words or ids that leak."""

from __future__ import annotations

import asyncio
import json
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from casework.kernel import clock
from casework.placement.expiry import expire_due
from tests.builders import a_case, accepted, adults_of, an_offer
from tests.placement.households import (
    ABSENT,
    MATANE,
    QUEBEC,
    RIMOUSKI,
    a_consent,
    a_couple_with_a_child,
    answering,
    counted,
    left_alone,
    let_time_pass,
    offering,
    problem,
)

if TYPE_CHECKING:
    import httpx

    from tests.conftest import World

pytestmark = pytest.mark.anyio


def leaves_of(world: World) -> list[dict[str, Any]]:
    with world.owner() as connection:
        return [json.loads(str(row[0])) for row in connection.execute("SELECT body FROM log_leaves ORDER BY id")]


async def test_the_host_reads_the_offer_but_not_why_it_was_decided(world: World) -> None:
    offer = await an_offer(world, await a_couple_with_a_child(world))
    decider = (await world.client("camille").get(f"/v1/offers/{offer['id']}")).json()
    host = (await world.client("pelagie").get(f"/v1/offers/{offer['id']}")).json()
    assert decider["reason"] == "Premier choix du ménage."
    assert not {"reason", "withdraw_reason"} & set(host)


async def test_a_decision_without_a_reason_is_refused(world: World) -> None:
    answer = await offering(world, await a_couple_with_a_child(world), reason="   ")
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/reason")
    assert counted(world) == (0, 0)


@pytest.mark.parametrize("hours", [0, 337])
async def test_a_hold_lasts_between_an_hour_and_two_weeks(world: World, hours: int) -> None:
    answer = await offering(world, await a_couple_with_a_child(world), expires_in_hours=hours)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/expires_in_hours")


async def test_a_second_hold_goes_back_with_its_refused_offer(world: World) -> None:
    case = await a_couple_with_a_child(world)
    await an_offer(world, case)
    assert problem(await offering(world, case, QUEBEC)) == (409, "offer-already-open")
    assert (counted(world), counted(world, QUEBEC)) == ((3, 0), (0, 0))


async def test_two_offers_at_the_same_instant_make_one(world: World) -> None:
    case = await a_couple_with_a_child(world)
    both = await asyncio.gather(offering(world, case), offering(world, case, QUEBEC))
    assert sorted(answer.status_code for answer in both) == [201, 409]
    assert sum(counted(world)) + sum(counted(world, QUEBEC)) == 3


async def test_a_capacity_that_is_absent_or_not_of_today_is_not_offered(world: World) -> None:
    case = await a_couple_with_a_child(world)
    assert (await offering(world, case, capacity_id=ABSENT)).status_code == 404
    tomorrow = clock.today() + timedelta(days=1)
    with world.owner() as connection:
        connection.execute("UPDATE capacities SET starts_on = %s WHERE id = %s", (tomorrow, world.key(RIMOUSKI)))
    assert problem(await offering(world, case)) == (409, "capacity-out-of-period")


async def test_the_server_checks_the_rules_itself(world: World) -> None:
    """A caseworker who skips the recommendation meets the same rules."""
    refuses_rimouski = {"choices": [{"kind": "avoid", "code": "10043"}]}
    answer = await offering(world, await a_couple_with_a_child(world, preferences=refuses_rimouski))
    assert problem(answer) == (409, "place-excluded")
    assert answer.json()["rules"] == ["place_avoided"]
    assert counted(world) == (0, 0)


async def test_an_agreement_that_has_ended_is_offered_no_longer(world: World) -> None:
    with world.owner() as connection:
        connection.execute(
            "UPDATE agreements SET ended_at = now() - interval '2 days' WHERE id = %s",
            (world.key("le-phare/agreement"),),
        )
    answer = await offering(world, await a_couple_with_a_child(world))
    assert answer.json()["rules"] == ["no_agreement_in_force"]


async def test_silence_of_one_adult_is_not_a_yes(world: World) -> None:
    answer = await offering(world, await a_couple_with_a_child(world, consents=[a_consent(0)]))
    assert problem(answer) == (409, "case-not-placeable")
    assert answer.json()["rules"] == ["no_consent"]


async def test_a_consent_taken_back_or_run_out_is_none(world: World) -> None:
    today = clock.today()
    given_on = (today - timedelta(days=30)).isoformat()
    until = [
        a_consent(1, occurred_on=given_on, expires_on=(today - timedelta(days=days)).isoformat()) for days in (1, 0)
    ]
    run_out = await a_couple_with_a_child(world, consents=[a_consent(0), until[0]])
    assert problem(await offering(world, run_out)) == (409, "case-not-placeable")
    last_day = await a_couple_with_a_child(world, consents=[a_consent(0), until[1]])
    offer = (await offering(world, last_day)).json()
    tag = {"If-Match": f'"{offer["version"]}"'}
    path = f"/v1/offers/{offer['id']}/withdraw"
    assert (await world.client("camille").post(path, json={"reason": "Repris."}, headers=tag)).status_code == 200
    with world.owner() as connection:
        connection.execute("UPDATE consents SET withdrawn_at = now()")
    assert problem(await offering(world, last_day)) == (409, "case-not-placeable")


async def test_the_recommendation_cited_is_the_household_s_own(world: World) -> None:
    """Another household's recommendation is refused exactly like one that does not exist."""
    mine, other = await a_couple_with_a_child(world), await a_couple_with_a_child(world)
    camille = world.client("camille")
    of_other = (await camille.post(f"/v1/cases/{other['id']}/recommendations")).json()["id"]
    of_mine = (await camille.post(f"/v1/cases/{mine['id']}/recommendations")).json()["id"]
    foreign = await offering(world, mine, recommendation_id=of_other)
    absent = await offering(world, mine, recommendation_id=ABSENT)
    assert (foreign.status_code, foreign.json()) == (absent.status_code, absent.json()) == (404, absent.json())
    assert counted(world) == (0, 0)
    cited = await offering(world, mine, recommendation_id=of_mine)
    assert (cited.status_code, cited.json()["recommendation_id"]) == (201, of_mine)


async def test_one_no_keeps_the_other_s_answer_and_ends_the_hosts_view(world: World) -> None:
    case = await a_couple_with_a_child(world)
    orsane, tilvar = adults_of(case)
    offer = (await answering(world, await an_offer(world, case), orsane)).json()
    declined = (await answering(world, offer, tilvar, "decline", reason_code="family_elsewhere")).json()
    said = [(one["person_id"], one["answer"]) for one in declined["answers"]]
    assert (declined["status"], said) == ("declined", [(orsane, "accept"), (tilvar, "decline")])
    for host in ("pelagie", "coralie"):
        assert (await world.client(host).get(f"/v1/cases/{case['id']}")).status_code == 404
    assert (await offering(world, case, MATANE)).status_code == 201  # a no costs the household nothing


async def test_nobody_answers_for_another_household_or_twice(world: World) -> None:
    case = await a_couple_with_a_child(world)
    offer = await an_offer(world, case)
    stranger = adults_of(await a_case(world, size=1))[0]
    foreign, absent = await answering(world, offer, stranger), await answering(world, offer, ABSENT)
    assert (foreign.status_code, foreign.json()) == (absent.status_code, absent.json()) == (404, absent.json())
    offer = (await answering(world, offer, adults_of(case)[0])).json()
    again = await answering(world, offer, adults_of(case)[0], "decline", reason_code="other")
    assert problem(again) == (409, "already-answered")
    assert (await world.client("camille").get(f"/v1/offers/{offer['id']}")).json()["version"] == offer["version"]


async def test_an_answer_needs_the_version_that_was_read(world: World) -> None:
    case = await a_couple_with_a_child(world)
    offer = await an_offer(world, case)
    orsane, tilvar = adults_of(case)
    body = {"person_id": orsane, "channel": "phone", "language": "fr"}
    assert (await world.client("camille").post(f"/v1/offers/{offer['id']}/accept", json=body)).status_code == 428
    await answering(world, offer, orsane)
    assert problem(await answering(world, offer, tilvar)) == (412, "stale-version")


async def test_two_confirmations_at_once_make_one_assignment(world: World) -> None:
    case = await a_case(world, size=1)
    offer = await an_offer(world, case)
    [alone] = adults_of(case)
    both = await asyncio.gather(answering(world, offer, alone), answering(world, offer, alone))
    assert sorted(answer.status_code for answer in both) == [200, 409]
    assert counted(world) == (0, 1)
    with world.owner() as connection:
        assert connection.execute("SELECT count(*) FROM assignments").fetchone() == (1,)


async def test_an_expiry_is_on_record_as_the_server_s_own_hand(world: World) -> None:
    offer = await an_offer(world, await a_couple_with_a_child(world))
    let_time_pass(world)
    assert await expire_due(world.app.state.database) == 1
    with world.owner() as connection:
        rows = connection.execute("SELECT body FROM log_leaves WHERE body LIKE '%offer.expired%'").fetchall()
    [leaf] = [json.loads(str(row[0])) for row in rows]
    made = next(one for one in leaves_of(world) if one["type"] == "offer.made")
    assert (leaf["role"], leaf["facts"]["offer"]) == ("expiry", made["facts"]["offer"])
    assert offer["id"] not in json.dumps([leaf, made])


async def test_two_rounds_of_expiry_at_once_free_each_place_once(world: World) -> None:
    await an_offer(world, await a_couple_with_a_child(world))
    await an_offer(world, await a_couple_with_a_child(world))
    await accepted(world, case := await a_case(world, size=1), await an_offer(world, case))
    let_time_pass(world)
    rounds = await asyncio.gather(*(expire_due(world.app.state.database) for _ in range(4)))
    assert sum(rounds) == 2
    assert counted(world) == (0, 1)


async def test_a_lapsed_hold_bars_neither_the_place_nor_its_own_household(world: World) -> None:
    """Nobody waits for the background round: the next offer ends what stands in its way."""
    left_alone(world, 3)
    first, second = await a_couple_with_a_child(world), await a_couple_with_a_child(world)
    await an_offer(world, first)
    assert problem(await offering(world, second)) == (409, "not-enough-places")
    let_time_pass(world)
    assert (await offering(world, second)).status_code == 201
    let_time_pass(world)
    assert (await offering(world, second, QUEBEC)).status_code == 201  # its own lapsed hold was elsewhere
    assert (counted(world), counted(world, QUEBEC)) == ((0, 0), (3, 0))


async def test_the_words_of_a_decision_never_enter_the_log(world: World) -> None:
    case = await a_couple_with_a_child(world)
    offer = await an_offer(world, case, reason="Motif-canari : fuit sa belle-famille.")
    tag = {"If-Match": f'"{offer["version"]}"'}
    path, body = f"/v1/offers/{offer['id']}/withdraw", {"reason": "Retrait-canari."}
    taken_back = (await world.client("camille").post(path, json=body, headers=tag)).json()
    assert taken_back["withdraw_reason"] == "Retrait-canari."
    with world.owner() as connection:
        bodies = [str(row[0]) for row in connection.execute("SELECT body FROM log_leaves").fetchall()]
    leaves = [leaf for leaf in bodies if json.loads(leaf)["type"].startswith("offer.")]
    assert {json.loads(leaf)["type"] for leaf in leaves} == {"offer.made", "offer.withdrawn"}
    assert not any("canari" in leaf or case["id"] in leaf for leaf in leaves)


async def test_a_repeated_withdrawal_checks_the_access_again(world: World) -> None:
    """The stored first answer is sealed under the household's key: out of reach, it is not repeated."""
    case = await a_couple_with_a_child(world)
    offer = await an_offer(world, case)
    client = world.client("camille", **{"Idempotency-Key": "withdraw-0001", "If-Match": f'"{offer["version"]}"'})
    path, body = f"/v1/offers/{offer['id']}/withdraw", {"reason": "Retiré."}
    assert (await client.post(path, json=body)).status_code == 200
    assert (await client.post(path, json=body)).headers["idempotency-replayed"] == "true"
    with world.owner() as connection:
        connection.execute("UPDATE cases SET office_id = %s WHERE id = %s", (world.key("praida"), case["id"]))
    assert (await client.post(path, json=body)).status_code == 404


async def test_lists_are_cut_by_reach_status_and_case(world: World) -> None:
    first, second = await a_couple_with_a_child(world), await a_couple_with_a_child(world)
    here, there = await an_offer(world, first), await an_offer(world, second, QUEBEC)
    camille = world.client("camille")

    async def listed(client: httpx.AsyncClient, **asked: str) -> list[str]:
        answer = await client.get("/v1/offers", params=asked)
        assert answer.status_code == 200, answer.text
        return [offer["id"] for offer in answer.json()["items"]]

    assert await listed(camille) == [there["id"], here["id"]]
    assert await listed(camille, case_id=first["id"], status="held") == [here["id"]]
    assert await listed(camille, status="declined") == []
    assert await listed(world.client("pelagie")) == [here["id"]]
    page = (await camille.get("/v1/offers", params={"limit": "1"})).json()
    assert await listed(camille, limit="1", cursor=page["next_cursor"]) == [here["id"]]
    stolen = await world.client("basile").get("/v1/offers", params={"limit": "1", "cursor": page["next_cursor"]})
    assert stolen.status_code == 400


async def test_each_read_leaves_its_entry(world: World) -> None:
    case = await a_couple_with_a_child(world)
    offer = await an_offer(world, case)
    await world.client("coralie").get(f"/v1/offers/{offer['id']}")
    with world.owner() as connection:
        query = "SELECT role, case_ids::text[] FROM read_entries WHERE permission = 'offer:read'"
        assert connection.execute(query).fetchall() == [("coordinator", [case["id"]])]


async def test_hosts_see_an_assigned_case_through_the_agreement_s_last_day_in_quebec(world: World) -> None:
    last_day = date(clock.today().year + 1, 12, 31)
    await accepted(world, case := await a_case(world, size=1), await an_offer(world, case))
    with world.owner() as connection:
        rows = connection.execute("SELECT valid_until FROM case_grants WHERE source = 'assignment'").fetchall()
    midnight = f"{last_day + timedelta(days=1)}T00:00:00"
    assert [until.astimezone(clock.QUEBEC).isoformat()[:19] for (until,) in rows] == [midnight, midnight]
