"""Where people can go: dated regions and flags, places opened under agreements, partners and their reach."""

from __future__ import annotations

import json
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from casework.demo.world import PARTNERS
from casework.kernel import clock
from casework.territory import reference
from tests.builders import a_case, an_offer

if TYPE_CHECKING:
    import httpx

    from tests.conftest import World

pytestmark = pytest.mark.anyio

ABSENT = "01890000-0000-7000-8000-000000000000"
GRANBY, MOVED_ON = "47017", date(2021, 7, 8)
PATCH = "application/merge-patch+json"


async def every(client: httpx.AsyncClient, path: str, **asked: str) -> list[dict[str, Any]]:
    """All pages, five items each."""
    found: list[dict[str, Any]] = []
    cursor: str | None = ""
    while cursor is not None:
        params = {**asked, "limit": "5"} | ({"cursor": cursor} if cursor else {})
        answer = await client.get(path, params=params)
        assert answer.status_code == 200, answer.text
        found += answer.json()["items"]
        cursor = answer.json()["next_cursor"]
    return found


def a_season(world: World, **changes: Any) -> dict[str, Any]:
    """School places at Rimouski for the months to come."""
    today = clock.today()
    told = {
        "agreement_id": str(world.key("le-phare/agreement")),
        "geo_code": "10043",
        "resource": "school",
        "starts_on": today.isoformat(),
        "ends_on": (today + timedelta(days=90)).isoformat(),
        "total": 25,
    }
    return {**told, **changes}


async def changing(world: World, by: str, place: str, total: int, version: int = 1, **more: Any) -> httpx.Response:
    body = {"total": total, "reason": "Un logement de moins.", **more}
    headers = {"If-Match": f'"{version}"', "Content-Type": PATCH}
    path = f"/v1/capacities/{world.key(place)}"
    return await world.client(by).patch(path, content=json.dumps(body), headers=headers)


async def test_the_seventeen_regions(world: World) -> None:
    shown = (await world.client("melchior").get("/v1/regions")).json()["items"]
    assert [region["code"] for region in shown] == [f"{number:02}" for number in range(1, 18)]
    assert shown[0]["name_fr"] == "Bas-Saint-Laurent"
    assert (await world.client(None).get("/v1/regions")).status_code == 401


async def test_every_municipality_comes_once_page_after_page(world: World) -> None:
    shown = await every(world.client("camille"), "/v1/municipalities")
    assert [place["geo_code"] for place in shown] == sorted(p.geo_code for p in reference.municipalities())


@pytest.mark.parametrize(("day", "region"), [(MOVED_ON - timedelta(days=1), "16"), (MOVED_ON, "05"), (None, "05")])
async def test_granby_stands_in_the_region_of_the_day_asked_for(world: World, day: date | None, region: str) -> None:
    asked = {"on": day.isoformat()} if day else {}
    places = {place["geo_code"]: place for place in await every(world.client("camille"), "/v1/municipalities", **asked)}
    assert places[GRANBY]["region_code"] == region
    here = await every(world.client("camille"), "/v1/municipalities", region=region, **asked)
    assert GRANBY in {place["geo_code"] for place in here}


async def test_a_region_code_does_not_say_whether_a_place_is_in_the_metropolis(world: World) -> None:
    """Montérégie has municipalities on both sides of the border of the CMM."""
    client = world.client("camille")
    inside = await every(client, "/v1/municipalities", region="16", in_cmm="yes")
    outside = await every(client, "/v1/municipalities", region="16", in_cmm="no")
    assert inside
    assert outside
    assert {place["region_code"] for place in [*inside, *outside]} == {"16"}
    assert all(place["flag_sources"]["in_cmm"] for place in [*inside, *outside])


async def test_a_flag_that_nobody_sourced_that_day_is_unknown_never_no(world: World) -> None:
    asked = {"on": "1999-01-01"}
    shown = await every(world.client("camille"), "/v1/municipalities", **asked)
    assert {place["in_cmm"] for place in shown} == {"unknown"}
    assert {place["flag_sources"]["in_cmm"] for place in shown} == {None}
    assert await every(world.client("camille"), "/v1/municipalities", in_cmm="no", **asked) == []


@pytest.mark.parametrize("query", ["in_cmm=maybe", "region=18", "on=hier", "regoin=01", "limit=0"])
async def test_a_filter_that_means_nothing_is_refused(world: World, query: str) -> None:
    assert (await world.client("camille").get(f"/v1/municipalities?{query}")).status_code == 400


async def test_a_cursor_serves_its_own_list_only(world: World) -> None:
    client = world.client("camille")
    cursor = (await client.get("/v1/municipalities?limit=1")).json()["next_cursor"]
    for path in ("/v1/municipalities?region=01&", "/v1/capacities?", "/v1/organizations?"):
        assert (await client.get(f"{path}limit=1&cursor={cursor}")).status_code == 400
    assert (await world.client("basile").get(f"/v1/municipalities?limit=1&cursor={cursor}")).status_code == 400


async def test_capacities_are_seen_as_far_as_each_one_reaches(world: World) -> None:
    seen = {
        user: {row["region_code"] for row in await every(world.client(user), "/v1/capacities")}
        for user in ("camille", "coralie", "melchior", "pelagie", "raoul")
    }
    assert seen["camille"] == {partner.region for partner in PARTNERS.values()}
    assert (seen["coralie"], seen["melchior"], seen["pelagie"]) == ({"01"}, {"01"}, {"01"})
    assert seen["raoul"] == {"05"}
    for user in ("ines", "aurele", "sidonie"):
        assert (await world.client(user).get("/v1/capacities")).status_code == 403


async def test_capacities_by_region_and_resource(world: World) -> None:
    assert (await world.client("coralie").post("/v1/capacities", json=a_season(world))).status_code == 201
    client = world.client("camille")
    assert [row["resource"] for row in await every(client, "/v1/capacities", resource="school")] == ["school"]
    in_region = await every(client, "/v1/capacities", region="01", resource="persons")
    assert {row["geo_code"] for row in in_region} == {"10043", "12072"}
    assert (await client.get("/v1/capacities?resource=beds")).status_code == 400


async def test_places_are_opened_under_an_agreement_by_the_region_s_coordinator(world: World) -> None:
    opened = await world.client("coralie").post("/v1/capacities", json=a_season(world))
    assert opened.status_code == 201
    shown = opened.json()
    assert (shown["region_code"], shown["organization_id"]) == ("01", str(world.key("le-phare")))
    assert (shown["held"], shown["used"], shown["version"]) == (0, 0, 1)
    read = await world.client("pelagie").get(f"/v1/capacities/{shown['id']}")
    assert (read.json(), read.headers["etag"]) == (shown, '"1-partner"')
    again = await world.client("coralie").post("/v1/capacities", json=a_season(world))
    assert (again.status_code, again.json()["type"]) == (409, "/v1/problems/capacity-already-open")


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"geo_code": "94068"}, 422),  # Saguenay, outside the agreement's region
        ({"ends_on": "2099-12-31"}, 422),  # beyond the agreement's end
        ({"starts_on": "2010-01-01"}, 422),  # before the agreement
        ({"ends_on": "2000-01-01"}, 422),  # ends before it starts
        ({"resource": "beds"}, 422),
        ({"resource": "homes_0"}, 422),
        ({"total": -1}, 422),
        ({"total": 0}, 422),
        ({"total": "25"}, 422),
        ({"held": 0}, 422),
        ({"geo_code": "99999"}, 404),
        ({"agreement_id": ABSENT}, 404),
    ],
)
async def test_places_without_ground_are_refused(world: World, changes: dict[str, Any], status: int) -> None:
    answer = await world.client("coralie").post("/v1/capacities", json=a_season(world, **changes))
    assert answer.status_code == status, answer.text
    with world.owner() as connection:
        assert connection.execute("SELECT count(*) FROM capacities WHERE resource <> 'persons'").fetchone() == (0,)


async def test_nobody_opens_places_in_another_s_region_or_under_an_ended_agreement(world: World) -> None:
    for user, status in (("edmee", 404), ("camille", 403), ("pelagie", 403), ("melchior", 403)):
        assert (await world.client(user).post("/v1/capacities", json=a_season(world))).status_code == status
    with world.owner() as connection:
        connection.execute("UPDATE agreements SET ended_at = now()")
    assert (await world.client("coralie").post("/v1/capacities", json=a_season(world))).status_code == 404


async def test_a_capacity_shrinks_to_what_is_taken_and_no_further(world: World) -> None:
    """People who were offered a place are not bumped in silence: the answer says how many there are."""
    await an_offer(world, await a_case(world, size=3, needs={}, preferences={}))
    below = await changing(world, "coralie", "le-phare/10043", 2, version=2)
    assert (below.status_code, below.json()["type"]) == (409, "/v1/problems/capacity-below-taken")
    assert below.json()["taken"] == 3
    level = await changing(world, "coralie", "le-phare/10043", 3, version=2)
    assert (level.status_code, level.json()["total"], level.headers["etag"]) == (200, 3, '"3-coordinator"')


async def test_a_change_says_why_and_the_words_stay_out_of_the_log(world: World) -> None:
    assert (await changing(world, "coralie", "le-phare/10043", 55, reason="  ")).status_code == 422
    changed = await changing(world, "coralie", "le-phare/10043", 55, reason="Canari : le bail de M. Ombreval.")
    assert changed.json()["change_reason"] == "Canari : le bail de M. Ombreval."
    with world.owner() as connection:
        rows = connection.execute("SELECT body FROM log_leaves WHERE body LIKE '%capacity.changed%'").fetchall()
    [leaf] = [json.loads(str(row[0])) for row in rows]
    total = dict(PARTNERS["le-phare"].places)["10043"]
    assert leaf["facts"] == {"capacity": str(world.key("le-phare/10043")), "total": [total, 55]}


async def test_a_change_follows_a_reading(world: World) -> None:
    path = f"/v1/capacities/{world.key('le-phare/10043')}"
    body = json.dumps({"total": 55, "reason": "Moins."})
    client = world.client("coralie")
    assert (await client.patch(path, content=body, headers={"Content-Type": PATCH})).status_code == 428
    assert (await changing(world, "coralie", "le-phare/10043", 55, version=9)).status_code == 412
    plain = {"If-Match": '"1"', "Content-Type": "application/json"}
    assert (await client.patch(path, content=body, headers=plain)).status_code == 415
    assert (await changing(world, "edmee", "le-phare/10043", 55)).status_code == 404
    assert (await changing(world, "pelagie", "le-phare/10043", 55)).status_code == 403


async def test_a_partner_sees_itself_alone_among_the_organizations(world: World) -> None:
    mine = await every(world.client("pelagie"), "/v1/organizations")
    assert [one["id"] for one in mine] == [str(world.key("le-phare"))]
    assert len(await every(world.client("camille"), "/v1/organizations")) == len(PARTNERS)
    [here] = await every(world.client("camille"), "/v1/organizations", region="05")
    assert here["name"] == PARTNERS["racines-d-estrie"].name
    assert (await world.client("melchior").get("/v1/organizations")).status_code == 403


async def test_an_agreement_names_its_edition_beside_its_stream(world: World) -> None:
    [shown] = await every(world.client("camille"), "/v1/agreements", organization_id=str(world.key("le-phare")))
    volume = sum(places for _, places in PARTNERS["le-phare"].places)
    assert (shown["edition"], shown["stream"], shown["volume"]) == ("2025-2028", "4", volume)
    assert len(await every(world.client("camille"), "/v1/agreements")) == len(PARTNERS)
    [own] = await every(world.client("pelagie"), "/v1/agreements")
    assert own == shown
