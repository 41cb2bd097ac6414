"""A place is offered, held, answered by each adult, and never sold twice."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from casework.kernel import clock
from casework.placement.expiry import expire_due
from tests.builders import a_case, accepted, adults_of, an_offer

if TYPE_CHECKING:
    import httpx

    from tests.conftest import World

pytestmark = pytest.mark.anyio
PLACE = "le-phare/10043"


def counts(world: World, place: str = PLACE) -> tuple[int, int, int]:
    with world.owner() as connection:
        row = connection.execute(
            "SELECT total, held, used FROM capacities WHERE id = %s", (world.key(place),)
        ).fetchone()
    assert row is not None
    return row


def shrink(world: World, total: int, place: str = PLACE) -> None:
    with world.owner() as connection:
        connection.execute("UPDATE capacities SET total = %s WHERE id = %s", (total, world.key(place)))


async def offering(world: World, case: dict[str, Any], by: str = "camille", **more: Any) -> httpx.Response:
    body = {"case_id": case["id"], "capacity_id": str(world.key(PLACE)), "reason": "Premier choix.", **more}
    return await world.client(by).post("/v1/offers", json=body)


async def answering(world: World, offer: dict[str, Any], person: str, answer: str, **more: Any) -> httpx.Response:
    return await world.client("camille").post(
        f"/v1/offers/{offer['id']}/{answer}",
        json={"person_id": person, "channel": "in_person", "language": "fr", **more},
        headers={"If-Match": f'"{offer["version"]}"'},
    )


async def test_an_offer_holds_one_place_a_person(world: World) -> None:
    case = await a_case(world, size=3)
    offer = await an_offer(world, case)
    assert (offer["status"], offer["persons"]) == ("held", 3)
    assert counts(world)[1:] == (3, 0)


async def test_an_offer_beyond_capacity_says_how_many_places_are_left(world: World) -> None:
    shrink(world, 2)
    answer = await offering(world, await a_case(world, size=3))
    assert answer.status_code == 409
    assert (answer.json()["places_left"], answer.json()["places_needed"]) == (2, 3)
    assert counts(world)[1:] == (0, 0)


async def test_without_every_adults_consent_there_is_no_offer(world: World) -> None:
    answer = await offering(world, await a_case(world, size=2, consent=False))
    assert (answer.status_code, answer.json()["rules"]) == (409, ["no_consent"])


async def test_each_adult_answers_and_only_all_of_them_accept(world: World) -> None:
    case = await a_case(world, size=5)
    offer = await an_offer(world, case)
    first, *others = adults_of(case)
    child = next(m["person_id"] for m in case["household"]["members"] if not m["is_adult"])
    assert (await answering(world, offer, child, "accept")).status_code == 409
    current = (await answering(world, offer, first, "accept")).json()
    if others:
        assert current["status"] == "held"
        assert (await answering(world, current, first, "accept")).status_code == 409
    for person in others:
        current = (await answering(world, current, person, "accept")).json()
    assert current["status"] == "accepted"
    assert counts(world)[1:] == (0, 5)


async def test_one_decline_frees_the_places_and_keeps_the_reason(world: World) -> None:
    case = await a_case(world, size=2)
    offer = await an_offer(world, case)
    untyped = await answering(world, offer, adults_of(case)[0], "decline")
    assert untyped.status_code == 422
    declined = (await answering(world, offer, adults_of(case)[0], "decline", reason_code="health_care")).json()
    assert declined["status"] == "declined"
    assert declined["answers"][0]["reason_code"] == "health_care"
    assert counts(world)[1:] == (0, 0)
    assert (await an_offer(world, case))["status"] == "held"


async def test_a_second_offer_waits_for_the_first_answer(world: World) -> None:
    case = await a_case(world, size=1)
    offer = await an_offer(world, case)
    assert (await offering(world, case)).status_code == 409
    await accepted(world, case, offer)
    again = await offering(world, case)
    assert again.json()["type"].endswith("case-already-assigned")


async def test_a_hold_expires_by_itself_and_a_late_answer_is_refused(world: World) -> None:
    case = await a_case(world, size=2)
    with clock.frozen(clock.now() - timedelta(days=4)):
        offer = await an_offer(world, case)
    late = await answering(world, offer, adults_of(case)[0], "accept")
    assert (late.status_code, late.json()["offer_status"]) == (409, "expired")
    assert await expire_due(world.app.state.database) == 1
    assert await expire_due(world.app.state.database) == 0
    assert counts(world)[1:] == (0, 0)
    read = (await world.client("camille").get(f"/v1/offers/{offer['id']}")).json()
    assert read["status"] == "expired"


async def test_an_expired_hold_does_not_stand_in_the_way_of_the_next_household(world: World) -> None:
    shrink(world, 2)
    with clock.frozen(clock.now() - timedelta(days=4)):
        await an_offer(world, await a_case(world, size=2))
    assert (await offering(world, await a_case(world, size=2))).status_code == 201


async def test_an_offer_opens_the_case_to_the_organization_and_its_region_until_it_ends(world: World) -> None:
    case = await a_case(world, size=1)
    offer = await an_offer(world, case)
    for who in ("pelagie", "coralie"):
        assert (await world.client(who).get(f"/v1/cases/{case['id']}")).status_code == 200
    for who in ("raoul", "edmee"):
        assert (await world.client(who).get(f"/v1/cases/{case['id']}")).status_code == 404
    withdrawn = await world.client("camille").post(
        f"/v1/offers/{offer['id']}/withdraw",
        json={"reason": "Logement retiré."},
        headers={"If-Match": f'"{offer["version"]}"'},
    )
    assert withdrawn.json()["status"] == "withdrawn"
    for who in ("pelagie", "coralie"):
        assert (await world.client(who).get(f"/v1/cases/{case['id']}")).status_code == 404


async def test_a_caseworker_decides_for_own_cases_only(world: World) -> None:
    case = await a_case(world, by="camille", size=1)
    assert (await offering(world, case, by="basile")).status_code == 404
    assert (await offering(world, case, by="coralie")).status_code == 403


async def test_a_recommendation_ranks_explains_and_excludes(world: World) -> None:
    case = await a_case(world, size=4)
    client = world.client("camille")
    shown = (await client.post(f"/v1/cases/{case['id']}/recommendations")).json()
    assert shown["ranked"] or shown["excluded"]
    for place in shown["ranked"]:
        assert sum(part["points"] for part in place["contributions"]) == place["score"]
    assert [p["score"] for p in shown["ranked"]] == sorted((p["score"] for p in shown["ranked"]), reverse=True)
    assert all(place["rule"] and place["sentence"] for place in shown["excluded"])
    explained = (await client.get(f"/v1/recommendations/{shown['id']}/explanation")).json()
    assert explained["reproduced"] is True
    english = (await client.get(f"/v1/recommendations/{shown['id']}", headers={"Accept-Language": "en"})).json()
    assert english["sha256"] == shown["sha256"]
    assert english["ranked"][0]["contributions"][0]["sentence"] != shown["ranked"][0]["contributions"][0]["sentence"]
