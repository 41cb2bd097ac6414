"""Access ends by itself: with the offer, the placement, the grant, the agreement, the consent or the role that gave it.

Each ending is told through HTTP, and told again with the application's own gates away: PostgreSQL decides alone.
"""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from casework.demo.world import CLIENT, CLIENT_SECRET
from casework.kernel import clock
from tests.builders import accepted, adults_of, an_offer
from tests.milestones.steps import grant
from tests.placement.households import a_consent, a_couple_with_a_child, answering

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    import httpx

    from tests.conftest import World

pytestmark = pytest.mark.anyio

LISTS = ("/v1/cases", "/v1/offers", "/v1/assignments", "/v1/milestones?state=upcoming")


@pytest.fixture(params=[True, False], ids=["gates", "row security alone"], autouse=True)
def _gates(request: pytest.FixtureRequest, world: World) -> None:
    world.app.state.gates_enforced = request.param


async def offered(world: World) -> tuple[dict[str, Any], dict[str, Any]]:
    case = await a_couple_with_a_child(world)
    return case, await an_offer(world, case)


async def placed(world: World) -> tuple[dict[str, Any], dict[str, Any]]:
    case, offer = await offered(world)
    offer = await accepted(world, case, offer)
    assignment = await world.client("camille").get(f"/v1/assignments/{offer['assignment_id']}")
    return case, assignment.json()


async def sees(client: httpx.AsyncClient, case: dict[str, Any]) -> bool:
    """Whether the case itself, its milestones, or any line of a list still reaches the reader."""
    path = f"/v1/cases/{case['id']}"
    answers = [(await client.get(path)).status_code, (await client.get(f"{path}/milestones")).status_code]
    lines = [line for path in LISTS for line in (await client.get(path)).json().get("items", [])]
    about = [line for line in lines if case["id"] in {line.get("case_id"), line["id"]}]
    assert set(answers) in ({200}, {404}), answers
    assert not about or answers[0] == 200, about
    return answers[0] == 200


async def hosts(world: World, case: dict[str, Any]) -> tuple[bool, bool]:
    """Does the host organization, and does its region, still see the case?"""
    return await sees(world.client("pelagie"), case), await sees(world.client("coralie"), case)


async def said(
    world: World, case: dict[str, Any], by: str = "camille", person: int = 0, **changes: Any
) -> httpx.Response:
    """One adult's word on a consent, as one who reads the case writes it down."""
    client = world.client(by)
    tag = (await client.get(f"/v1/cases/{case['id']}")).headers.get("etag", '"1"')
    told = {**a_consent(0, **changes), "person_id": adults_of(case)[person]}
    del told["member"]
    return await client.post(f"/v1/cases/{case['id']}/consents", json=told, headers={"If-Match": tag})


def by_owner(world: World, statement: str, *values: object) -> None:
    with world.owner() as connection:
        assert connection.execute(statement, values).rowcount > 0


# The offer, the placement, the agreement


async def _declined(world: World, case: dict[str, Any], offer: dict[str, Any]) -> None:
    answer = await answering(world, offer, adults_of(case)[0], "decline", reason_code="health_care")
    assert answer.status_code == 200, answer.text


async def _withdrawn(world: World, _case: dict[str, Any], offer: dict[str, Any]) -> None:
    tag = {"If-Match": f'"{offer["version"]}"'}
    answer = await world.client("camille").post(f"/v1/offers/{offer['id']}/withdraw", json={"reason": "x"}, headers=tag)
    assert answer.status_code == 200, answer.text


async def _run_out(world: World, _case: dict[str, Any], _offer: dict[str, Any]) -> None:
    by_owner(world, "UPDATE case_grants SET valid_until = now()")


@pytest.mark.parametrize("ending", [_declined, _withdrawn, _run_out])
async def test_an_offer_that_comes_to_nothing_takes_the_hosts_view_with_it(
    world: World, ending: Callable[..., Awaitable[None]]
) -> None:
    case, offer = await offered(world)
    assert await hosts(world, case) == (True, True)
    await ending(world, case, offer)
    assert await hosts(world, case) == (False, False)


async def test_a_placement_that_ends_takes_the_organizations_view_with_it(world: World) -> None:
    case, assignment = await placed(world)
    assert await hosts(world, case) == (True, True)
    body = {"occurred_on": clock.today().isoformat(), "reason": "Le ménage rejoint sa famille."}
    path = f"/v1/assignments/{assignment['id']}/end"
    answer = await world.client("coralie").post(path, json=body, headers={"If-Match": '"1"'})
    assert answer.status_code == 200, answer.text
    assert await hosts(world, case) == (False, False)


async def test_a_placement_refused_takes_both_views_with_it(world: World) -> None:
    case, assignment = await placed(world)
    path = f"/v1/assignments/{assignment['id']}/refuse"
    body = {"reason_code": "no_staff"}
    answer = await world.client("pelagie").post(path, json=body, headers={"If-Match": '"1"'})
    assert answer.status_code == 200, answer.text
    assert await hosts(world, case) == (False, False)


@pytest.mark.parametrize(
    "ending",
    [
        "UPDATE agreements SET ended_at = now() WHERE id = %s",
        "UPDATE agreements SET ends_on = (now() AT TIME ZONE 'America/Toronto')::date - 1 WHERE id = %s",
        "UPDATE agreements SET starts_on = (now() AT TIME ZONE 'America/Toronto')::date + 1 WHERE id = %s",
    ],
)
async def test_an_agreement_out_of_force_takes_the_hosts_view_with_it(world: World, ending: str) -> None:
    case, _ = await placed(world)
    by_owner(world, ending, world.key("le-phare/agreement"))
    assert await hosts(world, case) == (False, False)


async def test_the_last_day_of_an_agreement_is_a_day_of_quebec(world: World) -> None:
    case, _ = await placed(world)
    today = "(now() AT TIME ZONE 'America/Toronto')::date"
    by_owner(world, f"UPDATE agreements SET ends_on = {today} WHERE id = %s", world.key("le-phare/agreement"))
    assert await hosts(world, case) == (True, True)


# The consents


@pytest.mark.parametrize("by", ["camille", "octave", "coralie"])
@pytest.mark.parametrize("person", [0, 1])
async def test_one_adult_who_takes_a_consent_back_ends_the_hosts_view(world: World, by: str, person: int) -> None:
    case, _ = await placed(world)
    answer = await said(world, case, by, person, given=False)
    assert answer.status_code == 201, answer.text
    assert answer.json()["withdrawn_at"] is not None
    assert await hosts(world, case) == (False, False)
    assert await sees(world.client("camille"), case)


async def test_who_consents_again_is_seen_again(world: World) -> None:
    case, _ = await placed(world)
    await said(world, case, given=False)
    assert (await said(world, case, given=True)).json()["withdrawn_at"] is None
    assert await hosts(world, case) == (True, True)


async def test_a_no_to_sharing_ends_the_organizations_view_and_not_its_regions(world: World) -> None:
    case, _ = await placed(world)
    refusal = await said(world, case, purpose="partner_sharing", given=False)
    assert refusal.json()["withdrawn_at"] is None, "nothing stood that could be taken back"
    assert await hosts(world, case) == (False, True)


async def test_a_no_to_the_evaluation_ends_nobodys_view(world: World) -> None:
    case, _ = await placed(world)
    await said(world, case, purpose="evaluation", given=False)
    assert await hosts(world, case) == (True, True)


async def test_a_consent_holds_through_its_last_day_and_no_longer(world: World) -> None:
    today = clock.today()
    case, _ = await placed(world)
    await said(world, case, expires_on=today.isoformat())
    assert await hosts(world, case) == (True, True)
    with world.owner() as owner:
        ends = {row[0] for row in owner.execute("SELECT consent_until FROM case_grants WHERE ended_at IS NULL")}
    midnight = datetime.combine(today + timedelta(days=1), time(), clock.QUEBEC)
    assert ends == {midnight}


async def test_the_end_of_a_consent_needs_nobody_to_be_at_work(world: World) -> None:
    """The date stands on the grant: when it passes, row security stops showing the case."""
    case, _ = await placed(world)
    await said(world, case, expires_on=(clock.today() + timedelta(days=3)).isoformat())
    by_owner(world, "UPDATE case_grants SET consent_until = consent_until - interval '5 days' WHERE ended_at IS NULL")
    assert await hosts(world, case) == (False, False)


async def test_a_spokespersons_view_ends_with_a_no_to_sharing(world: World) -> None:
    case = await a_couple_with_a_child(world)
    grant(world, case, to="sidonie")
    assert await sees(world.client("sidonie"), case)
    await said(world, case, purpose="partner_sharing", given=False)
    assert not await sees(world.client("sidonie"), case)


async def test_a_grant_made_without_consent_shows_nothing(world: World) -> None:
    case = await a_couple_with_a_child(world, consents=[a_consent(0)])
    grant(world, case, to="le-phare")
    assert not await sees(world.client("pelagie"), case)
    await said(world, case, person=1)
    assert await sees(world.client("pelagie"), case)


# The role, the account, the client


@pytest.mark.parametrize(
    "ending",
    [
        "UPDATE role_grants SET valid_until = now() WHERE user_id = %s",
        "UPDATE role_grants SET revoked_at = now() WHERE user_id = %s",
        "UPDATE role_grants SET valid_from = now() + interval '1 hour' WHERE user_id = %s",
        "UPDATE users SET disabled_at = now() WHERE id = %s",
    ],
)
@pytest.mark.parametrize("who", ["camille", "pelagie"])
async def test_a_role_out_of_force_opens_nothing_though_its_token_lives(world: World, who: str, ending: str) -> None:
    case, _ = await placed(world)
    assert await sees(world.client(who), case)
    by_owner(world, ending, world.key(who))
    assert (await world.client(who).get(f"/v1/cases/{case['id']}")).status_code == 401


@pytest.mark.parametrize("column", ["revoked_at", "valid_until"])
async def test_a_client_out_of_force_opens_nothing_though_its_token_lives(world: World, column: str) -> None:
    case, _ = await placed(world)
    form = {"grant_type": "client_credentials"}
    asked = await world.client(None).post("/oauth/token", data=form, auth=(str(world.key(CLIENT)), CLIENT_SECRET))
    client = world.client(None, Authorization=f"Bearer {asked.json()['access_token']}")
    assert await sees(client, case)
    by_owner(world, f"UPDATE api_clients SET {column} = now() WHERE id = %s", world.key(CLIENT))
    assert (await client.get(f"/v1/cases/{case['id']}")).status_code == 401
