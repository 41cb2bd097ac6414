"""An offer that runs out says so while there is time, from dated data."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from casework.kernel import clock
from casework.placement.reminders import due, in_force_on, reminders
from tests.builders import a_case, adults_of, an_offer

if TYPE_CHECKING:
    from tests.conftest import World

TODAY = date(2026, 11, 25)
NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)


def test_reminders_are_dated_and_named_in_both_languages() -> None:
    found = reminders()
    assert [one.hours_before for one in found] == sorted((one.hours_before for one in found), reverse=True)
    assert all(one.label.fr != one.label.en and one.owner and one.source for one in found)
    assert in_force_on(date(2020, 1, 1)) == []


@given(st.integers(min_value=-100_000, max_value=500_000))
def test_the_nearest_reminder_to_the_end_speaks_and_none_after_it(seconds: int) -> None:
    found = in_force_on(TODAY)
    said = due(NOON + timedelta(seconds=seconds), NOON, found)
    come = [one.hours_before for one in found if 0 < seconds <= one.hours_before * 3600]
    assert (said.hours_before if said else None) == min(come, default=None)


@pytest.mark.anyio
async def test_offers_that_run_out_are_listed_with_what_is_due(world: World) -> None:
    case = await a_case(world, size=2, needs={}, preferences={})
    late = await an_offer(world, case, expires_in_hours=20)
    await an_offer(world, await a_case(world, size=1, needs={}, preferences={}), expires_in_hours=72)
    client = world.client("camille")

    async def listed(**headers: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await client.get("/v1/offers?reminder_due=true", headers=headers)).json()[
            "items"
        ]
        return found

    [shown] = await listed()
    assert (shown["id"], shown["reminder"]["code"]) == (late["id"], "last_day")
    assert datetime.fromisoformat(shown["reminder"]["due_at"]) <= clock.now()
    [english] = await listed(**{"Accept-Language": "en"})
    assert english["reminder"]["label"] != shown["reminder"]["label"]
    with clock.frozen(clock.now() + timedelta(hours=17)):
        [nearer] = await listed()
        assert nearer["reminder"]["code"] == "last_hours"
    said = {"person_id": adults_of(case)[0], "channel": "phone", "language": "fr", "reason_code": "school"}
    path, headers = f"/v1/offers/{late['id']}/decline", {"If-Match": f'"{late["version"]}"'}
    assert (await client.post(path, json=said, headers=headers)).json()["reminder"] is None
    assert await listed() == []
