"""What an agreement funds, over all its places: never more, whoever offers at the same time."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from tests.placement.households import (
    MATANE,
    QUEBEC,
    RIMOUSKI,
    a_couple_with_a_child,
    counted,
    offering,
    problem,
)

if TYPE_CHECKING:
    from tests.conftest import World

pytestmark = pytest.mark.anyio


def funded(world: World, persons: int) -> None:
    with world.owner() as connection:
        query = "UPDATE agreements SET volume = %s WHERE id = %s"
        connection.execute(query, (persons, world.key("le-phare/agreement")))


async def test_an_offer_over_the_agreement_s_volume_is_refused_in_any_of_its_places(world: World) -> None:
    funded(world, 5)
    assert (await offering(world, await a_couple_with_a_child(world))).status_code == 201
    case = await a_couple_with_a_child(world)
    for place in (RIMOUSKI, MATANE):
        refused = await offering(world, case, place)
        assert problem(refused) == (409, "agreement-full")
        assert (refused.json()["places_left"], refused.json()["places_needed"]) == (2, 3)
    assert (counted(world), counted(world, MATANE)) == ((3, 0), (0, 0))
    assert (await offering(world, case, QUEBEC)).status_code == 201


async def test_the_volume_holds_when_everybody_offers_at_once(world: World) -> None:
    funded(world, 7)
    cases = [await a_couple_with_a_child(world) for _ in range(6)]
    places = (RIMOUSKI, MATANE)
    offers = (offering(world, case, places[number % 2]) for number, case in enumerate(cases))
    answers = await asyncio.gather(*offers)
    assert sorted(answer.status_code for answer in answers) == [201, 201, 409, 409, 409, 409]
    assert {problem(answer)[1] for answer in answers if answer.status_code == 409} == {"agreement-full"}
    assert counted(world)[0] + counted(world, MATANE)[0] == 6
