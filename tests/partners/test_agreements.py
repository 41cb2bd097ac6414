"""Who receives people, where, in which languages, and under which agreement; what happens when one ends."""

from __future__ import annotations

import json
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from casework.kernel import clock
from tests.builders import a_case, accepted, an_offer
from tests.partners.steps import terms

if TYPE_CHECKING:
    import httpx

    from tests.conftest import World

pytestmark = pytest.mark.anyio
ABSENT = "01890000-0000-7000-8000-000000000000"
PATCH = "application/merge-patch+json"
PHARE = "le-phare/agreement"


def an_organization(**changes: Any) -> dict[str, Any]:
    told = {
        "name": "Havre de Matane",
        "kind": "obnl",
        "region_code": "01",
        "languages": ["fr", "es"],
        "services": ["francization"],
    }
    return {**told, **changes}


async def made(world: World, path: str, body: dict[str, Any], by: str = "prosper") -> dict[str, Any]:
    answer = await world.client(by).post(path, json=body)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def acting(
    world: World, path: str, body: dict[str, Any], version: int = 1, by: str = "prosper", method: str = "POST"
) -> httpx.Response:
    headers = {"If-Match": f'"{version}"', "Content-Type": PATCH if method == "PATCH" else "application/json"}
    return await world.client(by).request(method, path, content=json.dumps(body), headers=headers)


async def a_successor(world: World, total: int = 20) -> tuple[dict[str, Any], dict[str, Any]]:
    """Another organization of the region, its agreement in force and its places at Rimouski."""
    organization = await made(world, "/v1/organizations", an_organization())
    agreement = await made(world, "/v1/agreements", terms(organization["id"]))
    today = clock.today().isoformat()
    places = {
        "agreement_id": agreement["id"],
        "geo_code": "10043",
        "starts_on": today,
        "ends_on": agreement["ends_on"],
        "total": total,
    }
    return agreement, await made(world, "/v1/capacities", places, "coralie")


async def ended(world: World, successor: dict[str, Any] | None = None) -> dict[str, Any]:
    body = {"reason": "Fin de mandat.", **({"successor_id": successor["id"]} if successor else {})}
    answer = await acting(world, f"/v1/agreements/{world.key(PHARE)}/end", body)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def placed(world: World, size: int = 2, *steps: str) -> tuple[dict[str, Any], str]:
    case = await a_case(world, size=size, needs={}, preferences={})
    offer = await accepted(world, case, await an_offer(world, case))
    path, today = f"/v1/assignments/{offer['assignment_id']}", {"occurred_on": clock.today().isoformat()}
    for version, step in enumerate(steps, start=1):
        who, body = ("camille", today) if step == "depart" else ("pelagie", {} if step == "acknowledge" else today)
        answer = await acting(world, f"{path}/{step}", body, version, who)
        assert answer.status_code == 200, answer.text
    return case, offer["assignment_id"]


# Organizations and sites


async def test_an_organization_is_entered_and_changed_and_placement_follows(world: World) -> None:
    organization = await made(world, "/v1/organizations", an_organization(), "coralie")
    path = f"/v1/organizations/{organization['id']}"
    changed = await acting(world, path, {"languages": ["fr", "sw"]}, by="coralie", method="PATCH")
    assert (changed.status_code, changed.json()["languages"], changed.json()["services"]) == (
        200,
        ["fr", "sw"],
        ["francization"],
    )
    assert (await acting(world, path, {"name": "X"}, 1, "coralie", "PATCH")).status_code == 412
    assert (await acting(world, path, {"name": "X"}, 2, "edmee", "PATCH")).status_code == 404
    assert (await acting(world, path, {"name": "X"}, 2, "pelagie", "PATCH")).status_code == 403
    assert (await world.client("pelagie").get(path)).status_code == 404


@pytest.mark.parametrize(
    "changes", [{"kind": "army"}, {"languages": ["français"]}, {"region_code": "18"}, {"name": " "}, {"extra": 1}]
)
async def test_an_organization_without_sense_is_refused(world: World, changes: dict[str, Any]) -> None:
    answer = await world.client("prosper").post("/v1/organizations", json=an_organization(**changes))
    assert answer.status_code == 422, answer.text


async def test_a_site_has_its_own_languages_and_is_closed_on_a_date(world: World) -> None:
    path = f"/v1/organizations/{world.key('le-phare')}/sites"
    body = {
        "name": "Point de service de Matane",
        "geo_code": "10043",
        "languages": ["fr"],
        "services": [],
        "opened_on": "2025-02-01",
    }
    site = await made(world, path, body, "coralie")
    assert site["region_code"] == "01"
    early = await acting(world, f"/v1/sites/{site['id']}/close", {"closed_on": "2025-01-31"}, by="coralie")
    assert early.status_code == 422
    closed = await acting(world, f"/v1/sites/{site['id']}/close", {"closed_on": "2025-06-30"}, by="coralie")
    assert (closed.status_code, closed.json()["closed_on"]) == (200, "2025-06-30")
    again = await acting(world, f"/v1/sites/{site['id']}/close", {"closed_on": "2025-07-01"}, 2, "coralie")
    assert again.json()["type"] == "/v1/problems/site-already-closed"
    assert [one["id"] for one in (await world.client("pelagie").get(path)).json()["items"]] == [site["id"]]
    assert (await world.client("raoul").get(path)).status_code == 404
    nowhere = await world.client("coralie").post(path, json={**body, "geo_code": "99999"})
    assert nowhere.status_code == 404


# Agreements


async def test_an_agreement_keeps_each_of_its_terms(world: World) -> None:
    agreement = await made(world, "/v1/agreements", terms(str(world.key("le-phare"))))
    path = f"/v1/agreements/{agreement['id']}"
    amended = await acting(world, path, {"volume": 90, "reason": "Budget réduit."}, method="PATCH")
    assert (amended.status_code, amended.json()["volume"], amended.json()["stream"]) == (200, 90, "4")
    assert (await acting(world, f"{path}/end", {"reason": "Fin."}, 2)).status_code == 200
    told = (await world.client("pelagie").get(f"{path}/changes")).json()["items"]
    assert [(one["act"], one["terms"]["volume"], one["reason"]) for one in told] == [
        ("ended", 90, "Fin."), ("amended", 90, "Budget réduit."), ("made", 200, "Appel de projets."),
    ]  # fmt: skip
    late = await acting(world, path, {"volume": 1, "reason": "Encore."}, 3, method="PATCH")
    assert late.json()["type"] == "/v1/problems/agreement-already-ended"
    assert (await acting(world, f"{path}/end", {"reason": "Encore."}, 3)).json()["type"] == late.json()["type"]


async def test_an_agreement_does_not_end_before_the_places_opened_under_it(world: World) -> None:
    path, today = f"/v1/agreements/{world.key(PHARE)}", clock.today()
    shorter = {"ends_on": today.isoformat(), "reason": "Plus court."}
    assert (await acting(world, path, shorter, method="PATCH")).json()["type"] == "/v1/problems/places-outside-terms"
    reversed_ = {"ends_on": "2001-01-01", "reason": "Plus court."}
    assert (await acting(world, path, reversed_, method="PATCH")).status_code == 422


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"ends_on": "2001-01-01"}, 422),
        ({"volume": -1}, 422),
        ({"programmes": []}, 422),
        ({"programmes": ["tourism"]}, 422),
        ({"funding": "gift"}, 422),
        ({"organization_id": ABSENT}, 404),
    ],
)
async def test_an_agreement_without_ground_is_refused(world: World, changes: dict[str, Any], status: int) -> None:
    answer = await world.client("prosper").post("/v1/agreements", json={**terms(str(world.key("le-phare"))), **changes})
    assert answer.status_code == status, answer.text


async def test_agreements_are_the_ministry_s_to_make(world: World) -> None:
    for who in ("coralie", "camille", "pelagie", "adele"):
        answer = await world.client(who).post("/v1/agreements", json=terms(str(world.key("le-phare"))))
        assert answer.status_code == 403, who


async def test_nobody_is_placed_outside_an_agreement_in_force(world: World) -> None:
    """Neither offered, nor assigned when the agreement ended between the offer and the last yes."""
    held = await a_case(world, size=1, needs={}, preferences={})
    offer = await an_offer(world, held)
    await ended(world)
    person = held["household"]["members"][0]["person_id"]
    said = {"person_id": person, "channel": "phone", "language": "fr"}
    late = await acting(world, f"/v1/offers/{offer['id']}/accept", said, by="camille")
    assert (late.status_code, late.json()["type"]) == (409, "/v1/problems/agreement-ended")
    case = await a_case(world, size=1, needs={}, preferences={})
    body = {"case_id": case["id"], "capacity_id": str(world.key("le-phare/10043")), "reason": "Place libre."}
    refused = await world.client("camille").post("/v1/offers", json=body)
    assert (refused.status_code, refused.json()["type"]) == (409, "/v1/problems/place-excluded")
    assert refused.json()["rules"] == ["no_agreement_in_force"]


# Hand-over


async def test_an_agreement_that_ends_stops_every_view_and_hands_its_households_over(world: World) -> None:
    case, assignment = await placed(world, 2, "acknowledge", "depart", "arrive")
    successor, places = await a_successor(world)
    handover = await ended(world, successor)
    assert (await world.client("pelagie").get(f"/v1/cases/{case['id']}")).status_code == 404
    waiting = await world.client("prosper").get("/v1/assignments", params={"agreement_id": handover["agreement_id"]})
    assert [one["id"] for one in waiting.json()["items"]] == [assignment]
    path = f"/v1/agreement-handovers/{handover['id']}"
    early = await acting(world, f"{path}/complete", {})
    assert (early.status_code, early.json()["waiting"]) == (409, 1)
    passed = await acting(world, f"{path}/assignments", {"assignment_id": assignment, "capacity_id": places["id"]})
    assert passed.status_code == 201, passed.text
    after, before = passed.json(), (await world.client("prosper").get(f"/v1/assignments/{assignment}")).json()
    # What was lived under the first agreement stays written, and goes on under the second.
    assert (before["status"], before["end_code"], before["arrived_on"]) == ("ended", "handed_over", after["arrived_on"])
    assert (after["status"], after["predecessor_id"], after["offer_id"]) == ("arrived", assignment, None)
    assert (after["organization_id"], after["agreement_id"]) == (successor["organization_id"], successor["id"])
    counted = [(await world.client("coralie").get(f"/v1/capacities/{one}")).json()["used"]
               for one in (world.key("le-phare/10043"), places["id"])]  # fmt: skip
    assert counted == [0, 2]
    assert (await acting(world, f"{path}/complete", {})).json()["status"] == "completed"


async def test_the_successor_answers_for_itself(world: World) -> None:
    """What the first organization had acknowledged is proposed to the second; its own people then see the case."""
    case, assignment = await placed(world, 1, "acknowledge")
    successor, places = await a_successor(world)
    handover = await ended(world, successor)
    body = {"assignment_id": assignment, "capacity_id": places["id"]}
    passed = await acting(world, f"/v1/agreement-handovers/{handover['id']}/assignments", body)
    assert passed.json()["status"] == "proposed"
    with world.owner() as owner:
        owner.execute(
            "UPDATE role_grants SET organization_id = %s WHERE user_id = %s",
            (successor["organization_id"], world.key("pelagie")),
        )
    world.app.state.authenticate.forget(world.key("pelagie"))
    seen = await world.client("pelagie").get(f"/v1/cases/{case['id']}")
    assert seen.status_code == 200
    answered = await acting(world, f"/v1/assignments/{passed.json()['id']}/acknowledge", {}, 1, "pelagie")
    assert (answered.status_code, answered.json()["status"]) == (200, "acknowledged")


async def test_a_hand_over_takes_only_its_own_households_to_places_that_stand(world: World) -> None:
    _, assignment = await placed(world, 3)
    successor, places = await a_successor(world, total=2)
    handover = await ended(world, successor)
    path = f"/v1/agreement-handovers/{handover['id']}/assignments"
    crowded = await acting(world, path, {"assignment_id": assignment, "capacity_id": places["id"]})
    assert (crowded.json()["type"], crowded.json()["places_left"]) == ("/v1/problems/not-enough-places", 2)
    for place in ("le-phare/12072", "racines-d-estrie/43027"):
        body = {"assignment_id": assignment, "capacity_id": str(world.key(place))}
        assert (await acting(world, path, body)).json()["type"] == "/v1/problems/successor-not-in-force", place
    other = await a_case(world, size=1, needs={}, preferences={})
    offer = await accepted(world, other, await an_offer(world, other, "racines-d-estrie/43027"))
    foreign = {"assignment_id": offer["assignment_id"], "capacity_id": places["id"]}
    assert (await acting(world, path, foreign)).json()["type"] == "/v1/problems/not-of-this-handover"
    # Nothing was half done.
    stands = (await world.client("prosper").get(f"/v1/assignments/{assignment}")).json()
    assert (stands["status"], stands["end_code"]) == ("proposed", None)
    assert (await world.client("coralie").get(f"/v1/capacities/{places['id']}")).json()["used"] == 0


async def test_a_successor_is_another_agreement_in_force_in_the_region(world: World) -> None:
    past = await made(
        world, "/v1/agreements",
        terms(str(world.key("le-phare")), starts_on="2020-01-01", ends_on=(clock.today() - timedelta(days=1)).isoformat()),
    )  # fmt: skip
    path = f"/v1/agreements/{world.key(PHARE)}/end"
    for successor in (past["id"], str(world.key(PHARE)), str(world.key("racines-d-estrie/agreement"))):
        answer = await acting(world, path, {"reason": "Fin.", "successor_id": successor})
        assert answer.json()["type"] == "/v1/problems/successor-not-in-force", answer.text
    assert (await acting(world, path, {"reason": "Fin.", "successor_id": ABSENT})).status_code == 404


async def test_the_reasons_of_an_agreement_stay_out_of_the_log(world: World) -> None:
    await acting(world, f"/v1/agreements/{world.key(PHARE)}/end", {"reason": "Canari : mésentente avec M. Ombreval."})
    with world.owner() as owner:
        bodies = [str(row[0]) for row in owner.execute("SELECT body FROM log_leaves").fetchall()]
    assert any("agreement.ended" in body for body in bodies)
    assert not any("Canari" in body for body in bodies)


async def test_a_stay_ends_with_a_neutral_cause(world: World) -> None:
    _, assignment = await placed(world, 1, "acknowledge", "depart", "arrive")
    body = {
        "occurred_on": clock.today().isoformat(),
        "cause": "returned_to_metropolis",
        "reason": "Retour auprès des siens.",
    }
    invented = await acting(world, f"/v1/assignments/{assignment}/end", {**body, "cause": "handed_over"}, 4, "camille")
    assert invented.status_code == 422
    told = await acting(world, f"/v1/assignments/{assignment}/end", body, 4, "camille")
    assert (told.status_code, told.json()["end_code"]) == (200, "returned_to_metropolis")
    assert date.fromisoformat(told.json()["ended_on"]) == clock.today()
