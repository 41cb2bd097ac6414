"""Every place is ranked or excluded, each with its words; what was shown can be explained later."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from casework.demo.world import PARTNERS
from casework.placement.model import ENGINE_VERSION, Factor
from tests.builders import a_case, an_offer
from tests.placement.households import a_consent, a_couple_with_a_child, a_member, counted, left_alone, problem

if TYPE_CHECKING:
    import httpx

    from tests.conftest import World

pytestmark = pytest.mark.anyio

EVERY_PLACE = {geo_code for partner in PARTNERS.values() for geo_code, _ in partner.places}
WISHES = {
    "choices": [
        {"kind": "prefer", "code": "10043", "rank": 1},
        {"kind": "tie", "code": "23027"},
        {"kind": "avoid", "code": "08"},
    ]
}


async def recommending(world: World, case: dict[str, Any], by: str = "camille", **headers: str) -> httpx.Response:
    return await world.client(by, **headers).post(f"/v1/cases/{case['id']}/recommendations")


async def recommended(world: World, case: dict[str, Any], by: str = "camille", **headers: str) -> dict[str, Any]:
    answer = await recommending(world, case, by, **headers)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def as_engine(world: World, version: str) -> None:
    """Make every stored recommendation one of another engine."""
    with world.owner() as connection:
        connection.execute(
            "UPDATE recommendations SET engine_version = %s,"
            " inputs = jsonb_set(inputs, '{engine_version}', to_jsonb(%s::text))",
            (version, version),
        )


async def test_every_place_is_ranked_or_excluded_and_none_is_silent(world: World) -> None:
    shown = await recommended(world, await a_couple_with_a_child(world, preferences=WISHES))
    ranked = {place["geo_code"] for place in shown["ranked"]}
    excluded = {place["geo_code"] for place in shown["excluded"]}
    assert ranked | excluded == EVERY_PLACE
    assert not ranked & excluded
    for place in shown["ranked"]:
        assert [one["factor"] for one in place["contributions"]] == [str(factor) for factor in Factor]
        assert sum(one["points"] for one in place["contributions"]) == place["score"]
        assert all(one["sentence"] for one in place["contributions"])
    assert [place["rank"] for place in shown["ranked"]] == list(range(1, len(ranked) + 1))
    scores = [place["score"] for place in shown["ranked"]]
    assert scores == sorted(scores, reverse=True)


async def test_what_the_household_said_decides(world: World) -> None:
    shown = await recommended(world, await a_couple_with_a_child(world, preferences=WISHES))
    of = {place["geo_code"]: {c["factor"]: c for c in place["contributions"]} for place in shown["ranked"]}
    assert of["10043"]["preference"]["points"] > of["23027"]["preference"]["points"]
    assert of["23027"]["tie"]["points"] > of["10043"]["tie"]["points"]
    refused = {place["geo_code"]: place for place in shown["excluded"]}
    assert set(refused) == {"86042", "89008"}  # the region of Abitibi-Témiscamingue, refused as a whole
    assert {place["rule"] for place in refused.values()} == {"place_avoided"}
    # Nobody is talked out of a refusal: no change is proposed for it.
    assert all("ne suffirait" in place["what_would_change_it"] for place in refused.values())


async def test_a_full_place_says_what_would_open_it(world: World) -> None:
    left_alone(world, 1)
    shown = await recommended(world, await a_couple_with_a_child(world, preferences=WISHES))
    [rimouski] = [place for place in shown["excluded"] if place["geo_code"] == "10043"]
    assert rimouski["rule"] == "capacity_insufficient"
    assert "il en reste 1, il en faut 3" in rimouski["sentence"]
    assert "avec 2 de plus" in rimouski["what_would_change_it"]


async def test_places_held_for_others_are_not_counted_as_free(world: World) -> None:
    await an_offer(world, await a_couple_with_a_child(world))
    shown = await recommended(world, await a_couple_with_a_child(world))
    left = {place["geo_code"]: place["places_left"] for place in shown["ranked"]}
    whole = dict(PARTNERS["le-phare"].places)
    assert (left["10043"], left["12072"]) == (whole["10043"] - 3, whole["12072"])


async def test_it_speaks_the_reader_s_language(world: World) -> None:
    case = await a_couple_with_a_child(world, preferences=WISHES)
    french = await recommended(world, case)
    path = f"/v1/recommendations/{french['id']}"
    english = (await world.client("camille", **{"Accept-Language": "en"}).get(path)).json()
    first = english["ranked"][0]["contributions"][0]["sentence"]
    assert first.startswith("The household named this place or its region")
    assert french["ranked"][0]["contributions"][0]["sentence"].startswith("Le ménage a nommé ce lieu")
    assert [p["score"] for p in french["ranked"]] == [p["score"] for p in english["ranked"]]


async def test_what_is_read_later_is_what_was_shown(world: World) -> None:
    case = await a_couple_with_a_child(world, preferences=WISHES)
    shown = await recommended(world, case)
    left_alone(world, 0)
    with world.owner() as connection:
        connection.execute("UPDATE organizations SET services = '{}', languages = '{}'")
        connection.execute("UPDATE municipalities SET name_fr = 'Ailleurs'")
    read = await world.client("camille").get(f"/v1/recommendations/{shown['id']}")
    assert read.json() == shown
    assert (await recommended(world, case))["sha256"] != shown["sha256"]


async def test_the_explanation_is_made_again_from_the_frozen_inputs(world: World) -> None:
    shown = await recommended(world, await a_couple_with_a_child(world, preferences=WISHES))
    told = (await world.client("camille").get(f"/v1/recommendations/{shown['id']}/explanation")).json()
    assert (told["reproduced"], told["sha256"]) == (True, shown["sha256"])
    assert len(told["places"]) == len(EVERY_PLACE)
    for place in told["places"]:
        assert place["reasons"]
        assert set(place["what_would_change_it"]) == {"fr", "en"}
    assert {place["rank"] is None for place in told["places"]} == {True, False}
    assert {rule["rule"] for rule in told["inputs"]["rules"]} >= {"no_consent", "place_avoided"}


async def test_an_engine_of_another_time_does_not_unsay_what_was_shown(world: World) -> None:
    shown = await recommended(world, await a_couple_with_a_child(world, preferences=WISHES))
    as_engine(world, "0.9.0")
    camille = world.client("camille")
    read = await camille.get(f"/v1/recommendations/{shown['id']}")
    assert read.json() == {**shown, "engine_version": "0.9.0"}
    told = await camille.get(f"/v1/recommendations/{shown['id']}/explanation")
    assert (told.status_code, told.json()["reproduced"]) == (200, False)
    assert len(told.json()["places"]) == len(EVERY_PLACE)


@pytest.mark.parametrize(
    "forgery",
    [
        "result = jsonb_set(result, '{ranked,0,score}', '9999')",
        "result = jsonb_set(result, '{said,places,0,reasons,0,fr}', '\"Autre chose.\"')",
        "inputs = jsonb_set(inputs, '{needs,persons}', '4')",
        "sha256 = repeat('0', 64)",
    ],
)
async def test_a_recommendation_altered_in_the_table_is_not_reproduced(world: World, forgery: str) -> None:
    shown = await recommended(world, await a_couple_with_a_child(world))
    with world.owner() as connection:
        connection.execute(f"UPDATE recommendations SET {forgery}")
    told = (await world.client("camille").get(f"/v1/recommendations/{shown['id']}/explanation")).json()
    assert told["reproduced"] is False


@pytest.mark.parametrize(
    ("told", "rules"),
    [
        ({"consents": []}, ["no_consent"]),
        ({"consents": [a_consent(0), a_consent(1, given=False)]}, ["no_consent"]),
        ({"consents": [a_consent(0), a_consent(1, purpose="evaluation")]}, ["no_consent"]),
        (
            {"members": [{**a_member("child", "Milo Velquindor"), "relation": "principal"}], "consents": []},
            ["no_consent", "unaccompanied_minor"],
        ),
        (
            {"claim_statuses": [{"status": "withdrawn", "occurred_on": "2026-01-15", "source": "avis"}]},
            ["claim_not_placeable"],
        ),
    ],
)
async def test_a_case_outside_the_model_is_refused_by_name(
    world: World, told: dict[str, Any], rules: list[str]
) -> None:
    answer = await recommending(world, await a_couple_with_a_child(world, **told))
    assert problem(answer) == (409, "case-not-placeable")
    assert answer.json()["rules"] == rules
    with world.owner() as connection:
        assert connection.execute("SELECT count(*) FROM recommendations").fetchone() == (0,)


async def test_somebody_of_unknown_age_is_asked_like_an_adult(world: World) -> None:
    """Nobody's consent is skipped by a guess about their age."""
    undated = {**a_member("adult", "Selka Velquindor"), "birth": {"value": None, "precision": "unknown"}}
    told = {"members": [a_member("adult", "Orsane Velquindor"), undated], "consents": [a_consent(0)]}
    answer = await recommending(world, await a_couple_with_a_child(world, **told))
    assert answer.json()["rules"] == ["no_consent"]


async def test_a_case_under_a_hold_waits_for_its_answer(world: World) -> None:
    case = await a_couple_with_a_child(world)
    await an_offer(world, case)
    assert problem(await recommending(world, case)) == (409, "offer-already-open")


async def test_a_recommendation_reserves_nothing(world: World) -> None:
    await recommended(world, await a_couple_with_a_child(world))
    assert counted(world) == (0, 0)


async def test_who_may_ask_and_who_may_read(world: World) -> None:
    case = await a_couple_with_a_child(world)
    shown = await recommended(world, case, by="basile")  # a colleague of the same office
    for role, status in (("pelagie", 403), ("ines", 403), ("melchior", 403), ("coralie", 404), ("prosper", 201)):
        assert (await recommending(world, case, by=role)).status_code == status
    path = f"/v1/recommendations/{shown['id']}"
    for role, status in (("pelagie", 403), ("coralie", 404), ("camille", 200), ("prosper", 200)):
        for address in (path, f"{path}/explanation"):
            assert (await world.client(role).get(address)).status_code == status
    with world.owner() as connection:
        query = "SELECT count(*) FROM read_entries WHERE permission = 'recommendation:read'"
        assert connection.execute(query).fetchone() == (4,)


async def test_the_leaf_names_no_case_that_outlives_its_key(world: World) -> None:
    case = await a_couple_with_a_child(world)
    first, second = await recommended(world, case), await recommended(world, case)
    with world.owner() as connection:
        rows = connection.execute("SELECT body FROM log_leaves WHERE body LIKE '%recommendation.made%'").fetchall()
    facts = [json.loads(str(row[0]))["facts"] for row in rows]
    assert len({fact["recommendation"] for fact in facts}) == 2  # two leaves of one case do not look alike
    written = json.dumps(facts)
    assert not [id_ for id_ in (case["id"], first["id"], second["id"]) if id_ in written]


async def test_a_repeated_request_checks_the_access_again(world: World) -> None:
    case = await a_couple_with_a_child(world)
    key = {"Idempotency-Key": "recommend-0001"}
    first = await recommending(world, case, **key)
    assert (await recommending(world, case, **key)).json() == first.json()
    with world.owner() as connection:
        connection.execute("UPDATE cases SET office_id = %s WHERE id = %s", (world.key("praida"), case["id"]))
    assert (await recommending(world, case, **key)).status_code == 404


async def test_the_engine_s_version_and_weights_are_named(world: World) -> None:
    shown = await recommended(world, await a_case(world, size=1, needs={}))
    assert (shown["engine_version"], shown["weights_version"]) == (ENGINE_VERSION, "default-2023-11-01")
