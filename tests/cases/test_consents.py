"""An adult's word on a consent, as the staff writes it down: appended, dated, and never changed afterwards."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from casework.kernel import clock
from tests.builders import adults_of
from tests.placement.households import ABSENT, a_consent, a_couple_with_a_child, problem

if TYPE_CHECKING:
    import httpx

    from tests.conftest import World

pytestmark = pytest.mark.anyio


async def told(
    world: World, case: dict[str, Any], person_id: str, by: str = "camille", tag: str | None = None, **changes: Any
) -> httpx.Response:
    body = {**a_consent(0, **changes), "person_id": person_id}
    del body["member"]
    headers = {"If-Match": tag or f'"{case["version"]}"'}
    return await world.client(by).post(f"/v1/cases/{case['id']}/consents", json=body, headers=headers)


def written(world: World) -> list[tuple[Any, ...]]:
    with world.owner() as connection:
        return connection.execute("SELECT purpose, given FROM consents ORDER BY recorded_at, id").fetchall()


async def test_a_withdrawal_is_added_and_what_was_said_before_stays(world: World) -> None:
    case = await a_couple_with_a_child(world)
    answer = await told(world, case, adults_of(case)[0], given=False)
    assert answer.status_code == 201, answer.text
    assert (answer.json()["given"], answer.json()["purpose"]) == (False, "placement")
    assert answer.headers["etag"] == f'"{case["version"] + 1}-caseworker"'
    assert answer.headers["location"] == f"/v1/cases/{case['id']}"
    assert written(world) == [("placement", True), ("placement", True), ("placement", False)]
    seen = (await world.client("camille").get(f"/v1/cases/{case['id']}")).json()
    assert [consent["given"] for consent in seen["consents"]] == [True, True, False]


async def test_a_consent_taken_back_stops_the_placement_and_a_new_one_lets_it_go_on(world: World) -> None:
    case = await a_couple_with_a_child(world)
    path = f"/v1/cases/{case['id']}/recommendations"
    assert (await told(world, case, adults_of(case)[0], given=False)).status_code == 201
    assert problem(await world.client("camille").post(path)) == (409, "case-not-placeable")
    case["version"] += 1
    assert (await told(world, case, adults_of(case)[0])).status_code == 201
    assert (await world.client("camille").post(path)).status_code == 201


async def test_the_log_says_what_was_said_and_not_by_whom(world: World) -> None:
    case = await a_couple_with_a_child(world)
    person = adults_of(case)[0]
    await told(world, case, person, given=False)
    with world.owner() as connection:
        [(body,)] = connection.execute("SELECT body FROM log_leaves WHERE body LIKE '%consent.recorded%'").fetchall()
    assert '"given":false' in str(body)
    assert '"withdrawal":true' in str(body)
    assert person not in str(body)
    assert case["id"] not in str(body)


async def test_only_an_adult_of_the_household_consents(world: World) -> None:
    case, other = await a_couple_with_a_child(world), await a_couple_with_a_child(world)
    [child] = [member["person_id"] for member in case["household"]["members"] if not member["is_adult"]]
    refused = await told(world, case, child)
    assert problem(refused) == (422, "invalid-content")
    assert [(fault["pointer"], fault["code"]) for fault in refused.json()["errors"]] == [("/person_id", "not_an_adult")]
    for stranger in (adults_of(other)[0], ABSENT):
        assert problem(await told(world, case, stranger)) == (404, "not-found")
    assert len(written(world)) == 4


async def test_nobody_consents_tomorrow(world: World) -> None:
    case = await a_couple_with_a_child(world)
    tomorrow = (clock.today() + timedelta(days=1)).isoformat()
    answer = await told(world, case, adults_of(case)[0], occurred_on=tomorrow)
    assert [fault["pointer"] for fault in answer.json()["errors"]] == ["/occurred_on"]


async def test_it_is_said_of_the_case_as_it_was_read(world: World) -> None:
    case = await a_couple_with_a_child(world)
    person = adults_of(case)[0]
    assert problem(await told(world, case, person, tag='"7"')) == (412, "stale-version")
    body = {"person_id": person, **{k: v for k, v in a_consent(0).items() if k != "member"}}
    bare = await world.client("camille").post(f"/v1/cases/{case['id']}/consents", json=body)
    assert problem(bare) == (428, "version-required")
    assert len(written(world)) == 2


async def test_a_repeated_key_says_it_once(world: World) -> None:
    case = await a_couple_with_a_child(world)
    client = world.client("camille", **{"Idempotency-Key": "consent-0001", "If-Match": f'"{case["version"]}"'})
    body = {"person_id": adults_of(case)[0], **{k: v for k, v in a_consent(0).items() if k != "member"}}
    answers = [await client.post(f"/v1/cases/{case['id']}/consents", json=body) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].content == answers[1].content
    assert len(written(world)) == 3


@pytest.mark.parametrize("gates", [True, False])
async def test_who_does_not_meet_the_household_does_not_say_it_for_them(world: World, gates: bool) -> None:
    case = await a_couple_with_a_child(world)
    world.app.state.gates_enforced = gates
    for username in ("prosper", "pelagie", "sidonie", "melchior", "aurele", "adele"):
        refused = await told(world, case, adults_of(case)[0], username)
        assert refused.status_code == (403 if gates else 404), (username, refused.text)
    for username in ("ines", "coralie"):
        assert problem(await told(world, case, adults_of(case)[0], username)) == (404, "not-found")
    assert len(written(world)) == 2
