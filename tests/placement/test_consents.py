"""The latest word of each adult decides, at the offer and again at its acceptance; children grow up and are asked."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from casework.kernel import clock
from tests.builders import adults_of, an_offer
from tests.placement.households import (
    a_consent,
    a_couple_with_a_child,
    a_member,
    answering,
    counted,
    offering,
    problem,
)

if TYPE_CHECKING:
    from tests.conftest import World

pytestmark = pytest.mark.anyio


def days_ago(days: int) -> str:
    return (clock.today() - timedelta(days=days)).isoformat()


def add_consent(world: World, person_id: str, day: str, *, given: bool, ago: int) -> None:
    """A consent told later than the intake, about `day`, recorded `ago` minutes from the latest."""
    with world.owner() as owner:
        owner.execute(
            "INSERT INTO consents (id, case_id, office_id, region_code, person_id, purpose, given, notice_version,"
            " notice_language, channel, occurred_on, recorded_at) SELECT gen_random_uuid(), case_id, office_id,"
            " region_code, id, 'placement', %s, '2026-01', 'fr', 'phone', %s, now() + interval '1 hour'"
            " - make_interval(mins => %s) FROM persons WHERE id = %s",
            (given, day, ago, person_id),
        )


@pytest.mark.parametrize(
    ("said", "placeable"),
    [
        ([(0, False, 2), (30, True, 1)], False),  # an old yes, entered late, does not undo today's no
        ([(0, True, 1), (30, False, 2)], True),
        ([(0, True, 1), (0, False, 2)], True),  # the same day: what was told last
        ([(0, True, 1), (0, False, 1)], False),  # told together: a refusal wins
    ],
)
async def test_the_latest_word_decides(world: World, said: list[tuple[int, bool, int]], placeable: bool) -> None:
    case = await a_couple_with_a_child(world, consents=[a_consent(0), a_consent(1, occurred_on=days_ago(60))])
    for days, given, ago in said:
        add_consent(world, adults_of(case)[1], days_ago(days), given=given, ago=ago)
    answer = await offering(world, case)
    assert answer.status_code == (201 if placeable else 409), answer.text


async def test_a_consent_taken_back_before_the_last_acceptance_stops_the_placement(world: World) -> None:
    case = await a_couple_with_a_child(world)
    offer = (await answering(world, await an_offer(world, case), adults_of(case)[0])).json()
    add_consent(world, adults_of(case)[0], days_ago(0), given=False, ago=0)
    answer = await answering(world, offer, adults_of(case)[1])
    assert problem(answer) == (409, "consent-no-longer-stands")
    assert counted(world) == (3, 0)


async def test_an_agreement_ended_before_the_last_acceptance_stops_the_placement(world: World) -> None:
    case = await a_couple_with_a_child(world)
    offer = (await answering(world, await an_offer(world, case), adults_of(case)[0])).json()
    with world.owner() as owner:
        owner.execute("UPDATE agreements SET ended_at = now() WHERE id = %s", (world.key("le-phare/agreement"),))
    assert problem(await answering(world, offer, adults_of(case)[1])) == (409, "agreement-ended")
    assert counted(world) == (3, 0)


def of_unknown_age(name: str) -> dict[str, Any]:
    return {**a_member("child", name), "relation": "sibling", "birth": {"value": None, "precision": "unknown"}}


async def test_a_person_of_unknown_age_may_consent_and_is_asked(world: World) -> None:
    members = [a_member("adult", "Orsane Velquindor"), of_unknown_age("Sivan Velquindor")]
    alone = await a_couple_with_a_child(world, members=members, consents=[a_consent(0)])
    assert problem(await offering(world, alone)) == (409, "case-not-placeable")
    both = await a_couple_with_a_child(world, members=members, consents=[a_consent(0), a_consent(1)])
    assert (await offering(world, both)).status_code == 201


async def test_a_child_who_has_turned_eighteen_since_the_intake_is_asked(world: World) -> None:
    """The intake is years old: what it wrote of Milo's age no longer holds, his birth date does."""
    today = clock.today()
    born = date(today.year - 18, today.month, min(today.day, 28))
    milo = {**a_member("child", "Milo Velquindor"), "birth": {"value": born.isoformat(), "precision": "day"}}
    case = await a_couple_with_a_child(
        world, members=[a_member("adult", "Orsane Velquindor"), milo], consents=[a_consent(0)]
    )
    grown = case["household"]["members"][1]["person_id"]
    with world.owner() as owner:
        owner.execute("UPDATE persons SET is_adult = false WHERE id = %s", (grown,))
    assert problem(await offering(world, case)) == (409, "case-not-placeable")
    add_consent(world, grown, days_ago(0), given=True, ago=0)
    offer = await an_offer(world, case)
    offer = (await answering(world, offer, case["household"]["members"][0]["person_id"])).json()
    assert offer["status"] == "held"
    assert (await answering(world, offer, grown)).json()["status"] == "accepted"
